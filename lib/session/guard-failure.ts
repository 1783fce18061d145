// What a guard that failed means to who gave the data.
import {fail} from '../core/errors.ts';
import type {GuardKind} from '../core/tensor.ts';
import {describeIndex} from '../ops/indexing.ts';

export interface GuardFailure {
  readonly kind: GuardKind;
  /** What holds the data: an input, or an operand. */
  readonly source: string | undefined;
  readonly scope: string;
  /** Which row or element of the data. */
  readonly position: number;
  /** What the guard holds there, and of indices how many positions there are. */
  readonly value: number;
  readonly sizes?: readonly number[] | undefined;
  /** The step that it ended, where there are several. */
  readonly step?: number | undefined;
  /** The first instruction whose result was not finite. */
  readonly anomaly?: {readonly name: string; readonly scope: string} | undefined;
}

/** @throws ERR_ABORTED, ERR_NOT_FINITE or ERR_OUT_OF_RANGE: `where: …` */
export function failByGuard(
  where: string,
  {kind, source: given, scope, position, value, sizes, step, anomaly}: GuardFailure,
): never {
  const source = given ?? 'an input';
  const at = `${scope === '' ? '' : ` in ${scope}`}${step === undefined ? '' : ` at step ${step}`}`;
  if (kind === 'stop') {
    fail('ERR_ABORTED', `${where}: ended by a condition of stopIf${at}; nothing has been written.`);
  }
  if (kind === 'inputNotFinite') {
    fail('ERR_NOT_FINITE', `${where}: row ${position} read from ${source} is not finite or not there${at}.`);
  }
  if (kind === 'indexOutOfRange') {
    const of = given === undefined ? '' : ` of ${given}`;
    fail('ERR_OUT_OF_RANGE', `${where}: ${describeIndex(value, sizes, position)}${of}${at}.`);
  }
  if (kind !== 'notFinite') {
    fail('ERR_OUT_OF_RANGE', `${where}: element ${position} of ${source} is out of range${at}.`);
  }
  const first = anomaly ? `, first in ${anomaly.scope || 'the graph'} (${anomaly.name})` : '';
  fail('ERR_NOT_FINITE', `${where}: a checked value is not finite${at}${first}; nothing has been written.`);
}
