// A training of the bench tfjs by this library's own fit.
import {layers, type Sequential, sequential} from '../../lib/index.ts';

/** Units of the input and of each dense layer, or of an LSTM over so many steps before the last of them. */
export interface FitTask {
  readonly sizes: readonly number[];
  readonly steps?: number;
  readonly batch: number;
}

const batches = 8;

function network({sizes, steps}: FitTask): Sequential {
  const [inputs, ...units] = sizes as [number, ...number[]];
  const inputShape = steps ? [steps, inputs] : [inputs];
  const own = units.map((count, layer) => {
    const first = layer === 0 && {inputShape};
    if (steps && layer < units.length - 1) return layers.lstm({units: count, ...first});
    return layers.dense({
      ...{units: count, ...first},
      activation: layer === units.length - 1 ? 'softmax' : 'relu',
    });
  });
  return sequential(own);
}

export class OwnFit {
  readonly #model: Sequential;
  readonly #x: {readonly data: Float32Array; readonly shape: readonly number[]};
  readonly #y: Uint8Array;
  readonly #batchSize: number;

  constructor(task: FitTask) {
    const {sizes, steps, batch} = task;
    const rows = batch * batches;
    const shape = steps ? [rows, steps, sizes[0] as number] : [rows, sizes[0] as number];
    const size = shape.reduce((product, each) => product * each, 1);
    this.#x = {data: Float32Array.from({length: size}, (_, at) => ((at * 7919) % 1000) / 1000), shape};
    this.#y = Uint8Array.from({length: rows}, (_, row) => row % (sizes.at(-1) as number));
    this.#batchSize = batch;
    this.#model = network(task);
    this.#model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  }

  /** Microseconds of a step, over so many seconds. */
  async time(seconds: number, _: boolean): Promise<number> {
    let [epochs, taken] = [0, 0];
    const started = performance.now();
    while (taken < seconds * 1000) {
      const options = {epochs: 4, batchSize: this.#batchSize, shuffle: false, verbose: 0} as const;
      await this.#model.fit(this.#x, this.#y, options);
      epochs += 4;
      taken = performance.now() - started;
    }
    return (taken / (epochs * batches)) * 1000;
  }
}
