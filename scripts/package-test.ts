// What a user gets: packs the package from a clone that has built nothing, installs the tarball in an empty
// folder with install scripts disabled, and trains XOR there from ESM, from CommonJS and from strict
// TypeScript, in Bun and Deno, and out of bundles. `--quick` leaves out what npm would have to install first:
// Bun, Deno, and all bundlers but esbuild.
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {addonFile, build, root} from './bootstrap.mjs';
import {type Bundle, bundlerNames, bundlersIn, checkBundles} from './package/bundles.ts';
import {
  bundlerPackages,
  installOnDemand,
  type RuntimeName,
  runtimeCommand,
  runtimeNames,
} from './package/on-demand.ts';
import {type Outcome, one, runSteps} from './steps.ts';

const maxPackedBytes = 12 << 20;
const allowed = [
  /^dist\/[\w.-]+\.(mjs|cjs|mts|cts)$/,
  /^prebuilds\/[\w-]+\/[\w.-]+$/,
  /^(README\.md|CHANGELOG\.md|LICENSE|package\.json)$/,
];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chainrule-package-'));
process.on('exit', () => fs.rmSync(folder, {recursive: true, force: true}));

// The folder stands alone: neither this checkout's settings nor its modules reach it.
const env = {...process.env};
for (const name of ['NODE_OPTIONS', 'NODE_PATH', 'CHAINRULE_BINARY', 'TSX_TSCONFIG_PATH']) delete env[name];

function run(command: string, args: readonly string[], cwd = folder, more = {}): string {
  const options = {cwd, env: {...env, ...more}, encoding: 'utf8', maxBuffer: 1 << 26} as const;
  try {
    return execFileSync(command, args, {...options, stdio: ['ignore', 'pipe', 'inherit']});
  } catch (error) {
    // The compiler of TypeScript says there what is wrong.
    console.log(String((error as {stdout?: unknown}).stdout ?? ''));
    throw error;
  }
}

const deep = process.env.CHAINRULE_DEEP === '1';
const clone = path.join(folder, 'clone');

/** The files that a clone has, and nothing built. The packages are this checkout's, but in deep tests. */
function makeClone(): void {
  const list = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root);
  for (const name of list.split('\0').filter(file => file && fs.existsSync(path.join(root, file)))) {
    fs.cpSync(path.join(root, name), path.join(clone, name), {preserveTimestamps: true});
  }
  if (!deep) fs.symlinkSync(path.join(root, 'node_modules'), path.join(clone, 'node_modules'), 'dir');
}

/** Outside of deep tests the clone need not compile what this checkout has compiled of the same sources. */
function lendAddon(): void {
  build();
  fs.mkdirSync(path.join(clone, 'build/Release'), {recursive: true});
  fs.cpSync(addonFile, path.join(clone, 'build/Release/chainrule.node'), {preserveTimestamps: true});
}

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly {readonly path: string}[];
}

const cannotPack = /a C\+\+17 compiler is needed/;

/** npm packs nothing where there is no binary and none can be built, and says why. */
function refusesToPack(): void {
  const programs = path.join(folder, 'programs');
  fs.mkdirSync(programs);
  const shell = ['/bin/sh', '/usr/bin/sh'].find(file => fs.existsSync(file)) as string;
  fs.symlinkSync(shell, path.join(programs, 'sh'));
  fs.symlinkSync(process.execPath, path.join(programs, 'node'));
  const npm = path.join(
    path.dirname(fs.realpathSync(process.execPath)),
    '../lib/node_modules/npm/bin/npm-cli.js',
  );
  const cli = process.env.npm_execpath ?? npm;
  const without = {...env, PATH: programs, CXX: undefined};
  const args = [cli, 'pack', '--pack-destination', folder];
  const {status, stderr} = spawnSync(process.execPath, args, {cwd: clone, env: without, encoding: 'utf8'});
  if (status === 0 || !cannotPack.test(stderr)) throw new Error(`npm pack ended with ${status}: ${stderr}`);
  const packed = fs.readdirSync(folder).filter(name => name.endsWith('.tgz'));
  if (packed.length > 0) throw new Error(`npm pack left ${packed}`);
}

function pack(): Packed {
  const text = run('npm', ['pack', '--json', '--pack-destination', folder], clone);
  const parsed: unknown = JSON.parse(text);
  // npm 11 prints a list, npm 12 an object by package name.
  return Object.values(parsed as Record<string, Packed>)[0] as Packed;
}

function checkContents({size, files}: Packed): void {
  const names = files.map(file => file.path);
  const strangers = names.filter(name => !allowed.some(pattern => pattern.test(name)));
  if (strangers.length > 0) throw new Error(`the tarball holds ${strangers.join(', ')}`);
  if (!names.some(name => /^prebuilds\/.*\.node$/.test(name))) throw new Error('the tarball holds no addon');
  if (size > maxPackedBytes)
    throw new Error(`the tarball has ${size} bytes, at most ${maxPackedBytes} are allowed`);
  console.log(`${names.length} files, ${(size / 1024).toFixed(0)} KiB packed`);
}

