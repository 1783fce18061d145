// The work that all who train a network are given, first weights and the batches of a data set, and how one
// tells that a peer does it: by the count of its weights and by the losses of its first steps.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {Model} from '../../lib/index.ts';
import {resultsFolder} from '../report.ts';

/** Rows of an input or of labels. */
export interface Part {
  readonly data: Float32Array | Int32Array;
  /** The first axis are rows. */
  readonly shape: readonly number[];
}

/** A data set: of each input and of the labels so many whole batches. */
export interface Batches {
  readonly inputs: readonly Part[];
  readonly y: Part;
  readonly batch: number;
}

/** What a peer reads. Several inputs, whose rows are single numbers, are an axis behind the batches. */
export interface Given {
  readonly file: string;
  readonly weights: readonly (readonly [name: string, shape: readonly number[]])[];
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** By what the work of two programs is compared. */
export interface Work {
  /** Numbers that the network trains or keeps. */
  readonly parameters: number;
  /** Of the first steps, each before its update: of the first weights, then of what the optimizer made. */
  readonly losses: readonly number[];
}

/** Losses of programs that do the same work differ by rounding only. */
const sameLoss = 1e-3;
/** As many as peers answer. */
const comparedSteps = 3;

function rowsOf({data, shape}: Part, from: number, to: number): Part {
  const size = data.length / (shape[0] as number);
  return {data: data.subarray(from * size, to * size), shape: [to - from, ...shape.slice(1)]};
}

const batchesOf = ({y, batch}: Batches): number => (y.shape[0] as number) / batch;

/** One part, or for a model of several inputs a list. */
export const inputsOf = ({inputs}: Pick<Batches, 'inputs'>): Part | Part[] =>
  inputs.length === 1 ? (inputs[0] as Part) : [...inputs];

/** Of each batch all inputs, one after the other, as float32. */
function numbersOf(all: Batches): Float32Array[] {
  return Array.from({length: batchesOf(all)}, (_, at) =>
    all.inputs.map(part => Float32Array.from(rowsOf(part, at * all.batch, (at + 1) * all.batch).data)),
  ).flat();
}

const bytesOf = ({buffer, byteOffset, byteLength}: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Writes the weights that a model has now, and the batches, to a file of this name. */
export function writeGiven(name: string, net: Model, all: Batches, folder = resultsFolder): Given {
  const weights = net.getWeights();
  const where = path.join(folder, 'data');
  mkdirSync(where, {recursive: true});
  const file = path.join(where, `given-${name}.f32`);
  const parts = [...weights.map(({data}) => data), ...numbersOf(all), Float32Array.from(all.y.data)];
  writeFileSync(file, Buffer.concat(parts.map(bytesOf)));
  const [count, {inputs, y, batch}] = [batchesOf(all), all];
  const sampleOf = ({data, shape}: Part) => (data.length === shape[0] ? [] : shape.slice(1));
  return {
    file,
    weights: weights.map(({name, shape}) => [name, shape] as const),
    x: inputs.length === 1 ? [count, batch, ...sampleOf(inputs[0] as Part)] : [count, inputs.length, batch],
    y: [count, batch, ...sampleOf(y)],
  };
}

/** What a model does in its first steps; it is trained by them. */
export async function workOf(net: Model, all: Batches): Promise<Work> {
  const parameters = net.getWeights().reduce((sum, {data}) => sum + data.length, 0);
  const losses: number[] = [];
  for (let at = 0; at < comparedSteps; at++) {
    const [from, to] = [(at % batchesOf(all)) * all.batch, ((at % batchesOf(all)) + 1) * all.batch];
    const x = inputsOf({inputs: all.inputs.map(part => rowsOf(part, from, to))});
    losses.push((await net.trainOnBatch(x, rowsOf(all.y, from, to))).loss as number);
  }
  return {parameters, losses};
}

/** What peers are given, and what the model itself does with it. */
export async function giveWork(name: string, net: Model, all: Batches): Promise<{given: Given; own: Work}> {
  return {given: writeGiven(name, net, all), own: await workOf(net, all)};
}

/** The largest relative difference of a loss, or why the work is another. */
export function compareWork(own: Work, other: Partial<Work>): number | string {
  const {parameters, losses = []} = other;
  if (parameters !== own.parameters) return `${parameters} weights, not ${own.parameters}`;
  const differences = own.losses.map((loss, step) => {
    const its = losses[step] ?? Number.NaN;
    const relative = Math.abs(its - loss) / Math.abs(loss);
    return Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative;
  });
  const worst = differences.findIndex(difference => difference > sameLoss);
  if (worst < 0) return Math.max(...differences);
  return `the loss of step ${worst + 1} is ${losses[worst]}, not ${own.losses[worst]}`;
}
