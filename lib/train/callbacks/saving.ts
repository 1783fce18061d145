// What the callbacks that write files have in common.
import {checkNumber, fail} from '../../core/errors.ts';
import type {Logs} from '../run/logs.ts';
import type {Callback, CallbackContext} from './callback.ts';

/** After each epoch, or after every so many batches, counted over all epochs. */
export type SaveFreq = 'epoch' | number;

export function checkSaveFreq(where: string, saveFreq: unknown): SaveFreq {
  if (saveFreq === 'epoch') return 'epoch';
  if (typeof saveFreq !== 'number') {
    const received = String(saveFreq);
    fail('ERR_OPTION', `${where}: saveFreq: expected 'epoch' or a number of batches. Received ${received}.`);
  }
  checkNumber(`${where}: saveFreq`, saveFreq, {integer: true, min: 1});
  return saveFreq;
}

/** The functions of a callback that saves so often. */
export function saving(
  saveFreq: SaveFreq,
  save: (logs: Logs, context: CallbackContext) => Promise<void>,
): Pick<Callback, 'every' | 'batchesUntilCall' | 'onBatchEnd' | 'onEpochEnd' | 'adds'> {
  if (saveFreq === 'epoch') return {adds: [], onEpochEnd: (_, logs, context) => save(logs, context)};
  return {
    every: 'call',
    batchesUntilCall: iterations => saveFreq - (iterations % saveFreq),
    async onBatchEnd(_, logs, context) {
      if (context.model.iterations % saveFreq === 0) await save(logs, context);
    },
  };
}
