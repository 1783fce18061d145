// Makes a fresh clone runnable, with plain Node and no dependency: installs the packages and builds the addon
// where they are missing or out of date, then runs a TypeScript file if asked to.
//   node scripts/bootstrap.mjs [--tools] [--no-build] [--run FILE [arguments...]]
//   node scripts/bootstrap.mjs --build TARGETS...
import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import {availableParallelism} from 'node:os';
import path from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const addonFile = path.join(root, 'build/Release/chainrule.node');
/** Executables of both builds. */
export const nativeTests = ['kernels_test', 'allocation_test', 'overrun_test', 'plan_fuzz', 'race_test'];
export const nativeTools = ['ceiling', 'parts', 'replay'];

const inRoot = (...parts) => path.join(root, ...parts);
const headers = inRoot('node_modules/.cache/chainrule-headers');

/** An error that says all there is to say in one line. */
export class Stop extends Error {}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function findProgram(...names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return names
    .filter(Boolean)
    .map(name => name.trim().split(/\s+/)[0])
    .find(name =>
      name.includes('/') ? isProgram(name) : folders.some(dir => isProgram(path.join(dir, name))),
    );
}

function needProgram(what, names, debian, fedora) {
  const found = findProgram(...names);
  if (found) return found;
  const how = `apt-get install ${debian} (Debian, Ubuntu), dnf install ${fedora} (Fedora)`;
  throw new Stop(`chainrule: ${what} is needed to build the addon and was not found. Get it with: ${how}`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Stop(`chainrule: Node 20.19 or later is needed. This is ${process.versions.node}.`);
}

function checkTools() {
  const compiler = needProgram(
    'a C++17 compiler',
    [process.env.CXX, 'g++', 'c++', 'clang++'],
    'g++',
    'gcc-c++',
  );
  needProgram('make', [process.env.MAKE, 'make'], 'make', 'make');
  needProgram('Python 3', [process.env.PYTHON, 'python3'], 'python3', 'python3');
  return compiler;
}

/** Modification time in ms, 0 for what does not exist. */
function timeOf(file) {
  return fs.statSync(file, {throwIfNoEntry: false})?.mtimeMs ?? 0;
}

function newestIn(folder) {
  if (!fs.existsSync(folder)) return 0;
  const entries = fs.readdirSync(folder, {recursive: true, withFileTypes: true});
  return Math.max(
    0,
    ...entries.filter(e => e.isFile()).map(e => timeOf(path.join(e.parentPath ?? e.path, e.name))),
  );
}

/** Says every few seconds what the program is at, and what it printed where it fails. */
function runWithProgress(command, args, env, what) {
  const all = [inRoot('scripts/progress.mjs'), what, command, ...args];
  const result = spawnSync(process.execPath, all, {cwd: root, env, stdio: ['ignore', 'inherit', 'inherit']});
  if (result.status === 0) return;
  throw new Stop(`chainrule: ${what} failed (${result.error?.message ?? `exit code ${result.status}`})`);
}

export function install() {
  checkNode();
  if (timeOf(inRoot('node_modules/.package-lock.json')) >= timeOf(inRoot('package-lock.json'))) return;
  console.log('chainrule: installing packages (npm ci)');
  const started = performance.now();
  const npm = process.env.npm_execpath ?? '';
  const [command, first] = npm.endsWith('npm-cli.js') ? [process.execPath, [npm]] : ['npm', []];
  runWithProgress(command, [...first, 'ci', '--no-audit', '--no-fund'], process.env, 'npm ci');
  console.log(`chainrule: packages installed in ${seconds(started)}`);
}

function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

/** node-gyp wants a folder of Node's headers; node-api-headers and the least of a common.gypi are enough. */
export function prepareHeaders() {
  const folder = path.join(headers, 'include/node');
  fs.mkdirSync(folder, {recursive: true});
  fs.cpSync(inRoot('node_modules/node-api-headers/include'), folder, {recursive: true});
  const configurations = {Release: {defines: ['NDEBUG']}, Debug: {}};
  const common = {target_defaults: {default_configuration: 'Release', configurations}};
  fs.writeFileSync(path.join(folder, 'common.gypi'), JSON.stringify(common));
  fs.writeFileSync(path.join(folder, 'config.gypi'), JSON.stringify({target_defaults: {}, variables: {}}));
  return headers;
}

function nodeGyp(args, what) {
  const compiler = checkTools();
  // npm hands its own settings down in the environment, where node-gyp prefers them to its arguments.
  const env = {...process.env, CXX: process.env.CXX ?? compiler, npm_config_nodedir: headers};
  const script = inRoot('node_modules/node-gyp/bin/node-gyp.js');
  runWithProgress(process.execPath, [script, ...args, `--nodedir=${headers}`], env, what);
}

/** Two builds in one folder at a time would read each other's half-written objects. */
function withLock(action) {
  const lock = inRoot('node_modules/.cache/chainrule-build.lock');
  fs.mkdirSync(path.dirname(lock), {recursive: true});
  const patience = Date.now() + 600_000;
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), {flag: 'wx'});
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() > patience) throw new Stop(`chainrule: another build holds ${lock}`);
      if (isAbandoned(lock)) fs.rmSync(lock, {force: true});
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    return action();
  } finally {
    fs.rmSync(lock, {force: true});
  }
}

