// The same bits on NEON: builds the replay tool for aarch64, runs a short training and random programs in
// it under qemu, and compares with what this machine computes. Skipped if the compiler or qemu is missing,
// unless CHAINRULE_REQUIRE_NEON=1 makes that a failure.
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import {availableParallelism} from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import {dtypes, type TypedArray} from '../lib/core/dtype.ts';
import {dumpRun} from '../lib/runtime/dump.ts';
import {compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import {build, recipes} from '../test/conformance/random-programs.ts';
import {small, trainingInputs, trainingStep} from '../test/conformance/training.ts';
import {root} from './bootstrap.mjs';
import {emptyTable, isaOf, nativeTargets} from './native-targets.ts';
import {spawn} from './steps.ts';

const deep = process.env.CHAINRULE_DEEP === '1';
const compiler = process.env.CHAINRULE_AARCH64_CXX ?? 'aarch64-linux-gnu-g++';
const emulators = ['qemu-aarch64', 'qemu-aarch64-static'];
// Make does not see that flags have changed.
const folder = path.join(root, deep ? 'build-neon-deep' : 'build-neon');

const exists = (command: string): boolean => spawnSync(command, ['--version']).error === undefined;

interface Source {
  readonly file: string;
  readonly flags: readonly string[];
}

/**
 * The sources that binding.gyp lists for the tool on this architecture. Outside of deep tests the scalar
 * kernels are left out, and the compiler is spared what it does to speed: that decides no bit.
 */
function sourcesOfReplay(): Source[] {
  const wanted = nativeTargets('arm64').filter(({target_name}) =>
    ['runtime', 'isa_scalar', 'isa_neon', 'replay'].includes(target_name),
  );
  return wanted.flatMap(target => {
    const isa = isaOf(target);
    if (deep || isa !== 'scalar') {
      return target.sources.map(file => ({file: `../${file}`, flags: deep ? [] : ['-O1']}));
    }
    fs.writeFileSync(path.join(folder, 'scalar.cc'), emptyTable(isa));
    return [{file: 'scalar.cc', flags: []}];
  });
}

/**
 * Flags that decide about numbers are those of binding.gyp; test/build compares. Static: no library to
 * find.
 */
const flags = ['-std=c++17', '-O2', '-DNDEBUG', '-fopenmp', '-ffp-contract=off', '-fno-math-errno'];

function newest(directory: string): number {
  const entries = fs.readdirSync(directory, {recursive: true, encoding: 'utf8'});
  return Math.max(...entries.map(name => fs.statSync(path.join(directory, name)).mtimeMs));
}

function buildReplay(): string {
  const tool = path.join(folder, 'replay');
  if (fs.existsSync(tool) && fs.statSync(tool).mtimeMs > newest(path.join(root, 'native'))) return tool;
  const started = performance.now();
  fs.mkdirSync(folder, {recursive: true});
  const rules = sourcesOfReplay().map(({file, flags: own}) => {
    const object = `${path.basename(path.dirname(file))}-${path.basename(file, '.cc')}.o`;
    const all = [...flags, ...own].join(' ');
    return {object, rule: `${object}:\n\t$(CXX) ${all} -I../native -c ${file} -o $@\n`};
  });
  const objects = rules.map(({object}) => object).join(' ');
  const link = `replay: ${objects}\n\t$(CXX) -static -fopenmp $^ -o $@\n`;
  fs.writeFileSync(path.join(folder, 'Makefile'), [link, ...rules.map(({rule}) => rule)].join('\n'));
  const options = ['--always-make', `--jobs=${availableParallelism()}`, `CXX=${compiler}`, 'replay'];
  const make = ['make', '-C', folder, ...options];
  const {ok} = spawn(process.execPath, ['scripts/progress.mjs', 'the build for aarch64', ...make]);
  if (!ok) throw new Error('neon: the build failed');
  console.log(`neon: replay built for aarch64 in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return tool;
}

/** FNV-1a, as replay prints it. */
function hash({buffer, byteOffset, byteLength}: TypedArray): string {
  let result = 0xcbf29ce484222325n;
  for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) {
    result = ((result ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return result.toString(16).padStart(16, '0');
}

interface Run {
  readonly name: string;
  readonly dump: Uint8Array;
  /** What this machine's best instruction set made of it. */
  readonly state: string;
  readonly io: readonly string[];
}

type Request = Parameters<typeof compileProgram>[0];

/** Runs a program here, and writes down what replaying it needs and what must come out. */
function record(
  name: string,
  request: Request,
  inputs: Record<string, TypedArray>,
  steps: number,
): Run | undefined {
  const program = compileProgram(request);
  const {plan, store} = program;
  const results = plan.io.map(({name: slot, shape, dtype, perStep}) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1) * (perStep ? steps : 1);
    const {array, bytes} = dtypes[dtype];
    return inputs[slot] ?? new array(new SharedArrayBuffer(size * bytes), 0, size);
  });
  const state = plan.stateBytes > 0 ? store.state : undefined;
  const dump = dumpRun(plan, state, results, steps);
  const arrays = Object.fromEntries(plan.io.map((slot, index) => [slot.name, results[index] as TypedArray]));
  const {end} = program.runSync(arrays, {steps, outputs: arrays});
  if (end !== 'done') throw new Error(`${name} ended by ${end}`);
  // Which bits a NaN has is no promise.
  if (results.some(array => array.some(Number.isNaN))) return undefined;
  const after = state ? state.view('uint8', 0, state.byteLength) : new Uint8Array(0);
  return {name, dump, state: hash(after), io: results.map(hash)};
}

function recordTraining(steps: number): Run[] {
  const {variables, ...graph} = trainingStep(small);
  const store = new VariableStore();
  store.add(variables);
  store.initialize(3);
  const run = record(`${steps} steps of training`, {...graph, store}, trainingInputs(small, steps), steps);
  if (!run) throw new Error('neon: the training gave NaN');
  return [run];
}

function recordRandomPrograms(count: number): Run[] {
  const runs = fc.sample(recipes, {numRuns: 2 * count, seed: 7}).flatMap((recipe, index) => {
    const {outputs, inputs} = build(recipe);
    const given = Object.fromEntries(inputs.map(([, {data}], at) => [`x${at}`, data]));
    return record(`random program ${index}`, {outputs, store: new VariableStore()}, given, 1) ?? [];
  });
  if (runs.length < count) throw new Error(`neon: ${2 * count - runs.length} random programs gave NaN`);
  return runs.slice(0, count);
}

function replay(
  emulator: string,
  tool: string,
  {name, dump, state, io}: Run,
  options: string[],
): string | undefined {
  const file = path.join(folder, 'run.dump');
  fs.writeFileSync(file, dump);
  const {status, stdout, stderr} = spawnSync(emulator, [tool, file, ...options], {encoding: 'utf8'});
  if (status !== 0) return `${name} ${options.join(' ')}: replay ended with ${status}: ${stderr}`;
  const got = JSON.parse(stdout) as {state: string; io: string[]; isa: string};
  const same = got.state === state && got.io.join() === io.join();
  return same ? undefined : `${name} ${options.join(' ')}: other bits than here (${got.isa})`;
}

function main(): void {
  const emulator = emulators.find(exists);
  const missing = [...(exists(compiler) ? [] : [compiler]), ...(emulator ? [] : [emulators[0]])];
  if (!emulator || missing.length > 0) {
    const required = process.env.CHAINRULE_REQUIRE_NEON === '1';
    console.log(
      `${required ? 'failed' : 'skipped'}: the bits of NEON: this machine has no ${missing.join(' and no ')}`,
    );
    console.log(required ? '0 passed, 1 failed' : '0 passed, 0 failed');
    process.exitCode = required ? 1 : 0;
    return;
  }
  const tool = buildReplay();
  const runs = [...recordTraining(deep ? 200 : 30), ...recordRandomPrograms(deep ? 200 : 12)];
  const isas = deep ? ['neon', 'scalar'] : ['neon'];
  const ways = isas.flatMap(isa => ['1', '3'].map(count => ['--isa', isa, '--threads', count]));
  const failures: string[] = [];
  let passed = 0;
  for (const [index, run] of runs.entries()) {
    for (const way of index === 0 || deep ? ways : ways.slice(0, 1)) {
      const failure = replay(emulator, tool, run, way);
      if (failure === undefined) passed++;
      else failures.push(failure);
    }
  }
  for (const failure of failures) console.log(`neon: ${failure}`);
  console.log(`neon: ${runs.length} runs compared with those of this machine, bit by bit`);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

main();
