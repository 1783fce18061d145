// Same seed, same bits: whatever the number of threads, the instruction set and the length of a native call.
import {afterEach, describe, expect, it} from 'vitest';
import {getThreads, setThreads} from '../lib/runtime/program.ts';
import {compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import {deep, isas} from './conformance/native.ts';
import {
  broad,
  fingerprint,
  inputsOf,
  type Sizes,
  small,
  trainingInputs,
  trainingStep,
} from './conformance/training.ts';

const threads = getThreads();
afterEach(() => setThreads(threads));

interface Way {
  readonly isa?: string;
  readonly threads?: number;
  /** Steps in one native call. */
  readonly call?: number;
  readonly sync?: boolean;
}

/** Trains and gives the losses of all steps and a fingerprint of weights and moments. */
async function train(sizes: Sizes, steps: number, way: Way): Promise<{losses: number[]; weights: string}> {
  setThreads(way.threads ?? 1);
  const {variables, ...graph} = trainingStep(sizes);
  const store = new VariableStore();
  store.add(variables);
  store.initialize(3);
  const program = compileProgram({...graph, store, ...(way.isa !== undefined && {isa: way.isa})});
  const all = trainingInputs(sizes, steps);
  const losses: number[] = [];
  const call = way.call ?? steps;
  for (let first = 0; first < steps; first += call) {
    const last = Math.min(first + call, steps);
    const [inputs, options] = [inputsOf(all, sizes, first, last), {steps: last - first}];
    const result = way.sync ? program.runSync(inputs, options) : await program.run(inputs, options);
    expect(result.end).toBe('done');
    losses.push(...(result.outputs.lossTotal as Float64Array));
  }
  return {losses, weights: fingerprint(variables.map(owner => store.read(owner)))};
}

const threadCounts = [1, 2, 3, 7];

describe('200 steps of a small network', () => {
  const steps = 200;
  const reference = train(small, steps, {isa: 'scalar', sync: true, call: 1});

  it('learn something', async () => {
    const {losses} = await reference;
    expect(losses).toHaveLength(steps);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 3);
  });

  it.each(isas)(
    'end with the same bits on %s, for every number of threads and length of a call',
    async isa => {
      for (const count of threadCounts) {
        for (const call of deep ? [1, 3, 50, 199, 200] : [3, 50, 200]) {
          expect(await train(small, steps, {isa, threads: count, call})).toEqual(await reference);
        }
      }
      expect(await train(small, steps, {isa, call: 1})).toEqual(await reference);
      expect(await train(small, steps, {isa, call: 50, sync: true})).toEqual(await reference);
    },
  );
});

describe('a network wide enough to be shared among threads', () => {
  const steps = deep ? 200 : 20;
  const reference = train(broad, steps, {isa: 'scalar'});

  it.each(isas)('ends with the same bits on %s for every number of threads', async isa => {
    for (const count of threadCounts) {
      for (const call of [7, steps]) {
        expect(await train(broad, steps, {isa, threads: count, call})).toEqual(await reference);
      }
    }
  });
});
