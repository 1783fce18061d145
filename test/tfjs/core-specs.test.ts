// What TensorFlow.js promises: all specs that tfjs-core ships, but those that it marks as pending itself. Of
// its 4,232 two are about a backend named cpu, and some sixty read data at once.
import {describe, expect, test} from 'vitest';
import {withoutRule, withoutRuleFor} from '../../lib/tfjs/handed-over.ts';
import {runSpecs} from './specs.ts';

const kinds = [
  ['that can be read at once', true, 4230, 5],
  ['that can only be awaited', false, 4170, 4],
] as const;

describe.each(kinds)('the specs of tfjs-core, with data %s', (_, isDataSync, count, marked) => {
  test('pass', async () => {
    const {results, handedOver} = await runSpecs(isDataSync);
    const failed = results.filter(({status}) => status === 'failed');
    expect(failed.map(({name, messages}) => `${name}: ${messages[0]}`)).toEqual([]);
    const pending = results.filter(({status}) => status === 'pending');
    expect(pending).toHaveLength(marked);
    expect(results.filter(({status}) => status === 'passed')).toHaveLength(count - pending.length);
    // What is handed over without a look at its operands' types or values stands in the tables.
    const odd = handedOver.filter(
      ({kernel, reason}) =>
        !['other types', 'refused', 'strings'].includes(reason) &&
        !withoutRule.has(kernel) &&
        !withoutRuleFor.has(kernel),
    );
    expect(odd).toEqual([]);
  });
});
