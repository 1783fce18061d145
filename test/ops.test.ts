// The tables of ops, samples and kernels agree; test/ops/conformance-1.test.ts and its fellows test each op.
import {describe, expect, it} from 'vitest';
import {rowsOf} from '../lib/core/registers.ts';
import {sizeOf} from '../lib/core/shape.ts';
import {opTable} from '../lib/core/tensor.ts';
import {nativeSignatures} from '../lib/runtime/program.ts';
import {buildOp, opOf, reproducer} from './conformance/build.ts';
import type {OpSamples} from './conformance/data.ts';
import {expectSameResults, isas, runNative} from './conformance/native.ts';
import {samples} from './samples.ts';

const table = Object.entries(samples) as [string, OpSamples][];

describe('the tables agree', () => {
  const withoutKernel: readonly string[] = ['leaf', 'loop', 'checkpoint'];
  const computed = [...opTable.values()].filter(({kind}) => !withoutKernel.includes(kind));

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

describe.each(['gatherRows', 'gatherLabels'] as const)('%s of a data set of any length', name => {
  it('gives what it gives of one whose length is known', () => {
    for (const sample of samples[name].values.filter(({operands: [source]}) => source?.shape.at(-1) !== 0)) {
      const fixed = runNative(buildOp(opOf(name), sample));
      const free = runNative(buildOp(opOf(name), sample, {dynamicRows: true}), {offset: 1});
      expectSameResults(free, fixed, reproducer(name, sample));
    }
  });
});
