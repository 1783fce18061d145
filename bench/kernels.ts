// What of a step is not its kernels? Steps of small and deep networks beside the sum of their kernels, each
// timed by itself, and how often the threads meet.
import {spawnSync} from 'node:child_process';
import path from 'node:path';
import {setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {type BenchOptions, type Figures, figuresOf, worstOf} from './options.ts';
import {buildModel, Own} from './peers/chainrule.ts';
import {record} from './record.ts';
import {digits, resultsFolder, saveResults} from './report.ts';
import {makeData, type Workload, workloads} from './workloads.ts';

interface Parts {
  /** Of the threads in a step. */
  readonly barriers: number;
  readonly kernelNs: readonly number[];
}

interface Row {
  readonly name: string;
  readonly layers: number;
  /** Microseconds. */
  readonly step: number;
  readonly kernels: number;
  readonly instructions: number;
  readonly barriers: number;
}

const deep: Workload = {
  name: '100 layers of 16',
  sizes: Array<number>(101).fill(16),
  batch: 32,
  batches: 50,
  activation: 'tanh',
  loss: 'crossentropy',
  optimizer: {name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7},
  goal: 0,
};

async function partsOf(workload: Workload, threads: number): Promise<Parts> {
  const {name, sizes, batch, loss} = workload;
  const {file} = await record(name, {steps: 4, rows: batch}, async () => {
    const x = {
      data: new Float32Array(batch * (sizes[0] as number)).fill(0.5),
      shape: [batch, sizes[0] as number],
    };
    const y = loss === 'squared' ? {data: new Float32Array(batch), shape: [batch, 1]} : new Uint8Array(batch);
    await buildModel(workload).trainOnBatch(x, y);
  });
  const tool = path.join(import.meta.dirname, '../build/Release/parts');
  const {stdout, stderr} = spawnSync(tool, [file, '--threads', String(threads)], {encoding: 'utf8'});
  if (!stdout) throw new Error(`bench: the tool parts failed: ${stderr}`);
  return JSON.parse(stdout) as Parts;
}

async function measure(workload: Workload, {threads, quick}: BenchOptions): Promise<Row> {
  const {name, sizes} = workload;
  const own = new Own(workload, makeData(workload, path.join(resultsFolder, 'data')));
  let step = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < (quick ? 3 : 8); repeat++) {
    step = Math.min(step, await own.time(quick ? 0.05 : 0.2, false));
  }
  const {barriers, kernelNs} = await partsOf(workload, threads);
  const kernels = kernelNs.reduce((sum, ns) => sum + ns, 0) / 1e3;
  return {name, layers: sizes.length - 1, step, kernels, instructions: kernelNs.length, barriers};
}

export async function bench(options: BenchOptions): Promise<Figures> {
  setThreads(options.threads);
  const rows: Row[] = [];
  const chosen = workloads.filter(({name}) => name !== 'mlp-small-sgd');
  for (const workload of [...chosen, deep]) rows.push(await measure(workload, options));
  console.log(`${options.threads} threads; kernels by themselves on one, microseconds`);
  const lines = rows.map(({name, step, kernels, instructions, barriers}) => [
    name,
    digits(step),
    digits(kernels),
    // On several threads the step takes less than its kernels on one.
    barriers > 0 ? '' : digits(step - kernels),
    String(instructions),
    String(barriers),
  ]);
  console.log(table([['', 'step', 'its kernels', 'the rest', 'instructions', 'barriers'], ...lines]));
  const [tiny, last] = [rows.find(({name}) => name === 'mlp-tiny'), rows.at(-1)];
  const each = rows
    .filter(({name, barriers}) => name.startsWith('mlp') && barriers > 0)
    .map(({name, layers, barriers}) => ({value: (barriers - 1) / (2 * layers), note: name}));
  const figures = figuresOf({
    'outside-kernels': tiny && {value: tiny.step - tiny.kernels},
    barriers: worstOf(each, 'most'),
    'barriers-tiny': tiny && {value: tiny.barriers},
    'deep-100': last && {value: last.step / last.kernels},
  });
  saveResults('kernels', {threads: options.threads, rows, figures});
  return figures;
}
