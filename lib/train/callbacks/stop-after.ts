import {checkNumber, fail, requireOptions} from '../../core/errors.ts';
import type {Callback} from './callback.ts';

export interface StopAfterOptions {
  /** Time of training, that before an interruption included. */
  readonly seconds?: number;
  /** Steps of this training; exactly so many. */
  readonly steps?: number;
}

/** Ends the training in good order after a time or a number of steps, whichever comes first. */
export function stopAfter(options: StopAfterOptions): Callback {
  const where = 'callbacks.stopAfter';
  requireOptions(where, options, ['seconds', 'steps']);
  const {seconds = Number.POSITIVE_INFINITY, steps = Number.POSITIVE_INFINITY} = options;
  if (options.seconds === undefined && options.steps === undefined) {
    fail('ERR_OPTION', `${where}: expected seconds or steps.`);
  }
  if (options.seconds !== undefined) checkNumber(`${where}: seconds`, seconds, {min: 0});
  if (options.steps !== undefined) checkNumber(`${where}: steps`, steps, {integer: true, min: 1});
  let spent = 0;
  let since = 0;
  let first = 0;
  const secondsSpent = (): number => spent + (performance.now() - since) / 1000;
  return {
    every: 'call',
    batchesUntilCall: iterations => first + steps - iterations,
    onTrainBegin(_, {model}) {
      spent = 0;
      since = performance.now();
      first = model.iterations;
    },
    onBatchEnd(_, __, {model}) {
      if (model.iterations - first >= steps || secondsSpent() >= seconds) model.stopTraining = true;
    },
    getState: () => ({values: {seconds: secondsSpent(), first}}),
    setState({values}) {
      const saved = values as {seconds: number; first: number};
      spent = saved.seconds;
      since = performance.now();
      first = saved.first;
    },
  };
}
