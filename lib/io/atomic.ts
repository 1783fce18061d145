// Writing a file so that at every moment, also after a crash or on a full disk, the old one or the new one is
// whole.
import {randomBytes} from 'node:crypto';
import {type FileHandle, open, rename, unlink} from 'node:fs/promises';
import path from 'node:path';

/** Node refuses writes of 2 GiB and more. */
const chunkBytes = 2 ** 26;

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const {bytesWritten} = await file.write(bytes, at, Math.min(chunkBytes, bytes.length - at));
    at += bytesWritten;
  }
}

/** A rename is safe on disk only once its folder is. */
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
 * Writes the parts, one after another, to a new file beside the old one, then puts it in the old one's place.
 */
export async function writeAtomically(target: string, parts: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${target}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`;
  const file = await open(temporary, 'wx');
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
  await syncFolder(path.dirname(target));
}
