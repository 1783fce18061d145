// What TensorFlow.js promises: all specs that tfjs-core ships, but those that it marks as pending itself.
import {describe, expect, test} from 'vitest';
import {runSpecs} from './specs.ts';

describe.each([
  ['that can be read at once', true, 4232],
  ['that can only be awaited', false, 4214],
])('the specs of tfjs-core, with data %s', (_, isDataSync, count) => {
  test('pass', async () => {
    const {results, handedOver} = await runSpecs(isDataSync);
    const failed = results.filter(({status}) => status === 'failed');
    expect(failed.map(({name, messages}) => `${name}: ${messages[0]}`)).toEqual([]);
    const pending = results.filter(({status}) => status === 'pending');
    expect(pending).toHaveLength(5);
    expect(results.filter(({status}) => status === 'passed')).toHaveLength(count - pending.length);
    expect(handedOver.length).toBeGreaterThan(0);
  });
});
