// chainrule's own side: the same workload from the same file, by the calls that a user makes.
import {
  type CompileOptions,
  layers,
  type Optimizer,
  optimizers,
  type Sequential,
  sequential,
} from '../../lib/index.ts';
import {type CompiledProgram, onCompile} from '../../lib/session/compile.ts';
import type {OptimizerSpec, Workload, WorkloadData} from '../workloads.ts';

type Makers = Readonly<Record<string, ((options: object) => Optimizer) | undefined>>;

/** @throws for an optimizer that chainrule does not have. */
function optimizerOf({name, ...options}: OptimizerSpec): Optimizer {
  const make = (optimizers as unknown as Makers)[name];
  if (!make) throw new Error(`chainrule has no ${name} yet`);
  return make(options);
}

type Precision = NonNullable<CompileOptions['precision']>;

/** Of the workload's shape, compiled with its optimizer and loss; first weights are chance. */
export function buildModel(workload: Workload, precision: Precision = 'float32'): Sequential {
  const {sizes, activation, loss} = workload;
  const last = sizes.length - 2;
  const output = loss === 'squared' ? 'linear' : 'softmax';
  const model = sequential(
    sizes.slice(1).map((units, layer) =>
      layers.dense({
        units,
        activation: layer === last ? output : activation,
        ...(layer === 0 && {inputShape: [sizes[0] as number]}),
      }),
    ),
  );
  compile(model, workload, precision);
  return model;
}

function compile(model: Sequential, {loss, optimizer}: Workload, precision: Precision): void {
  const name = loss === 'squared' ? 'meanSquaredError' : 'sparseCategoricalCrossentropy';
  model.compile({optimizer: optimizerOf(optimizer), loss: name, precision});
}

/** Trains one workload; batches are walked through the data set, as `fit` does. */
export class Own {
  readonly #workload: Workload;
  readonly #data: WorkloadData;
  readonly #targets: Float32Array | Uint8Array;
  readonly #model: Sequential;
  readonly #precision: Precision;
  #perEpoch = 0;

  constructor(workload: Workload, data: WorkloadData, precision: Precision = 'float32') {
    this.#workload = workload;
    this.#data = data;
    this.#targets = workload.loss === 'squared' ? data.y : Uint8Array.from(data.y);
    this.#precision = precision;
    this.#model = buildModel(workload, precision);
  }

  /** Back to the first weights, with fresh optimizer slots. */
  #reset(): void {
    compile(this.#model, this.#workload, this.#precision);
    const flat = this.#data.weights.flatMap(({kernel, bias}) => [kernel, bias]);
    const named = this.#model.getWeights();
    this.#model.setWeights(named.map(({name}, index) => ({name, data: flat[index] as Float32Array})));
  }

  /** Trains on the batches from `first` on. @returns the loss of each epoch. */
  async #fit(batches: number, epochs: number, shuffle: boolean, first = 0): Promise<readonly number[]> {
    const {sizes, batch, loss} = this.#workload;
    const rows = batches * batch;
    const width = sizes[0] as number;
    const start = first * batch;
    const x = {data: this.#data.x.subarray(start * width, (start + rows) * width), shape: [rows, width]};
    const part = this.#targets.subarray(start, start + rows);
    const y = loss === 'squared' ? {data: part, shape: [rows, 1]} : part;
    const {history} = await this.#model.fit(x, y, {epochs, batchSize: batch, shuffle});
    return history.loss as number[];
  }

  /** Losses of the first steps, each on the next batch, as the peers give them. */
  async curve(steps: number): Promise<readonly number[]> {
    this.#reset();
    const losses: number[] = [];
    while (losses.length < steps) {
      losses.push(...(await this.#fit(1, 1, false, losses.length % this.#workload.batches)));
    }
    return losses;
  }

  /** Microseconds per step of a training that takes about so many seconds. */
  async time(seconds: number, shuffle: boolean): Promise<number> {
    this.#reset();
    const {batches} = this.#workload;
    // Compiles, and warms up.
    await this.#fit(batches, 1, shuffle);
    const epochs = this.#perEpoch === 0 ? 1 : Math.max(1, Math.ceil(seconds / this.#perEpoch));
    const started = performance.now();
    await this.#fit(batches, epochs, shuffle);
    const perEpoch = (performance.now() - started) / 1000 / epochs;
    this.#perEpoch = Math.min(perEpoch, this.#perEpoch || perEpoch);
    return (perEpoch / batches) * 1e6;
  }

  /** The program of the step after a training of `steps` steps in which each instruction was timed. */
  async profile(steps: number): Promise<CompiledProgram> {
    const programs: CompiledProgram[] = [];
    onCompile(program => {
      program.profiling = true;
      programs.push(program);
    });
    try {
      this.#reset();
      const {batches} = this.#workload;
      await this.#fit(batches, Math.ceil(steps / batches), false);
    } finally {
      onCompile(undefined);
    }
    return programs.sort((a, b) => b.stepsRun - a.stepsRun)[0] as CompiledProgram;
  }
}
