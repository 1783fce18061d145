// Where bytes of a model come from: a file, or memory.
import {open} from 'node:fs/promises';
import {fail} from '../core/errors.ts';

export interface ByteSource {
  readonly size: number;
  /** Fills `into` with the bytes from `position` on. @throws ERR_FILE where there are fewer */
  read(into: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

/** Node refuses to read 2 GiB and more at a time. */
const chunkBytes = 2 ** 26;

/** @throws what the file system says, ERR_FILE for a folder */
export async function openFile(path: string): Promise<ByteSource> {
  const file = await open(path, 'r');
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) {
      const others = 'TensorFlow and TensorFlow.js save folders';
      fail('ERR_FILE', `it is a folder; a model of chainrule is one file (${others})`);
    }
    return {
      size: stat.size,
      async read(into, position) {
        for (let at = 0; at < into.length; ) {
          const {bytesRead} = await file.read(
            into,
            at,
            Math.min(chunkBytes, into.length - at),
            position + at,
          );
          if (bytesRead === 0) fail('ERR_FILE', 'it is truncated');
          at += bytesRead;
        }
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Bytes in memory, which must not change while they are read. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    async read(into, position) {
      if (position + into.length > bytes.length) fail('ERR_FILE', 'it is truncated');
      into.set(bytes.subarray(position, position + into.length));
    },
    close: async () => {},
  };
}
