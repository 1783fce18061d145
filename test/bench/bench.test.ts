// What the bench computes from its measurements: bounds, slopes of goals, files for its peers. The
// measurements themselves decide no test.
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {beforeAll, describe, expect, test} from 'vitest';
import {ceilingAbove, exceeds, timeTable} from '../../bench/breakdown.ts';
import {bandwidthOf, bestCeiling, type Ceiling, levelOf, peakOf} from '../../bench/ceiling.ts';
import {oddFigures, scalingOf} from '../../bench/conv.ts';
import {growthOf, plannedBytes} from '../../bench/generation.ts';
import {goals, isReached} from '../../bench/goals.ts';
import {gridShapes} from '../../bench/grid.ts';
import {guardPlans} from '../../bench/guard-plans.ts';
import {geometricMean, worstOf} from '../../bench/options.ts';
import {buildModel} from '../../bench/peers/chainrule.ts';
import {onnxModel} from '../../bench/peers/onnx-model.ts';
import {onnxNetwork, permuted} from '../../bench/peers/onnx-network.ts';
import {bestOfOthers, tableOf} from '../../bench/peers/turns.ts';
import {Product} from '../../bench/product.ts';
import {record} from '../../bench/record.ts';
import {boundOfStep, parametersOf} from '../../bench/roofline.ts';
import {randomWorkloads, type Workload} from '../../bench/workloads.ts';
import {layers, optimizers, sequential} from '../../lib/index.ts';
import type {CompiledProgram} from '../../lib/session/compile.ts';
import {build} from '../../scripts/bootstrap.mjs';
import {drawLines} from '../../scripts/pictures/lines.ts';

const rates = (one: number, all: number) => ({
  readGBs: [one, all] as const,
  triadGBs: [one / 2, all / 2] as const,
  inPlaceGBs: [one / 2, all / 2] as const,
});
const ceiling: Ceiling = {
  threads: 2,
  fmaGflops: [100, 200],
  levels: [
    {name: 'L1', bytes: 32 << 10, ...rates(400, 800)},
    {name: 'L2', bytes: 1 << 20, ...rates(200, 400)},
    {name: 'L3', bytes: 32 << 20, ...rates(100, 200)},
    {name: 'memory', bytes: 0, ...rates(40, 50)},
  ],
  barrierNs: 100,
  regionNs: 1000,
};
const workload: Workload = {
  name: 'two layers',
  sizes: [100, 50, 10],
  batch: 20,
  batches: 10,
  activation: 'relu',
  loss: 'crossentropy',
  optimizer: {name: 'adam', learningRate: 0.001},
  goal: 1,
};

describe('the level of so many bytes', () => {
  test.each([
    [30 << 10, 1, 'L1'],
    [60 << 10, 1, 'L2'],
    [60 << 10, 2, 'L1'],
    [3 << 20, 2, 'L3'],
    // The last level is shared, so that two threads have no more of it than one.
    [33 << 20, 2, 'memory'],
    [Number.POSITIVE_INFINITY, 2, 'memory'],
  ])('%i bytes on %i threads: %s', (bytes, threads, name) => {
    expect(levelOf(ceiling, bytes, threads).name).toBe(name);
  });

  test('has its bandwidth, and the machine its peak, by the number of threads', () => {
    const memory = levelOf(ceiling, Number.POSITIVE_INFINITY, 1);
    expect([bandwidthOf(memory, 1, 'read'), bandwidthOf(memory, 2, 'triad')]).toEqual([40, 25]);
    expect([peakOf(ceiling, 1), peakOf(ceiling, 2)]).toEqual([100, 200]);
  });
});

