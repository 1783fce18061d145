import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {fuse} from '../../lib/compile/fuse.ts';
import {planMemory} from '../../lib/compile/memory.ts';
import {mapRoots, type Roots, tensorsOf} from '../../lib/compile/roots.ts';
import {schedule} from '../../lib/compile/schedule.ts';
import {simplify} from '../../lib/compile/simplify.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {callsOf} from '../../lib/graph/walk.ts';
import {finite} from '../../lib/ops/index.ts';
import {evaluate} from '../reference.ts';
import {checkMemory} from './checker.ts';
import {build, recipes} from './random-graph.ts';
import {layoutOf} from './support.ts';

const deep = process.env.CHAINRULE_DEEP === '1';
const runs = {numRuns: deep ? 5000 : 300, seed: deep ? Date.now() & 0x7fffffff : 20240607};

/** Integers and halves: what the passes rearrange is then exact in float64. */
const valuesOf = (leaves: readonly Tensor[]): Map<Tensor, Float64Array> =>
  new Map(
    leaves.map((leaf, which) => [
      leaf,
      Float64Array.from({length: leaf.size}, (_, index) => ((index * 7 + which * 3) % 9) / 2 - 2),
    ]),
  );

const expectSameValues = (before: Roots, after: Roots, leaves: readonly Tensor[]): void => {
  const given = valuesOf(leaves);
  const wanted = evaluate(tensorsOf(before), given);
  evaluate(tensorsOf(after), given).forEach((values, index) => {
    const differs = values.findIndex((value, at) => !Object.is(value, wanted[index]?.[at]));
    expect(differs, `root ${index}`).toBe(-1);
  });
};

describe('for any graph', () => {
  it('simplify and fuse keep every value', () => {
    fc.assert(
      fc.property(recipes, recipe => {
        const {roots, leaves} = build(recipe);
        const simplified = simplify(roots);
        expectSameValues(roots, simplified, leaves);
        for (const join of [true, false]) {
          const fused = fuse(simplified, join);
          expectSameValues(roots, fused, leaves);
          const left = callsOf(tensorsOf(fused)).filter(({op}) => op.elementwise && op.kind === 'primitive');
          expect(left, 'every elementwise call is in a map').toEqual([]);
        }
      }),
      runs,
    );
  });

  it('no two values that are needed at once share memory, and the commit reads what was before it', () => {
    let checked = 0;
    fc.assert(
      fc.property(recipes, fc.boolean(), fc.boolean(), (recipe, join, inPlace) => {
        const {roots} = build(recipe);
        const guarded: Roots = {
          ...roots,
          guards: roots.updates.flatMap(([, value]) => (value.call.op.updates ? [] : [finite(value)])),
        };
        const layout = layoutOf(guarded);
        const scheduled = schedule(fuse(simplify(guarded), join), layout);
        checkMemory(scheduled, planMemory(scheduled, inPlace));
        checked++;
      }),
      runs,
    );
    expect(checked).toBeGreaterThanOrEqual(runs.numRuns);
  });

  it('simplify finds nothing more the second time', () => {
    fc.assert(
      fc.property(recipes, recipe => {
        const once = simplify(build(recipe).roots);
        const identity = new Map<Tensor, Tensor>();
        mapRoots(once, tensor => {
          identity.set(tensor, tensor);
          return tensor;
        });
        expect(tensorsOf(simplify(once))).toEqual(tensorsOf(once));
      }),
      runs,
    );
  });
});
