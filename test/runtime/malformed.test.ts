// Every way in which the words of a plan can be wrong is an error at loading: never a crash, never a run.
import {expect, it} from 'vitest';
import {header, headerWords, type Plan} from '../../lib/plan.ts';
import {Program} from '../../lib/runtime/program.ts';
import {alone, ops, PlanWords, signatures} from './words.ts';

/** y = x + 1 by way of the arena, then a state that counts: small, and with a bit of everything. */
function sound(): {words: PlanWords; x: number; y: number; mid: number; state: number; guard: number} {
  const words = new PlanWords();
  const x = words.io('x', 'float32', [4, 4], {perStep: true});
  const y = words.io('y', 'float32', [4, 4], {output: true, perStep: true});
  const mid = words.place('arena', 'float32', [4, 4]);
  const guard = words.place('arena', 'int32', [1]);
  const state = words.place('state', 'float32', [16]);
  words.map(mid, [x], [1], [[ops.add, 0, 0, 1]]).instruction(signatures.finite, [guard], [mid]);
  return {words, x, y, mid, state, guard};
}

function finished(): Plan {
  const {words, y, mid, state, guard} = sound();
  words.instruction(signatures.copy, [y], [mid]).guard(guard, 'notFinite');
  return words
    .commit()
    .map(state, [state], [1], [[ops.add, 0, 0, 1]])
    .plan();
}

const values = headerWords + 2 * 10;

function refused(plan: Plan, why: RegExp | string): void {
  expect(() => new Program(plan)).toThrow(
    expect.objectContaining({code: 'ERR_PLAN', name: 'ChainruleError'}),
  );
  expect(() => new Program(plan)).toThrow(why);
}

it('accepts the plan that the others are made from', () => {
  expect(() => new Program(finished())).not.toThrow();
});

const change = (at: number, value: number) => (words: Int32Array) => {
  words[at] = value;
};

it.each<[string, RegExp, (words: Int32Array) => void]>([
  ['another magic number', /not a plan/, change(header.magic, 1)],
  ['another version', /version/, change(header.version, 1)],
  ['another length', /length/, change(header.wordCount, 7)],
  ['a negative count', /negative/, change(header.valueCount, -1)],
  ['a count that overflows', /length/, change(header.valueCount, 0x7fffffff)],
  ['a body that is longer than it is', /length/, change(header.bodyWords, 0x7fffffff)],
  ['a commit phase outside', /commit phase/, change(header.commitAt, 0x7fffffff)],
  ['a commit phase inside an item', /commit phase/, change(header.commitAt, 1)],
  ['an exchange phase after the commit', /exchange phase/, change(header.exchangeAt, 0x7fffffff)],
  ['an exchange phase inside an item', /exchange or commit phase/, change(header.exchangeAt, 1)],
  ['state words without a state', /outside its space/, change(header.stateUnits, 0)],
  ['too little arena', /outside its space/, change(header.arenaUnits, 0)],
  ['an io dtype that there is not', /dtype/, change(headerWords, 99)],
  ['unknown io flags', /flags/, change(headerWords + 1, 4)],
  ['an output with dynamic rows', /dynamic rows/, change(headerWords + 11, 3)],
  ['a rank that there is not', /rank/, change(headerWords + 2, 7)],
  ['a negative io stride', /stride/, change(headerWords + 9, -1)],
  ['a negative size', /negative/, change(headerWords + 3, -4)],
  ['a space that there is not', /space/, change(values, 4)],
  ['an io slot that there is not', /io slot/, change(values + 1, 2)],
  ['a negative position', /negative/, change(values + 23, -1)],
  ['a value as another dtype than its slot', /io slot holds/, change(values + 2, 1)],
  ['a value larger than its slot', /io slot holds/, change(values + 4, 5)],
  ['a value outside the arena', /outside its space/, change(values + 23, 2)],
  ['a shape that overflows', /too large|outside/, words => words.fill(0x7fffffff, values + 26, values + 28)],
  ['a guard value that there is not', /no such value/, change(values + 55, 5)],
  ['a guard that is no int32', /guard/, change(values + 55, 2)],
  ['a guard that does not fit its iterations', /iterations/, change(values + 58, 3)],
  ['an offset that is negative', /offset/, change(values + 10, -1)],
  ['a window beyond its slot', /io slot holds/, change(values + 10, 1)],
  ['a guard kind that there is not', /guard/, change(values + 56, 5)],
])('%s', (_, why, spoil) => {
  const plan = finished();
  spoil(plan.words);
  refused(plan, why);
});

