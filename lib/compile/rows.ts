// One plan for any number of rows: what differs between the plans of one graph for two numbers of them says
// how each word follows from the number. Sizes are linear in it, means over a batch divide by it; a plan in
// which anything else differs has no such form.
import {header, headerWords, type IoSlot, items, type Plan, rowForms, spaces} from '../plan.ts';

/** A word that follows from the number of rows: `factor · rows + offset`, or float32 1 / (factor · rows). */
interface Dependent {
  readonly at: number;
  readonly form: keyof typeof rowForms;
  readonly factor: number;
  readonly offset: number;
}

export interface PlanForRows {
  readonly plan: Plan;
  readonly rows: number;
}

const ioWords = 10;
const valueWords = 11;
const guardWords = 4;
const instructionHeadWords = 7;
const loopHeadWords = 5;
const arena = spaces.indexOf('arena');

/** What a word may be where it differs: values lie where those of the largest number do. */
type Kind = 'fixed' | 'placed' | 'size' | 'distance' | 'float' | 'attribute';

/** The kind of each word of a plan. */
function kindsOf({words}: Plan): Kind[] {
  const kinds: Kind[] = new Array<Kind>(words.length).fill('fixed');
  const mark = (from: number, to: number, kind: Kind): void => void kinds.fill(kind, from, to);
  mark(header.arenaUnits, header.arenaUnits + 1, 'placed');
  let at = headerWords;
  for (let slot = 0; slot < (words[header.ioCount] as number); slot++, at += ioWords) {
    mark(at + 3, at + ioWords, 'size');
  }
  for (let value = 0; value < (words[header.valueCount] as number); value++, at += valueWords) {
    if (words[at] === arena) mark(at + 1, at + 2, 'placed');
    mark(at + 4, at + valueWords, 'size');
  }
  at += guardWords * (words[header.guardCount] as number);
  const body = at + (words[header.literalWords] as number);
  mark(at, body, 'float');
  for (at = body; at < words.length; at += words[at + 1] as number) {
    const end = at + (words[at + 1] as number);
    if (words[at] === items.loop) {
      for (let move = at + loopHeadWords; move < end; move += 2) mark(move + 1, move + 2, 'distance');
    }
    if (words[at] !== items.instruction) continue;
    const operands = (words[at + 4] as number) + (words[at + 5] as number);
    mark(at + instructionHeadWords + operands, end, 'attribute');
  }
  return kinds;
}

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);

function floatOf(bits: number): number {
  word[0] = bits;
  return float[0] as number;
}

function bitsOf(value: number): number {
  float[0] = value;
  return word[0] as number;
}

type Pair = readonly [large: number, small: number];

function linear(at: number, [large, small]: Pair, rows: Pair): Dependent | undefined {
  const factor = (large - small) / (rows[0] - rows[1]);
  const offset = large - factor * rows[0];
  if (!Number.isInteger(factor) || factor < 0 || offset < 0) return undefined;
  return {at, form: 'linear', factor, offset};
}

/** How far a loop moves a value, which may be back. */
function distance(at: number, words: Pair, rows: Pair): Dependent | undefined {
  if (words[0] >= 0) return linear(at, words, rows);
  const back = linear(at, [-words[0], -words[1]], rows);
  return back && {...back, factor: -back.factor, offset: 0 - back.offset};
}

function reciprocal(at: number, bits: Pair, rows: Pair): Dependent | undefined {
  const factor = Math.round(1 / (floatOf(bits[1]) * rows[1]));
  const fits = bits.every((own, index) => bitsOf(1 / (factor * (rows[index] as number))) === own);
  return fits && factor > 0 ? {at, form: 'reciprocal', factor, offset: 0} : undefined;
}

/** An attribute that is an integer is small; as bits of a float, one is not. */
const mostWhole = 2 ** 24;

function dependentOf(kind: Kind, at: number, words: Pair, rows: Pair): Dependent | undefined {
  if (kind === 'size') return linear(at, words, rows);
  if (kind === 'distance') return distance(at, words, rows);
  if (kind === 'float') return reciprocal(at, words, rows);
  if (kind !== 'attribute') return undefined;
  const isWhole = words.every(value => value >= 0 && value < mostWhole);
  return isWhole ? linear(at, words, rows) : reciprocal(at, words, rows);
}

const shapeless = ({io, guards, signatures, scopes, instructions, stateBytes}: Plan): string =>
  JSON.stringify([
    io.map(({name, dtype, output, perStep, becomes}) => [name, dtype, output, perStep, becomes]),
    guards,
    signatures,
    scopes,
    instructions.map(({name, scope, phase, times}) => [name, scope, phase, times]),
    stateBytes,
  ]);

/** The plan of a graph for up to `largest.rows` rows; undefined where two plans do not tell. */
export function planOverRows(largest: PlanForRows, smaller: PlanForRows): Plan | undefined {
  const [large, small] = [largest.plan.words, smaller.plan.words];
  if (large.length !== small.length || shapeless(largest.plan) !== shapeless(smaller.plan)) return undefined;
  const rows = [largest.rows, smaller.rows] as const;
  const dependents: Dependent[] = [];
  for (const [at, kind] of kindsOf(largest.plan).entries()) {
    const pair = [large[at] as number, small[at] as number] as const;
    if (pair[0] === pair[1] || kind === 'placed') continue;
    const dependent = dependentOf(kind, at, pair, rows);
    if (!dependent) return undefined;
    dependents.push(dependent);
  }
  const {plan} = largest;
  return {
    ...plan,
    words: withRows(plan.words, largest.rows, dependents),
    io: plan.io.map((slot, index) => growing(slot, smaller.plan.io[index] as IoSlot, rows)),
    rows: {most: largest.rows, few: {rows: smaller.rows, instructions: smaller.plan.instructions}},
  };
}

/** The words with the table of those that follow from the rows. */
function withRows(words: Int32Array, most: number, dependents: readonly Dependent[]): Int32Array {
  const table = dependents.flatMap(({at, form, factor, offset}) => [at, rowForms[form], factor, offset]);
  const all = new Int32Array(words.length + table.length);
  all.set(words);
  all.set(table, words.length);
  all[header.wordCount] = all.length;
  all[header.mostRows] = most;
  all[header.rowWords] = dependents.length;
  return all;
}

function growing(slot: IoSlot, {shape}: IoSlot, [most, few]: Pair): IoSlot {
  const perRow = slot.shape.map((size, axis) => (size - (shape[axis] as number)) / (most - few));
  return perRow.some(growth => growth !== 0) ? {...slot, perRow} : slot;
}
