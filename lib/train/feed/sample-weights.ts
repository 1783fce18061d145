// How much each sample counts in the loss: the user's weights of samples, times the weights of their
// classes.
import {fail, unknownName} from '../../core/errors.ts';
import {fromMap, isNumericArray, isRecord, isShaped, show} from '../../core/kinds.ts';
import {type Shape, sizeOf} from '../../core/shape.ts';
import {type DataInput, type Rows, toRows} from '../../data/arrays.ts';
import {keepSafe} from '../../session/compile.ts';

/** By class label, e.g. `{0: 1, 1: 5}` or a Map; a class that is left out counts 1. */
export type ClassWeight = Readonly<Record<number, number>> | ReadonlyMap<number, number>;

/**
 * One for each output that has a loss, in their order or by name in an object or a Map; where left out, all
 * samples count 1.
 */
export type EachOutput<Value> =
  | readonly (Value | null | undefined)[]
  | Readonly<Record<string, Value>>
  | ReadonlyMap<string, Value>;

export interface Weighting {
  /**
   * A number for each sample; the losses are multiplied by them before their mean is taken. For several
   * outputs: numbers that serve all, or for each its own.
   */
  readonly sampleWeight?: DataInput | EachOutput<DataInput> | undefined;
  /**
   * A number for each class, by which the losses of its samples are multiplied: the class is the target's
   * number, where it is the largest in a row of several, or 0 or 1 in a row of one. Classes that are left
   * out count 1. For several outputs each has its own: `{kind: {0: 1, 1: 5}}`.
   */
  readonly classWeight?: ClassWeight | EachOutput<ClassWeight> | undefined;
}

/** What was given for one output. */
interface OwnWeighting {
  readonly sampleWeight?: DataInput | undefined;
  readonly classWeight?: ClassWeight | undefined;
}

const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;

/** By names: what each output gets. @throws ERR_UNKNOWN_NAME */
function byNames<Value>(
  what: string,
  given: Readonly<Record<string, Value>>,
  names: readonly string[],
): (Value | undefined)[] {
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) unknownName(`output in ${what}:`, name, names);
  }
  return names.map(name => (Object.hasOwn(given, name) ? given[name] : undefined));
}

/** Whether an entry of a list holds weights of all samples, and is no weight itself. */
const holdsRows = (value: unknown, count: number): boolean =>
  isAbsent(value) ||
  isNumericArray(value) ||
  isShaped(value) ||
  (Array.isArray(value) && value.length === count);

/** The weights of samples for each output: the same for all, or each its own. */
function sampleWeights(
  where: string,
  given: Weighting['sampleWeight'],
  names: readonly string[],
  count: number,
): (DataInput | undefined)[] {
  const what = `${where}: sampleWeight`;
  const table = fromMap(given);
  if (isRecord(table)) return byNames(what, table as Readonly<Record<string, DataInput>>, names);
  const list = Array.isArray(given) ? (given as readonly unknown[]) : [];
  if (list.length === names.length && list.every(value => holdsRows(value, count))) {
    return list.map(value => (value as DataInput | null) ?? undefined);
  }
  return names.map(() => given as DataInput | undefined);
}

/** The weights of classes for each output. */
function classWeights(
  where: string,
  given: Weighting['classWeight'],
  names: readonly string[],
): (ClassWeight | undefined)[] {
  const what = `${where}: classWeight`;
  if (given === undefined) return names.map(() => undefined);
  if (Array.isArray(given)) {
    const list = given as readonly (ClassWeight | null | undefined)[];
    const isEach = list.every(value => isAbsent(value) || typeof value === 'object');
    if (isEach && list.length === names.length) return list.map(value => value ?? undefined);
    if (names.length === 1) return [given as ClassWeight];
    fail('ERR_OPTION', `${what}: expected one for each of ${names.length} outputs. Received ${list.length}.`);
  }
  const table = fromMap(given);
  const values = isRecord(table) ? Object.values(table) : [];
  if (values.length > 0 && values.every(value => isAbsent(value) || typeof value === 'object')) {
    return byNames(what, table as Readonly<Record<string, ClassWeight>>, names);
  }
  if (names.length === 1) return [given as ClassWeight];
  const example = `{${names[0]}: {0: 1, 1: 5}}`;
  return fail('ERR_OPTION', `${what}: ${names.length} outputs have classes of their own: ${example}.`);
}

