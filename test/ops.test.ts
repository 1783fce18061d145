// The conformance suite: what every op gets for listing samples.
import {afterAll, describe, expect, it} from 'vitest';
import {rowsOf} from '../lib/core/registers.ts';
import {sizeOf} from '../lib/core/shape.ts';
import {opTable, type Tensor} from '../lib/core/tensor.ts';
import {gradients} from '../lib/graph/autodiff.ts';
import {getThreads, nativeSignatures, setThreads} from '../lib/runtime/program.ts';
import {applyNow} from '../lib/session/eager/apply-now.ts';
import {EagerArray} from '../lib/session/eager/array.ts';
import {unit} from './conformance/bounds.ts';
import {
  buildOp,
  givenOf,
  hasDerivative,
  opOf,
  type Program,
  reproducer,
  weighted,
} from './conformance/build.ts';
import type {OpSamples, Sample} from './conformance/data.ts';
import {expectEveryCall} from './conformance/every-call.ts';
import {
  deep,
  expectNear,
  expectSameBits,
  expectSameResults,
  inOrder,
  isas,
  runNative,
  runOnThreads,
} from './conformance/native.ts';
import {evaluate} from './reference.ts';
import {samples} from './samples.ts';

const table = Object.entries(samples) as [string, OpSamples][];
const threads = getThreads();
afterAll(() => setThreads(threads));

/** A tenth of the samples and the first ones, unless all are asked for. */
function some(list: readonly Sample[]): readonly Sample[] {
  return deep ? list : list.filter((_, index) => index % 5 === 3 || index === list.length - 1);
}

describe('the tables agree', () => {
  const computed = [...opTable.values()].filter(op => op.kind !== 'leaf' && op.kind !== 'loop');

  it('of samples and of ops', () => {
    expect(table.map(([name]) => name).sort()).toEqual(computed.map(op => op.name).sort());
  });

  it('and every kernel has a sample large enough to be shared among threads', () => {
    const isOneNumber = ({values}: OpSamples): boolean =>
      values.every(({operands}) => operands.every(({shape}) => sizeOf(shape) === 1));
    const without = table.filter(
      ([name, sample]) => !opOf(name).view && !isOneNumber(sample) && !sample.values.some(({large}) => large),
    );
    expect(without.map(([name]) => name)).toEqual([]);
  });

  it.each(isas)('of signatures in TypeScript and in native code: %s', isa => {
    const ours = computed.filter(op => !op.view).flatMap(rowsOf);
    expect(nativeSignatures(isa).sort()).toEqual(ours.sort());
  });
});

describe.each(table)('%s', (name, {bound, values, smooth}) => {
  const op = opOf(name);

  it('gives what the float64 interpreter gives, and the same bits on every instruction set', () => {
    for (const sample of values) {
      const program = buildOp(op, sample);
      const what = reproducer(name, sample);
      const inputs = evaluate(program.call.inputs, givenOf(program));
      const exact = evaluate(program.call.outputs, givenOf(program));
      const bounds = bound(program.call, inputs, exact);
      const runs = isas.map(isa => inOrder(program, runNative(program, {isa, offset: sample.large ? 0 : 1})));
      (runs[0] ?? []).forEach((actual, index) => {
        const {size, dtype} = program.call.outputs[index] as Tensor;
        expect(actual.length, what).toBe(size);
        expectNear(
          actual,
          exact[index] as Float64Array,
          bounds[index] as Float64Array,
          `${what} on ${isas[0]}`,
          dtype,
        );
        runs.forEach((run, at) => {
          expectSameBits(run[index] as typeof actual, actual, `${what} on ${isas[at]} and ${isas[0]}`);
        });
      });
    }
  });

  it('gives the same at once, without a plan of its graph', () => {
    for (const sample of values) {
      const program = buildOp(op, sample);
      const planned = inOrder(program, runNative(program));
      const operands = sample.operands.map(({data, shape, dtype}) => EagerArray.of(data, {shape, dtype}));
      const results = applyNow(op, operands, sample.attributes ?? {});
      planned
        .filter((_, index) => index !== op.guard?.output)
        .forEach((exact, index) => {
          expectSameBits((results[index] as EagerArray).read(), exact, `${reproducer(name, sample)} at once`);
        });
      for (const result of results) result.dispose();
    }
  });

  it('does not change with fusion or with work in place', () => {
    for (const sample of some(values)) {
      const program = buildOp(op, sample, {around: true});
      const plain = runNative(program, {passes: {fuse: false, inPlace: false}});
      for (const passes of [{fuse: true, inPlace: false}, {fuse: false, inPlace: true}, {}]) {
        const what = `${reproducer(name, sample)} with ${JSON.stringify(passes)}`;
        expectSameResults(runNative(program, {passes}), plain, what);
      }
    }
  });

  const shared = values.filter(({large}, index) => large === true || (deep && index % 3 === 0));
  // What is too small to be shared among threads has no such sample.
  if (shared.length > 0) {
    it('does not change with the number of threads', async () => {
      for (const sample of shared) {
        const program: Program = buildOp(op, sample);
        const alone = runNative(program);
        for (const count of [1, 2, 3, 7]) {
          setThreads(count);
          const together = await runOnThreads(program);
          expectSameResults(together, alone, `${reproducer(name, sample)} on ${count} threads`);
        }
      }
    });
  }

  it('does not change with the alignment of the arrays', () => {
    for (const sample of some(values)) {
      const program = buildOp(op, sample);
      const aligned = runNative(program);
      for (const offset of [1, 3, 5]) {
        expectSameResults(
          runNative(program, {offset}),
          aligned,
          `${reproducer(name, sample)} ${offset} elements off`,
        );
      }
    }
  });

  if (!smooth) {
    it('carries no gradient, or a rule that is no derivative', () => {
      expect(hasDerivative(op)).toBe(false);
    });
    return;
  }
  it('has native gradients that follow those in float64', () => {
    expect(smooth).not.toEqual([]);
    for (const sample of smooth) {
      const program = buildOp(op, sample);
      const {loss, weights} = weighted(program.call.outputs);
      const targets = program.call.inputs.filter(({dtype}) => dtype === 'float32');
      const derivatives = gradients(loss, targets);
      const outputs = Object.fromEntries(derivatives.map((derivative, index) => [`d${index}`, derivative]));
      const whole = {...program, outputs, inputs: [...program.inputs, ...weights]};
      const what = reproducer(name, sample);
      expectEveryCall(whole, what);
      const results = runNative(whole);
      evaluate(derivatives, givenOf(whole)).forEach((exact, index) => {
        const most = exact.reduce((size, x) => Math.max(size, Math.abs(x)), 1);
        const actual = results[`d${index}`] as Float32Array;
        expectNear(
          actual,
          exact,
          exact.map(() => 64 * unit * most),
          `${what}, gradient ${index}`,
        );
      });
    }
  });
});

describe.each(['gatherRows', 'gatherLabels'] as const)('%s of a data set of any length', name => {
  it('gives what it gives of one whose length is known', () => {
    for (const sample of samples[name].values.filter(({operands: [source]}) => source?.shape.at(-1) !== 0)) {
      const fixed = runNative(buildOp(opOf(name), sample));
      const free = runNative(buildOp(opOf(name), sample, {dynamicRows: true}), {offset: 1});
      expectSameResults(free, fixed, reproducer(name, sample));
    }
  });
});
