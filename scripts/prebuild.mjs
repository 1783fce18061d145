// Packs a built addon into prebuilds/: prebuildify strips and names it, then it gets its OpenMP runtime.
//   node scripts/prebuild.mjs [--arch arm64 --from FILE --cross aarch64-linux-gnu-]
import fs from 'node:fs';
import path from 'node:path';
import {parseArgs, promisify} from 'node:util';
import {addonFile, build, install, root, runIfMain} from './bootstrap.mjs';

export async function prebuild({arch = process.arch, from, cross = ''} = {}) {
  const {default: prebuildify} = await import('prebuildify');
  const {bundleOpenmp} = await import('./bundle-openmp.mjs');
  const folder = path.join(root, 'prebuilds', `${process.platform}-${arch}`);
  // prebuildify takes what it builds out of build/Release and always from nothing. Here it gets a copy.
  const stage = path.join(root, 'build/prebuild');
  fs.rmSync(folder, {recursive: true, force: true});
  fs.rmSync(stage, {recursive: true, force: true});
  fs.mkdirSync(path.join(stage, 'build/Release'), {recursive: true});
  fs.copyFileSync(path.join(root, 'package.json'), path.join(stage, 'package.json'));
  fs.copyFileSync(from ?? addonFile, path.join(stage, 'build/Release/chainrule.node'));
  await promisify(prebuildify)({
    ...{cwd: stage, out: root, arch, napi: true, strip: true, tagLibc: true, quiet: true},
    ...{nodeGyp: 'true', stripBin: `${cross}strip`},
  });
  const addon = fs.readdirSync(folder).find(name => name.endsWith('.node'));
  if (!addon) throw new Error(`prebuildify left nothing in ${folder}`);
  try {
    if (process.platform === 'linux')
      bundleOpenmp(path.join(folder, addon), cross ? `${cross}g++` : undefined);
  } catch (error) {
    fs.rmSync(folder, {recursive: true}); // half of it would be packed
    throw error;
  }
  return fs.readdirSync(folder).map(name => path.relative(root, path.join(folder, name)));
}

await runIfMain(import.meta.url, async args => {
  const options = {arch: {type: 'string'}, from: {type: 'string'}, cross: {type: 'string'}};
  const {values} = parseArgs({args, options});
  install();
  if (!values.from) build();
  for (const file of await prebuild(values)) console.log(file);
});
