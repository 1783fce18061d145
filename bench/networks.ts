// A training step of networks of images and sequences, beside PyTorch, JAX and TensorFlow.
import {setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {batchesFor, build, giveImageWork, type ImageWorkload, imageWorkloads} from './image-workloads.ts';
import {type BenchOptions, type Figures, figuresOf} from './options.ts';
import {inputsOf} from './peers/given.ts';
import {bestOfOthers, type Peer, startPeers, type Times, timeInTurns} from './peers/turns.ts';
import {digits, saveResults} from './report.ts';

async function timeWorkload(workload: ImageWorkload, peers: readonly Peer[], quick: boolean): Promise<Times> {
  const net = build(workload);
  const steps = quick ? 5 : 20;
  const {name, batch: batchSize} = workload;
  const batches = batchesFor(workload, steps);
  /** Microseconds of a step of as many in a row. */
  const train = async (): Promise<number> => {
    const started = performance.now();
    await net.fit(inputsOf(batches), batches.y, {batchSize, epochs: 1, shuffle: false, verbose: 0});
    return ((performance.now() - started) / steps) * 1000;
  };
  try {
    const work = peers.length > 0 ? await giveImageWork(workload, net, batches) : undefined;
    await train();
    return await timeInTurns({
      name,
      own: {chainrule: train},
      peers,
      request: {workload: name, steps, given: work?.given},
      ...(work && {workOf: ({runtime}) => (runtime === 'torch' ? work.torch : work.keras)}),
      rounds: quick ? 2 : 5,
    });
  } finally {
    net.dispose();
  }
}

const scripts = {torch: 'torch_images.py', jax: 'jax_images.py', tensorflow: 'tensorflow_images.py'};

export async function bench(options: BenchOptions): Promise<Figures> {
  const {quick, threads, workloads: chosen} = options;
  setThreads(threads);
  const peers = startPeers(options, scripts);
  const steps: Record<string, Times> = {};
  try {
    for (const workload of imageWorkloads.filter(({name}) => chosen?.includes(name) ?? true)) {
      steps[workload.name] = await timeWorkload(workload, peers, quick);
    }
  } finally {
    for (const {process} of peers) process.stop();
  }
  const names = ['chainrule', ...peers.map(({name}) => name)];
  console.log('µs of a step');
  console.log(
    table([
      ['', ...names],
      ...Object.entries(steps).map(([name, times]) => [
        name,
        ...names.map(own => (times[own] === undefined ? '' : digits(times[own] as number))),
      ]),
    ]),
  );
  const figures = figuresOf(
    Object.fromEntries(Object.entries(steps).map(([name, times]) => [name, bestOfOthers(times)])),
  );
  saveResults('networks', {threads, steps, figures});
  return figures;
}
