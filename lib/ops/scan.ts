// `scan`: a loop in a graph. Its body is a graph of its own; the compiler makes a loop of the plan of it.
import {checkOptions} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {at, zip} from '../core/lists.ts';
import {inBody, OpenBody, openBody} from '../core/open-body.ts';
import {type Loop, loopCall} from '../core/region.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {parseSignature} from '../core/signature.ts';
import {
  checkTensor,
  failIn,
  type Op,
  parameter,
  register,
  type Tensor,
  type TensorSpec,
} from '../core/tensor.ts';
import {barrier} from './gradient.ts';
import {cast, zeros} from './map.ts';
import {iterations} from './window.ts';

const specsOf = ({region: {parameters, results}, carries, count}: Loop): TensorSpec[] =>
  results.map(({shape, dtype}, index) => {
    if (index < carries) return {shape: at(parameters, index).shape, dtype: at(parameters, index).dtype};
    return {shape: [count, ...shape], dtype};
  });

/** Operands and results as `Loop` says. */
export const scanOp: Op<Loop, 'scan(...operands: any) -> ...results: any'> = register({
  name: 'scan',
  signature: parseSignature('scan(...operands: any) -> ...results: any'),
  kind: 'loop',
  elementwise: false,
  converts: false,
  view: false,
  contraction: undefined,
  rounding: undefined,
  exchanges: false,
  guard: undefined,
  inPlace: 0,
  updates: undefined,
  infer: (_, loop) => specsOf(loop),
  flops: () => 0,
  grad: undefined,
});

/** As many tensors as there are in a list. */
type Like<List extends readonly Tensor[]> = {readonly [Index in keyof List]: Tensor};

export interface ScanOptions<Carries extends readonly Tensor[], Sequences extends readonly Tensor[]> {
  /** Values before the first iteration. */
  readonly carries?: Carries;
  /** Tensors of which each iteration reads a slice: their leading axis is as long as there are iterations. */
  readonly sequences?: Sequences;
  /** From the last slices to the first; outputs stand beside the slices that they were made of. */
  readonly reverse?: boolean;
  /** Number of iterations, where there are no sequences. */
  readonly length?: number;
}

export interface ScanResult<Carries extends readonly Tensor[], Outputs extends readonly Tensor[]> {
  /** Values after the last iteration. */
  readonly carries: Like<Carries>;
  /** What the iterations gave, along a new leading axis. */
  readonly outputs: Like<Outputs>;
}

/** From carries and slices, and the number of the iteration, int32[], to the next carries and outputs. */
export type ScanBody<
  Carries extends readonly Tensor[],
  Sequences extends readonly Tensor[],
  Outputs extends readonly Tensor[],
> = (
  carries: Like<Carries>,
  slices: Like<Sequences>,
  iteration: Tensor,
) => {readonly carries?: Like<Carries>; readonly outputs?: Outputs};

function lengthOf(sequences: readonly Tensor[], length: unknown): number {
  const [first] = sequences;
  const count = first ? first.shape[0] : length;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0) {
    failIn(
      'scan',
      'ERR_VALUE',
      `without sequences, length must be an integer from 0. Received ${show(count)}`,
    );
  }
  if (length !== undefined && length !== count) {
    failIn('scan', 'ERR_SHAPE', `the length is ${show(length)}, but sequences have ${count} slices`);
  }
  sequences.forEach(({shape}, index) => {
    if (shape[0] === count) return;
    const received = `sequence ${index} has ${formatShape(shape)}`;
    failIn('scan', 'ERR_SHAPE', `sequences must have the same leading axis, here ${count}: ${received}`);
  });
  return count;
}

function checkList(what: string, list: unknown): asserts list is readonly Tensor[] {
  if (!Array.isArray(list)) {
    failIn('scan', 'ERR_DTYPE', `${what} must be an array of tensors. Received ${show(list)}`);
  }
  Array.from(list, (tensor, index) => checkTensor('scan', `${what}[${index}]`, tensor));
}

