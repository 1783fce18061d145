// Everything that must hold. `npm test` runs all steps, `npm test -- lint tidy` those named,
// `npm run test:deep` all of them at full count and the sanitizers.
import {availableParallelism} from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {nativeTests, nativeTools, root} from './bootstrap.mjs';
import {counted, type Outcome, one, runSteps, type Step, spawnBeside, sum} from './steps.ts';
import {vitestSuite} from './vitest.ts';

const {values, positionals} = parseArgs({allowPositionals: true, options: {deep: {type: 'boolean'}}});
if (values.deep) process.env.CHAINRULE_DEEP = '1';

const bin = (name: string): string => path.join(root, 'node_modules/.bin', name);
const node = (...args: readonly string[]) => spawnBeside(process.execPath, args);
const script = async (file: string, ...args: readonly string[]): Promise<Outcome> =>
  counted(await node('--import', 'tsx', file, ...args));

/** All that is compiled, in one go: the longest file keeps one core busy while another does the rest. */
async function buildAll(): Promise<Outcome> {
  const addon = process.env.CHAINRULE_BINARY ? [] : ['chainrule'];
  const {ok} = await node('scripts/bootstrap.mjs', '--build', ...addon, ...nativeTests, ...nativeTools);
  return one(ok);
}

async function nativeSuite(): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (const name of nativeTests)
    outcomes.push(counted(await spawnBeside(path.join(root, 'build/Release', name), [])));
  return sum(outcomes);
}

/** Tests of what depends on the engine run on every version of Node that is there. */
async function otherNodes(): Promise<Outcome> {
  const {passed, failed} = await script('scripts/install-nodes.ts');
  const skipped = failed > 0 ? [`${failed} other versions of Node: npm gave none`] : [];
  return {passed, failed: 0, skipped};
}

// Those that take longest come first.
const built = {after: ['build']};
const steps: readonly Step[] = [
  {name: 'build', run: buildAll},
  {name: 'types', run: async () => one((await spawnBeside(bin('tsc'), ['--noEmit'])).ok)},
  {
    name: 'lint',
    run: async () => one((await spawnBeside(bin('biome'), ['check', '--error-on-warnings', '.'])).ok),
  },
  // The step `types` finds errors of types.
  {
    name: 'docs',
    run: async () => one((await spawnBeside(bin('typedoc'), ['--emit', 'none', '--skipErrorChecking'])).ok),
  },
  ...(values.deep ? [{name: 'other Nodes', run: otherNodes}] : []),
  {name: 'tests', after: ['build', 'other Nodes'], run: () => vitestSuite()},
  {name: 'neon', ...built, run: () => script('scripts/test-neon.ts')},
  {name: 'native', ...built, run: nativeSuite},
  {name: 'guard', ...built, run: () => script('bench/guard.ts')},
  {
    name: 'package',
    ...built,
    run: () => script('scripts/package-test.ts', ...(values.deep ? [] : ['--quick'])),
  },
  {name: 'tidy', ...built, run: () => script('scripts/tidy.ts')},
  ...(values.deep
    ? [{name: 'sanitizers', after: ['tests', 'package'], run: () => script('scripts/test-asan.ts')}]
    : []),
];

const unknown = positionals.filter(name => !steps.some(step => step.name === name));
if (unknown.length > 0) {
  console.error(
    `npm test: no step ${unknown.join(', ')}. There are ${steps.map(step => step.name).join(', ')}.`,
  );
  process.exit(2);
}

/** Those named, and what they come after. */
function needed(names: readonly string[]): Set<string> {
  const before = steps.filter(({name}) => names.includes(name)).flatMap(({after = []}) => after);
  return new Set([...names, ...(before.length > 0 ? needed(before) : [])]);
}

const wanted = positionals.length > 0 ? needed(positionals) : undefined;
await runSteps(
  steps.filter(({name}) => wanted?.has(name) ?? true),
  {
    sideBySide: Math.min(2, availableParallelism()),
    // Of everything but the deep run, two cores.
    limitMinutes: wanted || values.deep ? undefined : 10,
  },
);
