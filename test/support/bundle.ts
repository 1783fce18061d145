// Before the tests: JavaScript bundles of the library and of the backend of TensorFlow.js, for tests that
// start other processes and workers.
import {existsSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
export const bundleFile = path.join(root, 'build/test-bundle/index.mjs');
export const tfjsBundleFile = path.join(root, 'build/test-bundle/tfjs.cjs');
export const tfjsNodeBundleFile = path.join(root, 'build/test-bundle/tfjs-node.cjs');

function isFresh(): boolean {
  const bundles = [bundleFile, tfjsBundleFile, tfjsNodeBundleFile];
  if (!bundles.every(file => existsSync(file))) return false;
  const made = Math.min(...bundles.map(file => statSync(file).mtimeMs));
  const sources = readdirSync(path.join(root, 'lib'), {recursive: true, encoding: 'utf8'});
  return sources.every(file => statSync(path.join(root, 'lib', file)).mtimeMs < made);
}

export default async function setup(): Promise<void> {
  if (isFresh()) return;
  // Only here: whoever asks for the bundle's name needs no bundler.
  const {build} = await import('tsdown');
  const outDir = path.dirname(bundleFile);
  const common = {config: false, cwd: root, outDir, dts: false, clean: false} as const;
  const quiet = {platform: 'node', logLevel: 'error'} as const;
  await build({...common, ...quiet, entry: ['lib/index.ts'], format: 'esm'});
  const forTfjs = {tfjs: 'lib/tfjs/index.ts', 'tfjs-node': 'lib/tfjs-node/index.ts'};
  await build({...common, ...quiet, entry: forTfjs, format: 'cjs'});
}
