// Runs of real programs as files, for native tools: the training step, evaluation and prediction of a small
// network, those of one of images and of one of sequences, loops, and products in batches.
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {emit} from '../../lib/compile/emit.ts';
import {planMemory} from '../../lib/compile/memory.ts';
import {dtypes, type TypedArray} from '../../lib/core/dtype.ts';
import {type Shape, sizeOf} from '../../lib/core/shape.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {layers, optimizers, sequential} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import type {IoSlot, Plan} from '../../lib/plan.ts';
import {dumpRun} from '../../lib/runtime/dump.ts';
import type {State} from '../../lib/runtime/state.ts';
import {compileProgram, onCompile} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
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

/** Recurrent cells in one instruction a step, and attention. */
async function useSequences(): Promise<void> {
  const model = sequential([
    layers.lstm({units: 6, returnSequences: true, inputShape: [6, 4]}),
    layers.transformerEncoder({numHeads: 2, intermediateDim: 7}),
    layers.gru({units: 3}),
    layers.dense({units: 3, activation: 'softmax'}),
  ]);
  model.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
  const x = {data: new Float32Array(rows * 24).fill(0.5), shape: [rows, 6, 4]};
  await model.fit(x, new Uint8Array(rows), {epochs: 1, batchSize: 16, verbose: 0});
  await model.predict(x);
}

const f32 = (name: string, ...shape: number[]): Tensor => ops.input({name, shape});
const i32 = (name: string, shape: Shape): Tensor => ops.input({name, shape, dtype: 'int32'});

/** A scan with a product, random numbers and a guard in each iteration; its gradient is a scan, too. */
async function useLoop(): Promise<void> {
  const [x, w] = [f32('x', 6, 4, 3), f32('w', 3, 3)];
  const labels = i32('labels', [6, 4]);
  const source = {seed: i32('seed', [2]), step: i32('step', [1]), stream: 5};
  const {carries, outputs} = ops.scan(
    ([h], [row, label]) => {
      const next = ops.tanh(ops.add(ops.matmul(h, w), ops.dropout(row, 0.25, source)));
      return {carries: [next], outputs: [ops.pickClass(next, label)]};
    },
    {carries: [ops.zeros([4, 3])], sequences: [x, labels], reverse: true},
  );
  const loss = ops.add(ops.sum(outputs[0]), ops.sum(ops.square(carries[0])));
  const [dx, dw] = gradients(loss, [x, w]) as [Tensor, Tensor];
  compileProgram({outputs: {last: carries[0], dx, dw}, store: new VariableStore()});
}

/** Products whose batch axes broadcast, all that may follow them, and their gradients; in both precisions. */
async function useBatches(): Promise<void> {
  const [a, b] = [f32('a', 2, 1, 5, 7), f32('b', 3, 7, 6)];
  const product = ops.add(ops.matmul(a, b), f32('bias', 6));
  const y = ops.relu(ops.sub(product, f32('other', 2, 3, 5, 6)));
  const [da, db] = gradients(ops.sum(ops.square(y)), [a, b]) as [Tensor, Tensor];
  for (const precision of ['float32', 'bfloat16'] as const) {
    const guards = [ops.finite(y)];
    compileProgram({outputs: {y, da, db}, guards, precision, store: new VariableStore()});
  }
}

/** @returns the files written to `folder` */
export async function writeDumps(folder: string): Promise<string[]> {
  const steps = 2;
  const runs: [Plan, State | undefined][] = [
    ...(await plansOf(() => useNetwork(optimizers.adam()))),
    ...(await plansOf(() => useNetwork(optimizers.sgd({momentum: 0.9, nesterov: true})))),
    ...(await plansOf(useImages)),
    ...(await plansOf(useSequences)),
    ...(await plansOf(useLoop)),
    ...(await plansOf(useBatches)),
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
