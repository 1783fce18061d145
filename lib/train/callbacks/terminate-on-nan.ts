import {checkOptions} from '../../core/errors.ts';
import type {Callback} from './callback.ts';

/**
 * Ends the training in good order when a loss, a gradient or data are not finite, where it would otherwise
 * throw ERR_NOT_FINITE: `fit` gives the history, and a warning of the process says what was found. The
 * weights are those of the step before.
 */
export function terminateOnNaN(options: Readonly<Record<string, never>> = {}): Callback {
  checkOptions('callbacks.terminateOnNaN', options, []);
  return {
    onTrainBegin() {},
    onNotFinite({message}) {
      process.emitWarning(`${message} Training ends.`, {
        type: 'ChainruleWarning',
        code: 'CHAINRULE_NOT_FINITE',
      });
      return true;
    },
  };
}
