// Rows as a number of the run: one native program for any number of them, and what can be wrong with the
// table that says how its words follow from the number.
import {expect, it} from 'vitest';
import {planOverRows} from '../../lib/compile/rows.ts';
import {header, type Plan} from '../../lib/plan.ts';
import {Program} from '../../lib/runtime/program.ts';
import {ops, PlanWords, signatures} from './words.ts';

const width = 4;
const most = 8;

interface Places {
  readonly inPlace?: boolean;
  /** Rows that there is room for in the arena. */
  readonly room?: number;
}

/** y = (rows of data, by number) / rows, and its column sums; in the arena they lie as for the most rows. */
function sized(rows: number, {inPlace = false, room = most}: Places = {}): Plan {
  const words = new PlanWords();
  const data = words.io('data', 'float32', [-1, width]);
  const numbers = words.io('numbers', 'int32', [rows], {perStep: true});
  const y = words.io('y', 'float32', [rows, width], {output: true, perStep: true});
  const sums = words.io('sums', 'float32', [width], {output: true, perStep: true});
  const x = words.place('arena', 'float32', [room, width]) + 1;
  words.value('arena', 0, 'float32', [rows, width]);
  const guard = words.place('arena', 'int32', [room]) + 1;
  words.value('arena', (room * width * 4) / 64, 'int32', [rows]);
  const fixed = words.value('arena', 0, 'float32', [room, width]);
  words.instruction(signatures.gather, [x, guard], [data, numbers], [0x3f800000, 0]);
  words.guard(guard, 'indexOutOfRange');
  words.map(inPlace ? fixed : x, [x], [1 / rows], [[ops.mul, 0, 0, 1]]);
  words.instruction(signatures.copy, [y], [x]);
  return words.instruction('sum(x: f32) -> y: f32 {axis: i32}', [sums], [x], [0]).plan();
}

const overRows = (places: Places = {}): Plan => {
  const rows = places.room ?? most;
  return planOverRows({plan: sized(rows, places), rows}, {plan: sized(3, places), rows: 3}) as Plan;
};

const shared = {
  floats: (length: number) => new Float32Array(new SharedArrayBuffer(4 * length)),
  ints: (length: number) => new Int32Array(new SharedArrayBuffer(4 * length)),
};

function arrays(rows: number, steps: number) {
  const data = shared.floats(20 * width).map((_, at) => Math.sin(at));
  const numbers = shared.ints(rows).map((_, at) => (at * 7) % 20);
  return {data, numbers, y: shared.floats(rows * width), sums: shared.floats(steps * width)};
}

it.each([1, 2, 3, 4, 5, 6, 7, 8])('%i rows have the bits of a plan for as many', rows => {
  const [over, own] = [arrays(rows, 1), arrays(rows, 1)];
  const program = new Program(overRows());
  expect(program.runSync(undefined, over, {rows: {rows}})).toEqual({steps: 1, end: 'done'});
  new Program(sized(rows)).runSync(undefined, own);
  expect(over).toEqual(own);
});

it('numbers in turns, more than programs are kept, have the bits of their own plans', async () => {
  const program = new Program(overRows({room: 1024}));
  const turns = [700, 444, 188, 700, 956, 188, 3, 259, 515, 3];
  const bound = arrays(1024, 1);
  const run = program.bindSync(undefined, bound, 1, {rows: 1024});
  for (const rows of turns) {
    const [alone, handedOver, exact] = [arrays(rows, 1), arrays(rows, 1), arrays(rows, 1)];
    new Program(sized(rows, {room: 1024})).runSync(undefined, exact);
    program.runSync(undefined, alone, {rows: {rows}});
    await program.run(undefined, handedOver, {rows: {rows}});
    run(1, {rows});
    expect(alone).toEqual(exact);
    expect(handedOver).toEqual(exact);
    expect(bound.y.subarray(0, rows * width)).toEqual(exact.y);
    expect(bound.sums).toEqual(exact.sums);
  }
});

it.each([
  [8, 5, 3, 0, 7],
  [8, 5, 3, 1, 7],
  [8, 1, 3, 2, 7],
  [7, 2, 1, 0, 3],
  [4, 3, 9, 2, 5],
  [5, 5, 2, 0, 4],
])(
  '%i rows, then %i in each step of %i from %i on: as if one by one',
  async (rows, last, every, phase, steps) => {
    const program = new Program(overRows());
    const sizes = Array.from({length: steps}, (_, step) => ((phase + step + 1) % every === 0 ? last : rows));
    const all = sizes.reduce((sum, size) => sum + size, 0);
    const of = {rows, short: {rows: last, every, phase}};
    const [one, other, bound] = [arrays(all, steps), arrays(all, steps), arrays(all, steps)];
    let at = 0;
    sizes.forEach((size, step) => {
      const part = {
        data: one.data,
        numbers: one.numbers.subarray(at, at + size),
        y: one.y.subarray(at * width, (at + size) * width),
        sums: one.sums.subarray(step * width, (step + 1) * width),
      };
      program.runSync(undefined, part, {rows: {rows: size}});
      at += size;
    });
    expect(await program.run(undefined, other, {steps, rows: of})).toEqual({steps, end: 'done'});
    expect(other).toEqual(one);
    const run = program.bindSync(undefined, bound, steps, of);
    expect(run(steps, of)).toEqual({steps, end: 'done'});
    expect(bound).toEqual(one);
  },
);

