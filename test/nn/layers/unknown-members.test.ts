// An initializer, an activation or another member by a name that there is not: the error says of which option
// of which layer.
import {expect, it} from 'vitest';
import {layers} from '../../../lib/index.ts';
import {optionsOf} from '../../support/known-options.ts';

type Make = (options: object) => unknown;

const member = /(^a|A)ctivation$|Initializer$|Regularizer$|Constraint$/;

/** What some layers do not go without. */
const needed = {
  ...{units: 2, filters: 2, kernelSize: 2, inputDim: 3, outputDim: 2, intermediateDim: 2, sequenceLength: 3},
  ...{numHeads: 1, keyDim: 2, headDim: 2, numQueryHeads: 1, numKeyValueHeads: 1},
};

const cases = Object.entries(layers).flatMap(([kind, given]) => {
  const make = given as Make;
  const known = optionsOf(make);
  const own = Object.fromEntries(Object.entries(needed).filter(([name]) => known.includes(name)));
  return known
    .filter(name => member.test(name) && name !== 'activityRegularizer')
    .map(name => [kind, name, () => make({...own, [name]: 'nonsense'})] as const);
});

it('there are many', () => {
  expect(cases.length).toBeGreaterThan(100);
});

it.each(cases)('%s: %s', (kind, name, make) => {
  const what = (
    /(activation|initializer|regularizer|constraint)$/i.exec(name) as RegExpExecArray
  )[0].toLowerCase();
  expect(make).toThrow(new RegExp(`^layers.${kind}: ${name}: unknown ${what} "nonsense"\\. Known: `, 'i'));
});

it('of what every layer gives', () => {
  expect(() => layers.dense({units: 1, activityRegularizer: 'l22' as never})).toThrow(
    'layers.dense: activityRegularizer: unknown regularizer "l22". Did you mean "l2"?',
  );
});