describe('the bound of a training step', () => {
  test('is its arithmetic, its update and its data', () => {
    expect(parametersOf(workload)).toBe(100 * 50 + 50 + 50 * 10 + 10);
    const bound = boundOfStep(workload, ceiling, 2);
    // Forward and gradient of both kernels, and the gradient of the second layer's input.
    const flops = 2 * 20 * (2 * 100 * 50 + 3 * 50 * 10);
    expect(bound.arithmetic).toBeCloseTo(flops / 200e3, 9);
    // 5560 parameters of 16 bytes lie in two L2 caches; 28 bytes of each move.
    expect(bound.updateLevel).toBe('L2');
    expect(bound.update).toBeCloseTo((5560 * 28) / 200e3, 9);
    // 200 rows of 101 numbers.
    expect(bound.dataLevel).toBe('L2');
    expect(bound.data).toBeCloseTo((20 * 101 * 4) / 400e3, 9);
    expect(bound.microseconds).toBeCloseTo(bound.arithmetic + bound.update + bound.data, 9);
  });
});

describe('goals', () => {
  test('have names of their own and one bound', () => {
    expect(new Set(goals.map(({name}) => name)).size).toBe(goals.length);
    for (const {atLeast, atMost} of goals) expect(atLeast === undefined).not.toBe(atMost === undefined);
  });

  test('are reached at their bound and missed beyond it', () => {
    const least = goals.find(({atLeast}) => atLeast === 0.97);
    const most = goals.find(({atMost}) => atMost === 0.7);
    if (!least || !most) throw new Error('no such goals');
    expect([isReached(least, 0.97), isReached(least, 0.96)]).toEqual([true, false]);
    expect([isReached(most, 0.7), isReached(most, 0.71)]).toEqual([true, false]);
  });

  test('take the worst of many and the mean of ratios', () => {
    const figures = [{value: 2, note: 'a'}, {value: 1, note: 'b'}, {value: 3}];
    expect(worstOf(figures)).toEqual({value: 1, note: 'b'});
    expect(worstOf(figures, 'most')).toEqual({value: 3});
    expect(worstOf([])).toBeUndefined();
    expect(geometricMean([2, 8])).toBeCloseTo(4, 12);
  });
});

test('a chart of lines has one path and one name for each', () => {
  const lines = [
    {name: 'a < b', points: [[1, 10] as const, [10, 100] as const]},
    {name: 'c', points: [[1, 1] as const, [100, 1000] as const]},
  ];
  const svg = drawLines(lines, {title: 'title', xName: 'x', yName: 'y', logarithmic: 'both'});
  expect(svg.match(/fill="none"/g)).toHaveLength(2);
  expect(svg).toContain('a &lt; b');
  // x from 1 to 100 and y from 1 to 1000: the first point stands in the lower left corner.
  expect(svg).toContain('<path d="M80 412L680 92"');
});

