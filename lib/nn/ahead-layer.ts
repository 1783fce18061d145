// What layers ahead of the plan have in common: they read rows in memory, of a model's data or given to
// `call`.
import {numbersOf} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {typedArrayName} from '../core/kinds.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import {type NumberArray, type Rows, toRows} from '../data/arrays.ts';
import {shapeOfTable} from '../data/table.ts';
import {type AnyInput, type AnyRows, holdsText, isTextRows, type TextRows, toTextRows} from '../data/text.ts';
import type {AheadOfPlan, SampleType} from './ahead.ts';
import type {ForwardAll} from './call-context.ts';
import {MadeLayer} from './make-layer.ts';

/** What `call` gives: numbers, or texts, with their shape. */
export interface CallResult {
  readonly data: NumberArray | readonly string[];
  readonly shape: Shape;
}

/** The rows of data of any kind, for a layer that is called by itself. */
export function rowsOfAny(what: string, data: AnyInput | number | bigint): AnyRows {
  if (typeof data === 'string') return toTextRows(data, {what, rowShape: [], allowSingle: true});
  const isNumber = typeof data === 'number' || typeof data === 'bigint';
  if (isNumber) return {...toRows([data], {what, rowShape: [], integers: true}), single: true};
  const rowShape = shapeOfTable(what, data).slice(1);
  if (holdsText(data)) return toTextRows(data, {what, rowShape});
  const numbers = 'data' in data ? data.data : data;
  const is64 = typedArrayName(numbers) === 'BigInt64Array';
  return toRows(data, {what, rowShape, integers: true, ...(is64 && {dtype: 'int64' as const})});
}

/** A layer that makes numbers of text or of categories in JavaScript, ahead of the plan. */
export abstract class AheadLayer extends MadeLayer {
  /** @internal */
  abstract readonly firstInput: AheadOfPlan['firstInput'];
  /** @internal */
  abstract sampleOf(scope: string, inputs: readonly SampleType[]): SampleType;
  /** @internal */
  abstract rowsOf(where: string, inputs: readonly AnyRows[]): AnyRows;

  /** @internal */
  override aheadOfPlan(): AheadOfPlan {
    return this;
  }

  /** @internal It is no layer of ops, as wrappers take them. */
  override buildAll(): ForwardAll {
    const what =
      'it runs in JavaScript ahead of the plan: directly behind an input, not within another layer';
    return fail('ERR_GRAPH', `${this.name}: ${what}.`);
  }

  /**
   * What the layer gives for data, now, without a model: rows as `fit` takes them, of any shape; or one
   * text or number, for which the result has no axis of rows.
   *
   * @throws ERR_SHAPE, ERR_DTYPE, ERR_OUT_OF_RANGE, ERR_VALUE
   */
  call(data: AnyInput | number | bigint): CallResult {
    const where = `${this.name}: call`;
    return resultOf(this.rowsOf(where, [rowsOfAny(where, data)]));
  }
}

/** Rows with their shape. */
export const resultOf = ({data, count, rowShape, single}: AnyRows): CallResult => ({
  data,
  shape: single ? rowShape : [count, ...rowShape],
});

/** `row 3`, or `row 3, column 1`: where in rows the element `at` stands. */
export function placeIn({rowShape}: AnyRows, at: number): string {
  const width = sizeOf(rowShape);
  const row = `row ${Math.floor(at / width)}`;
  return width === 1 ? row : `${row}, column ${at % width}`;
}

/** @throws ERR_DTYPE naming what is wanted instead. */
export function textOf(where: string, rows: AnyRows | undefined): TextRows {
  if (rows && isTextRows(rows)) return rows;
  return fail(
    'ERR_DTYPE',
    `${where}: expected text. Received numbers; an input of text has dtype: 'string'.`,
  );
}

/** The numbers of rows. @throws ERR_DTYPE for text. */
export function numbersIn(where: string, rows: AnyRows | undefined): ArrayLike<number> {
  if (!rows || isTextRows(rows)) {
    return fail('ERR_DTYPE', `${where}: expected numbers. Received text; layers.stringLookup takes it.`);
  }
  const numbers = numbersOf(rows.data, rows.dtype);
  return rows.scale === 1 ? numbers : Array.from(numbers, number => number * rows.scale);
}

/** Beyond it not every integer is a float32. */
const exactUpTo = 2 ** 24;

/** The same where all are integers. @throws ERR_VALUE naming the first that is none. */
export function integersIn(where: string, rows: AnyRows | undefined): ArrayLike<number> {
  const numbers = numbersIn(where, rows);
  const {dtype} = rows as Rows;
  const limit = dtype === 'int32' || dtype === 'int64' ? Number.MAX_SAFE_INTEGER : exactUpTo;
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] as number;
    if (Number.isInteger(number) && Math.abs(number) <= limit) continue;
    const holds = `${where}: ${placeIn(rows as Rows, at)} holds ${number}`;
    if (!Number.isInteger(number)) fail('ERR_VALUE', `${holds}; expected integers.`);
    fail('ERR_VALUE', `${holds}, more than float32 tells apart; give the input dtype: 'int64'.`);
  }
  return numbers;
}

/** The only input of a layer. @throws ERR_SHAPE */
export function onlyInput(scope: string, inputs: readonly SampleType[]): SampleType {
  const [only] = inputs;
  if (only && inputs.length === 1) return only;
  return fail('ERR_SHAPE', `${scope}: expected one input. Received ${inputs.length}.`);
}

/** What a shape is not: for errors. */
export const received = ({shape}: SampleType): string => `Received samples ${formatShape(shape)}`;
