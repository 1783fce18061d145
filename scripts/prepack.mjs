// What `npm pack` and `npm publish` run first: a package must not go out without a binary. Builds the one of
// this platform where it is missing or older than its sources, and the JavaScript.
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {install, isPrebuilt, root, runIfMain, Stop} from './bootstrap.mjs';

/** Platforms that binding.gyp knows how to build for. */
const buildable = ['linux-x64', 'linux-arm64'];

/** npm's own output, such as --json, has stdout for itself. */
function run(what, ...args) {
  const {status} = spawnSync(process.execPath, args, {cwd: root, stdio: ['ignore', 2, 2]});
  if (status !== 0) throw new Stop(`chainrule: ${what} failed, so nothing was packed`);
}

/** Names of the binaries that would be packed. */
export function packedBinaries(folder) {
  const names = fs.existsSync(folder) ? fs.readdirSync(folder, {recursive: true}) : [];
  return names.filter(name => name.endsWith('.node'));
}

function main() {
  console.log = console.error;
  install();
  const platform = `${process.platform}-${process.arch}`;
  if (buildable.includes(platform) && !isPrebuilt()) {
    console.log(`chainrule: no up-to-date binary for ${platform}, building one`);
    run('the build of the binary', 'scripts/prebuild.mjs');
  }
  const binaries = packedBinaries(path.join(root, 'prebuilds'));
  if (binaries.length === 0) {
    throw new Stop(
      `chainrule: prebuilds/ holds no binary, and none is built on ${platform}. Copy in what ` +
        `\`npm run prebuild\` makes on ${buildable.join(' and ')}; nothing was packed`,
    );
  }
  run('the build of the JavaScript', 'node_modules/tsdown/dist/run.mjs', '--logLevel', 'error');
  console.log(`chainrule: packing with ${binaries.map(name => `prebuilds/${name}`).join(', ')}`);
}

await runIfMain(import.meta.url, main);