describe('a model for onnxruntime', () => {
  test('holds its weights once, little-endian, after the names of its tensors', () => {
    const kernel = Float32Array.of(1, 2, 3, 4, 5, 6);
    const bytes = Buffer.from(
      onnxModel({
        nodes: [{op: 'Gemm', inputs: ['x', 'w'], output: 'y', attributes: {axis: 1, sizes: [2, 300]}}],
        weights: [{name: 'w', shape: [2, 3], data: kernel}],
        input: {name: 'x', shape: [1, 2]},
        output: {name: 'y', shape: [1, 3]},
      }),
    );
    const raw = Buffer.from(kernel.buffer);
    expect(bytes.indexOf(raw)).toBeGreaterThan(bytes.indexOf('Gemm'));
    expect(bytes.indexOf(raw)).toBe(bytes.lastIndexOf(raw));
    // Of an attribute, field 3 is an integer and field 8 integers, 300 as 172 and 2; field 20 its type.
    const [one, list] = ['axis', 'sizes'].map(name => bytes.subarray(bytes.indexOf(name) + name.length));
    expect([...(one as Buffer).subarray(0, 5)]).toEqual([0x18, 1, 0xa0, 1, 2]);
    expect([...(list as Buffer).subarray(0, 8)]).toEqual([0x40, 2, 0x40, 172, 2, 0xa0, 1, 7]);
    // ir_version is field 1, a varint; opset_import is field 8 and ends the file with version 17.
    expect([...bytes.subarray(0, 2)]).toEqual([8, 8]);
    expect([...bytes.subarray(-6)]).toEqual([0x42, 4, 0x0a, 0, 0x10, 17]);
  });

  test('has channels first: kernels, and what reads a flattened image', () => {
    const net = sequential([
      layers.conv2d({filters: 2, kernelSize: 2, strides: 2, padding: 'same', inputShape: [3, 3, 3]}),
      layers.depthwiseConv2d({kernelSize: [1, 2], padding: 'same'}),
      layers.flatten(),
      layers.dense({units: 1}),
    ]);
    const weights = net.getWeights();
    let next = 0;
    net.setWeights(weights.map(({name, shape, data}) => ({name, shape, data: data.map(() => next++)})));
    const bytes = Buffer.from(onnxNetwork(net, 1));
    const holds = (...values: number[]) => bytes.includes(Buffer.from(Float32Array.from(values).buffer));
    // Of filter 0 and channel 0, the kernel's four pixels; of each channel, the two of the depthwise kernel.
    expect(holds(0, 6, 12, 18, 2, 8, 14, 20)).toBe(true);
    expect(holds(26, 28, 27, 29)).toBe(true);
    // The four pixels of channel 0, then those of channel 1.
    expect(holds(32, 34, 36, 38, 33, 35, 37, 39)).toBe(true);
    // 3 pixels in strides of 2: one is missing, behind.
    const pads = bytes.subarray(bytes.indexOf('pads') + 4);
    expect([...pads.subarray(0, 8)]).toEqual([0x40, 0, 0x40, 0, 0x40, 1, 0x40, 1]);
    const unknown = sequential([layers.prelu({inputShape: [2]})]);
    expect(() => onnxNetwork(unknown, 1)).toThrow(/onnx: no layer prelu/);
  });

  test('permutes axes as a transposition does', () => {
    const data = Float32Array.from({length: 24}, (_, at) => at);
    const turned = permuted(data, [2, 3, 4], [2, 0, 1]);
    // Element [c, a, b] was [a, b, c].
    for (const [c, a, b] of [
      [0, 0, 0],
      [3, 1, 2],
      [1, 0, 2],
      [2, 1, 0],
    ] as const) {
      expect(turned[(c * 2 + a) * 3 + b]).toBe((a * 3 + b) * 4 + c);
    }
  });
});

test('times beside peers are ratios to chainrule, of the best of the others', () => {
  const times = {chainrule: 10, torch: 25, jax: 15};
  expect(bestOfOthers(times)).toEqual({value: 1.5, note: 'jax'});
  expect(bestOfOthers({chainrule: 10})).toBeUndefined();
  expect(tableOf(times, 'µs')).toMatch(/torch .*25.*2\.50/);
});

