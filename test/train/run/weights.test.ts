// Weights that do not fit a model are refused, and nothing is changed.
import {expect, it} from 'vitest';
import {failsWith, untyped} from '../../support/refusals.ts';
import {build} from '../../support/small-model.ts';

it('weights: each way of not fitting is named, and nothing is changed', () => {
  const model = build();
  const before = model.getWeights();
  const first = before[0] as (typeof before)[number];
  const rest = before.slice(1);
  const cases: [unknown, RegExp][] = [
    [null, /expected an array as from getWeights/],
    [rest, /values are missing for dense\/kernel/],
    [[first, ...before], /dense\/kernel is given twice/],
    [[{...first, shape: [12, 6]}, ...rest], /dense\/kernel has the shape \[6,12\]. Received \[12,6\]/],
    [[{...first, data: first.data.slice(1)}, ...rest], /holds 72 values. Received 71/],
    [[{...first, name: 'dense/Kernel'}, ...rest], /no weight "dense\/Kernel". Did you mean "dense\/kernel"/],
    [[{...first, data: first.data.map(() => Number.NaN)}, ...rest], /would hold NaN at position 0/],
    [[{...first, data: Array.from(first.data, () => 1e39)}, ...rest], /would hold 1e\+39/],
    [[{name: first.name}, ...rest], /expected {name, data}/],
    [[{...first, shape: '3,2'}, ...rest], /expected a shape such as \[3, 2\]\. Received "3,2"/],
  ];
  for (const [given, text] of cases) {
    expect(() => model.setWeights(untyped(given))).toThrow(failsWith('ERR_WEIGHTS', text));
    expect(model.getWeights()).toEqual(before);
  }
});
