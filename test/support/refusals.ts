// What tests of bad input share.
import {expect} from 'vitest';
import type {Sequential} from '../../lib/index.ts';
import {weightsOf} from './small-model.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a program without types might pass.
export const untyped = (value: unknown): any => value;

/** An error of this code whose message matches. */
export function failsWith(code: string, message: RegExp): unknown {
  return expect.objectContaining({code, message: expect.stringMatching(message)});
}

/** The call fails as told and changes no weight; `train`, on good data, does. */
export async function failsAndTrainsOn(
  model: Sequential,
  call: (model: Sequential) => unknown,
  [code, message]: readonly [code: string, message: RegExp],
  train: (model: Sequential) => Promise<unknown>,
): Promise<void> {
  const before = weightsOf(model);
  const error = await Promise.resolve()
    .then(() => call(model))
    .then(
      () => undefined,
      cause => cause,
    );
  expect(error, 'an error was expected').toEqual(failsWith(code, message));
  expect(weightsOf(model)).toEqual(before);
  await train(model);
  expect(weightsOf(model)).not.toEqual(before);
}
