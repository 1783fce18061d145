// The workloads that chainrule and its peers train: read from workloads.json, their weights and data made
// from one seed and written to files that every process reads.
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';

export interface OptimizerSpec {
  readonly name: 'adam' | 'sgd' | 'rmsprop';
  readonly learningRate: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly rho?: number;
  readonly epsilon?: number;
}

export interface Workload {
  readonly name: string;
  /** Units of the input and of each dense layer. */
  readonly sizes: readonly number[];
  readonly batch: number;
  /** Batches of the data set. */
  readonly batches: number;
  /** Of all layers but the last. */
  readonly activation: 'relu' | 'tanh';
  /** Softmax and cross-entropy of class labels, or the mean squared error of one number. */
  readonly loss: 'crossentropy' | 'squared';
  readonly optimizer: OptimizerSpec;
  /** Best peer ÷ chainrule that is to be reached. */
  readonly goal: number;
}

/** A workload as the file has it: `layers` repeats one size. */
type Entry = Workload & {readonly layers?: number};

const description = JSON.parse(readFileSync(path.join(import.meta.dirname, 'workloads.json'), 'utf8')) as {
  readonly seed: number;
  readonly curveSteps: number;
  readonly workloads: readonly Entry[];
};

export const curveSteps = description.curveSteps;

export const workloads: readonly Workload[] = description.workloads.map(({layers = 0, ...workload}) => ({
  ...workload,
  sizes: layers === 0 ? workload.sizes : Array<number>(layers + 1).fill(workload.sizes[0] as number),
}));

/** Perceptrons that nobody chose: widths, depths and batches from one seed. */
export const randomWorkloads: readonly Workload[] = Array.from({length: 5}, (_, index) => {
  const next = uniformSource(description.seed + index + 1);
  // The first numbers of neighbouring seeds are alike.
  for (let skipped = 0; skipped < 8; skipped++) next();
  const between = (least: number, most: number): number => {
    const share = next() / Math.sqrt(12) + 0.5;
    return Math.round(least * (most / least) ** share);
  };
  const hidden = Array.from({length: between(1, 3)}, () => between(32, 1200));
  return {
    name: `random-${index + 1}`,
    sizes: [between(32, 1200), ...hidden, between(2, 40)],
    batch: between(37, 300),
    batches: 40,
    activation: 'relu',
    loss: 'crossentropy',
    optimizer: {name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-10},
    goal: 1.2,
  };
});

/** `784-128-10`, or `40 × 64` for a deep network of one width. */
export function shapeOf({sizes}: Workload): string {
  const alike = sizes.length > 6 && sizes.every(size => size === sizes[0]);
  return alike ? `${sizes.length - 1} × ${sizes[0]}` : sizes.join('-');
}

/** Multiply-adds of the three products of each layer, the input's own gradient left out, times two. */
export function flopsPerStep({sizes, batch}: Workload): number {
  let flops = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const product = 2 * batch * (sizes[layer - 1] as number) * (sizes[layer] as number);
    flops += product * (layer === 1 ? 2 : 3);
  }
  return flops;
}

/** Uniform numbers of variance 1: xorshift32, the same on every machine. */
function uniformSource(seed: number): () => number {
  let state = (seed * 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 8) / 2 ** 23 - 1) * Math.sqrt(3);
  };
}

export interface WorkloadData {
  /** Float32, one after the other: kernel [in, out] and bias of each layer, all x, all y. */
  readonly file: string;
  readonly weights: readonly {readonly kernel: Float32Array; readonly bias: Float32Array}[];
  readonly x: Float32Array;
  /** Class labels, or targets. */
  readonly y: Float32Array;
}

/** Makes a workload's weights and data and writes them to a file. */
export function makeData(workload: Workload, folder: string): WorkloadData {
  const {name, sizes, batch, batches, activation, loss} = workload;
  const next = uniformSource(description.seed);
  const weights = sizes.slice(1).map((units, layer) => {
    const inputs = sizes[layer] as number;
    const scale = Math.sqrt((activation === 'relu' ? 2 : 1) / inputs);
    return {
      kernel: Float32Array.from({length: inputs * units}, () => next() * scale),
      bias: new Float32Array(units),
    };
  });
  const rows = batch * batches;
  const x = new Float32Array(rows * (sizes[0] as number));
  for (let index = 0; index < x.length; index++) x[index] = next();
  const classes = sizes.at(-1) as number;
  const y = new Float32Array(rows);
  for (let index = 0; index < rows; index++) {
    const value = next();
    y[index] = loss === 'squared' ? value : Math.floor((value / Math.sqrt(12) + 0.5) * classes) % classes;
  }
  mkdirSync(folder, {recursive: true});
  const file = path.join(folder, `${name}.f32`);
  const parts = [...weights.flatMap(({kernel, bias}) => [kernel, bias]), x, y];
  writeFileSync(file, Buffer.concat(parts.map(part => new Uint8Array(part.buffer))));
  return {file, weights, x, y};
}