describe('the native tools', {timeout: 300_000}, () => {
  beforeAll(() => build(['ceiling', 'parts']), 300_000);
  const ask = (tool: string, ...args: readonly string[]) =>
    JSON.parse(execFileSync(`build/Release/${tool}`, args, {encoding: 'utf8'}));

  test('ceiling has a rate for each number of threads and each level, memory last', () => {
    const measured: Ceiling = ask('ceiling', '2', '0.01');
    expect(measured.fmaGflops).toHaveLength(2);
    expect(measured.levels.at(-1)?.name).toBe('memory');
    const all = measured.levels.flatMap(({readGBs, triadGBs, inPlaceGBs}) =>
      [readGBs, triadGBs, inPlaceGBs].flat(),
    );
    for (const rate of [...measured.fmaGflops, ...all, measured.barrierNs]) expect(rate).toBeGreaterThan(0);
    const caches = measured.levels.slice(0, -1).map(({bytes}) => bytes);
    expect(caches).toEqual([...caches].sort((a, b) => a - b));
    expect(ask('ceiling', '1', '0.01', 'fma').levels).toEqual([]);
  });

  test('parts has a time for each instruction, and barriers with several threads only', async () => {
    const {file, plan} = await record('parts test', {steps: 3, rows: workload.batch}, () => {
      const x = {data: new Float32Array(2000).fill(0.5), shape: [20, 100]};
      return buildModel(workload).trainOnBatch(x, new Uint8Array(20));
    });
    const {kernelNs, barriers} = ask('parts', file);
    expect(kernelNs).toHaveLength(plan.instructions.length);
    expect(Math.min(...kernelNs)).toBeGreaterThan(0);
    expect(barriers).toBe(0);
  });

  test('parts counts the barriers of a team', async () => {
    const wide = {...workload, sizes: [256, 256, 10], batch: 256};
    const {file} = await record('barriers test', {steps: 3, rows: wide.batch}, () => {
      const x = {data: new Float32Array(256 * 256).fill(0.5), shape: [256, 256]};
      return buildModel(wide).trainOnBatch(x, new Uint8Array(256));
    });
    expect(ask('parts', file, '--threads', '2').barriers).toBeGreaterThan(2);
    expect(ask('parts', file, '--threads', '1').barriers).toBe(0);
  });

  test.each(['lstm', 'gru'] as const)('steps of %s are shared without a barrier each', async kind => {
    const [batch, steps] = [64, 60];
    const {file, plan} = await record(`${kind} barriers test`, {steps: 2, rows: batch}, () => {
      const net = sequential([layers[kind]({units: 128, inputShape: [steps, 8]}), layers.dense({units: 1})]);
      net.compile({optimizer: optimizers.sgd(), loss: 'meanSquaredError'});
      const x = {data: new Float32Array(batch * steps * 8).fill(0.5), shape: [batch, steps, 8]};
      return net.trainOnBatch(x, {data: new Float32Array(batch), shape: [batch, 1]});
    });
    const inLoops = plan.instructions.filter(({depth}) => depth === 1).map(({name}) => name);
    expect(inLoops).toEqual([`${kind}Step`, `${kind}StepGrad`]);
    const {barriers} = ask('parts', file, '--threads', '2');
    expect(barriers).toBeGreaterThan(0);
    expect(barriers).toBeLessThan(steps / 2);
  });
});

describe('shapes that nobody chose', () => {
  test('are the same in each run, within their bounds, in all three forms', () => {
    const shapes = gridShapes(200);
    expect(shapes).toEqual(gridShapes(200));
    const sizes = (of: 'm' | 'k' | 'n') => shapes.map(shape => shape[of]);
    expect(Math.min(...sizes('m'))).toBeGreaterThanOrEqual(16);
    expect(Math.max(...sizes('m'))).toBeLessThanOrEqual(300);
    for (const axis of ['k', 'n'] as const) {
      expect(Math.min(...sizes(axis))).toBeGreaterThanOrEqual(32);
      expect(Math.max(...sizes(axis))).toBeLessThanOrEqual(1500);
      expect(sizes(axis).filter(size => size % 16 !== 0).length).toBeGreaterThan(150);
    }
    expect(new Set(shapes.map(({form}) => form))).toEqual(new Set(['nn', 'tn', 'nt']));
  });

  test('are those of five networks', () => {
    expect(randomWorkloads).toHaveLength(5);
    for (const {batch, sizes} of randomWorkloads) {
      expect(batch).toBeGreaterThanOrEqual(37);
      expect(batch).toBeLessThanOrEqual(300);
      expect(sizes.length).toBeGreaterThanOrEqual(3);
    }
  });
});

test('what convolutions gain by threads is the worst of them, beside what multiply-adds gain', () => {
  const rows = [
    {value: 1.9, note: 'a'},
    {value: 1.7, note: 'b'},
  ];
  expect(scalingOf(rows, ceiling)).toEqual({value: 1.7, note: 'b; 2 threads, multiply-adds 2.00 ×'});
  expect(scalingOf([], ceiling)).toBeUndefined();
});

