// What a process may set: threads, the instruction set; and that neither changes a bit.
import {afterAll, describe, expect, it} from 'vitest';
import {emit} from '../../lib/compile/emit.ts';
import {planMemory} from '../../lib/compile/memory.ts';
import {addon} from '../../lib/runtime/addon.ts';
import {getThreads, nativeInfo, Program, setThreads} from '../../lib/runtime/program.ts';
import {twoLevelResult, twoLevelSchedule} from '../compile/two-level.ts';
import {runChild} from '../support/child.ts';
import {ops, PlanWords, shared, signatures} from './words.ts';

const threads = getThreads();
afterAll(() => setThreads(threads));

describe('a loop in a loop', () => {
  const x = Float32Array.from({length: 12 * 16}, (_, index) => Math.sin(index) / 2);
  const schedule = twoLevelSchedule();
  const plan = emit(schedule, planMemory(schedule));
  const steps = 3;
  const settings = nativeInfo().isas.flatMap(isa => [1, 2, 3, 7].map(count => [isa, count] as const));
  const bits = new Set<string>();

  it.each(settings)('gives the right numbers on %s with %i threads', async (isa, count) => {
    setThreads(count);
    const [y, total] = [shared(steps * 48), shared(steps * 16)];
    await new Program(plan, {isa}).run(undefined, {x, y, total}, {steps});
    const expected = twoLevelResult(x);
    for (let step = 0; step < steps; step++) {
      expected.y.forEach((value, index) => void expect(y[step * 48 + index]).toBeCloseTo(value, 5));
      expected.total.forEach((value, index) => void expect(total[step * 16 + index]).toBeCloseTo(value, 5));
    }
    bits.add(Buffer.from(y.buffer).toString('hex') + Buffer.from(total.buffer).toString('hex'));
  });

  it('and the same bits each time', () => expect(bits.size).toBe(1));
});

describe('the environment', () => {
  const print = 'console.log(JSON.stringify([chainrule.getThreads(), chainrule.nativeInfo()]));';

  it.each(['scalar', ...nativeInfo().isas])('CHAINRULE_ISA=%s chooses the kernels', async isa => {
    const {stdout} = await runChild(print, {env: {CHAINRULE_ISA: isa}});
    expect(JSON.parse(stdout)[1].isa).toBe(isa);
  });

  it('an unusable CHAINRULE_NUM_THREADS is said to be none', async () => {
    const wrong = await runChild(print, {env: {CHAINRULE_NUM_THREADS: 'many'}});
    expect(JSON.parse(wrong.stdout)[0]).toBe(nativeInfo().cpus);
    const using = `Received many; using ${nativeInfo().cpus}.`;
    expect(wrong.stderr).toContain(`CHAINRULE_NUM_THREADS: expected an integer from 1 to 1024. ${using}`);
    const right = await runChild(print, {env: {CHAINRULE_NUM_THREADS: '1'}});
    expect([JSON.parse(right.stdout)[0], right.stderr]).toEqual([1, '']);
  });

  it('CHAINRULE_ISA with an unknown name is an error that says so', async () => {
    const source = `
      const {layers, sequential} = chainrule;
      const model = sequential([layers.dense({units: 1, inputShape: [1]})]);
      try { model.predictSync(new Float32Array(1)); } catch (error) { console.log(error.message); }`;
    const {code, stdout, stderr} = await runChild(source, {env: {CHAINRULE_ISA: 'avx1024'}});
    expect(`${code} ${stdout}${stderr}`).toContain(
      'CHAINRULE_ISA asks for "avx1024", which this machine or build does not have',
    );
  });

  it.each([
    ['3', 3],
    ['1', 1],
    ['0', nativeInfo().cpus],
    ['-2', nativeInfo().cpus],
    ['many', nativeInfo().cpus],
    ['', nativeInfo().cpus],
  ])('CHAINRULE_NUM_THREADS=%s', async (value, expected) => {
    const {stdout} = await runChild(print, {env: {CHAINRULE_NUM_THREADS: value}});
    expect(JSON.parse(stdout)[0]).toBe(expected);
  });
});

it.each([0, -1, 1.5, Number.NaN, 1025, '2'])('setThreads(%s) is refused', count => {
  expect(() => setThreads(count as number)).toThrow(expect.objectContaining({code: 'ERR_OPTION'}));
});

describe('the addon itself, which trusts no one above it', () => {
  const words = new PlanWords();
  const x = words.io('x', 'float32', [4], {perStep: true});
  const y = words.io('y', 'float32', [4], {output: true, perStep: true});
  const counter = words.place('state', 'float32', [16]);
  words
    .instruction(signatures.copy, [y], [x])
    .commit()
    .map(counter, [counter], [1], [[ops.add, 0, 0, 1]]);
  const plan = words.plan();
  const native = addon().load(plan.words, plan.signatures);
  const memory = new Uint8Array(new SharedArrayBuffer(256));
  const start = (64 - addon().alignment(memory, 64)) % 64;
  const state = addon().createState(memory.subarray(start, start + 64));
  const good = new Float32Array(8);
  const result = shared(8);
  const bytes = new Uint8Array(64);

  it.each<[string, RegExp, unknown, unknown[], number]>([
    ['too few arrays', /expected 2 arrays/, state, [good], 1],
    ['no state', /state is smaller/, undefined, [good, result], 1],
    [
      'a state that is too small',
      /state is smaller/,
      addon().createState(memory.subarray(0, 32)),
      [good, result],
      1,
    ],
    [
      'a state that begins anywhere',
      /multiple of 64/,
      addon().createState(memory.subarray(start + 16, start + 80)),
      [good, result],
      1,
    ],
    ['an array that is too short', /slot 0 is too short/, state, [good.subarray(1), result], 2],
    ['an array at an odd address', /slot 0 is not aligned/, state, [bytes.subarray(1, 33), result], 1],
    ['a result over the state', /overlaps the state/, state, [good, memory.subarray(start, start + 32)], 2],
    ['a result over an input', /overlaps io slot 0/, state, [good, good], 1],
    ['more steps than there can be', /too many steps|too short/, state, [good, result], 0x7fffffff],
    ['a negative number of steps', /out of range/, state, [good, result], -1],
    ['no array at all', /typed array/, state, [{}, result], 1],
  ])('%s', (_, why, nativeState, io, steps) => {
    const call = [native, nativeState, io, steps, {}] as unknown as Parameters<
      ReturnType<typeof addon>['run']
    >;
    expect(() => addon().runSync(...call)).toThrow(why);
    expect(() => addon().run(...call)).toThrow(why);
    expect(addon().runSync(native, state, [good, result], 2, {})[0]).toBe(2);
  });
});
