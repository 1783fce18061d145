// `npm run lab -- NAME [--isa avx2]`: builds bench/lab/NAME.cc with the flags of an instruction set, by
// default the best one of this CPU, and runs it. There, variants of a kernel are compared with the kernel as
// it is now.
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {nativeInfo} from '../../lib/index.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** As CMakeLists.txt sets them, so that the lab compiles what is compiled otherwise. */
function flagsOf(name: string): string[] {
  const cmake = readFileSync(path.join(root, 'CMakeLists.txt'), 'utf8');
  const body = new RegExp(`set\\(${name}\\b([^)]*)\\)`).exec(cmake)?.[1] ?? '';
  return body.trim().split(/\s+/).filter(Boolean);
}

function run(command: string, args: readonly string[]): void {
  const {status, error} = spawnSync(command, args, {cwd: root, stdio: 'inherit'});
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const {values, positionals} = parseArgs({allowPositionals: true, options: {isa: {type: 'string'}}});
const all = readdirSync(import.meta.dirname).flatMap(file => /^(.+)\.cc$/.exec(file)?.[1] ?? []);
const {isas, isa: best} = nativeInfo();
const [name] = positionals;
const isa = values.isa ?? best;
const source = path.join(import.meta.dirname, `${name}.cc`);
if (name === undefined || !existsSync(source) || !isas.includes(isa)) {
  console.error(`lab: npm run lab -- ${all.join('|')} [--isa ${isas.join('|')}]`);
  process.exit(2);
}
const folder = path.join(root, 'build/lab');
mkdirSync(folder, {recursive: true});
const output = path.join(folder, `${name}-${isa}`);
const flags = [...flagsOf('COMMON_FLAGS'), ...flagsOf(`${isa.toUpperCase()}_FLAGS`)];
const scalar = isa === 'scalar' ? ['-DCHAINRULE_SCALAR'] : [];
run(process.env.CXX ?? 'g++', ['-std=c++17', '-O3', ...flags, ...scalar, source, '-o', output]);
console.log(`${name} on ${isa}`);
run(output, []);
