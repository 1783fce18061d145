// Six blocks of a transformer with and without checkpoints: what the second forward pass costs in time, and
// what it saves of the memory of activations as planned.
import {layers, type Model, optimizers, sequential, setThreads} from '../lib/index.ts';
import {onCompile} from '../lib/session/compile.ts';
import {table} from '../scripts/table.ts';
import {type BenchOptions, type Figures, figuresOf} from './options.ts';
import {digits, saveResults} from './report.ts';

const [blocks, steps, width, batch] = [6, 64, 128, 32];

interface Side {
  readonly name: string;
  readonly net: Model;
  /** Of the plan of a training step. */
  arenaBytes: number;
  /** Microseconds of a training step, at least. */
  best: number;
}

function make(name: string, isCheckpointed: boolean): Side {
  const block = () =>
    layers.transformerEncoder({intermediateDim: 4 * width, numHeads: 4, normalizeFirst: true});
  const all = Array.from({length: blocks}, () =>
    isCheckpointed ? layers.checkpoint({layer: block()}) : block(),
  );
  const first = layers.inputLayer({inputShape: [steps, width]});
  const net = sequential([first, ...all, layers.globalAveragePooling1d(), layers.dense({units: 1})], {
    seed: 1,
  });
  net.compile({optimizer: optimizers.adamw({learningRate: 1e-4}), loss: 'meanSquaredError'});
  return {name, net: net as unknown as Model, arenaBytes: 0, best: Number.POSITIVE_INFINITY};
}

const x = {
  data: Float32Array.from({length: batch * steps * width}, (_, at) => Math.sin(at * 0.7)),
  shape: [batch, steps, width],
};
const y = {data: Float32Array.from({length: batch}, (_, row) => Math.sin(row)), shape: [batch, 1]};

async function step(side: Side): Promise<void> {
  onCompile(({plan}) => {
    side.arenaBytes = Math.max(side.arenaBytes, plan.arenaBytes);
  });
  const started = performance.now();
  await side.net.trainOnBatch(x, y);
  side.best = Math.min(side.best, (performance.now() - started) * 1000);
  onCompile(undefined);
}

export async function bench({threads, quick}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const sides = [make('kept', false), make('made again', true)] as const;
  for (let repeat = 0; repeat < (quick ? 4 : 25); repeat++) for (const side of sides) await step(side);
  const [kept, again] = sides;
  console.log(`${blocks} blocks of ${width}, ${steps} steps, batch ${batch}, ${threads} threads`);
  console.log(
    table([
      ['', 'a step, µs', 'activations, MiB'],
      ...sides.map(({name, best, arenaBytes}) => [name, digits(best), digits(arenaBytes / 2 ** 20)]),
    ]),
  );
  const figures = figuresOf({
    'checkpoint-time': {value: again.best / kept.best},
    'checkpoint-memory': {value: again.arenaBytes / kept.arenaBytes},
  });
  saveResults('checkpoint', {
    threads,
    sides: sides.map(({name, best, arenaBytes}) => ({name, best, arenaBytes})),
    figures,
  });
  return figures;
}