/** What was given for each of these outputs. @throws ERR_OPTION or ERR_UNKNOWN_NAME */
export function weightingOfEach(
  where: string,
  {sampleWeight, classWeight}: Weighting,
  names: readonly string[],
  count: number,
): OwnWeighting[] {
  const [samples, classes] = [
    sampleWeights(where, sampleWeight, names, count),
    classWeights(where, classWeight, names),
  ];
  return names.map((_, index) => ({sampleWeight: samples[index], classWeight: classes[index]}));
}

/** Position of the largest number of a row, the first where several tie. */
function largestAt(data: Rows['data'], begin: number, width: number): number {
  let best = 0;
  for (let at = 1; at < width; at++) {
    if ((data[begin + at] as number) > (data[begin + best] as number)) best = at;
  }
  return best;
}

function checkClassWeight(where: string, given: ClassWeight, classes: number): Float32Array {
  const what = `${where}: classWeight`;
  const table = fromMap(given);
  if (!isRecord(table)) {
    const wanted = 'expected weights by class label such as {0: 1, 1: 5}';
    fail('ERR_OPTION', `${what}: ${wanted}. Received ${show(given)}.`);
  }
  const weights = new Float32Array(classes).fill(1);
  for (const [key, weight] of Object.entries(table)) {
    const number = /^\d+$/.test(key) ? Number(key) : Number.NaN;
    if (!(number < classes)) {
      fail('ERR_OPTION', `${what}: ${JSON.stringify(key)} is no class: there are 0 to ${classes - 1}.`);
    }
    if (typeof weight !== 'number' || !(weight >= 0 && weight <= 3e38)) {
      fail('ERR_OPTION', `${what}: class ${key}: expected a finite number >= 0. Received ${show(weight)}.`);
    }
    weights[number] = weight;
  }
  return weights;
}

/** How many classes an output tells apart: two where it gives one number. */
const classesOf = (output: Shape): number => Math.max(2, output.at(-1) as number);

/** The class of each row of `y`, as far as it can be told; the plan itself refuses labels that are none. */
function weightOfClasses(where: string, y: Rows, given: ClassWeight, output: Shape): Float32Array {
  const {data, rowShape, count, scale} = y;
  const width = sizeOf(rowShape);
  const one = width === 1;
  // Of an output of several steps, each step has a label of its own.
  if (rowShape.length > 1 || output.length > 1) {
    const said = `Received rows of the shape [${rowShape}]`;
    fail('ERR_OPTION', `${where}: classWeight: each row of y must be of one class. ${said}.`);
  }
  const weights = checkClassWeight(where, given, classesOf(output));
  return Float32Array.from({length: count}, (_, row) => {
    const number = one ? Math.round((data[row] as number) * scale) : largestAt(data, row * width, width);
    return weights[number] ?? 1;
  });
}

/**
 * Weights of the rows of `y`, or undefined where none were asked for.
 *
 * @param output the shape of the output of a sample, for `classWeight`.
 * @throws ERR_OPTION, ERR_SHAPE, ERR_DTYPE or ERR_DETACHED
 */
export function weightsOf(where: string, y: Rows, weighting: OwnWeighting, output: Shape): Rows | undefined {
  const {sampleWeight, classWeight} = weighting;
  const given =
    sampleWeight === undefined
      ? undefined
      : toRows(sampleWeight, {what: `${where}: sampleWeight`, rowShape: []});
  if (given && given.count !== y.count) {
    fail('ERR_SHAPE', `${where}: sampleWeight has ${given.count} rows and y ${y.count}.`);
  }
  if (classWeight === undefined) return given && {...given, data: keepSafe(given.data)};
  const data = weightOfClasses(where, y, classWeight, output);
  if (given)
    for (let row = 0; row < data.length; row++) {
      (data as Float32Array)[row] = (data[row] as number) * (given.data[row] as number) * given.scale;
    }
  return {data: keepSafe(data), dtype: 'float32', rowShape: [], count: y.count, scale: 1, single: false};
}
