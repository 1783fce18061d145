// How many native calls a text takes: as many tokens a call as fit its time, by a clock that is told here.
import {afterEach, expect, it, vi} from 'vitest';
import type {Sequential} from '../../../lib/index.ts';
import {CompiledProgram} from '../../../lib/session/compile.ts';
import {languageModels} from './language-models.ts';

afterEach(() => vi.restoreAllMocks());

const {run} = CompiledProgram.prototype;

/** Native calls for 400 tokens, each of which takes `ms` milliseconds. */
async function callsOf(name: string, ms: number): Promise<number[]> {
  const model = (languageModels[name] as () => Sequential)();
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const sizes: number[] = [];
  vi.spyOn(CompiledProgram.prototype, 'run').mockImplementation(async function (
    this: CompiledProgram,
    ...given
  ) {
    const outcome = await run.apply(this, given);
    const {length = 0} = outcome.outputs.tokens ?? {};
    sizes.push(length);
    now += length * ms;
    return outcome;
  });
  const tokens = model.generate([3, 1, 4], {maxNewTokens: 400, contextLength: 512, seed: 1});
  expect(await tokens.toArray()).toHaveLength(400);
  vi.restoreAllMocks();
  return sizes;
}

it.each(['lstm', 'rotary positions'])('%s makes many tokens in one native call', async name => {
  const sizes = await callsOf(name, 0.01);
  // Nothing is known of the time of the first; the last one makes what is left.
  expect(sizes).toEqual([4, 64, 64, 64, 64, 64, 64, 16]);
});

it('where a token takes long, a call makes fewer, so that the event loop has its turns', async () => {
  expect(Math.max(...(await callsOf('lstm', 3)).slice(1))).toBe(4);
  expect((await callsOf('lstm', 40)).slice(1).every(size => size === 1)).toBe(true);
});
