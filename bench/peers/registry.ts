// The peers: what each is called, what runs it, and where that is installed.
import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';

export type Runtime = 'torch' | 'jax' | 'tensorflow' | 'js';

export interface PeerSpec {
  readonly name: string;
  readonly runtime: Runtime;
  readonly script: string;
  readonly mode: string;
  /** With MKL's AVX-512 path, which it refuses on CPUs of others than Intel. */
  readonly unlocked?: boolean;
  /** The npm package. */
  readonly needs?: string;
}

const folder = path.join(import.meta.dirname, '../.peers');
const shim = path.join(folder, 'mkl_avx512.so');
const torch = {runtime: 'torch', script: 'torch_peer.py'} as const;
const jax = {runtime: 'jax', script: 'jax_peer.py'} as const;
const tensorflow = {runtime: 'tensorflow', script: 'tensorflow_peer.py'} as const;
const tfjs = {runtime: 'js', script: 'tfjs.ts'} as const;

export const peerSpecs: readonly PeerSpec[] = [
  {name: 'torch', ...torch, mode: 'eager'},
  {name: 'torch-unlocked', ...torch, mode: 'eager', unlocked: true},
  {name: 'torch-compile', ...torch, mode: 'compile'},
  {name: 'torch-compile-unlocked', ...torch, mode: 'compile', unlocked: true},
  {name: 'jax', ...jax, mode: 'step'},
  {name: 'jax-loop', ...jax, mode: 'loop'},
  {name: 'tf', ...tensorflow, mode: 'graph'},
  {name: 'tf-xla', ...tensorflow, mode: 'xla'},
  {name: 'tfjs-wasm', ...tfjs, mode: 'wasm', needs: '@tensorflow/tfjs-backend-wasm'},
  {name: 'tfjs-cpu', ...tfjs, mode: 'cpu', needs: '@tensorflow/tfjs'},
  {name: 'brain.js', runtime: 'js', script: 'brainjs.ts', mode: '', needs: 'brain.js'},
];

/** How a peer is started. */
export interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The folder of npm packages, or a Python interpreter: an environment variable names another. */
function placeOf(runtime: Runtime): string {
  const named = process.env[`CHAINRULE_PEER_${runtime.toUpperCase()}`];
  if (named) return path.resolve(named);
  return runtime === 'js' ? folder : path.join(folder, runtime, 'bin/python');
}

function isLockedOut(): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  const cpu = readFileSync('/proc/cpuinfo', 'utf8');
  return !cpu.includes('GenuineIntel') && cpu.includes('avx512f');
}

/** An allocator that every Python peer is faster with. */
function tcmalloc(): string | undefined {
  const libraries = spawnSync('ldconfig', ['-p'], {encoding: 'utf8'}).stdout ?? '';
  return /libtcmalloc(?:_minimal)?\.so\S* .*=> (\S+)/.exec(libraries)?.[1];
}

/** Settings of other libraries that happen to be in the environment must not slow a peer down. */
function cleanEnvironment(threads: number): NodeJS.ProcessEnv {
  const {OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, LD_PRELOAD: ___, ...env} = process.env;
  return {...env, OMP_NUM_THREADS: String(threads)};
}

/** How to start a peer, or the reason why it is missing. */
export function startOf({runtime, script, mode, unlocked, needs}: PeerSpec, threads: number): Start | string {
  const place = placeOf(runtime);
  const file = path.join(import.meta.dirname, script);
  const env = cleanEnvironment(threads);
  if (needs !== undefined) {
    if (!existsSync(path.join(place, 'node_modules', needs))) return 'not installed';
    const args = [...process.execArgv, file, mode, String(threads)];
    return {command: process.execPath, args, cwd: place, env};
  }
  if (!existsSync(place)) return 'not installed';
  if (unlocked && !isLockedOut()) return 'MKL needs no unlocking on this CPU';
  if (unlocked && !existsSync(shim)) return 'not installed';
  const preload = [unlocked ? shim : undefined, tcmalloc()].filter(library => library !== undefined);
  const preloaded = preload.length > 0 ? {LD_PRELOAD: preload.join(' ')} : {};
  return {
    command: place,
    args: ['-u', '-B', file, mode, String(threads)],
    cwd: import.meta.dirname,
    env: {...env, ...preloaded},
  };
}