it('words that are cut off anywhere', () => {
  const plan = finished();
  for (let length = 0; length < plan.words.length; length++) {
    refused({...plan, words: plan.words.slice(0, length)}, /plan/);
  }
});

const put = (at: number, value: number) => (body: number[]) => {
  body[at] = value;
};

it.each<[string, RegExp, (body: number[]) => void]>([
  ['an item of unknown kind', /kind/, put(0, 9)],
  ['an item of no length', /cut short/, put(1, 0)],
  ['an item that is too long', /cut short/, put(1, 0x7fffffff)],
  ['a signature that there is not', /signature/, put(2, 99)],
  ['a negative number of operands', /negative/, put(4, -1)],
  ['a length that does not fit the counts', /length/, put(4, 2)],
  ['an operand that there is not', /no such value/, put(7, 99)],
  ['a negative operand', /no such value/, put(8, -1)],
  ['a program without its constants', /cut short/, put(9, 50)],
  ['a program with a negative count', /cut short/, put(13, -1)],
  ['an op that there is not', /signature/, put(14, 77)],
  ['an op that is no elementwise one', /elementwise/, put(14, 1)],
  ['a register that there is not', /map/, put(16, 40)],
  ['a tile that there is not', /map/, put(15, 40)],
  ['an end without a loop', /without a loop/, body => void body.push(3, 2)],
  ['a loop without an end', /no end|commit|item/, body => void body.unshift(2, 5, 1, 0, 0)],
  ['a loop cut short', /cut short/, body => void body.push(2, 3, 1)],
])('%s', (_, why, spoil) => {
  const {words} = sound();
  refused(words.plan({body: spoil}), why);
});

it('an input that is written', () => {
  const {words, x, mid} = sound();
  refused(words.instruction(signatures.copy, [x], [mid]).plan(), /input is written/);
});

it('a literal that is written', () => {
  const words = new PlanWords();
  const literal = words.literal([1, 2, 3, 4]);
  const from = words.place('arena', 'float32', [4]);
  refused(words.instruction(signatures.copy, [literal], [from]).plan(), /literal is written/);
});

it('a state that is written before the commit phase', () => {
  const {words, state} = sound();
  refused(words.map(state, [state], [1], [[ops.add, 0, 0, 1]]).plan(), /before the commit/);
});

it('a result that overlaps another operand', () => {
  const words = new PlanWords();
  const low = words.place('arena', 'float32', [32]);
  const high = words.place('arena', 'float32', [32]);
  new Program(words.map(high, [low], [], [[ops.tanh, 0, 0]]).plan());
  const middle = words.value('arena', 1, 'float32', [32]);
  refused(words.map(middle, [low], [], [[ops.tanh, 0, 0]]).plan(), /overlaps/);
  const square = new PlanWords();
  const a = square.place('arena', 'float32', [8, 8]);
  refused(square.instruction(signatures.matmul, [a], [a, a], alone).plan(), /overlaps/);
});

it('windows that run into each other', () => {
  const words = new PlanWords();
  words.place('arena', 'float32', [16, 16]);
  const [fixed, moving] = [2, 0].map(at => words.value('arena', at, 'float32', [16])) as [number, number];
  words.loop(4, [[moving, 16]], [], () => words.map(moving, [fixed], [], [[ops.tanh, 0, 0]]));
  refused(words.plan(), /overlaps/);
});

it('an update of something else than what it updates', () => {
  const words = new PlanWords();
  const hyper = words.io('hyper', 'float32', [1, 1]);
  const place = () => words.place('state', 'float32', [16]);
  const [parameter, gradient, other] = [place(), place(), place()];
  words.commit();
  const update = (updated: number, ...said: number[]) =>
    words.instruction(signatures.sgd, [updated], [hyper, parameter, gradient], [0, 0, 0, ...said]);
  new Program(update(parameter, 0, 1).plan());
  new Program(update(other, 0, 1).plan());
  refused(update(gradient, 0, 1).plan(), /overlaps/);
  refused(update(parameter, 0, 7).plan(), /overlaps/);
  refused(update(parameter, 0, -1).plan(), /overlaps/);
});

it('two results that overlap', () => {
  const words = new PlanWords();
  const source = words.io('source', 'float32', [-1, 16]);
  const rows = words.io('rows', 'int32', [16]);
  const y = words.place('arena', 'float32', [16, 16]);
  const guard = words.value('arena', 15, 'int32', [16]);
  refused(
    words.instruction(signatures.gather, [y, guard], [source, rows], [0, 0]).plan(),
    /results.*overlap/,
  );
});