/** Refuses carries that become something else. */
function checkCarries(before: readonly Tensor[], after: readonly Tensor[]): void {
  if (before.length !== after.length) {
    failIn('scan', 'ERR_SHAPE', `the body must give ${before.length} carries. Received ${after.length}`);
  }
  zip(before, after).forEach(([from, to], index) => {
    if (String(from) === String(to)) return;
    failIn('scan', 'ERR_SHAPE', `carry ${index} is ${from} at first, and the body makes ${to} of it`);
  });
}

/** What no iteration gives. */
const noneOf = ({shape, dtype}: Tensor): Tensor => cast(zeros([0, ...shape]), dtype);

const sliceShape = ({shape}: Tensor): Shape => shape.slice(1);

/**
 * Applies a body to the slices of sequences, one after another, with carries that each iteration hands to the
 * next: a recurrent net, for example, as `jax.lax.scan` or `tf.scan`. The body may read any tensor that was
 * made outside of it; gradients, and gradients of gradients, flow through all of them. A product that needs
 * no carry is computed for the whole sequence in front of the loop, the gradient of a weight for all
 * iterations behind it.
 *
 * ```ts
 * const {carries: [last], outputs: [all]} = ops.scan(
 *   ([h], [x]) => {
 *     const next = ops.tanh(ops.add(ops.matmul(x, w), ops.matmul(h, u)));
 *     return {carries: [next], outputs: [next]};
 *   },
 *   {carries: [ops.zeros([batch, units])], sequences: [xs]}, // xs: [steps, batch, features]
 * );
 * ```
 *
 * @throws ERR_SHAPE where sequences differ in length or a carry changes its shape or type; ERR_VALUE without
 * a length; ERR_DTYPE for what is no tensor.
 */
export function scan<
  const Carries extends readonly Tensor[] = readonly [],
  const Sequences extends readonly Tensor[] = readonly [],
  const Outputs extends readonly Tensor[] = readonly [],
>(
  body: ScanBody<Carries, Sequences, Outputs>,
  options?: ScanOptions<Carries, Sequences>,
): ScanResult<Carries, Outputs>;
export function scan(
  body: ScanBody<readonly Tensor[], readonly Tensor[], readonly Tensor[]>,
  options: ScanOptions<readonly Tensor[], readonly Tensor[]> = {},
): ScanResult<readonly Tensor[], readonly Tensor[]> {
  checkOptions('ops.scan', options ?? null, ['carries', 'sequences', 'reverse', 'length']);
  const {carries = [], sequences = [], reverse = false, length} = options;
  checkList('carries', carries);
  checkList('sequences', sequences);
  const count = lengthOf(sequences, length);
  const before = carries.map((carry, index) => parameter(`carry ${index}`, carry));
  const slices = sequences.map((sequence, index) =>
    parameter(`slice ${index}`, {shape: sliceShape(sequence), dtype: sequence.dtype}),
  );
  const open = new OpenBody(parameter('iteration', {shape: [], dtype: 'int32'}));
  const around = openBody();
  const given = inBody(open, () => body(before, slices, open.iteration)) ?? {};
  const {carries: after = [], outputs = []} = given;
  checkList('carries', after);
  checkList('outputs', outputs);
  checkCarries(before, after);
  const {updated, leaving} = open;
  if (count === 0 && sequences.length > 0) {
    for (const {value, take} of leaving) take(noneOf(value));
    // The sequences are still what the results are made of.
    const made = [...carries, ...outputs.map(noneOf)].map(result => barrier(result, sequences));
    return {carries: made.slice(0, carries.length), outputs: made.slice(carries.length)};
  }
  const results = loopCall(scanOp, {
    carries: [
      ...zip(carries, before, after),
      ...updated.map(({state, before: found, now}) => [state.now(), found, now] as const),
    ],
    sequences: [...zip(sequences, slices), [iterations(count, around?.iteration), open.iteration]],
    outputs: [...outputs, ...leaving.map(({value}) => value)],
    count,
    reverse,
  });
  const stacks = results.slice(carries.length + updated.length);
  updated.forEach(({state}, index) => {
    state.replace(at(results, carries.length + index));
  });
  leaving.forEach(({take}, index) => {
    take(at(stacks, outputs.length + index));
  });
  return {carries: results.slice(0, carries.length), outputs: stacks.slice(0, outputs.length)};
}
