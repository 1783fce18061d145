// Which binary a package loads.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {afterAll, expect, it} from 'vitest';
import {addon, type NativeAddon} from '../../lib/runtime/addon.ts';
import {loadFromPackage} from '../../lib/runtime/binary.ts';
import {addonFile, root} from '../../scripts/bootstrap.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chainrule-binary-'));
afterAll(() => fs.rmSync(folder, {recursive: true, force: true}));

const binary = process.env.CHAINRULE_BINARY ?? addonFile;

/** A package with files at these paths: the binary, or text that is none. */
function packageOf(name: string, files: Readonly<Record<string, 'binary' | 'text'>>): string {
  const own = path.join(folder, name);
  fs.mkdirSync(own);
  fs.writeFileSync(path.join(own, 'package.json'), '{"name": "chainrule"}');
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(own, 'node_modules'));
  for (const [file, content] of Object.entries(files)) {
    const target = path.join(own, file);
    fs.mkdirSync(path.dirname(target), {recursive: true});
    if (content === 'binary') fs.symlinkSync(path.resolve(binary), target);
    else fs.writeFileSync(target, 'no binary');
  }
  return own;
}

const shipped = `prebuilds/${process.platform}-${process.arch}`;
const libc = fs.existsSync('/etc/alpine-release') ? ['musl', 'glibc'] : ['glibc', 'musl'];

it.each<[string, Parameters<typeof packageOf>[1]]>([
  ['the one that ships', {[`${shipped}/chainrule.node`]: 'binary', [`${shipped}/notes.txt`]: 'text'}],
  ['the one that was built here', {'build/Release/chainrule.node': 'binary', [`${shipped}/a.node`]: 'text'}],
  [
    'of several, the one for this system',
    {[`${shipped}/a.${libc[0]}.node`]: 'binary', [`${shipped}/a.${libc[1]}.node`]: 'text'},
  ],
])('loads %s', (name, files) => {
  const loaded = loadFromPackage(packageOf(name, files)) as NativeAddon;
  expect(loaded.info()).toEqual(addon().info());
});

it('says where it found none that loads', () => {
  const text = new RegExp(`found no native binary in .* for ${process.platform}-${process.arch}`);
  expect(() => loadFromPackage(packageOf('none', {}))).toThrow(text);
  expect(() => loadFromPackage(packageOf('broken', {[`${shipped}/a.node`]: 'text'}))).toThrow(text);
});
