// What stands where in the logs. Two numbers of one name would overwrite each other, and callbacks would watch
// the wrong one.
import {fail} from '../../core/errors.ts';
import type {Metric} from '../../nn/metrics.ts';
import type {OutputLoss} from './compile-options.ts';

/** Names that the library itself gives. */
const reserved = ['loss', 'batch', 'size', 'epoch', 'learningRate', '__proto__'];
/** Before the names of what is measured on validation data. */
const ofValidation = 'val_';

/** A metric that is to be named. */
export interface Unnamed {
  /** The option of `compile` that it stands in. */
  readonly what: string;
  readonly metric: Metric;
  readonly weighted: boolean;
  /** Whether the user chose its name, which then is not changed. */
  readonly isOwn: boolean;
  /** What it would be called if it were the only one. */
  readonly plain: string;
}

function checkLossNames(losses: readonly OutputLoss[]): string[] {
  if (losses.length < 2) return [];
  return losses.map(({name}) => {
    const own = `${name}_loss`;
    if (!own.startsWith(ofValidation)) return own;
    const clash = `its loss would be ${own} in the logs, where val_… is of validation`;
    return fail('ERR_OPTION', `compile: loss: the output ${name} needs another name: ${clash}.`);
  });
}

function checkName(what: string, name: string): void {
  if (!name.startsWith(ofValidation)) return;
  const instead = 'val_… in the logs is of validation; choose another name';
  fail('ERR_OPTION', `compile: ${what}: ${JSON.stringify(name)}: ${instead}.`);
}

/** Gives `auc`, then `auc_1`, `auc_2`, …, as far as they are free. */
function numbering(used: Set<string>): (name: string) => string {
  const next = new Map<string, number>();
  return base => {
    let name = base;
    let number = next.get(base) ?? 1;
    for (; used.has(name); number++) name = `${base}_${number}`;
    next.set(base, number);
    used.add(name);
    return name;
  };
}

const keyOf = ({weighted, plain, metric: {config}}: Unnamed): string =>
  JSON.stringify([weighted, plain, config]);

/**
 * A name for each metric. Metrics of a kind with different options are numbered, as in Keras 2.
 *
 * @throws ERR_OPTION where a name is taken, or the same metric stands there twice.
 */
export function nameMetrics(losses: readonly OutputLoss[], metrics: readonly Unnamed[]): string[] {
  const taken = new Set([...reserved, ...checkLossNames(losses)]);
  const failTaken = (what: string, name: string): never =>
    fail('ERR_OPTION', `compile: ${what}: ${JSON.stringify(name)} stands there already.`);
  const used = new Set(taken);
  for (const {isOwn, plain, what} of metrics) {
    if (!isOwn) continue;
    if (used.has(plain)) failTaken(what, plain);
    used.add(plain);
  }
  const seen = new Set<string>();
  const free = numbering(used);
  return metrics.map(metric => {
    const {what, plain, weighted, isOwn} = metric;
    checkName(what, plain);
    if (isOwn) return plain;
    const base = weighted && used.has(plain) ? `weighted_${plain}` : plain;
    if (seen.has(keyOf(metric)) || taken.has(base)) failTaken(what, base);
    seen.add(keyOf(metric));
    return free(base);
  });
}
