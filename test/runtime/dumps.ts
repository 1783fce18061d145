// Runs of real programs as files, for native tools: the training step, evaluation and prediction of a small
// network, those of one of images, and a loop in a loop.
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {emit} from '../../lib/compile/emit.ts';
import {planMemory} from '../../lib/compile/memory.ts';
import {dtypes, type TypedArray} from '../../lib/core/dtype.ts';
import {sizeOf} from '../../lib/core/shape.ts';
import {layers, optimizers, sequential} from '../../lib/index.ts';
import type {IoSlot, Plan} from '../../lib/plan.ts';
import {dumpRun} from '../../lib/runtime/dump.ts';
import type {State} from '../../lib/runtime/state.ts';
import {onCompile} from '../../lib/session/compile.ts';
import {twoLevelSchedule} from '../compile/two-level.ts';

const rows = 24;

/** Numbers that mean something in every slot: rows of the data, classes, learning rates. */
export function arrayFor({shape, dtype, perStep}: IoSlot, steps: number, rows: number): TypedArray {
  const size = shape[0] === -1 ? rows * sizeOf(shape.slice(1)) : sizeOf(shape) * (perStep ? steps : 1);
  const {array: Constructor, bytes} = dtypes[dtype];
  const array = new Constructor(new ArrayBuffer(size * bytes), 0, size);
  const whole = dtype !== 'float32' && dtype !== 'float64';
  for (let index = 0; index < size; index++)
    array[index] = whole ? index % Math.min(3, rows) : ((index % 17) + 1) / 64;
  return array;
}

/** Plans of everything that `use` compiles. */
async function plansOf(use: () => Promise<void>): Promise<[Plan, State][]> {
  const found: [Plan, State][] = [];
  onCompile(({plan, store}) => found.push([plan, store.state]));
  try {
    await use();
  } finally {
    onCompile(undefined);
  }
  return found;
}

async function useNetwork(optimizer: ReturnType<typeof optimizers.adam>): Promise<void> {
  const model = sequential([
    layers.dense({units: 9, activation: 'relu', inputShape: [7]}),
    layers.dropout({rate: 0.25}),
    layers.dense({units: 3, activation: 'softmax'}),
  ]);
  model.compile({optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
  const x = {data: new Float32Array(rows * 7).fill(0.5), shape: [rows, 7]};
  const y = Uint8Array.from({length: rows}, (_, index) => index % 3);
  await model.fit(x, y, {epochs: 1, batchSize: 16, verbose: 0});
  await model.evaluate(x, y);
  await model.predict(x);
}

/** Convolutions of every kind, and pooling. */
async function useImages(): Promise<void> {
  const model = sequential([
    layers.conv2d({filters: 6, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [7, 6, 2]}),
    layers.depthwiseConv2d({kernelSize: 3, strides: 2, padding: 'same'}),
    layers.conv2dTranspose({filters: 4, kernelSize: 3, strides: 2}),
    layers.maxPooling2d({poolSize: 3, strides: 2, padding: 'same'}),
    layers.conv2d({filters: 4, kernelSize: 2, groups: 2}),
    layers.averagePooling2d({padding: 'same'}),
    layers.flatten(),
    layers.dense({units: 3, activation: 'softmax'}),
  ]);
  model.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
  const x = {data: new Float32Array(rows * 84).fill(0.5), shape: [rows, 7, 6, 2]};
  await model.fit(x, new Uint8Array(rows), {epochs: 1, batchSize: 16, verbose: 0});
  await model.predict(x);
}

/** @returns the files written to `folder` */
export async function writeDumps(folder: string): Promise<string[]> {
  const steps = 2;
  const runs: [Plan, State | undefined][] = [
    ...(await plansOf(() => useNetwork(optimizers.adam()))),
    ...(await plansOf(() => useNetwork(optimizers.sgd({momentum: 0.9, nesterov: true})))),
    ...(await plansOf(useImages)),
  ];
  const schedule = twoLevelSchedule();
  runs.push([emit(schedule, planMemory(schedule)), undefined]);
  return runs.map(([plan, state], index) => {
    const io = plan.io.map(slot => arrayFor(slot, steps, rows));
    const file = path.join(folder, `${index}.dump`);
    writeFileSync(file, dumpRun(plan, state, io, steps));
    return file;
  });
}