test('of odd sizes the mean of all counts, and the worst of those that fill a row of lanes', () => {
  const rows = [
    {value: 0.1, note: 'thin', channels: 1},
    {value: 0.4, note: 'worst', channels: 12},
    {value: 0.8, note: 'best', channels: 50},
  ];
  const found = oddFigures(rows);
  expect(found['conv-odd']?.value).toBeCloseTo((0.1 * 0.4 * 0.8) ** (1 / 3), 12);
  expect(found['conv-odd-worst']).toEqual({value: 0.4, note: 'worst'});
});

test('each plan whose instructions are counted has a count', () => {
  const counts: Record<string, object> = JSON.parse(readFileSync('bench/guard.json', 'utf8'));
  const names = guardPlans.map(({name}) => name).sort();
  for (const [compiler, known] of Object.entries(counts)) {
    expect(Object.keys(known).sort(), compiler).toEqual(names);
  }
});

test('a product is timed by turns that are longer than waking a team, however small it is', async () => {
  const product = new Product({form: 'nn', m: 8, k: 8, n: 8});
  const started = performance.now();
  const seconds = await product.time(1, 0.02);
  // Half of it at least; the product itself is made in less than a microsecond.
  expect(performance.now() - started).toBeGreaterThan(10);
  expect(seconds).toBeLessThan(0.01);
  expect(seconds).toBeGreaterThan(0);
});

describe('the share of an instruction', () => {
  const program = (ns: number, bytes: number) =>
    ({
      plan: {instructions: [{name: 'map', scope: '', phase: 'compute', flops: 1, bytes}]},
      stepsRun: 10,
      profile: () => Float64Array.of(ns * 10),
    }) as unknown as CompiledProgram;

  test('is one of the bandwidth where its operands lie', () => {
    // 1 MiB lies in the L2 caches of two threads, at 400 bytes in a nanosecond.
    expect(timeTable(program(5243, 1 << 20), ceiling)).toMatch(/50 % of L2/);
    expect(timeTable(program(2 << 21, 64 << 20), ceiling)).toMatch(/32 % of memory/);
  });

  test('above the ceiling tells that the ceiling was disturbed', () => {
    expect(exceeds(program(5243, 1 << 20), ceiling)).toBe(false);
    expect(exceeds(program(2000, 1 << 20), ceiling)).toBe(true);
    expect(timeTable(program(2000, 1 << 20), ceiling)).toMatch(/above the ceiling of L2/);
  });

  test('has its ceiling measured again while it lies above, four times in all', () => {
    const measure = (...peaks: number[]) => {
      let count = 0;
      const levels = (of: number) =>
        ceiling.levels.map(level => ({...level, readGBs: [of, of] as const, triadGBs: [of, of] as const}));
      const found = ceilingAbove([program(2000, 1 << 20)], () => ({
        ...ceiling,
        levels: levels(peaks[count++] as number),
      }));
      return {count, read: found.levels[0]?.readGBs[1]};
    };
    // It moves 524 bytes in a nanosecond.
    expect(measure(600)).toEqual({count: 1, read: 600});
    expect(measure(300, 400, 600)).toEqual({count: 3, read: 600});
    expect(measure(300, 410, 400, 300)).toEqual({count: 4, read: 410});
  });

  test('is of the best of what was measured', () => {
    const disturbed = {...ceiling, fmaGflops: [110, 90]};
    expect(bestCeiling(ceiling, disturbed).fmaGflops).toEqual([110, 200]);
  });
});

test('memory of the transformer of characters grows in proportion to the length of its sequences', () => {
  const bytes = plannedBytes();
  expect(Object.keys(bytes)).toEqual(['1024', '2048', '4096']);
  expect(bytes[1024]).toBeGreaterThan(2 ** 20);
  expect(growthOf(bytes).value).toBeLessThan(1.05);
});