it.each<[string, RegExp, (words: PlanWords, a: number, b: number) => void]>([
  ['leaves the arena', /leaves its space/, (words, a, b) => loop(words, 4, [[a, 16]], [], a, b)],
  ['leaves it by an element', /leaves its space/, (words, a, b) => loop(words, 18, [[b, 1]], [], b, a)],
  ['leaves it backwards', /leaves its space/, (words, a, b) => loop(words, 2, [[a, -1]], [], a, b)],
  ['leaves it in turns', /leaves its space/, (words, a, b) => loop(words, 2, [], [[a, -1]], a, b)],
  [
    'leaves it by far',
    /too large|leaves/,
    (words, a, b) => loop(words, 0x7fffffff, [[a, 1 << 30]], [], a, b),
  ],
  ['moves a value twice', /twice/, (words, a, b) => loop(words, 2, [[a, 0]], [[a, 0]], a, b)],
  [
    'alternates a value that there is not',
    /no such value/,
    (words, a, b) => loop(words, 2, [], [[99, 1]], a, b),
  ],
  ['moves a value that there is not', /no such value/, (words, a, b) => loop(words, 2, [[99, 1]], [], a, b)],
  ['runs a negative number of times', /negative/, (words, a, b) => loop(words, -1, [], [], a, b)],
  ['is too deep', /deep/, (words, a, b) => deep(words, 20, a, b)],
])('a loop that %s', (_, why, build) => {
  const words = new PlanWords();
  const [a, b] = [0, 1].map(() => words.place('arena', 'float32', [16])) as [number, number];
  build(words, a, b);
  refused(words.plan(), why);
});

type Pairs = readonly (readonly [number, number])[];

function loop(
  words: PlanWords,
  count: number,
  strides: Pairs,
  alternating: Pairs,
  a: number,
  b: number,
): void {
  words.loop(count, strides, alternating, () => words.map(b, [a], [], [[ops.tanh, 0, 0]]));
}

function deep(words: PlanWords, levels: number, a: number, b: number): void {
  if (levels === 0) words.map(b, [a], [], [[ops.tanh, 0, 0]]);
  else words.loop(1, [], [], () => deep(words, levels - 1, a, b));
}

it('a loop in which the commit phase begins', () => {
  const words = new PlanWords();
  const [a, b] = [0, 1].map(() => words.place('arena', 'float32', [16])) as [number, number];
  words.loop(2, [], [], () => words.commit().map(b, [a], [], [[ops.tanh, 0, 0]]));
  refused(words.plan(), /commit/);
});

it('kernels that this build does not have, and how they differ', () => {
  const words = (signature: string, attributes: readonly number[]) => {
    const plan = new PlanWords();
    const [a, b, c] = [0, 1, 2].map(() => plan.place('arena', 'float32', [4, 4])) as [number, number, number];
    return plan.instruction(signature, [c], [a, b], attributes).plan();
  };
  refused(words('fancy(a: f32, b: f32) -> c: f32', []), 'fancy: this build has no such kernel');
  refused(
    words(signatures.matmul.replace(', bias: bool, map: op', ''), [0, 0, 0]),
    'matmul: plan has {transposeA: bool, transposeB: bool, bfloat16: bool}, ' +
      'this build has {transposeA: bool, transposeB: bool, bfloat16: bool, bias: bool, map: op}',
  );
  refused(words('matmul(a: f32', []), /cannot read the signature/);
  refused(words(signatures.matmul, [0]), /attribute/);
  refused(words(signatures.matmul, [...alone, 0]), /attributes/);
  refused(words(signatures.matmul, [2, 0, 0, 0, -1]), /neither 0 nor 1/);
  refused(words(signatures.finite, []), /operands/);
  refused(words(ops.add, []), /not a kernel/);
});

it('operands whose types or shapes a kernel does not take', () => {
  const words = new PlanWords();
  const a = words.place('arena', 'float32', [4, 4]);
  const c = words.place('arena', 'float32', [4, 4]);
  const whole = words.place('arena', 'int32', [4, 4]);
  refused(words.instruction(signatures.matmul, [c], [a, whole], alone).plan(), /dtype/);
  const shapes = new PlanWords();
  const [d, e, f] = [4, 4, 5].map(rows => shapes.place('arena', 'float32', [rows, 4])) as [
    number,
    number,
    number,
  ];
  refused(shapes.instruction(signatures.matmul, [d], [e, f], alone).plan(), /matmul/);
});

it('is not told apart by whom it is given to: every instruction set refuses it', () => {
  const plan = finished();
  plan.words[header.arenaUnits] = 0;
  for (const isa of ['scalar', 'nonsense']) {
    expect(() => new Program(plan, {isa})).toThrow(expect.objectContaining({code: 'ERR_PLAN'}));
  }
});
