import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';

/** Runs a task with a folder of its own. */
export async function withFolder(task: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-nn-'));
  try {
    await task(folder);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}
