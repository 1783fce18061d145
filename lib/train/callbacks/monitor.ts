// Watching one number of the logs: what is better, and whether it became so.
import {checkNumber, fail} from '../../core/errors.ts';
import type {Logs} from '../run/logs.ts';
import type {CallbackContext} from './callback.ts';
import type {KnownLogs} from './known-logs.ts';

export interface MonitorOptions {
  /** A name in the logs, `val_loss` by default. */
  readonly monitor?: string;
  /**
   * Whether less or more is better; `auto`, the default: more for accuracies and other scores of which more
   * is better, else less.
   */
  readonly mode?: 'auto' | 'min' | 'max';
  /** A change of less is no improvement. */
  readonly minDelta?: number;
}

export const monitorOptions = ['monitor', 'mode', 'minDelta'] as const;

/** The metrics of which more is better, by the ends of their names. */
const scores = /(acc|accuracy|auc|precision|recall|f1|specificity|r2|cosineSimilarity|matthews)(_\d+)?$/i;

export class Monitor {
  readonly name: string;
  readonly #where: string;
  readonly #auto: boolean;
  #sign: number;
  readonly #minDelta: number;

  /** @throws ERR_OPTION */
  constructor(where: string, options: MonitorOptions, minDeltaByDefault = 0) {
    const {monitor = 'val_loss', mode = 'auto', minDelta = minDeltaByDefault} = options;
    if (typeof monitor !== 'string' || monitor === '') {
      fail('ERR_OPTION', `${where}: monitor: expected a name in the logs. Received ${String(monitor)}.`);
    }
    if (!['auto', 'min', 'max'].includes(mode)) {
      fail('ERR_OPTION', `${where}: mode: expected 'auto', 'min' or 'max'. Received ${String(mode)}.`);
    }
    checkNumber(`${where}: minDelta`, minDelta, {min: 0});
    this.name = monitor;
    this.#where = where;
    this.#auto = mode === 'auto';
    this.#sign = mode === 'max' || (mode === 'auto' && scores.test(monitor)) ? -1 : 1;
    this.#minDelta = minDelta;
  }

  /**
   * Before the training: which way is better, by the kind of a metric that has a name of its own.
   *
   * @throws ERR_OPTION where the logs will not have it.
   */
  check(known: KnownLogs, when: 'epoch' | 'batch' = 'epoch'): void {
    const kind = known.kindOf(this.name);
    if (this.#auto && kind !== undefined) this.#sign = scores.test(kind) || scores.test(this.name) ? -1 : 1;
    if (known.open || known[when].includes(this.name)) return;
    const isOfValidation = this.name.startsWith('val_');
    const hint =
      isOfValidation && known.validated === 'none' && when === 'epoch'
        ? ' No epoch is validated: fit takes validationData or validationSplit.'
        : '';
    const text = `monitor: the logs will have no ${this.name}. They have ${known[when].join(', ')}`;
    fail('ERR_OPTION', `${this.#where}: ${text}.${hint}`);
  }

  /** Worse than any number. */
  get worst(): number {
    return this.#sign * Number.POSITIVE_INFINITY;
  }

  /** Whether `value` is better than `best` by more than `minDelta`. */
  improves(value: number, best: number): boolean {
    return this.#sign * value < this.#sign * best - this.#minDelta;
  }

  /** For sorting: the better first. */
  compare(a: number, b: number): number {
    return this.#sign * (a - b);
  }

  /**
   * The number, or undefined in an epoch without validation where there is one in others.
   *
   * @throws ERR_OPTION where the logs do not have it.
   */
  valueIn(logs: Logs, {validates}: CallbackContext): number | undefined {
    const value = logs[this.name];
    if (value !== undefined) return value;
    const validated = Object.keys(logs).some(name => name.startsWith('val_'));
    if (this.name.startsWith('val_') && validates && !validated) return undefined;
    const names = Object.keys(logs).join(', ');
    const text = `monitor: the logs have no ${this.name}. They have ${names}`;
    return fail('ERR_OPTION', `${this.#where}: ${text}.`);
  }
}
