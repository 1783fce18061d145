// Builds native tests with the address and undefined-behaviour sanitizers, from the sources that
// binding.gyp lists, in build/sanitized. Make compiles again what has changed.
import {execFile, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import {availableParallelism} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {nativeInfo} from '../../lib/runtime/program.ts';
import {compiler} from '../../scripts/compiler.ts';
import {
  emptyTable,
  instructionFlags,
  isaOf,
  nativeTargets,
  type Target,
} from '../../scripts/native-targets.ts';
import {deep} from './child.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** By name of the folder. */
const sanitizers = {
  sanitized: ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  'sanitized-threads': ['-fsanitize=thread'],
};
type Kind = keyof typeof sanitizers;

const common = [
  '-std=c++17',
  '-O1',
  '-g1',
  '-fPIC',
  '-fopenmp',
  '-ffp-contract=off',
  '-MMD',
  '-MP', // a header that is gone is no error
  '-I../../native',
];

/** Why nothing can be built with the sanitizers here; undefined where it can. */
export function missingSanitizers(kind: Kind = 'sanitized'): string | undefined {
  const options = {input: 'int main() { return 0; }', encoding: 'utf8', timeout: 60_000} as const;
  const output = path.join(fs.mkdtempSync('/tmp/chainrule-sanitizers-'), 'trial');
  try {
    const args = ['-x', 'c++', '-', '-fopenmp', ...sanitizers[kind], '-o', output];
    const {status, error} = spawnSync(compiler.program, [...compiler.first, ...args], options);
    if (error) return `there is no compiler ${compiler.name}`;
    if (status !== 0)
      return `${compiler.name} has no sanitizers (Debian: apt-get install libasan8 libubsan1)`;
    return spawnSync(output).status === 0 ? undefined : 'programs with sanitizers do not run here';
  } finally {
    fs.rmSync(path.dirname(output), {recursive: true, force: true});
  }
}

/** Memory that kernels touch is checked by calls, which the compiler has done with in a fifth of the time. */
const quickForKernels = [
  '-fno-sanitize=undefined',
  ...['--param asan-instrumentation-with-call-threshold=0', '--param asan-stack=0'],
];

const objectOf = (source: string): string => `${source.replace(/\W/g, '_')}.o`;

const {isas, isa: best} = nativeInfo();
/** The instruction set that the sanitizers see; in `npm run test:deep` it is the best one. */
export const sanitizedIsa = !deep && isas.includes('avx2') ? 'avx2' : best;

/** Outside of deep tests only one instruction set is compiled; the others get a table without kernels. */
function sourcesOf(target: Target): readonly string[] {
  const isa = isaOf(target);
  return isa === undefined || isa === sanitizedIsa || deep ? target.sources : [`empty/${isa}.cc`];
}

function rulesOf(target: Target, kind: Kind): string[] {
  const flags = [...common, ...instructionFlags(target), ...sanitizers[kind]];
  const isa = isaOf(target);
  // Checks of 16 lanes of scalar code take the compiler many minutes; other sets have the same kernels.
  if (isa === 'scalar') flags.push('-fno-sanitize=undefined');
  if (isa !== undefined && !deep) flags.push(...quickForKernels);
  return sourcesOf(target).map(source => {
    const file = source.startsWith('empty/') ? source : `../../${source}`;
    return `${objectOf(source)}: ${file}\n\t$(CXX) ${flags.join(' ')} -c $< -o $@\n`;
  });
}

function makefile(targets: readonly Target[], names: readonly string[], kind: Kind): string {
  const shared = targets.filter(({target_name}) => /^(runtime|isa_\w+)$/.test(target_name));
  const own = targets.filter(({target_name}) => names.includes(target_name));
  const links = own.map(({target_name, sources}) => {
    const objects = [...sources, ...shared.flatMap(sourcesOf)].map(objectOf).join(' ');
    return `${target_name}: ${objects}\n\t$(CXX) -fopenmp ${sanitizers[kind].join(' ')} $^ -o $@\n`;
  });
  const rules = [...shared, ...own].flatMap(target => rulesOf(target, kind));
  return [`all: ${names.join(' ')}\n`, ...links, ...rules, '-include *.d\n'].join('\n');
}

/** @returns the executables, by name */
export async function buildSanitized<Name extends string>(
  names: readonly Name[],
  kind: Kind = 'sanitized',
): Promise<Record<Name, string>> {
  // Make does not see that flags have changed.
  const folder = path.join(root, 'build', deep ? `${kind}-deep` : kind);
  fs.mkdirSync(path.join(folder, 'empty'), {recursive: true});
  for (const isa of nativeTargets().map(isaOf)) {
    const file = path.join(folder, 'empty', `${isa}.cc`);
    // Make would compile it again if it were written again.
    if (isa !== undefined && !fs.existsSync(file)) fs.writeFileSync(file, emptyTable(isa));
  }
  fs.writeFileSync(path.join(folder, 'Makefile'), makefile(nativeTargets(), names, kind));
  const args = ['--silent', `--jobs=${availableParallelism()}`, `CXX=${compiler.name}`, 'all'];
  await promisify(execFile)('make', args, {
    cwd: folder,
    env: {...process.env, MAKEFLAGS: '', LD_PRELOAD: ''},
  });
  return Object.fromEntries(names.map(name => [name, path.join(folder, name)])) as Record<Name, string>;
}
