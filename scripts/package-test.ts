// What a user gets: packs the package, installs the tarball in an empty folder with install scripts disabled,
// and trains XOR there from ESM, from CommonJS and from strict TypeScript.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {root} from './bootstrap.mjs';
import {prebuild} from './prebuild.mjs';
import {one, runSteps} from './steps.ts';

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

function run(command: string, args: readonly string[], cwd = folder): string {
  return execFileSync(command, args, {cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit']});
}

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly {readonly path: string}[];
}

function pack(): Packed {
  run(process.execPath, [path.join(root, 'node_modules/tsdown/dist/run.mjs'), '--logLevel', 'error'], root);
  const text = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root);
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
  fs.writeFileSync(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({compilerOptions, files: ['xor.ts', 'types.cts']}),
  );
  run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
}

function trains(file: string): void {
  const text = run(process.execPath, [file]).trim();
  if (text !== '0 1 1 0') throw new Error(`${file} printed ${text} instead of 0 1 1 0`);
  console.log(`${file}: ${text}`);
}

let packed: Packed;
const steps: Record<string, () => unknown> = {
  pack: () => {
    packed = pack();
    checkContents(packed);
  },
  install: () => installTarball(packed),
  'from ESM': () => trains('xor.mjs'),
  'from CommonJS': () => trains('xor.cjs'),
  'strict types': compileConsumers,
  'from TypeScript': () => trains('out/xor.js'),
};

for (const file of await prebuild()) console.log(file);
runSteps(
  Object.entries(steps).map(([name, action]) => ({
    name,
    run: () => {
      action();
      return one(true);
    },
  })),
);
