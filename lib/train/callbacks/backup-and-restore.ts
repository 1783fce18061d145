import {checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {toPath} from '../../core/path.ts';
import {CheckpointFolder} from '../../io/checkpoint-file.ts';
import type {Callback, CallbackContext} from './callback.ts';
import {checkSaveFreq, type SaveFreq, saving} from './saving.ts';

export interface BackupAndRestoreOptions {
  /** Folder of the checkpoints, for this training alone; made if need be. */
  readonly backupDir: string | URL;
  /** After each epoch (`epoch`, the default) or after every so many batches. */
  readonly saveFreq?: SaveFreq;
  /** Remove the checkpoints when the training has ended in good order. True by default. */
  readonly deleteCheckpoint?: boolean;
  /** The last so many are kept: where the newest is damaged, the one before serves. 2 by default. */
  readonly keep?: number;
}

/**
 * Keeps the training in a folder and goes on from there when the same program is started again, whatever
 * ended it: the result has the same bits as that of a training which was never interrupted. Data, model,
 * options and callbacks must be the same, of which the number of epochs may grow. Only callbacks of the
 * library and those with `getState` and `setState` go on from where they were.
 *
 * `fit` then throws ERR_FILE where the folder holds the checkpoints of another training, or none that is
 * whole.
 */
export function backupAndRestore(options: BackupAndRestoreOptions): Callback {
  const where = 'callbacks.backupAndRestore';
  requireOptions(where, options, ['backupDir', 'saveFreq', 'deleteCheckpoint', 'keep']);
  const backupDir = toPath(`${where}: backupDir`, options.backupDir);
  const {deleteCheckpoint = true, keep = 2} = options;
  const saveFreq = checkSaveFreq(where, options.saveFreq ?? 'epoch');
  checkNumber(`${where}: keep`, keep, {integer: true, min: 1});
  if (typeof deleteCheckpoint !== 'boolean') {
    fail('ERR_OPTION', `${where}: deleteCheckpoint: expected true or false. Received ${deleteCheckpoint}.`);
  }
  const folder = new CheckpointFolder(backupDir, keep);
  const save = (context: CallbackContext): Promise<void> => folder.write(context.checkpoint());
  return {
    async resume() {
      await folder.clean();
      return folder.newest();
    },
    ...saving(saveFreq, (_, context) => save(context)),
    async onTrainEnd(_, {error}) {
      if (deleteCheckpoint && error === undefined) await folder.remove();
    },
  };
}
