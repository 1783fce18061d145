// Who may write to a memory, and who waits for it to be quiet. Models that share layers share their memory,
// hence this too.
import {fail} from '../../core/errors.ts';
import type {Variable} from '../../core/tensor.ts';
import {commonStore, type VariableStore} from '../../session/store.ts';

export class Access {
  writer: string | undefined;
  /** While a callback runs no step does, and it may set weights. */
  inCallback = false;
  /** Models in this memory that have not been disposed of. */
  users = 0;
  readonly waiting: (() => void)[] = [];

  /** @throws ERR_MODEL_BUSY */
  checkFree(where: string): void {
    if (this.writer === undefined) return;
    const isRead = this.writer === 'predict' || this.writer === 'evaluate';
    const state = isRead
      ? `the model writes its states in ${this.writer}; wait for its promise.`
      : `the model is in training by ${this.writer}; wait for its promise, or stop it by its signal.`;
    fail('ERR_MODEL_BUSY', `${where}: ${state}`);
  }

  /**
   * For new weights that are there at once: a callback of the training may set them.
   *
   * @throws ERR_MODEL_BUSY
   */
  checkWrite(where: string): void {
    if (!this.inCallback) this.checkFree(where);
  }

  /** For what a training takes as it finds it, and its callbacks may not change. @throws ERR_MODEL_BUSY */
  checkNoTraining(where: string): void {
    if (this.writer === undefined) return;
    const when = 'set it before, or when its promise has settled, and it counts from the next call on';
    fail('ERR_MODEL_BUSY', `${where}: the model is in training by ${this.writer}; ${when}.`);
  }
}

const all = new WeakMap<VariableStore, Access>();

export function accessOf({current}: VariableStore): Access {
  let access = all.get(current);
  if (!access) {
    access = new Access();
    all.set(current, access);
  }
  return access;
}

/**
 * The store for these variables, to which any stores that hold them are merged.
 *
 * @throws ERR_MODEL_BUSY if stores must be merged while one of them is being trained.
 */
export function mergedStore(where: string, variables: readonly Variable[]): VariableStore {
  return commonStore(variables, stores => {
    for (const store of stores) accessOf(store).checkFree(where);
    const [first, ...others] = stores;
    for (const store of others) {
      accessOf(first).users += accessOf(store).users;
      first.absorb(store);
    }
    return first;
  });
}
