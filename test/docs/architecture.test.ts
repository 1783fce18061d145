// ARCHITECTURE.md fits two pages, and says where things are.
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8');

test('it fits two pages of 70 lines of 120 columns', () => {
  const printed = page.trimEnd().split('\n');
  const lines = printed.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 120)), 0);
  expect(lines).toBeLessThanOrEqual(2 * 70);
});

test('it names every folder of the library', () => {
  const folders = ['lib', 'native'].flatMap(owner =>
    readdirSync(path.join(root, owner), {withFileTypes: true})
      .filter(entry => entry.isDirectory())
      .map(({name}) => `${owner}/${name}`),
  );
  expect(folders.length).toBeGreaterThan(15);
  const unnamed = folders.filter(folder => !page.includes(folder));
  // Tests of native code, which `test` stands for.
  expect(unnamed).toEqual(['native/test']);
});

test('what it names is there', () => {
  const named = [...page.matchAll(/`((?:lib|native|test|scripts|docs|examples)\/[\w./-]+)`/g)].map(
    ([, name]) => name as string,
  );
  expect(named.length).toBeGreaterThan(20);
  // `x` stands for a new family of ops.
  const missing = named.filter(name => !/\/x\.\w+$/.test(name) && !existsSync(path.join(root, name)));
  expect(missing).toEqual([]);
});
