// Writes a file so that either the old one or the new one is complete at any moment, even after a crash or on
// a full disk.
import {randomBytes} from 'node:crypto';
import {type FileHandle, open, realpath, rename, stat, unlink} from 'node:fs/promises';
import {dirname} from 'node:path';

/** Node refuses writes of 2 GiB and more. */
const chunkBytes = 2 ** 26;

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const {bytesWritten} = await file.write(bytes, at, Math.min(chunkBytes, bytes.length - at));
    at += bytesWritten;
  }
}

/** A rename is on disk only after its folder has been synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  try {
    await handle?.sync();
  } catch (error) {
    // Some file systems, and Windows, cannot sync a folder.
    const {code} = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'EISDIR' && code !== 'EPERM') throw error;
  } finally {
    await handle?.close();
  }
}

/**
 * Writes the parts, one after another, to a temporary file in the same folder, then renames it. A link to a
 * file stays a link, and the permissions of the old file are kept.
 */
export async function writeAtomically(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const mode = (await stat(target).catch(() => undefined))?.mode ?? 0o666;
  const temporary = `${target}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`;
  const file = await open(temporary, 'wx', mode & 0o777);
  try {
    try {
      for (const part of parts) await writeAll(file, part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(target));
}
