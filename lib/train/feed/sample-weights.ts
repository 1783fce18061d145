// How much each sample counts in the loss: the user's weights of samples, times the weights of their
// classes.

import {fail} from '../../core/errors.ts';
import {fromMap, isRecord, show} from '../../core/kinds.ts';
import {sizeOf} from '../../core/shape.ts';
import {type DataInput, type Rows, toRows} from '../../data/arrays.ts';
import {keepSafe} from '../../session/compile.ts';

/** By class label, e.g. `{0: 1, 1: 5}` or a Map; a class that is left out counts 1. */
export type ClassWeight = Readonly<Record<number, number>> | ReadonlyMap<number, number>;

export interface Weighting {
  /** A number for each sample; the losses are multiplied by them before their mean is taken. */
  readonly sampleWeight?: DataInput | undefined;
  /**
   * A number for each class, by which the losses of its samples are multiplied: the class is the target's
   * number, where it is the largest in a row of several, or 0 or 1 in a row of one. Classes that are left
   * out count 1. For arrays and nothing else.
   */
  readonly classWeight?: ClassWeight | undefined;
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

/** The class of each row of `y`, as far as it can be told; the plan itself refuses labels that are none. */
function weightOfClasses(where: string, y: Rows, given: ClassWeight, classes: number): Float32Array {
  const {data, rowShape, count, scale} = y;
  const width = sizeOf(rowShape);
  const one = width === 1;
  if (rowShape.length > 1) {
    const said = `Received rows of the shape [${rowShape}]`;
    fail('ERR_OPTION', `${where}: classWeight: each row of y must be of one class. ${said}.`);
  }
  const weights = checkClassWeight(where, given, classes);
  return Float32Array.from({length: count}, (_, row) => {
    const number = one ? Math.round((data[row] as number) * scale) : largestAt(data, row * width, width);
    return weights[number] ?? 1;
  });
}

/**
 * Weights of the rows of `y`, or undefined where none were asked for.
 *
 * @param classes how many there are, for `classWeight`.
 * @throws ERR_OPTION, ERR_SHAPE, ERR_DTYPE or ERR_DETACHED
 */
export function weightsOf(where: string, y: Rows, weighting: Weighting, classes: number): Rows | undefined {
  const {sampleWeight, classWeight} = weighting;
  const given =
    sampleWeight === undefined
      ? undefined
      : toRows(sampleWeight, {what: `${where}: sampleWeight`, rowShape: []});
  if (given && given.count !== y.count) {
    fail('ERR_SHAPE', `${where}: sampleWeight has ${given.count} rows and y ${y.count}.`);
  }
  if (classWeight === undefined) return given && {...given, data: keepSafe(given.data)};
  const data = weightOfClasses(where, y, classWeight, classes);
  if (given)
    for (let row = 0; row < data.length; row++) {
      (data as Float32Array)[row] = (data[row] as number) * (given.data[row] as number) * given.scale;
    }
  return {data: keepSafe(data), dtype: 'float32', rowShape: [], count: y.count, scale: 1, single: false};
}
