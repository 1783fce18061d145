// Two builds, one list of sources and flags.
import fs from 'node:fs';
import {runInNewContext} from 'node:vm';
import {describe, expect, test} from 'vitest';
import {nativeTests, nativeTools} from '../../scripts/bootstrap.mjs';

interface Target {
  target_name: string;
  type?: string;
  sources: string[];
  cflags_cc?: string[];
}
interface Gyp {
  target_defaults: {cflags: string[]; cflags_cc: string[]};
  variables: {isa_flags: string[]};
  targets: Target[];
  conditions: [string, {targets: Target[]}][];
}

const cmake = fs.readFileSync('CMakeLists.txt', 'utf8').replace(/#.*/g, '');
const gypText = fs.readFileSync('binding.gyp', 'utf8').replace(/^\s*#.*$/gm, '');
const gyp: Gyp = runInNewContext(`(${gypText})`);
const targets = [...gyp.targets, ...gyp.conditions.flatMap(([, {targets}]) => targets)];

const cmakeList = (name: string): string[] => {
  const body = new RegExp(`set\\(${name}\\b([^)]*)\\)`).exec(cmake)?.[1];
  if (body === undefined) throw new Error(`CMakeLists.txt sets no ${name}`);
  return body.trim().split(/\s+/).filter(Boolean);
};
const gypTarget = (name: string): Target => {
  const target = targets.find(({target_name}) => target_name === name);
  if (!target) throw new Error(`binding.gyp has no target ${name}`);
  return target;
};
const isas = targets
  .map(({target_name}) => /^isa_(\w+)$/.exec(target_name)?.[1])
  .filter(name => name !== undefined);

describe('binding.gyp and CMakeLists.txt', () => {
  test('list the same runtime and binding', () => {
    expect(cmakeList('RUNTIME_SOURCES')).toEqual(gypTarget('runtime').sources);
    expect(cmakeList('BINDING_SOURCES')).toEqual(gypTarget('chainrule').sources);
  });

  test('list the same tools and tests', () => {
    const executables = targets.filter(({type}) => type === 'executable').flatMap(({sources}) => sources);
    const lists = ['TOOL_SOURCES', 'TEST_SOURCES', 'KERNELS_TEST_SOURCES'];
    expect(lists.flatMap(cmakeList).sort()).toEqual(executables.sort());
    const names = targets.filter(({type}) => type === 'executable').map(({target_name}) => target_name);
    expect([...nativeTests, ...nativeTools].sort()).toEqual(names.sort());
  });

  test('compile each instruction set with the same flags', () => {
    expect(cmakeList('ISA_FLAGS')).toEqual(gyp.variables.isa_flags);
    for (const isa of isas) {
      const flags = (gypTarget(`isa_${isa}`).cflags_cc ?? []).filter(flag => flag !== '<@(isa_flags)');
      expect(cmakeList(`${isa.toUpperCase()}_FLAGS`), isa).toEqual(flags);
    }
    expect(isas.length).toBeGreaterThan(1);
    const listed = [...cmake.matchAll(/set\(ISAS ([^)]*)\)/g)].flatMap(match => (match[1] ?? '').split(' '));
    expect([...new Set(listed)].sort()).toEqual([...isas].sort());
  });

  test('share the flags that decide about numbers', () => {
    const numeric = /^-f(no-)?(math-errno|trapping-math|fp-contract)|^-ffp-contract/;
    const ours = cmakeList('COMMON_FLAGS').filter(flag => numeric.test(flag));
    expect(ours.sort()).toEqual(gyp.target_defaults.cflags_cc.filter(flag => numeric.test(flag)).sort());
    expect(ours.length).toBe(3);
  });

  test('leave no source out', () => {
    const onDisk = fs
      .readdirSync('native', {recursive: true, encoding: 'utf8'})
      .filter(name => name.endsWith('.cc'));
    const listed = targets.flatMap(({sources}) => sources);
    expect(onDisk.map(name => `native/${name}`).sort()).toEqual([...new Set(listed)].sort());
  });
});
