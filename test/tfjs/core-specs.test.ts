// What TensorFlow.js promises: all specs that tfjs-core ships, but those that it marks as pending itself. Of
// its 4,232 two are about a backend named cpu, and some sixty read data at once.
import {describe, expect, test} from 'vitest';
import {withoutRule, withoutRuleFor} from '../../lib/tfjs/handed-over.ts';
import {isNative} from '../../lib/tfjs/kernel.ts';
import {cpuKernels} from '../../lib/tfjs/packages.ts';
import {runSpecs} from './specs.ts';

const kinds = [
  ['that can be read at once', true, 4230, 5],
  ['that can only be awaited', false, 4170, 4],
] as const;

/** Kernels of tfjs that ran though there is a native one, and how often: for no elements, but for pools. */
const withoutElements = [
  'AvgPool not yet float32 5',
  'AvgPool3D not yet float32 1',
  'Concat not yet float32 2',
  'CropAndResize not yet float32,int32 1',
  'MaxPool not yet float32 5',
  'NonMaxSuppressionV3 not yet float32 1',
  'Range not yet  5',
  'StridedSlice not yet float32 1',
  'TopK not yet float32 1',
];

describe.each(kinds)('the specs of tfjs-core, with data %s', (_, isDataSync, count, marked) => {
  test('pass', async () => {
    const {results, native, byTfjs} = await runSpecs(isDataSync);
    const failed = results.filter(({status}) => status === 'failed');
    expect(failed.map(({name, messages}) => `${name}: ${messages[0]}`)).toEqual([]);
    const pending = results.filter(({status}) => status === 'pending');
    expect(pending).toHaveLength(marked);
    expect(results.filter(({status}) => status === 'passed')).toHaveLength(count - pending.length);
    // Besides strings and what has no rule, these alone: a rule that throws, or takes no floats, would be
    // here.
    const others = byTfjs.filter(
      ({kernel, reason, types}) =>
        withoutRule.get(kernel) !== reason &&
        !(reason === 'strings' && (types.includes('string') || kernel === 'Fill')),
    );
    expect(others.map(row => Object.values(row).join(' ')).sort()).toEqual(withoutElements);
    expect(others.filter(({kernel}) => !withoutRuleFor.has(kernel))).toEqual([]);
    // Natively ran all others but one, which has no spec outside of a browser: see images.test.ts.
    const names = cpuKernels().map(({kernelName}) => kernelName);
    expect(names.filter(name => isNative(name) && !native.includes(name))).toEqual(['RotateWithOffset']);
  });
});
