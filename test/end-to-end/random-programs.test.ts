// Random programs of ops with their gradients: the passes keep their meaning, every call is right, and the
// bits are the same whatever the passes, the instruction set and the number of threads.
import fc from 'fast-check';
import {afterAll, describe, expect, it} from 'vitest';
import {fuse} from '../../lib/compile/fuse.ts';
import {simplify} from '../../lib/compile/simplify.ts';
import {getThreads, setThreads} from '../../lib/runtime/program.ts';
import {givenOf} from '../conformance/build.ts';
import {expectEveryCall} from '../conformance/every-call.ts';
import {deep, expectSameResults, isas, runNative, runOnThreads} from '../conformance/native.ts';
import {build, recipes} from '../conformance/random-programs.ts';
import {evaluate, type Values} from '../reference.ts';

const threads = getThreads();
afterAll(() => setThreads(threads));

const isClose = (x: number, y: number): boolean =>
  Object.is(x, y) || Math.abs(x - y) < 1e-5 * (1 + Math.abs(y));

describe('random programs', () => {
  const numRuns = deep ? 3000 : 60;
  const timeout = deep ? 1_200_000 : 120_000;
  const seed = deep ? Date.now() & 0x7fffffff : 20240607;

  it('mean the same after each pass', {timeout}, () => {
    fc.assert(
      fc.property(recipes, recipe => {
        const program = build(recipe);
        const given = givenOf(program);
        const roots = {outputs: Object.entries(program.outputs), updates: [], guards: []};
        const before = evaluate(Object.values(program.outputs), given);
        for (const after of [simplify(roots), fuse(roots), fuse(simplify(roots)), fuse(roots, false)]) {
          const results = evaluate(
            after.outputs.map(([, tensor]) => tensor),
            given,
          );
          for (const [index, values] of results.entries()) {
            // Folded constants have been rounded to float32 once more.
            const wrong = values.findIndex((x, at) => !isClose(x, (before[index] as Values)[at] as number));
            expect(wrong, `output ${index}`).toBe(-1);
          }
        }
      }),
      {numRuns, seed},
    );
  });

  it('are right call by call', {timeout}, () => {
    fc.assert(
      fc.property(recipes, recipe => expectEveryCall(build(recipe), 'random program')),
      {numRuns, seed},
    );
  });

  it('have the same bits whatever the passes, the instruction set and the threads', {timeout}, async () => {
    const property = fc.asyncProperty(recipes, async recipe => {
      const program = build(recipe);
      const plain = runNative(program, {passes: {fuse: false, inPlace: false}});
      for (const isa of isas) expectSameResults(runNative(program, {isa}), plain, isa);
      for (const count of [1, 3]) {
        setThreads(count);
        expectSameResults(await runOnThreads(program, {offset: 1}), plain, `${count} threads, unaligned`);
      }
    });
    await fc.assert(property, {numRuns, seed: seed + 1});
  });
});
