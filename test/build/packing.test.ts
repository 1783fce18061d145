// What a build says while it takes its time, and when the package is refused.
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {packedBinaries} from '../../scripts/prepack.mjs';
import {summaryOf} from '../../scripts/progress.mjs';

const progress = path.resolve(import.meta.dirname, '../../scripts/progress.mjs');

describe('progress', () => {
  test('reads what the makefiles of gyp, of CMake and a plain one print', () => {
    const gyp = [
      '  CXX(target) Release/obj.target/isa_avx2/native/isa/avx2.o',
      '  CXX(target) Release/obj.target/runtime/native/runtime/team.o',
      '  AR(target) Release/obj.target/isa_avx2.a',
    ];
    expect(summaryOf(gyp.slice(0, 2))).toBe(
      ': 2 files begun, last native/isa/avx2.cc, native/runtime/team.cc',
    );
    expect(summaryOf(gyp)).toMatch(/^: 2 files begun, last .*linking Release\/obj\.target\/isa_avx2\.a$/);
    const cmake = '[ 12%] Building CXX object CMakeFiles/runtime.dir/native/runtime/cpu.cc.o';
    expect(summaryOf([cmake])).toBe(': 1 files begun, last native/runtime/cpu.cc');
    expect(summaryOf(['g++ -O2 -I../native -c ../native/isa/neon.cc -o isa-neon.o'])).toBe(
      ': 1 files begun, last native/isa/neon.cc',
    );
    expect(summaryOf(['make: Entering directory'])).toBe('');
  });

  test('says what it waits for, and shows the output of what fails', {timeout: 60_000}, () => {
    const run = (everyMs: number, source: string) =>
      spawnSync(
        process.execPath,
        [progress, `--every=${everyMs}`, 'a long build', process.execPath, '-e', source],
        {
          encoding: 'utf8',
        },
      );
    const slow = run(400, 'console.log("  CXX(target) a/native/isa/a.o"); setTimeout(() => {}, 1500)');
    const said = slow.stdout.trim().split('\n');
    expect(said.length).toBeGreaterThan(1);
    expect(said.at(-1)).toMatch(
      /^chainrule: a long build, [\d.]+ s: 1 files begun, last native\/isa\/a\.cc$/,
    );
    expect(slow.status).toBe(0);
    const failing = run(60_000, 'console.log("no such header"); process.exit(3)');
    expect(failing).toMatchObject({status: 3, stdout: '', stderr: 'no such header\n'});
  });
});

test('only binaries count as binaries', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-packing-'));
  expect(packedBinaries(path.join(folder, 'prebuilds'))).toEqual([]);
  mkdirSync(path.join(folder, 'linux-x64'));
  writeFileSync(path.join(folder, 'linux-x64/libcrgomp.so'), '');
  expect(packedBinaries(folder)).toEqual([]);
  writeFileSync(path.join(folder, 'linux-x64/chainrule.glibc.node'), '');
  expect(packedBinaries(folder)).toEqual(['linux-x64/chainrule.glibc.node']);
  rmSync(folder, {recursive: true});
});
