import {checkOptions} from '../../core/errors.ts';
import {type Callback, callbackHooks} from './callback.ts';

/** A callback of functions of one's own; the same as giving the object, with its names checked. */
export function lambda(options: Callback = {}): Callback {
  checkOptions('callbacks.lambda', options, [
    'every',
    'batchesUntilCall',
    'getState',
    'setState',
    'resume',
    'criterion',
    'adds',
    ...callbackHooks,
  ]);
  return {onTrainBegin() {}, ...options};
}