it('a guard in a short step tells its own position', () => {
  const program = new Program(overRows());
  const io = arrays(8 + 8 + 5, 3);
  io.numbers[18] = 99;
  const {steps, guard} = program.runSync(undefined, io, {
    steps: 3,
    rows: {rows: 8, short: {rows: 5, every: 3, phase: 0}},
  });
  expect({steps, position: guard?.position}).toEqual({steps: 2, position: 2});
});

it.each<[string, Parameters<Program['runSync']>[2] & object]>([
  ['no rows', {rows: {rows: -1}}],
  ['more than the most', {rows: {rows: most + 1}}],
  ['more in short steps', {steps: 2, rows: {rows: 2, short: {rows: 3, every: 2, phase: 0}}}],
  ['a phase outside the cycle', {steps: 2, rows: {rows: 3, short: {rows: 2, every: 2, phase: 2}}}],
  ['no rows in short steps', {steps: 2, rows: {rows: 3, short: {rows: 0, every: 2, phase: 0}}}],
])('refuses %s', (_, options) => {
  const program = new Program(overRows());
  expect(() => program.runSync(undefined, arrays(200, 20), options)).toThrow(/rows.* out of range/);
});

it('a bound run refuses steps that its arrays have no room for', () => {
  const program = new Program(overRows());
  const of = {rows: 5, short: {rows: 2, every: 2, phase: 0}};
  const run = program.bindSync(undefined, arrays(7, 2), 2, of);
  expect(() => run(2, {rows: 5})).toThrow(/too short/);
  expect(() => run(3, of)).toThrow(/too short/);
  expect(run(2, of)).toEqual({steps: 2, end: 'done'});
});

it('one number of rows alone is no number of the run', () => {
  expect(() => new Program(sized(4)).runSync(undefined, arrays(4, 1), {rows: {rows: 3}})).toThrow(/rows/);
});

it('values that share memory for the most rows only are refused for fewer', () => {
  const program = new Program(overRows({inPlace: true}));
  expect(() => program.runSync(undefined, arrays(5, 1), {rows: {rows: 5}})).toThrow(/differ in size/);
});

/** Positions of the table's entries and what is in them. */
const entry = (plan: Plan, number: number): number =>
  plan.words.length - 4 * ((plan.words[header.rowWords] as number) - number);

type Spoil = (words: Int32Array) => void;

const change =
  (at: number, value: number): Spoil =>
  words => {
    words[at] = value;
  };
const {words: sound} = overRows();
/** The fields of an entry: word, form, factor, offset. */
const first = entry(overRows(), 0);
const last = sound.length - 4;
const at = (index: number): number => sound[index] as number;

it.each<[string, RegExp, Spoil]>([
  ['no most rows', /from no number/, change(header.mostRows, 0)],
  ['negative rows', /negative/, change(header.mostRows, -1)],
  ['other most rows', /not what follows/, change(header.mostRows, 9)],
  ['a table that is longer', /length/, change(header.rowWords, 99)],
  ['a word outside', /out of order/, change(first, sound.length)],
  ['words out of order', /out of order/, change(first + 4, at(first))],
  ['a word of the header', /is no size|not what follows/, change(first, header.arenaUnits)],
  ['a form that there is not', /no such form/, change(first + 1, 2)],
  ['a factor of nothing', /does not grow/, change(first + 2, 0)],
  ['a size that shrinks', /does not grow/, change(first + 2, -1)],
  ['a factor that overflows', /too large/, change(first + 2, 0x7fffffff)],
  ['an offset that overflows', /too large/, change(first + 3, 0x7fffffff)],
  ['another offset', /not what follows/, change(first + 3, 1)],
  ['a reciprocal size', /not what follows|is no size/, change(first + 1, 1)],
  ['a linear constant', /not what follows|too large/, change(last + 1, 0)],
  ['a reciprocal with an offset', /offset/, change(last + 3, 1)],
  ['an operand of an instruction', /not what follows|is no (number|attribute)/, change(last, at(last) - 1)],
])('refuses a table with %s', (_, why, spoil) => {
  const plan = overRows();
  const words = plan.words.slice();
  spoil(words);
  expect(() => new Program({...plan, words})).toThrow(why);
});

it('refuses words that are no sizes and no numbers, though they would follow', () => {
  const plan = overRows();
  // Words of all kinds, each as linear in the rows; of the body none may be: no attribute is such a number.
  const table = plan.words.length - 4 * (plan.words[header.rowWords] as number);
  const body = table - (plan.words[header.bodyWords] as number);
  let refused = 0;
  for (let at = 16; at < table; at++) {
    const word = plan.words[at] as number;
    if (word < most || word > 1e6) continue;
    const words = new Int32Array(table + 4);
    words.set(plan.words.subarray(0, table));
    words.set([at, 0, 1, word - most], table);
    words[header.rowWords] = 1;
    words[header.wordCount] = words.length;
    const load = () => new Program({...plan, words});
    if (at >= body) {
      expect(load, `word ${at}`).toThrow(expect.objectContaining({code: 'ERR_PLAN'}));
      refused++;
    } else {
      // A size on its own: it fits together with the others or does not, and both without a crash.
      try {
        load().runSync(undefined, arrays(200, 20), {rows: {rows: 2}});
      } catch (error) {
        expect(error).toMatchObject({code: 'ERR_PLAN'});
      }
    }
  }
  expect(refused).toBeGreaterThan(2);
});
