// Batches that come one by one, copied into blocks of equal ones: while native code trains on one block, the
// next is being filled. How many batches stand in a block never changes a result.
import {ascendingRows} from '../../data/order.ts';
import type {BatchRun} from './batch-source.ts';
import {keyOfSamples} from './plan-key.ts';
import {allocateSamples, bytesOfSamples, copySamples} from './sample-copies.ts';
import type {Samples} from './samples.ts';

const bytesPerBlock = 4 << 20;
const maxBatches = 64;

/** Memory for some batches of one size, which native code reads where it lies. */
class Block {
  readonly key: string;
  readonly batch: number;
  readonly samples: Samples;
  readonly #capacity: number;
  readonly #rows: Int32Array;
  steps = 0;

  constructor(key: string, like: Samples) {
    this.key = key;
    this.batch = like.count;
    this.#capacity = Math.max(1, Math.min(maxBatches, Math.floor(bytesPerBlock / bytesOfSamples(like))));
    const count = this.#capacity * this.batch;
    this.samples = {...allocateSamples(like, count), batchRows: this.batch};
    this.#rows = ascendingRows(count);
  }

  get full(): boolean {
    return this.steps === this.#capacity;
  }

  add(samples: Samples): void {
    copySamples(samples, this.samples, this.steps * this.batch);
    this.steps++;
  }

  batchRun(): BatchRun {
    const {samples, batch, steps} = this;
    return {samples, batch, steps, rows: this.#rows.subarray(0, steps * batch)};
  }
}

export class BatchBlocks {
  readonly #iterator: AsyncIterator<unknown>;
  readonly #bind: (element: unknown) => Samples;
  readonly #signal: AbortSignal | undefined;
  #filling: Block | undefined;
  #reading: Block | undefined;
  #spare: Block | undefined;
  #ended = false;
  #failed: {readonly error: unknown} | undefined;
  #wakeWriter = (): void => {};
  #wakeReader = (): void => {};

  constructor(elements: AsyncIterable<unknown>, bind: (element: unknown) => Samples, signal?: AbortSignal) {
    this.#iterator = elements[Symbol.asyncIterator]();
    this.#bind = bind;
    this.#signal = signal;
    void this.#write();
  }

  /** The batches that have come since; waits for one. Undefined at the end, or when the signal says so. */
  async next(): Promise<BatchRun | undefined> {
    if (this.#reading) this.#spare = this.#reading;
    this.#reading = undefined;
    const signal = this.#signal;
    const wake = (): void => this.#wakeReader();
    signal?.addEventListener('abort', wake, {once: true});
    while (!this.#filling && !this.#ended && !signal?.aborted) {
      await new Promise<void>(resolve => {
        this.#wakeReader = resolve;
      });
    }
    signal?.removeEventListener('abort', wake);
    const block = this.#filling;
    if (signal?.aborted) return undefined;
    if (!block) {
      if (this.#failed) throw this.#failed.error;
      return undefined;
    }
    this.#filling = undefined;
    this.#reading = block;
    this.#wakeWriter();
    return block.batchRun();
  }

  /** Asks for no more batches. Does not wait: a generator may be in the middle of one. */
  close(): void {
    this.#ended = true;
    this.#wakeWriter();
    this.#iterator.return?.().then(undefined, () => {});
  }

  async #write(): Promise<void> {
    try {
      for (;;) {
        const {done, value} = await this.#iterator.next();
        if (done || this.#ended) break;
        const samples = this.#bind(value);
        const key = keyOfSamples('', samples.count, samples);
        while (this.#filling && !this.#ended && (this.#filling.full || this.#filling.key !== key)) {
          await new Promise<void>(resolve => {
            this.#wakeWriter = resolve;
          });
        }
        if (this.#ended) break;
        this.#filling ??= this.#blockFor(key, samples);
        this.#filling.add(samples);
        this.#wakeReader();
      }
    } catch (error) {
      this.#failed = {error};
    }
    this.#ended = true;
    this.#wakeReader();
  }

  #blockFor(key: string, samples: Samples): Block {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare?.key !== key) return new Block(key, samples);
    spare.steps = 0;
    return spare;
  }
}
