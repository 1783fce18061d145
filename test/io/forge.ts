// Model files with headers that were changed and signed anew.
import {crc32} from 'node:zlib';

/** What stands in a header. */
export type Table = Record<string, unknown> & {__metadata__: Record<string, string>};

const checksumKey = '"headerChecksum":"';

/**
 * The file with another header: `change` edits the table, or gives the JSON that replaces it. Checksums of
 * tensors stay as they are.
 */
export function forgeHeader(
  file: Buffer,
  change: (table: Table, text: string) => string | undefined,
): Buffer {
  const length = Number(file.readBigUInt64LE());
  const text = file.toString('utf8', 8, 8 + length).trimEnd();
  const table = JSON.parse(text) as Table;
  table.__metadata__.headerChecksum = '00000000';
  const json = change(table, text) ?? JSON.stringify(table);
  const head = Buffer.alloc(Math.ceil((8 + Buffer.byteLength(json)) / 64) * 64, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8), 0);
  head.write(json, 8);
  const checksum = crc32(head).toString(16).padStart(8, '0');
  head.write(checksum, head.indexOf(checksumKey) + checksumKey.length, 'latin1');
  return Buffer.concat([head, file.subarray(8 + length)]);
}