function installTarball({filename}: Packed): void {
  fs.writeFileSync(path.join(folder, 'package.json'), '{"private": true, "type": "module"}\n');
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', `./${filename}`]);
  for (const name of fs.readdirSync(path.join(root, 'test/package'))) {
    fs.copyFileSync(path.join(root, 'test/package', name), path.join(folder, name));
  }
}

/** The strictest reader of the declarations, once as an ES module and once as CommonJS. */
function compileConsumers(): void {
  const compilerOptions = {
    ...{
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      outDir: 'out',
      types: ['node'],
    },
    ...{strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false},
    typeRoots: [path.join(root, 'node_modules/@types')],
  };
  const compile = (files: readonly string[], more = {}): void => {
    const project = {compilerOptions: {...compilerOptions, ...more}, files};
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(project));
    run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
  };
  compile(['xor.ts', 'types.cts', 'tfjs-types.ts']);
  // These name TensorFlow.js, whose own declarations are not as strict.
  compile(['tfjs-layers-types.ts', 'tfjs-node-types.ts'], {skipLibCheck: true});
}

function trains(file: string, command = process.execPath, args: readonly string[] = []): void {
  const text = run(command, [...args, file]).trim();
  if (text !== '0 1 1 0') throw new Error(`${file} printed ${text} instead of 0 1 1 0`);
  console.log(`${file}: ${text}`);
}

const install = '@tensorflow/tfjs-core is not installed.*npm install @tensorflow/tfjs';
const forLayers =
  "import {layers, sequential} from 'chainrule'; import {toTfjs} from 'chainrule/tfjs-layers';";
/** Programs that need TensorFlow.js, and what they say where it is not installed. */
const withoutTfjs: readonly (readonly [program: string, says: RegExp])[] = [
  ["import 'chainrule/tfjs'", new RegExp(`chainrule/tfjs.*${install}`)],
  ["import 'chainrule/tfjs-node'", new RegExp(`chainrule/tfjs.*${install}`)],
  [
    `${forLayers} await toTfjs(sequential([layers.dense({units: 1, inputShape: [2]})]))`,
    new RegExp(`toTfjs makes.*${install}`),
  ],
];

/** Without TensorFlow.js its backend says what to install; with it, it is the current one. */
function tfjsBackend(): void {
  for (const [program, says] of withoutTfjs) {
    const refused = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      ...{cwd: folder, env, encoding: 'utf8'},
    });
    if (refused.status === 0 || !says.test(refused.stderr)) {
      throw new Error(`without TensorFlow.js ${program} ended with ${refused.status}: ${refused.stderr}`);
    }
  }
  const [own, installed] = [root, folder].map(place => path.join(place, 'node_modules/@tensorflow'));
  fs.symlinkSync(own as string, installed as string, 'dir');
  const text = run(process.execPath, ['tfjs.mjs']).trim();
  if (text !== 'chainrule') throw new Error(`tfjs.mjs printed ${text}`);
  console.log(`tfjs.mjs: ${text}`);
  console.log(`tfjs-node: ${run(process.execPath, ['tfjs-node.mjs']).trim()}`);
  console.log(`tfjs-layers.mjs: ${run(process.execPath, ['tfjs-layers.mjs']).trim()}`);
}

function runsIn(name: RuntimeName): Outcome {
  const found = runtimeCommand(name);
  if (found === undefined) return {passed: 0, failed: 0, skipped: [`npm gave no ${name}`]};
  const [command, ...args] = found;
  for (const file of ['xor.mjs', 'xor.cjs']) trains(file, command, args);
  console.log(run(command, [...args, 'runtime.mjs']).trim());
  return one(true);
}

function runsAfterBundling(name: string, bundle: Bundle | undefined): () => Promise<Outcome> {
  return async () => {
    if (bundle === undefined) return {passed: 0, failed: 0, skipped: [`npm gave no ${name}`]};
    await checkBundles(name, bundle, folder, run);
    return one(true);
  };
}

let packed: Packed;
const steps: Record<string, () => unknown> = {
  clone: makeClone,
  'refuses to pack': refusesToPack,
  pack: () => {
    if (!deep) lendAddon();
    packed = pack();
    checkContents(packed);
  },
  install: () => installTarball(packed),
  'from ESM': () => trains('xor.mjs'),
  'from CommonJS': () => trains('xor.cjs'),
  'one copy': () => run(process.execPath, ['one-copy.mjs']),
  'first files': () => console.log(run(process.execPath, ['start.cjs']).trim()),
  'TensorFlow.js': tfjsBackend,
  'strict types': compileConsumers,
  'from TypeScript': () => trains('out/xor.js'),
  runtime: () => console.log(run(process.execPath, ['runtime.mjs']).trim()),
};

const quick = process.argv.includes('--quick');
const bundlers = bundlersIn(quick ? undefined : installOnDemand('bundlers', bundlerPackages));
await runSteps([
  ...Object.entries(steps).map(([name, action]) => ({
    name,
    run: () => {
      action();
      return one(true);
    },
  })),
  ...(quick ? [] : runtimeNames).map(name => ({name, run: () => runsIn(name)})),
  ...bundlerNames
    .filter(name => !quick || bundlers[name])
    .map(name => ({name, run: runsAfterBundling(name, bundlers[name])})),
]);
