// Records of a file of events: length, its checksum, data, their checksum (TensorFlow's record_writer).

/** CRC-32C (Castagnoli 1993) of each byte, lowest bit first. */
const table = Uint32Array.from({length: 256}, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
  return remainder;
});

export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = (table[(remainder ^ byte) & 0xff] as number) ^ (remainder >>> 8);
  return (remainder ^ 0xffffffff) >>> 0;
}

/** As it stands in files: rotated by 15 bits and moved, for data that hold checksums themselves. */
function masked(bytes: Uint8Array): number {
  const sum = crc32c(bytes);
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}

export function record(data: Uint8Array): Uint8Array {
  const result = Buffer.alloc(16 + data.length);
  result.writeBigUInt64LE(BigInt(data.length), 0);
  result.writeUInt32LE(masked(result.subarray(0, 8)), 8);
  result.set(data, 12);
  result.writeUInt32LE(masked(data), 12 + data.length);
  return result;
}
