// More ways in which a plan can be wrong: loops, constants, and data sets whose rows the plan does not know.
import {describe, expect, it} from 'vitest';
import {headerWords} from '../../lib/plan.ts';
import {Program} from '../../lib/runtime/program.ts';
import {alone, ops, PlanWords, signatures} from './words.ts';

const sum = 'sum(x: f32) -> y: f32 {axis: i32}';

interface Parts {
  readonly words: PlanWords;
  /** 16 floats in the arena each. */
  readonly a: number;
  readonly b: number;
}

function parts(): Parts {
  const words = new PlanWords();
  const [a, b] = [0, 1].map(() => words.place('arena', 'float32', [16])) as [number, number];
  return {words, a, b};
}

const tanh = ({words, a, b}: Parts) => words.map(b, [a], [], [[ops.tanh, 0, 0]]);

it.each<[string, RegExp, (parts: Parts) => unknown]>([
  [
    'moves an io slot beyond its array',
    /leaves its space/,
    given => given.words.loop(2, [[given.words.io('x', 'float32', [16]), 1]], [], () => tanh(given)),
  ],
  [
    'moves a constant beyond its pool',
    /leaves its space/,
    given => given.words.loop(2, [[given.words.literal([1]), 16]], [], () => tanh(given)),
  ],
  [
    'moves a data set',
    /moves a data set/,
    given => given.words.loop(2, [[given.words.io('x', 'float32', [-1, 4]), 0]], [], () => tanh(given)),
  ],
  [
    'writes where another iteration reads, in turns',
    /overlaps/,
    ({words, a}) => {
      const low = words.value('arena', 0, 'float32', [8]);
      words.loop(2, [], [[low, 8]], () => words.map(low, [a], [], [[ops.tanh, 0, 0]]));
    },
  ],
  ['holds nothing', /holds no instruction/, ({words}) => words.loop(2, [], [], () => {})],
  [
    'holds only a loop that holds nothing',
    /holds no instruction/,
    ({words}) => words.loop(2, [], [], () => words.loop(2, [], [], () => {})),
  ],
])('a loop that %s', (_, why, build) => {
  const given = parts();
  build(given);
  expect(() => new Program(given.words.plan())).toThrow(why);
});

