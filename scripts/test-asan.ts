// The native tests and the TypeScript suite under the address and undefined-behaviour sanitizers, in a build
// of its own: npm run test:asan [-- vitest arguments]. The sanitizer's runtime is loaded before Node.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {nativeTests, root} from './bootstrap.mjs';
import {compiler} from './compiler.ts';
import {counted, one, runSteps, type Step, spawn} from './steps.ts';
import {vitestSuite} from './vitest.ts';

const folder = path.join(root, 'build-asan');
const addon = path.join(folder, 'RelWithDebInfo/chainrule.node');
const bin = (name: string): string => path.join(root, 'node_modules/.bin', name);

function libraryOf(name: string): string {
  const args = [...compiler.first, `-print-file-name=${name}`];
  return execFileSync(compiler.program, args, {encoding: 'utf8'}).trim();
}

const asan = 'detect_leaks=0:allocator_may_return_null=1';
const options = {ASAN_OPTIONS: asan, UBSAN_OPTIONS: 'print_stacktrace=1'};
// A test that starts further processes hands these on to them. The counts are those of npm test: the deep
// ones were tried without sanitizers, and malformed plans with them.
const forNode = () => ({
  ...options,
  CHAINRULE_DEEP: '',
  CHAINRULE_BINARY: addon,
  LD_PRELOAD: `${libraryOf('libasan.so')} ${libraryOf('libstdc++.so.6')}`,
});

function buildWithSanitizers(): boolean {
  const args = ['compile', '--out', folder, '--config', 'RelWithDebInfo'];
  const sanitize = '--CDCHAINRULE_SANITIZE=address,undefined';
  const build = ['scripts/progress.mjs', 'the build with sanitizers', bin('cmake-js'), ...args, sanitize];
  return spawn(process.execPath, build).ok && fs.existsSync(addon);
}

const steps: Step[] = [
  {name: 'asan build', run: () => one(buildWithSanitizers())},
  ...nativeTests.map(name => ({
    name: `asan ${name}`,
    run: () => counted(spawn(path.join(folder, name), [], {capture: true, env: options})),
  })),
  {
    name: 'asan tests',
    run: () => vitestSuite(['--testTimeout=600000', ...process.argv.slice(2)], forNode(), 'vitest-asan'),
  },
];
await runSteps(steps);
