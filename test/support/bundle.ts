// Before the tests: one JavaScript bundle of the library, for tests that start other processes and workers.
import {existsSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
export const bundleFile = path.join(root, 'build/test-bundle/index.mjs');

function isFresh(): boolean {
  if (!existsSync(bundleFile)) return false;
  const made = statSync(bundleFile).mtimeMs;
  const sources = readdirSync(path.join(root, 'lib'), {recursive: true, encoding: 'utf8'});
  return sources.every(file => statSync(path.join(root, 'lib', file)).mtimeMs < made);
}

export default async function setup(): Promise<void> {
  if (isFresh()) return;
  // Only here: whoever asks for the bundle's name needs no bundler.
  const {build} = await import('tsdown');
  await build({
    config: false,
    cwd: root,
    entry: ['lib/index.ts'],
    outDir: path.dirname(bundleFile),
    format: 'esm',
    platform: 'node',
    dts: false,
    logLevel: 'error',
  });
}
