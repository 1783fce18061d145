// The conformance suite: what every op gets for listing samples. It takes minutes, so the ops are dealt out
// to several test files, which run side by side.
import {afterAll, describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {getThreads, setThreads} from '../../lib/runtime/program.ts';
import {applyNow} from '../../lib/session/eager/apply-now.ts';
import {EagerArray} from '../../lib/session/eager/array.ts';
import {evaluate} from '../reference.ts';
import {samples} from '../samples.ts';
import {unit} from './bounds.ts';
import {buildOp, givenOf, hasDerivative, opOf, type Program, reproducer, weighted} from './build.ts';
import type {OpSamples, Sample} from './data.ts';
import {expectEveryCall} from './every-call.ts';
import {
  deep,
  expectNear,
  expectSameBits,
  expectSameResults,
  inOrder,
  isas,
  runNative,
  runOnThreads,
} from './native.ts';
import {promotedSamples} from './promoted.ts';

const table = Object.entries(samples) as [string, OpSamples][];

/** A fifth of the samples and the last one, unless all are asked for. */
function some(list: readonly Sample[]): readonly Sample[] {
  return deep ? list : list.filter((_, index) => index % 5 === 3 || index === list.length - 1);
}

/** Beside the float64 interpreter, and op by op. */
function itsNumbers(name: string, {bound, values}: OpSamples): void {
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
}

/** Operands that promote to what the op takes. */
function itsTypes(name: string, {bound, values}: OpSamples, number: number): void {
  const op = opOf(name);
  const promoted = promotedSamples(op, values, number);
  if (promoted.length === 0) return;
  it('takes operands of other types as if they had been converted before', () => {
    for (const sample of promoted) {
      const program = buildOp(op, sample);
      const what = reproducer(name, sample);
      const inputs = evaluate(program.call.inputs, givenOf(program));
      const exact = evaluate(program.call.outputs, givenOf(program));
      const bounds = bound(program.call, inputs, exact);
      const planned = inOrder(program, runNative(program));
      planned.forEach((actual, index) => {
        const [of, within] = [exact[index] as Float64Array, bounds[index] as Float64Array];
        expectNear(actual, of, within, what, (program.call.outputs[index] as Tensor).dtype);
      });
      const operands = sample.operands.map(({data, shape, dtype}) => EagerArray.of(data, {shape, dtype}));
      const results = applyNow(op, operands, sample.attributes ?? {});
      const own = planned.filter((_, index) => index !== op.guard?.output);
      for (const [index, wanted] of own.entries()) {
        expectSameBits((results[index] as EagerArray).read(), wanted, `${what} at once`);
      }
      for (const result of results) result.dispose();
    }
  });
}

/** However the compiler and the runtime arrange it. */
function itsBits(name: string, {values}: OpSamples): void {
  const op = opOf(name);
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
}

/** Beside those in float64. */
function itsGradients(name: string, {smooth}: OpSamples): void {
  const op = opOf(name);
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
}

/** Tests of one part of the ops, of so many. */
export function conformance(part: number, parts: number): void {
  const threads = getThreads();
  afterAll(() => setThreads(threads));
  describe.each(table.filter((_, index) => index % parts === part - 1))('%s', (name, given) => {
    itsNumbers(name, given);
    itsTypes(
      name,
      given,
      table.findIndex(([each]) => each === name),
    );
    itsBits(name, given);
    itsGradients(name, given);
  });
}
