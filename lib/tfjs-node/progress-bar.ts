// The progress bar of `fit`: a line for each epoch, and on a terminal a bar while it lasts.
import {CustomCallback, type Logs, nextFrame} from '@tensorflow/tfjs';

/** Where it is written: for tests, which read it. */
export const output: {
  stream: {readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown};
  log(text: string): void;
} = {
  stream: process.stderr,
  log: text => console.log(text),
};

const digits = 2;
const mostDecimals = 4;

/** `0.1234`, `12.34`, `1.23e-7`: three digits that say something. */
export function shortNumber(value: number): string {
  const isPlain = !Number.isFinite(value) || value === 0 || Math.abs(value) > 1;
  const decimals = isPlain ? digits : digits - Math.floor(Math.log10(Math.abs(value)));
  return decimals > mostDecimals ? value.toExponential(digits) : value.toFixed(decimals);
}

const counts = ['batch', 'size'];

/** `acc=0.50 loss=0.693`, cut off where a terminal would begin a new line. */
function metricsText(logs: Logs | undefined, most = Number.POSITIVE_INFINITY): string {
  const names = Object.keys(logs ?? {}).filter(name => !counts.includes(name));
  const all = names.sort().map(name => `${name}=${shortNumber(logs?.[name] as number)}`);
  const text = all.join(' ');
  return text.length > most ? `${text.slice(0, Math.max(0, most - 3))}...` : text;
}

const redrawMs = 50;
const clearLine = '\r\x1b[K';

class Bar {
  readonly #total: number;
  readonly #start = performance.now();
  #drawnAt = 0;

  constructor(total: number) {
    this.#total = total;
  }

  draw(done: number, logs: Logs | undefined): void {
    const {stream} = output;
    const now = performance.now();
    if (!stream.isTTY || (now - this.#drawnAt < redrawMs && done < this.#total)) return;
    this.#drawnAt = now;
    const columns = stream.columns ?? 80;
    const share = Math.min(1, done / this.#total);
    const width = Math.floor(columns / 2);
    const filled = Math.floor(width * share);
    const bar = `${'='.repeat(Math.max(0, filled - 1))}>`.slice(0, filled).padEnd(width, '-');
    const left = ((now - this.#start) / 1000) * (1 / share - 1);
    stream.write(`${clearLine}eta=${left.toFixed(1)} ${bar} ${metricsText(logs, columns / 2 - 12)}`);
  }

  end(): void {
    if (output.stream.isTTY) output.stream.write(clearLine);
  }
}

/** What `fit` shows at verbosity 1, once this is registered. */
export class ProgressBarLogger extends CustomCallback {
  constructor() {
    let [batches, seen, start, duration] = [0, 0, 0, 0];
    let bar: Bar | undefined;
    const timePerStep = (samples: unknown): number =>
      (duration / Math.max(1, typeof samples === 'number' ? samples : seen)) * 1e3;
    super({
      onTrainBegin: async () => {
        const {samples, batchSize, steps} = this.params as Record<string, number | null>;
        // Unknown for a data set without batchesPerEpoch.
        batches = typeof samples === 'number' ? Math.ceil(samples / (batchSize ?? 32)) : (steps ?? 0);
      },
      onEpochBegin: async epoch => {
        output.log(`Epoch ${epoch + 1} / ${this.params.epochs}`);
        [seen, start, duration] = [0, performance.now(), 0];
        bar = batches > 0 ? new Bar(batches) : undefined;
      },
      onBatchEnd: async (_batch, logs) => {
        seen++;
        bar?.draw(seen, logs);
        await nextFrame();
        // What follows the last batch is the validation.
        if (seen === batches) duration = performance.now() - start;
      },
      onEpochEnd: async (_epoch, logs) => {
        if (duration === 0) duration = performance.now() - start;
        bar?.end();
        const time = `${duration.toFixed(0)}ms ${timePerStep(this.params.samples).toFixed(0)}us/step`;
        output.log(`${time} - ${metricsText(logs)}`);
        await nextFrame();
      },
    });
  }
}
