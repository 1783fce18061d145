import {checkOptions} from '../../core/errors.ts';
import type {Logs} from '../run/logs.ts';
import type {Callback, CallbackContext} from './callback.ts';

/** What progress is written to: a terminal gets a bar, anything else a line per epoch. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressOptions {
  /** `process.stderr` by default. */
  readonly stream?: ProgressStream;
  /** Draw a bar that changes in place; by default where the stream is a terminal. */
  readonly bar?: boolean;
}

/** The bar is drawn at most this often. */
const drawEveryMs = 80;
const barWidth = 24;

/** `0.9812`, or `1.2e-5` where that says more. */
function formatNumber(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : value.toFixed(4);
}

function formatTime(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The cells of a matrix are left out. */
function formatLogs(logs: Logs): string {
  return Object.entries(logs)
    .filter(([name]) => name !== 'batch' && name !== 'size' && !name.endsWith(']'))
    .map(([name, value]) => `${name} ${formatNumber(value)}`)
    .join('  ');
}

function drawBar(done: number, all: number): string {
  const full = Math.round((barWidth * done) / all);
  return '█'.repeat(full) + '░'.repeat(barWidth - full);
}

/** Time spent and samples seen, without validation and callbacks of epochs. */
class Pace {
  seconds = 0;
  samples = 0;
  #since = 0;

  begin(): void {
    this.#since = performance.now();
  }

  advance(samples: number): void {
    const now = performance.now();
    this.seconds += (now - this.#since) / 1000;
    this.#since = now;
    this.samples += samples;
  }

  get perSecond(): number {
    return this.seconds > 0 ? Math.round(this.samples / this.seconds) : 0;
  }
}

/**
 * Epoch, batch, loss, metrics, samples per second and time left: a bar on a terminal, else a line per epoch.
 */
export function progress(options: ProgressOptions = {}): Callback {
  checkOptions('callbacks.progress', options, ['stream', 'bar']);
  const stream: ProgressStream = options.stream ?? process.stderr;
  const bar = options.bar ?? stream.isTTY === true;
  let pace = new Pace();
  let seen = 0;
  let drawn = 0;
  let open = false;

  const label = (epoch: number, {epochs}: CallbackContext): string =>
    `epoch ${String(epoch + 1).padStart(String(epochs).length)}/${epochs}`;
  const draw = (text: string): void => {
    const width = stream.columns ?? 0;
    stream.write(`\r${width > 0 ? text.slice(0, width - 1) : text}\x1b[K`);
    open = true;
  };
  return {
    every: 'call',
    onTrainBegin() {
      pace = new Pace();
      pace.begin();
    },
    onEpochBegin() {
      seen = 0;
      pace.begin();
    },
    onBatchEnd(batch, logs, context) {
      const before = seen;
      const size = context.batchSize || (logs.size as number);
      seen = Math.max(before, Math.min(context.samples, (batch + 1) * size));
      pace.advance(seen - before);
      const now = performance.now();
      if (!bar || now - drawn < drawEveryMs) return;
      drawn = now;
      const {batches, samples, epochs, epoch} = context;
      const pacing = `${pace.perSecond} samples/s`;
      if (batches === Number.POSITIVE_INFINITY) {
        draw(`${label(epoch, context)} batch ${batch + 1}  ${formatLogs(logs)}  ${pacing}`);
        return;
      }
      const left = (samples - seen + (epochs - epoch - 1) * samples) / Math.max(1, pace.perSecond);
      const count = `${String(batch + 1).padStart(String(batches).length)}/${batches}`;
      const end = samples === Number.POSITIVE_INFINITY ? pacing : `${pacing}  ${formatTime(left)} left`;
      draw(`${label(epoch, context)} ${drawBar(batch + 1, batches)} ${count}  ${formatLogs(logs)}  ${end}`);
    },
    adds: [],
    onEpochEnd(epoch, logs, context) {
      const text = `${label(epoch, context)}  ${formatLogs(logs)}  ${pace.perSecond} samples/s`;
      if (bar) draw(text);
      stream.write(bar ? '\n' : `${text}\n`);
      open = false;
    },
    onTrainEnd() {
      if (open) stream.write('\n');
      open = false;
    },
  };
}
