// tf.node.tensorBoard: a callback of `fit` that writes losses and metrics for TensorBoard.
import path from 'node:path';
import {CustomCallback, type Logs} from '@tensorflow/tfjs';
import {checkChoice, checkOptions} from '../../core/errors.ts';
import {type SummaryFileWriter, summaryFileWriter} from './writer.ts';

export interface TensorBoardCallbackArgs {
  /** After every batch and every epoch, or after every epoch: the default. */
  readonly updateFreq?: 'batch' | 'epoch';
}

const validation = 'val_';
/** What logs hold beside numbers of the training. */
const counts = ['batch', 'size', 'num_steps'];

export class TensorBoardCallback extends CustomCallback {
  constructor(logdir: string, updateFreq: 'batch' | 'epoch') {
    const writers = new Set<SummaryFileWriter>();
    const writer = (name: string): SummaryFileWriter => {
      const made = summaryFileWriter(path.join(logdir, name));
      writers.add(made);
      return made;
    };
    const write = (logs: Logs | undefined, prefix: string, step: number): void => {
      for (const [name, value] of Object.entries(logs ?? {})) {
        if (counts.includes(name)) continue;
        if (name.startsWith(validation)) {
          writer('val').scalar(prefix + name.slice(validation.length), value, step);
        } else writer('train').scalar(prefix + name, value, step);
      }
    };
    let batches = 0;
    super({
      onBatchEnd: async (_batch, logs) => {
        batches++;
        if (updateFreq === 'batch') write(logs, 'batch_', batches);
      },
      onEpochEnd: async (epoch, logs) => write(logs, 'epoch_', epoch + 1),
      onTrainEnd: async () => {
        for (const each of writers) each.flush();
      },
    });
  }
}

/**
 * Writes losses and metrics of `fit` for TensorBoard: those of the training into the folder `train` of
 * `logdir`, those of the validation into `val`, as `epoch_loss`, `batch_loss`, …
 *
 * @throws ERR_OPTION
 */
export function tensorBoard(logdir = './logs', args: TensorBoardCallbackArgs = {}): TensorBoardCallback {
  const who = 'tf.node.tensorBoard';
  checkOptions(who, args, ['updateFreq']);
  const {updateFreq = 'epoch'} = args;
  checkChoice(`${who}: updateFreq`, updateFreq, ['batch', 'epoch']);
  return new TensorBoardCallback(logdir, updateFreq);
}
