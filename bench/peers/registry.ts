// The peers: what each is called, what runs it, and where that is installed.
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
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

function cpuHas(word: string): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  return readFileSync('/proc/cpuinfo', 'utf8').includes(word);
}

const isLockedOut = (): boolean => cpuHas('avx512f') && !cpuHas('GenuineIntel');

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

/** For products in batches: PyTorch's bmm. */
export const bmmSpecs: readonly PeerSpec[] = peerSpecs.filter(
  ({runtime, mode}) => runtime === 'torch' && mode === 'eager',
);

/** How to start the timing of `count` products at a time. */
export function startOfBmm(spec: PeerSpec, count: number, threads: number): Start | string {
  return startOf({...spec, script: 'torch_bmm.py', mode: String(count)}, threads);
}

/** A BLAS, for the products of the bench gemm. */
export interface BlasSpec {
  readonly name: 'openblas' | 'blis' | 'mkl' | 'mkl-unlocked';
  readonly unlocked?: boolean;
}

export const blasSpecs: readonly BlasSpec[] = [
  {name: 'openblas'},
  {name: 'blis'},
  {name: 'mkl'},
  {name: 'mkl-unlocked', unlocked: true},
];

/** Files of Python's packages whose names begin so, in a folder of theirs. */
function librariesIn(runtime: Runtime, folder: string, begin: string): string[] {
  const lib = path.join(placeOf(runtime), '../../lib');
  if (!existsSync(lib)) return [];
  return readdirSync(lib).flatMap(version => {
    const place = path.join(lib, version, 'site-packages', folder);
    if (!existsSync(place)) return [];
    return readdirSync(place)
      .filter(name => name.startsWith(begin) && name.includes('.so'))
      .map(name => path.join(place, name));
  });
}

interface BlasLibrary {
  readonly file: string | undefined;
  readonly sgemm: string;
  readonly about: string;
  readonly env?: NodeJS.ProcessEnv;
}

function libraryOf(name: BlasSpec['name']): BlasLibrary {
  if (name === 'openblas') {
    const pythons = ['jax', 'torch', 'tensorflow'] as const;
    const found = pythons.flatMap(runtime => librariesIn(runtime, 'numpy.libs', 'libscipy_openblas64'));
    return {file: found[0], sgemm: 'scipy_sgemm_64_', about: 'scipy_openblas_get_config64_'};
  }
  if (name === 'blis') {
    const file = path.join(folder, 'blis/libblis.so.4');
    // It knows no CPU that is newer than itself and would take plain C: 0 is its AVX-512 kernels, 3 AVX2.
    const env = {BLIS_ARCH_TYPE: cpuHas('avx512f') ? '0' : '3', BLIS_ARCH_DEBUG: '1'};
    return {
      file: existsSync(file) ? file : undefined,
      sgemm: 'sgemm_',
      about: 'bli_info_get_version_str',
      env,
    };
  }
  const [file] = librariesIn('torch', 'torch/lib', 'libtorch_cpu.so');
  return {file, sgemm: 'sgemm_', about: 'MKL_Get_Version_String'};
}

/** How to start the timing of a BLAS, or the reason why it is missing. */
export function startOfBlas({name, unlocked}: BlasSpec, threads: number): Start | string {
  const driver = path.join(folder, 'blas');
  const {file, sgemm, about, env} = libraryOf(name);
  if (!existsSync(driver) || file === undefined) return 'not installed';
  if (unlocked && !isLockedOut()) return 'MKL needs no unlocking on this CPU';
  if (unlocked && !existsSync(shim)) return 'not installed';
  const count = String(threads);
  return {
    command: driver,
    args: [file, sgemm, about],
    cwd: folder,
    env: {
      ...cleanEnvironment(threads),
      ...env,
      OPENBLAS_NUM_THREADS: count,
      // Its threads look for work for 2 to this power of cycles: a third of a millisecond, not 20.
      OPENBLAS_THREAD_TIMEOUT: '20',
      MKL_NUM_THREADS: count,
      BLIS_NUM_THREADS: count,
      ...(unlocked && {LD_PRELOAD: shim}),
    },
  };
}
