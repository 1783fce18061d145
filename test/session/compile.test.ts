import {afterEach, describe, expect, it} from 'vitest';
import {type CompiledProgram, compileProgram, onCompile} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {adamHyper, xorInputs, xorTargets, xorTraining} from './support.ts';

const steps = 400;
const rows = Int32Array.from({length: 4 * steps}, (_, index) => index % 4);

function train(passes = {}, calls = 1): {program: CompiledProgram; run(): number[]; weights(): string} {
  const {request, variables} = xorTraining();
  const store = new VariableStore();
  store.add(variables);
  store.initialize(1);
  const program = compileProgram({...request, store, passes});
  const hyper = adamHyper(steps);
  return {
    program,
    run() {
      const losses: number[] = [];
      const each = steps / calls;
      for (let call = 0; call < calls; call++) {
        const {outputs, end} = program.runSync(
          {
            x: xorInputs,
            y: xorTargets,
            rows: rows.subarray(call * each * 4),
            hyper: hyper.subarray(call * each * 7),
          },
          {steps: each},
        );
        expect(end).toBe('done');
        losses.push(...(outputs.loss as Float64Array));
      }
      return losses;
    },
    weights: () =>
      variables
        .map(variable => Buffer.from(new Uint8Array(store.read(variable).buffer)).toString('hex'))
        .join(),
  };
}

describe('a network by hand', () => {
  it('learns xor', () => {
    const losses = train().run();
    expect(losses).toHaveLength(steps);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses.at(-1)).toBeLessThan(0.01);
  });

  it('has the same bits fused or not, in place or not, in one call or many', () => {
    const results = [
      train(),
      train({fuse: false}),
      train({inPlace: false}),
      train({fuse: false, inPlace: false}),
      train({}, steps),
    ].map((way, index) => {
      const losses = way.run();
      return {index, losses, weights: way.weights()};
    });
    for (const result of results) {
      expect(result.losses).toEqual(results[0]?.losses);
      expect(result.weights).toBe(results[0]?.weights);
    }
  });

  it('stops before the commit of a step that reads a NaN, and says where', async () => {
    const {program, weights} = train();
    const before = weights();
    const x = xorInputs.slice();
    x[5] = Number.NaN;
    const result = await program.run({x, y: xorTargets, rows, hyper: adamHyper(steps)}, {steps});
    expect(result).toMatchObject({
      steps: 0,
      end: 'guard',
      guard: {kind: 'inputNotFinite', source: 'x', position: 2, value: 1},
    });
    expect(weights()).toBe(before);
  });

  it('names the instruction that first was not finite', async () => {
    const {program, weights} = train();
    const before = weights();
    const x = xorInputs.map(value => value * 3e38);
    const result = await program.run({x, y: xorTargets.map(() => 3e38), rows, hyper: adamHyper(1)});
    expect(result.end).toBe('guard');
    expect(result.guard?.kind).toBe('notFinite');
    expect(result.anomaly?.scope).toBe('loss');
    expect(weights()).toBe(before);
  });
});

describe('runs', () => {
  it('fill arrays that are given, shared or not, and allocate shared ones', async () => {
    const {program} = train();
    const inputs = {x: xorInputs, y: xorTargets, rows, hyper: adamHyper(2)};
    const own = new Float64Array(2);
    const given = await program.run(inputs, {steps: 2, outputs: {loss: own}});
    expect(given.outputs.loss).toBe(own);
    expect(own[0]).toBeGreaterThan(0);
    const shared = new Float64Array(new SharedArrayBuffer(16));
    expect((await program.run(inputs, {steps: 2, outputs: {loss: shared}})).outputs.loss).toBe(shared);
    expect((await program.run(inputs)).outputs.loss?.buffer).toBeInstanceOf(SharedArrayBuffer);
    const short = {loss: new Float64Array(1)};
    await expect(program.run(inputs, {steps: 2, outputs: short})).rejects.toMatchObject({code: 'ERR_SHAPE'});
  });

  it('refuse a second writer, and free the state when they end', async () => {
    const {program} = train();
    const inputs = {x: xorInputs, y: xorTargets, rows, hyper: adamHyper(steps)};
    const first = program.run(inputs, {steps});
    await expect(program.run(inputs, {steps})).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'});
    expect(() => program.store.initialize(2)).toThrow(/being changed by/);
    expect((await first).steps).toBe(steps);
    expect((await program.run(inputs)).steps).toBe(1);
    await expect(program.run({...inputs, x: new Float32Array(3)})).rejects.toThrow();
    expect((await program.run(inputs)).steps).toBe(1);
  });

  it('add up the time of each instruction when asked', () => {
    const {program, run} = train();
    program.profiling = true;
    run();
    expect(program.stepsRun).toBe(steps);
    const times = program.profile();
    expect(times).toHaveLength(program.plan.instructions.length);
    expect(Math.min(...times)).toBeGreaterThan(0);
  });
});

describe('compileProgram', () => {
  afterEach(() => onCompile(undefined));

  it('needs all variables in the store', () => {
    const {request} = xorTraining();
    expect(() => compileProgram({...request, store: new VariableStore()})).toThrow('has no memory');
  });

  it('tells a listener, who can read all stages', () => {
    const seen: CompiledProgram[] = [];
    onCompile(program => seen.push(program));
    const {program} = train();
    expect(seen).toEqual([program]);
    const {graph, gradients, simplified, fused, plan} = program.stages();
    expect(graph).toContain('tanh(');
    expect(gradients).toContain('adam(');
    expect(simplified).toContain('matmul(');
    expect(fused).toContain('map: tanh');
    expect(plan).toContain('commit');
  });
});
