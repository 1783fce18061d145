// `evaluate(tensor, {x: array})`: numbers for any graph, without ceremony.
import type {Tensor} from '../core/tensor.ts';
import {Evaluation} from './evaluation.ts';
import type {InputValues} from './inputs.ts';
import {inStructure, namedOutputs, type OutputTensors, type Results, type TensorValue} from './structure.ts';

/** How many graphs are remembered at a time, as long as the program itself has them. */
const mostKnown = 256;

const known = new WeakMap<Tensor, readonly Evaluation[]>();
const places: WeakRef<Evaluation>[] = [];
let oldest = 0;

function forget(evaluation: Evaluation): void {
  const [first] = evaluation.outputs;
  const others = first && known.get(first)?.filter(other => other !== evaluation);
  if (first && others) known.set(first, others);
}

function remember(evaluation: Evaluation, first: Tensor): void {
  known.set(first, [...(known.get(first) ?? []), evaluation]);
  const gone = places[oldest]?.deref();
  if (gone) forget(gone);
  places[oldest] = new WeakRef(evaluation);
  oldest = (oldest + 1) % mostKnown;
}

const isSame = (a: readonly Tensor[], b: readonly Tensor[]): boolean =>
  a.length === b.length && a.every((tensor, index) => tensor === b[index]);

function evaluationOf(outputs: readonly Tensor[]): Evaluation {
  const [first] = outputs;
  const found = first && known.get(first)?.find(evaluation => isSame(evaluation.outputs, outputs));
  if (found) return found;
  const evaluation = new Evaluation(outputs);
  if (first) remember(evaluation, first);
  return evaluation;
}

function tensorsOf(outputs: OutputTensors): readonly Tensor[] {
  return namedOutputs('evaluate', outputs).map(([, tensor]) => tensor);
}

const valuesOf = (tensors: readonly Tensor[], arrays: readonly TensorValue['data'][]): TensorValue[] =>
  tensors.map(({shape}, index) => ({data: arrays[index] as TensorValue['data'], shape}));

/**
 * The numbers of a graph of ops, whatever it is made of: `await evaluate(ops.matmul(a, b), {a: [[1, 2]], b:
 * [[3], [4]]})` gives `{data: Float32Array [11], shape: [1, 1]}`. Several tensors, in an array or by name,
 * give as many results. Small work is done at once, large work off the event loop.
 *
 * Variables have the values of the model that they belong to; those of no model yet get their initial ones. A
 * graph that is evaluated again costs little: what was found out about it is kept for as long as the program
 * has its tensors. To run a graph many times, or to update variables, use `compile`.
 *
 * @param outputs One tensor, or several as an array or by name.
 * @param inputs By name: a typed array, which is read where it lies, a number, nested arrays, or a result of
 * another evaluation.
 * @throws ERR_GRAPH for what is no tensor; ERR_UNKNOWN_NAME for inputs that are missing or unknown;
 * ERR_SHAPE, ERR_DTYPE, ERR_VALUE or ERR_DETACHED for those that do not fit; ERR_OUT_OF_RANGE or
 * ERR_NOT_FINITE where a label, a row or a checked value is not what it must be.
 */
export async function evaluate<const Outputs extends OutputTensors>(
  outputs: Outputs,
  inputs: InputValues = {},
): Promise<Results<Outputs>> {
  const tensors = tensorsOf(outputs);
  const arrays = await evaluationOf(tensors).run(inputs);
  return inStructure(outputs, valuesOf(tensors, arrays));
}

/** The same on the calling thread, which waits for large work. */
export function evaluateSync<const Outputs extends OutputTensors>(
  outputs: Outputs,
  inputs: InputValues = {},
): Results<Outputs> {
  const tensors = tensorsOf(outputs);
  const arrays = evaluationOf(tensors).runSync(inputs);
  return inStructure(outputs, valuesOf(tensors, arrays));
}
