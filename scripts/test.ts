// Everything that must hold. `npm test` runs all steps, `npm test -- lint tidy` those named,
// `npm run test:deep` all of them at full count and the sanitizers.
import fs from 'node:fs';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {build, nativeTests, nativeTools, root} from './bootstrap.mjs';
import {counted, type Outcome, one, runSteps, type Step, spawn} from './steps.ts';

const {values, positionals} = parseArgs({allowPositionals: true, options: {deep: {type: 'boolean'}}});
if (values.deep) process.env.CHAINRULE_DEEP = '1';

const bin = (name: string): string => path.join(root, 'node_modules/.bin', name);

function nativeSuite(): Outcome {
  build([...nativeTests, ...nativeTools]);
  const outcomes = nativeTests.map(name =>
    counted(spawn(path.join(root, 'build/Release', name), [], {capture: true})),
  );
  return {
    passed: outcomes.reduce((sum, {passed}) => sum + passed, 0),
    failed: outcomes.reduce((sum, {failed}) => sum + failed, 0),
  };
}

function vitestSuite(): Outcome {
  const report = path.join(root, 'build/vitest.json');
  fs.rmSync(report, {force: true});
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const {ok} = spawn(bin('vitest'), ['run', ...reporters]);
  if (!fs.existsSync(report)) return one(false);
  const {numPassedTests: passed, numFailedTests} = JSON.parse(fs.readFileSync(report, 'utf8'));
  return {passed, failed: ok ? numFailedTests : Math.max(numFailedTests, 1)};
}

function script(file: string, folder = 'scripts'): Outcome {
  return counted(spawn(process.execPath, ['--import', 'tsx', `${folder}/${file}`], {capture: true}));
}

/** Tests of what depends on the engine run on every version of Node that is there. */
function otherNodes(): Outcome {
  const outcome = script('install-nodes.ts');
  return outcome.failed === 0 ? outcome : {passed: 0, failed: 0, skipped: 'npm gave none'};
}

const steps: readonly Step[] = [
  {name: 'types', run: () => one(spawn(bin('tsc'), ['--noEmit']).ok)},
  {name: 'lint', run: () => one(spawn(bin('biome'), ['check', '--error-on-warnings', '.']).ok)},
  {name: 'docs', run: () => one(spawn(bin('typedoc'), ['--emit', 'none']).ok)},
  {name: 'native', run: nativeSuite},
  {name: 'tidy', run: () => script('tidy.ts')},
  ...(values.deep ? [{name: 'other Nodes', run: otherNodes}] : []),
  {name: 'tests', run: vitestSuite},
  {name: 'neon', run: () => script('test-neon.ts')},
  {name: 'guard', run: () => script('guard.ts', 'bench')},
  {name: 'package', run: () => script('package-test.ts')},
  ...(values.deep ? [{name: 'sanitizers', run: () => script('test-asan.ts')}] : []),
];

const unknown = positionals.filter(name => !steps.some(step => step.name === name));
if (unknown.length > 0) {
  console.error(
    `npm test: no step ${unknown.join(', ')}. There are ${steps.map(step => step.name).join(', ')}.`,
  );
  process.exit(2);
}
await runSteps(steps.filter(({name}) => positionals.length === 0 || positionals.includes(name)));