it.each<[string, RegExp, (body: number[]) => void]>([
  ['a loop whose length does not fit its counts', /a loop's length/, body => void body.push(2, 5, 1, 1, 0)],
  ['a loop with a negative count', /count of a loop is negative/, body => void body.push(2, 5, 1, -1, 0)],
  ['an end that is longer than an end', /an end's length/, body => void body.push(2, 5, 1, 0, 0, 3, 3, 0)],
])('%s', (_, why, spoil) => {
  expect(() => new Program(tanh(parts()).plan({body: spoil}))).toThrow(why);
});

it('a constant that does not begin at a multiple of sixteen words', () => {
  const {words, b} = parts();
  words.literal(new Array(32).fill(1));
  const shifted = words.value('literal', 8, 'float32', [16]);
  expect(() => new Program(words.instruction(signatures.copy, [b], [shifted]).plan())).toThrow(/not aligned/);
});

it('rows that are called unknown but are not', () => {
  const words = new PlanWords();
  const x = words.io('x', 'float32', [4, 4]);
  const y = words.place('arena', 'float32', [4, 4]);
  const plan = words.instruction(signatures.copy, [y], [x]).plan();
  plan.words[headerWords + 1] = 2;
  expect(() => new Program(plan)).toThrow(/dynamic rows need a leading size of -1/);
});

it.each<[string, (words: PlanWords, data: number, other: number) => unknown]>([
  [
    'a copy into nothing',
    (words, data) => words.instruction(signatures.copy, [words.place('arena', 'float32', [0, 8])], [data]),
  ],
  [
    'a copy of as many rows as a trial may have',
    (words, data) => words.instruction(signatures.copy, [words.place('arena', 'float32', [6, 8])], [data]),
  ],
  [
    'a product over the rows of two data sets',
    (words, data, other) =>
      words.instruction(
        signatures.matmul,
        [words.place('arena', 'float32', [8, 8])],
        [data, other],
        [1, ...alone.slice(1)],
      ),
  ],
  [
    'a product of as many matrices as it has rows',
    words => {
      const many = words.io('many', 'float32', [-1, 4, 4]);
      words.instruction(
        signatures.matmul,
        [words.place('arena', 'float32', [8, 4, 4])],
        [many, many],
        [...alone],
      );
    },
  ],
  [
    'a sum over the rows of many columns, whose work is cut by their number',
    words => {
      const wide = words.io('wide', 'float32', [-1, 4096]);
      words.instruction(sum, [words.place('arena', 'float32', [4096])], [wide], [0]);
    },
  ],
  [
    'an update of a data set',
    (words, data, other) => {
      const hyper = words.place('state', 'float32', [1, 1]);
      const empty = words.place('state', 'float32', [0]);
      words.commit().instruction(signatures.sgd, [empty], [hyper, data, other], [0, 0, 0, 0, 1]);
    },
  ],
  [
    'a map that broadcasts it',
    (words, data) => words.map(words.place('arena', 'float32', [3, 8]), [data], [], [[ops.tanh, 0, 0]]),
  ],
])('what would have to know how many rows a data set has: %s', (_, build) => {
  const words = new PlanWords();
  const [data, other] = ['data', 'other'].map(name => words.io(name, 'float32', [-1, 8])) as [number, number];
  build(words, data, other);
  expect(() => new Program(words.plan())).toThrow(expect.objectContaining({code: 'ERR_PLAN'}));
});

it('a sum over the rows of few columns needs to know nothing', () => {
  const words = new PlanWords();
  const data = words.io('data', 'float32', [-1, 8]);
  const y = words.io('y', 'float32', [8], {output: true});
  const program = new Program(words.instruction(sum, [y], [data], [0]).plan());
  for (const rows of [0, 1, 5, 100]) {
    const result = new Float32Array(8);
    program.runSync(undefined, {data: new Float32Array(rows * 8).fill(0.5), y: result});
    expect([...result]).toEqual(new Array(8).fill(rows / 2));
  }
});

it('an activation that takes two operands', () => {
  const words = new PlanWords();
  const [a, b, c] = [0, 1, 2].map(() => words.place('arena', 'float32', [4, 4])) as [number, number, number];
  words.map(a, [b, b], [], [[ops.add, 0, 0, 1]]); // signature 0
  words.instruction(signatures.matmul, [c], [a, b], [0, 0, 0, 0, 0]);
  expect(() => new Program(words.plan())).toThrow(/takes another number of operands/);
});

it('a result in place of an operand with fewer elements in as many bytes', () => {
  const words = new PlanWords();
  const single = words.value('arena', 0, 'float32', [1]);
  const bytes = words.place('arena', 'bool', [4]);
  words.map(bytes, [single], [], [[ops.tanh, 0, 0]]);
  expect(() => new Program(words.plan())).toThrow(/overlaps an operand/);
});

it('a program that says more constants than it may', () => {
  const {words, a, b} = parts();
  words.instruction(signatures.map, [b], [a], [17, ...new Array<number>(17).fill(0), 1, 0]);
  expect(() => new Program(words.plan())).toThrow(/map/);
});

describe('products whose batch axes do not fit together', () => {
  it.each<readonly [string, a: number[], b: number[], c: number[]]>([
    ['two batches of other sizes', [2, 4, 4], [3, 4, 4], [3, 4, 4]],
    ['a result of more matrices than there are', [2, 4, 4], [2, 4, 4], [3, 4, 4]],
    ['a result of fewer', [2, 4, 4], [2, 4, 4], [4, 4]],
    ['a result repeated along an axis of its own', [4, 4], [4, 4], [2, 4, 4]],
    ['axes in another order', [2, 3, 4, 4], [2, 3, 4, 4], [3, 2, 4, 4]],
    ['no matrices, but a result', [0, 4, 4], [1, 4, 4], [1, 4, 4]],
  ])('%s', (_, ...shapes) => {
    const words = new PlanWords();
    const [a, b, c] = shapes.map(shape => words.place('arena', 'float32', shape)) as [number, number, number];
    words.instruction(signatures.matmul, [c], [a, b], alone);
    expect(() => new Program(words.plan())).toThrow(/matmul.*: the batch axes/);
  });

  it('another operand of one matrix alone', () => {
    const words = new PlanWords();
    const [a, c] = [0, 1].map(() => words.place('arena', 'float32', [2, 4, 4])) as [number, number];
    const other = words.place('arena', 'float32', [4, 4]);
    words.map(a, [c, c], [], [[ops.add, 0, 0, 1]]); // signature 0
    words.instruction(signatures.matmul, [c], [a, a, other], [0, 0, 0, 0, 0]);
    expect(() => new Program(words.plan())).toThrow(/must have the product's shape/);
  });
});
