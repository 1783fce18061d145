// Builds native tests with the address and undefined-behaviour sanitizers, from the sources that
// binding.gyp lists, in build/sanitized. Make compiles again what has changed.
import {execFile, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import {availableParallelism} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {runInNewContext} from 'node:vm';
import {nativeInfo} from '../../lib/runtime/program.ts';
import {compiler} from '../../scripts/compiler.ts';
import {deep} from './child.ts';

interface Target {
  readonly target_name: string;
  readonly sources: readonly string[];
  readonly cflags_cc?: readonly string[];
}

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

function allTargets(): Target[] {
  const text = fs.readFileSync(path.join(root, 'binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, '');
  const gyp = runInNewContext(`(${text})`);
  const arch = `target_arch=="${process.arch}"`;
  const conditions = gyp.conditions as [string, {targets: Target[]}][];
  return [
    ...gyp.targets,
    ...conditions.filter(([when]) => when === arch).flatMap(([, more]) => more.targets),
  ];
}

const objectOf = (source: string): string => `${source.replace(/\W/g, '_')}.o`;

const {isas, isa: best} = nativeInfo();
/** The instruction set that the sanitizers see; in `npm run test:deep` it is the best one. */
export const sanitizedIsa = !deep && isas.includes('avx2') ? 'avx2' : best;

function rulesOf({target_name, sources, cflags_cc = []}: Target, kind: Kind): string[] {
  const own = cflags_cc.filter(flag => flag.startsWith('-m'));
  // Code that does not run has only to be there.
  const unused = !deep && target_name.startsWith('isa_') && target_name !== `isa_${sanitizedIsa}`;
  const flags = [...common, ...own, ...(unused ? ['-O0', '-g0'] : sanitizers[kind])];
  // Checks of 16 lanes of scalar code take the compiler many minutes; other sets have the same kernels.
  if (target_name === 'isa_scalar') flags.push('-fno-sanitize=undefined');
  return sources.map(
    source => `${objectOf(source)}: ../../${source}\n\t$(CXX) ${flags.join(' ')} -c $< -o $@\n`,
  );
}

function makefile(targets: readonly Target[], names: readonly string[], kind: Kind): string {
  const shared = targets.filter(({target_name}) => /^(runtime|isa_\w+)$/.test(target_name));
  const own = targets.filter(({target_name}) => names.includes(target_name));
  const links = own.map(({target_name, sources}) => {
    const objects = [...sources, ...shared.flatMap(target => target.sources)].map(objectOf).join(' ');
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
  fs.mkdirSync(folder, {recursive: true});
  fs.writeFileSync(path.join(folder, 'Makefile'), makefile(allTargets(), names, kind));
  const args = ['--silent', `--jobs=${availableParallelism()}`, `CXX=${compiler.name}`, 'all'];
  await promisify(execFile)('make', args, {
    cwd: folder,
    env: {...process.env, MAKEFLAGS: '', LD_PRELOAD: ''},
  });
  return Object.fromEntries(names.map(name => [name, path.join(folder, name)])) as Record<Name, string>;
}
