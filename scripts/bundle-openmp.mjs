// A prebuilt addon carries its own OpenMP runtime: slim images have none, and under the usual name another
// addon's copy would be taken for it. Copies libgomp beside the addon and renames it in both files:
// NEEDED of the addon, SONAME of the library and the version records all point at one string each.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {root} from './bootstrap.mjs';

const usualName = 'libgomp.so.1';
/** Not longer than the usual name, so that it fits in its place. */
export const ownName = 'libcrgomp.so';

/** The dynamic string table of a 64-bit little-endian ELF file: the one string table that is loaded. */
function dynamicStrings(elf) {
  if (elf.toString('latin1', 0, 6) !== '\x7fELF\x02\x01')
    throw new Error('not a 64-bit little-endian ELF file');
  const [start, size, count] = [
    Number(elf.readBigUInt64LE(0x28)),
    elf.readUInt16LE(0x3a),
    elf.readUInt16LE(0x3c),
  ];
  for (let at = start; at < start + size * count; at += size) {
    const isStrings = elf.readUInt32LE(at + 4) === 3;
    const isLoaded = (elf.readBigUInt64LE(at + 8) & 2n) !== 0n;
    if (!isStrings || !isLoaded) continue;
    const offset = Number(elf.readBigUInt64LE(at + 0x18));
    return elf.subarray(offset, offset + Number(elf.readBigUInt64LE(at + 0x20)));
  }
  throw new Error('no dynamic string table');
}

function rename(file) {
  const elf = fs.readFileSync(file);
  const strings = dynamicStrings(elf);
  const at = strings.indexOf(`\0${usualName}\0`, 0, 'latin1');
  if (at < 0) throw new Error(`${file}: ${usualName} is not named in it`);
  strings.write(ownName.padEnd(usualName.length, '\0'), at + 1, 'latin1');
  fs.writeFileSync(file, elf);
}

/** Bundles the OpenMP runtime of `compiler` with the prebuilt addon. */
export function bundleOpenmp(addon, compiler = process.env.CXX ?? 'g++') {
  const folder = path.dirname(addon);
  const [command, ...args] = compiler.trim().split(/\s+/); // "ccache g++" is a compiler too
  const asked = [...args, `-print-file-name=${usualName}`];
  const found = execFileSync(command, asked, {encoding: 'utf8'}).trim();
  if (!path.isAbsolute(found)) throw new Error(`${compiler} has no ${usualName}`);
  const library = path.join(folder, ownName);
  fs.copyFileSync(fs.realpathSync(found), library);
  fs.chmodSync(library, 0o644);
  rename(library);
  rename(addon);
  for (const text of ['libgomp.txt', 'GPL-3.txt']) {
    fs.copyFileSync(path.join(root, 'licenses', text), path.join(folder, `LICENSE-${text}`));
  }
}
