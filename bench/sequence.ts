// Training steps of nets over sequences and of recommenders, beside the peers in turns: microseconds, and
// what share of them the arithmetic alone would take at the multiply-add peak of the same run.
import {writeFileSync} from 'node:fs';
import type {Precision} from '../lib/core/precision.ts';
import {type Model, setThreads} from '../lib/index.ts';
import {peakOf} from './ceiling.ts';
import {drawMemory, growthOf, plannedBytes, timeGeneration} from './generation.ts';
import {type BenchOptions, type Figure, type Figures, figuresOf} from './options.ts';
import {type Batches, giveWork, inputsOf} from './peers/given.ts';
import {bestOfOthers, type Peer, startPeers, type Times, tableOf, timeInTurns} from './peers/turns.ts';
import {timeRecommenders} from './recommender.ts';
import {digits, percent, resultsFile, saveResults} from './report.ts';
import {type SequenceWorkload, sequenceWorkloads} from './sequence-workloads.ts';
import {compareTables} from './table-rows.ts';

const scripts = {
  torch: 'torch_sequence.py',
  jax: 'jax_sequence.py',
  tensorflow: 'tensorflow_sequence.py',
};

/** Chainrule's model, which makes as many steps as there are batches. */
class Own {
  readonly model: Model;
  readonly batches: Batches;
  readonly steps: number;

  constructor(workload: SequenceWorkload, steps: number, precision: Precision = 'float32') {
    this.model = workload.make(precision);
    this.batches = workload.data(steps);
    this.steps = steps;
  }

  /** Microseconds of a step. */
  async time(): Promise<number> {
    const {y, batch: batchSize} = this.batches;
    const started = performance.now();
    await this.model.fit(inputsOf(this.batches), y, {batchSize, epochs: 1, shuffle: false, verbose: 0});
    return ((performance.now() - started) / this.steps) * 1000;
  }

  dispose(): void {
    this.model.dispose();
  }
}

const inBfloat16 = 'chainrule, bfloat16';

async function timeWorkload(
  workload: SequenceWorkload,
  peers: readonly Peer[],
  quick: boolean,
): Promise<Times> {
  const steps = quick ? 10 : 30;
  const own = new Own(workload, steps);
  // Steps of recurrent nets are float32.
  const half = workload.name === 'transformer-char' ? new Own(workload, steps, 'bfloat16') : undefined;
  const {name} = workload;
  try {
    const work = peers.length > 0 ? await giveWork(name, own.model, own.batches) : undefined;
    await own.time();
    await half?.time();
    return await timeInTurns({
      name,
      own: {chainrule: () => own.time(), ...(half && {[inBfloat16]: () => half.time()})},
      peers,
      request: {workload: name, steps, given: work?.given},
      ...(work && {workOf: () => work.own}),
      rounds: quick ? 3 : 7,
    });
  } finally {
    own.dispose();
    half?.dispose();
  }
}

/** Of these, goals say what share of the peak a step is to reach. */
const sharesToReach: readonly string[] = ['lstm', 'gru'];

/** Prints a workload's times, and gives its figures. */
function report(
  {name, flops}: SequenceWorkload,
  least: Times,
  peak: number,
): Record<string, Figure | undefined> {
  const {[inBfloat16]: half, ...others} = least;
  const {chainrule = Number.NaN} = others;
  const alone = flops / peak / 1e3;
  console.log(`${name}: arithmetic alone ${digits(alone)} µs, ${percent(alone / chainrule)}`);
  console.log(tableOf(least, 'µs of a step'));
  return {
    [`sequence-${name}`]: bestOfOthers(others),
    ...(sharesToReach.includes(name) && {[`sequence-${name}-share`]: {value: alone / chainrule}}),
    [`sequence-${name}-bfloat16`]: half === undefined ? undefined : {value: chainrule / half},
  };
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {threads, quick, ceiling} = options;
  setThreads(threads);
  const isChosen = (name: string): boolean => options.workloads?.includes(name) ?? true;
  const peers = startPeers(options, scripts);
  let figures: Record<string, Figure | undefined> = {};
  const results: Record<string, object> = {};
  try {
    for (const workload of sequenceWorkloads.filter(({name}) => isChosen(name))) {
      const least = await timeWorkload(workload, peers, quick);
      figures = {...figures, ...report(workload, least, peakOf(ceiling, threads))};
      results[workload.name] = {least, flops: workload.flops};
    }
    if (isChosen('generation')) {
      const torch = peers.filter(({runtime}) => runtime === 'torch');
      const onnxruntime = options.peers?.includes('onnxruntime') ?? !quick;
      const {least, figure} = await timeGeneration({peers: torch, threads, onnxruntime}, quick);
      figures['sequence-generation'] = figure;
      results.generation = {least};
    }
  } finally {
    for (const {process} of peers) process.stop();
  }
  if (isChosen('memory')) {
    const bytes = plannedBytes();
    figures['sequence-memory'] = growthOf(bytes);
    results.memory = {bytes};
    writeFileSync(resultsFile('sequence-memory.svg'), drawMemory(bytes));
  }
  const recommenders = await timeRecommenders(options);
  Object.assign(results, recommenders.results);
  const rows = isChosen('rows') ? await compareTables(quick) : undefined;
  const found = figuresOf({...figures, ...recommenders.figures, 'sequence-rows': rows});
  saveResults('sequence', {threads, results, figures: found});
  return found;
}
