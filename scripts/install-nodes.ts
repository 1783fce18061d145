// Other versions of Node from npm, in build/nodes, for tests of what depends on the engine
// (test/support/nodes.ts).
import fs from 'node:fs';
import path from 'node:path';
import {root} from './bootstrap.mjs';
import {spawn} from './steps.ts';

const versions = ['20', '22', '24', '26'];
const name = `node-linux-${process.arch}`;

let missing = 0;
for (const version of versions) {
  const folder = path.join(root, 'build/nodes', version);
  if (fs.existsSync(path.join(folder, 'node_modules', name, 'bin/node'))) continue;
  fs.mkdirSync(folder, {recursive: true});
  const args = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${name}@${version}`];
  if (!spawn('npm', args).ok) missing++;
}
console.log(`${versions.length - missing} passed, ${missing} failed`);
process.exitCode = missing > 0 ? 1 : 0;
