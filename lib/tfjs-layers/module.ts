// TensorFlow.js as `toTfjs` needs it: the copy of the program, looked for when it is first asked for.
import type {serialization, tensor} from '@tensorflow/tfjs-core';
import type {input, model, sequential} from '@tensorflow/tfjs-layers';
import {loadPackage} from '../runtime/find-package.ts';

/** What is used of `tf`. */
export interface TfjsModule {
  readonly input: typeof input;
  readonly model: typeof model;
  readonly sequential: typeof sequential;
  readonly tensor: typeof tensor;
  readonly serialization: typeof serialization;
}

const load = (name: string): object =>
  loadPackage(name, {
    why: 'toTfjs makes a model of tfjs-layers',
    install: '@tensorflow/tfjs',
    below: '@tensorflow/tfjs',
  }) as object;

let found: TfjsModule | undefined;

/** @throws ERR_ADDON saying what to install. */
export function tfjsModule(): TfjsModule {
  found ??= {...load('@tensorflow/tfjs-core'), ...load('@tensorflow/tfjs-layers')} as unknown as TfjsModule;
  return found;
}

/** An instance of one of tfjs's registered classes, with layers within it where there are any. */
export function instanceOf<Made extends {getConfig(): object}>(
  {serialization: {SerializationMap}}: TfjsModule,
  {className, config}: {readonly className: string; readonly config: object},
  inner?: object,
): Made {
  const [own, fromConfig] = SerializationMap.getMap().classNameMap[className] as unknown as [
    new (options: object) => Made,
    (own: unknown, config: object) => Made,
  ];
  return inner ? new own({...config, ...inner}) : fromConfig(own, config);
}
