// tf.node.tensorBoard: a callback of `fit` that writes losses, metrics and weights for TensorBoard.
import path from 'node:path';
import {CustomCallback, type LayersModel, type Logs} from '@tensorflow/tfjs';
import {checkChoice, checkNumber, checkOptions} from '../../core/errors.ts';
import {type SummaryFileWriter, summaryFileWriter} from './writer.ts';

export interface TensorBoardCallbackArgs {
  /** After every batch and every epoch, or after every epoch: the default. */
  readonly updateFreq?: 'batch' | 'epoch';
  /** Histograms of all weights after each so-many-th epoch, from the first on; 0, the default, for none. */
  readonly histogramFreq?: number;
}

const validation = 'val_';
/** What logs hold beside numbers of the training. */
const counts = ['batch', 'size', 'num_steps'];

export class TensorBoardCallback extends CustomCallback {
  #model: LayersModel | undefined;

  /** @internal */
  constructor(logdir: string, {updateFreq, histogramFreq}: Required<TensorBoardCallbackArgs>) {
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
      onEpochEnd: async (epoch, logs) => {
        write(logs, 'epoch_', epoch + 1);
        if (histogramFreq === 0 || epoch % histogramFreq !== 0) return;
        for (const weight of this.#model?.weights ?? []) {
          writer('train').histogram(weight.name, weight.read(), epoch);
        }
      },
      onTrainEnd: async () => {
        for (const each of writers) each.flush();
      },
    });
  }

  override setModel(model: never): void {
    this.#model = model;
  }
}

/**
 * Writes losses and metrics of `fit` for TensorBoard: those of the training into the folder `train` of
 * `logdir`, those of the validation into `val`, as `epoch_loss`, `batch_loss`, … Epochs count from 1 there,
 * and from 0 for histograms of weights, as in tfjs-node.
 *
 * @param logdir './logs' by default.
 *
 * @throws ERR_OPTION
 */
export function tensorBoard(logdir = './logs', args: TensorBoardCallbackArgs = {}): TensorBoardCallback {
  const who = 'tf.node.tensorBoard';
  checkOptions(who, args, ['updateFreq', 'histogramFreq']);
  const {updateFreq = 'epoch', histogramFreq = 0} = args;
  checkChoice(`${who}: updateFreq`, updateFreq, ['batch', 'epoch']);
  checkNumber(`${who}: histogramFreq`, histogramFreq, {integer: true, min: 0});
  return new TensorBoardCallback(logdir, {updateFreq, histogramFreq});
}
