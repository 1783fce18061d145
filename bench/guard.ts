// `npm run guard`: instructions that the machine executes per step of recorded plans, counted by callgrind.
// A count does not depend on what else runs here, so it can fail a test where a clock may not. `--
// --update` accepts the counts of now.
import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {compiler} from '../scripts/compiler.ts';
import {table} from '../scripts/table.ts';
import {guardPlans, recordPlan} from './guard-plans.ts';

const root = path.resolve(import.meta.dirname, '..');
const figuresFile = path.join(root, 'bench/guard.json');
const replay = path.join(root, 'build/Release/replay');
/** Growth that fails. Less is the difference between two releases of one compiler. */
const tolerance = 0.03;

type Figures = Record<string, Record<string, number>>;

function instructionsOf(file: string, repeat: number): number {
  const tool = ['--tool=callgrind', '--callgrind-out-file=/dev/null', '--cache-sim=no'];
  const args = [...tool, replay, file, '--isa', 'avx2', '--threads', '1', '--repeat', String(repeat)];
  const {status, stdout, stderr} = spawnSync('valgrind', args, {
    encoding: 'utf8',
    env: {...process.env, LC_ALL: 'C'},
  });
  const count = /Collected : (\d+)/.exec(stderr)?.[1];
  if (status !== 0 || count === undefined || !stdout.includes('"end": 0'))
    throw new Error(`guard: callgrind failed on ${file}\n${stdout}${stderr}`);
  return Number(count);
}

/** Start and end cancel between a long run and a short one. */
function instructionsPerStep(file: string, steps: number): number {
  const [few, many] = [1, 2];
  return Math.round((instructionsOf(file, many) - instructionsOf(file, few)) / ((many - few) * steps));
}

/** `gcc-12`: what decides about instructions besides our code. */
function compilerName(): string {
  const {program, first} = compiler;
  const text = spawnSync(program, [...first, '--version'], {encoding: 'utf8'}).stdout ?? '';
  const family = /clang/i.test(text) ? 'clang' : 'gcc';
  return `${family}-${/ (\d+)\.\d+/.exec(text)?.[1] ?? 'unknown'}-${process.arch}`;
}

function reasonToSkip(): string | undefined {
  if (process.arch !== 'x64') return 'the figures are of x64';
  if (!existsSync(replay)) return 'the replay tool is not built (npm run build:tools)';
  if (spawnSync('valgrind', ['--version']).error) return 'valgrind is not installed';
  return undefined;
}

async function main(update: boolean): Promise<void> {
  const reason = reasonToSkip();
  if (reason) {
    console.log(`skipped: instructions per step: ${reason}`);
    const required = process.env.CHAINRULE_REQUIRE_VALGRIND === '1' && reason.startsWith('valgrind');
    console.log(required ? '0 passed, 1 failed' : '0 passed, 0 failed');
    process.exitCode = required ? 1 : 0;
    return;
  }
  const all: Figures = existsSync(figuresFile) ? JSON.parse(readFileSync(figuresFile, 'utf8')) : {};
  const name = compilerName();
  const committed = all[name];
  if (!committed && !update) {
    console.log(`skipped: growth of instructions per step: there are no figures of ${name} yet`);
    console.log('guard: add them with npm run guard -- --update');
    console.log('0 passed, 0 failed');
    return;
  }
  const counted: Record<string, number> = {};
  let failed = 0;
  const rows: string[][] = [['plan', 'instructions a step', 'change', '']];
  for (const plan of guardPlans) {
    const now = instructionsPerStep(await recordPlan(plan), plan.steps);
    const before = committed?.[plan.name];
    const change = before === undefined ? '' : `${(100 * (now / before - 1)).toFixed(1)} %`;
    if (before === undefined && !update)
      console.log(`skipped: growth of instructions, ${plan.name}: ${name} has no figure`);
    const grown = before !== undefined && now > before * (1 + tolerance) && !update;
    failed += Number(grown);
    rows.push([plan.name, now.toLocaleString('en'), change, grown ? 'GROWN' : '']);
    counted[plan.name] = now;
  }
  console.log(table(rows));
  if (update) writeFileSync(figuresFile, `${JSON.stringify({...all, [name]: counted}, null, 2)}\n`);
  console.log(`${guardPlans.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main(process.argv.includes('--update'));
