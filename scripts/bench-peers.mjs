// `npm run bench:peers [-- NAME...]`: installs what chainrule is compared with into bench/.peers, each by
// itself, so that one that cannot be had keeps no other from being compared. What failed is said at the
// end.
import {spawnSync} from 'node:child_process';
import {copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {root, runIfMain} from './bootstrap.mjs';

const folder = path.join(root, 'bench/.peers');
const python = process.env.PYTHON ?? 'python3';
const slimTensorflow = process.platform === 'linux' && process.arch === 'x64';

/** The builds for the CPU stand in the package; its install script would fetch those for GPUs. */
const env = {...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', ONNXRUNTIME_NODE_INSTALL_CUDA: 'skip'};

/** PyTorch's own index has builds for the CPU alone; without it PyPI's larger ones do as well. */
const torchIndex = ['--extra-index-url', 'https://download.pytorch.org/whl/cpu', '--retries', '1'];
const npmPackages = {
  tfjs: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'],
  // For Node 22 and below; it fetches a library of TensorFlow.
  'tfjs-node': ['@tensorflow/tfjs-node'],
  'brain.js': ['brain.js'],
  'onnxruntime-node': ['onnxruntime-node'],
};

function run(command, args, cwd = folder) {
  console.log(`bench:peers: ${[path.basename(command), ...args].join(' ')}`);
  const {status, error} = spawnSync(command, args, {cwd, env, stdio: ['ignore', 'inherit', 'inherit']});
  if (error) throw error;
  if (status !== 0) throw new Error(`${path.basename(command)} ${args[0]} ended with ${status}`);
}

/** A virtual environment of its own: their needs of numpy differ. */
function installPython(name, packages) {
  const place = path.join(folder, name);
  const interpreter = path.join(place, 'bin/python');
  if (!existsSync(interpreter)) run(python, ['-m', 'venv', place]);
  run(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'numpy', ...packages]);
}

function installNode(packages) {
  const manifest = path.join(folder, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{"private": true}\n');
  run('npm', ['install', '--no-audit', '--no-fund', ...packages]);
}

function compileC(source, output, ...flags) {
  const file = path.join(root, 'bench/peers', source);
  run(process.env.CC ?? 'cc', ['-O2', file, '-o', path.join(folder, output), ...flags]);
}

/** MKL takes its AVX-512 path on CPUs of others than Intel only with this preloaded. */
const buildShim = () => compileC('mkl_avx512.c', 'mkl_avx512.so', '-shared', '-fPIC');

/** What times products of OpenBLAS (numpy brings it), MKL (PyTorch brings it) and BLIS. */
const buildBlasDriver = () => compileC('blas.c', 'blas', '-ldl');

/** Debian's package, unpacked without installing it. */
function installBlis() {
  const place = path.join(folder, 'blis');
  mkdirSync(place, {recursive: true});
  run('apt-get', ['download', 'libblis4-openmp'], place);
  const archive = readdirSync(place).find(name => name.endsWith('.deb'));
  run('dpkg-deb', ['-x', archive, 'unpacked'], place);
  const unpacked = path.join(place, 'unpacked/usr/lib');
  const library = readdirSync(unpacked, {recursive: true}).find(name => /libblis\.so\.4$/.test(name));
  copyFileSync(path.join(unpacked, library), path.join(place, 'libblis.so.4'));
}

const peers = {
  torch: () => installPython('torch', ['torch', ...torchIndex]),
  'mkl-avx512': buildShim,
  blas: buildBlasDriver,
  blis: installBlis,
  jax: () => installPython('jax', ['jax']),
  tensorflow: () => installPython('tensorflow', [slimTensorflow ? 'tensorflow-cpu' : 'tensorflow']),
  ...Object.fromEntries(
    Object.entries(npmPackages).map(([name, packages]) => [name, () => installNode(packages)]),
  ),
};

function main(names) {
  const unknown = names.find(name => !Object.hasOwn(peers, name));
  if (unknown) throw new Error(`bench:peers: no peer ${unknown}. Known: ${Object.keys(peers).join(', ')}`);
  mkdirSync(folder, {recursive: true});
  const outcomes = (names.length > 0 ? names : Object.keys(peers)).map(name => {
    try {
      peers[name]();
      return {name, failure: undefined};
    } catch (error) {
      return {name, failure: error.message};
    }
  });
  for (const {name, failure} of outcomes) console.log(`${name.padEnd(18)} ${failure ?? 'installed'}`);
  process.exitCode = outcomes.some(({failure}) => failure) ? 1 : 0;
}

await runIfMain(import.meta.url, main);