function isAbandoned(lock) {
  try {
    const pid = Number(fs.readFileSync(lock, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return !(pid > 0) && Date.now() - timeOf(lock) > 5000;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function isFresh(file, folders) {
  const sources = Math.max(
    timeOf(inRoot('binding.gyp')),
    ...folders.map(folder => newestIn(inRoot('native', folder))),
  );
  return timeOf(file) >= Math.max(sources, timeOf(inRoot('native/plan.h')));
}

const addonFolders = ['simd', 'kernels', 'isa', 'runtime', 'binding'];

/** True if prebuilds/ has this platform's binary, and no source is newer. */
export function isPrebuilt() {
  const folder = inRoot('prebuilds', `${process.platform}-${process.arch}`);
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  return names.some(name => name.endsWith('.node') && isFresh(path.join(folder, name), addonFolders));
}

/** Builds the addon, or the named executables, if a source is newer. */
export function build(targets = ['chainrule']) {
  const outputs = targets.map(name => (name === 'chainrule' ? addonFile : inRoot('build/Release', name)));
  const all = targets.every(name => name === 'chainrule') ? addonFolders : [...addonFolders, 'test', 'tools'];
  if (outputs.every(file => isFresh(file, all))) return;
  withLock(() => {
    if (outputs.every(file => isFresh(file, all))) return;
    checkTools();
    const why = outputs.some(timeOf) ? 'sources changed' : 'first build';
    console.log(`chainrule: building ${targets.join(', ')} (${why})`);
    const [started, startTime] = [performance.now(), new Date()];
    prepareHeaders();
    nodeGyp(['configure'], 'the configuration of the build');
    // No file takes the compiler longer than the scalar kernels: make begins with them.
    nodeGyp(['build', 'isa_scalar', ...targets, `--jobs=${availableParallelism()}`], 'the C++ build');
    // make leaves a file alone whose inputs did not change in effect.
    for (const file of outputs) fs.utimesSync(file, startTime, startTime);
    console.log(`chainrule: built in ${seconds(started)}`);
  });
}

/** Runs a TypeScript file in a process of its own and ends as it ends. */
function run(file, args) {
  const loader = pathToFileURL(inRoot('node_modules/tsx/dist/loader.mjs')).href;
  const env = {...process.env, TSX_TSCONFIG_PATH: inRoot('tsconfig.json')};
  const child = spawn(process.execPath, ['--import', loader, inRoot(file), ...args], {env, stdio: 'inherit'});
  // A terminal sends Ctrl-C to the child too; whoever signals this process alone means the child.
  process.on('SIGINT', () => process.stdin.isTTY || process.stdout.isTTY || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('error', error => {
    console.error(`chainrule: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) =>
    process.exit(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1)),
  );
}

function main(args) {
  const at = args.indexOf('--run');
  const own = at < 0 ? args : args.slice(0, at);
  install();
  if (own[0] === '--build') return build(own.slice(1));
  if (!process.env.CHAINRULE_BINARY && !own.includes('--no-build')) build();
  if (own.includes('--tools')) build(nativeTools);
  if (at >= 0) run(args[at + 1], args.slice(at + 2));
}

/** Runs `action` if the module at `url` is what node was asked to run; a Stop ends it with its one line. */
export async function runIfMain(url, action) {
  if (!process.argv[1] || path.resolve(process.argv[1]) !== fileURLToPath(url)) return;
  try {
    await action(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

await runIfMain(import.meta.url, main);
