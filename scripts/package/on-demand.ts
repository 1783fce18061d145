// What only the test of the package needs, from npm into build/tools, which git ignores. Exact versions, so
// that a test means the same tomorrow.
import fs from 'node:fs';
import path from 'node:path';
import {root} from '../bootstrap.mjs';
import {spawn} from '../steps.ts';

function versionIn(folder: string, name: string): string | undefined {
  const file = path.join(folder, 'node_modules', name, 'package.json');
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).version : undefined;
}

/** The folder whose node_modules hold the packages, by name with version; undefined where npm gives none. */
export function installOnDemand(
  what: string,
  packages: Readonly<Record<string, string>>,
): string | undefined {
  const folder = path.join(root, 'build/tools', what);
  const wanted = Object.entries(packages);
  const isThere = (): boolean => wanted.every(([name, version]) => versionIn(folder, name) === version);
  if (isThere()) return folder;
  console.log(`installing ${what} into ${path.relative(root, folder)}`);
  fs.mkdirSync(folder, {recursive: true});
  fs.writeFileSync(path.join(folder, 'package.json'), '{"private": true}\n');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const names = wanted.map(([name, version]) => `${name}@${version}`);
  return spawn('npm', ['install', '--prefix', folder, ...flags, ...names]).ok && isThere()
    ? folder
    : undefined;
}

const [bunArch, denoArch] = process.arch === 'arm64' ? ['aarch64', 'arm64'] : ['x64', 'x64'];
const bunPackage = `@oven/bun-linux-${bunArch}`;
const denoPackage = `@deno/linux-${denoArch}-glibc`;

const runtimes = {
  bun: {packages: {[bunPackage]: '1.4.5'}, file: `${bunPackage}/bin/bun`, args: []},
  deno: {packages: {[denoPackage]: '2.9.6'}, file: `${denoPackage}/deno`, args: ['run', '--allow-all']},
} as const;

export type RuntimeName = keyof typeof runtimes;
export const runtimeNames = Object.keys(runtimes) as RuntimeName[];

/** What runs a file in another runtime: the command and its first arguments. */
export function runtimeCommand(name: RuntimeName): readonly [string, ...string[]] | undefined {
  const {packages, file, args} = runtimes[name];
  const folder = installOnDemand(name, packages);
  if (folder === undefined) return undefined;
  const command = path.join(folder, 'node_modules', file);
  fs.chmodSync(command, 0o755);
  return [command, ...args];
}

/** esbuild is there already: tsx brings it. */
export const bundlerPackages = {
  rollup: '4.68.8',
  '@rollup/plugin-commonjs': '29.0.3',
  '@rollup/plugin-node-resolve': '16.0.3',
  webpack: '5.113.0',
};
