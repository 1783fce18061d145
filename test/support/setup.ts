// Before each file of tests: an empty list of cases is a mistake and no success. Before each test, too, the
// random numbers begin anew.
import {beforeEach, describe, it, test} from 'vitest';
import {restart} from '../conformance/random.ts';

restart();
beforeEach(restart);

type Each = (cases: unknown, ...rest: unknown[]) => unknown;
const guarded = Symbol.for('chainrule.guarded');

for (const api of [describe, it, test] as unknown as {each: Each & {[guarded]?: true}}[]) {
  const {each} = api;
  if (each[guarded]) continue;
  const checked: Each = function (this: unknown, cases, ...rest) {
    if (Array.isArray(cases) && cases.length === 0) throw new Error('each() was given no case at all');
    return each.call(this, cases, ...rest);
  };
  api.each = Object.assign(checked, {[guarded]: true as const});
}
