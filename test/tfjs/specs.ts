// tfjs-core's own specs as one file: they come as modules that Node cannot load. tfjs-core itself is in it,
// the backend is not: so both have a copy of tfjs-core, as in a program that was bundled.
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {tfjsBundleFile} from '../support/bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const core = path.dirname(require.resolve('@tensorflow/tfjs-core/package.json'));
const {version} = JSON.parse(readFileSync(path.join(core, 'package.json'), 'utf8')) as {version: string};

/** tsx brings esbuild. */
const {build} = createRequire(require.resolve('tsx'))('esbuild') as {
  build(options: object): Promise<unknown>;
};

const source = (isDataSync: boolean): string => `
  import '${core}/dist/index.js';
  import '${core}/dist/public/chained_ops/register_all_chained_ops.js';
  import '${core}/dist/register_all_gradients.js';
  import {setTestEnvs} from '${core}/dist/jasmine_util.js';
  require(globalThis.chainruleBackend);
  setTestEnvs([{name: 'chainrule', backendName: 'chainrule', flags: {}, isDataSync: ${isDataSync}}]);
  require('${core}/dist/tests.js');
`;

async function bundled(isDataSync: boolean): Promise<string> {
  const outfile = path.join(root, 'build/tfjs-specs', `core-${version}-${isDataSync ? 'sync' : 'async'}.cjs`);
  if (existsSync(outfile)) return outfile;
  mkdirSync(path.dirname(outfile), {recursive: true});
  await build({
    stdin: {contents: source(isDataSync), resolveDir: root, loader: 'js'},
    ...{outfile, bundle: true, platform: 'node', format: 'cjs', logLevel: 'error'},
    mainFields: ['module', 'main'],
    // Its package says that modules without exports have no effects; the specs are such modules.
    ignoreAnnotations: true,
    external: ['node-fetch', 'jasmine-core'],
  });
  return outfile;
}

export interface SpecResult {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly messages: readonly string[];
}

export interface SpecRun {
  readonly results: readonly SpecResult[];
  /** Kernels that ran natively. */
  readonly native: readonly string[];
  /** Those of tfjs that ran instead. */
  readonly byTfjs: readonly ByTfjs[];
}

export interface ByTfjs {
  readonly kernel: string;
  readonly reason: string;
  /** Those of the operands, each once. */
  readonly types: readonly string[];
  readonly calls: number;
}

/**
 * All specs, in a process of its own. Those whose data can only be awaited run as a program does, without the
 * counts of data that tfjs's engine makes in its own tests.
 */
export async function runSpecs(isDataSync: boolean): Promise<SpecRun> {
  const specs = await bundled(isDataSync);
  const results = path.join(path.dirname(specs), `results-${isDataSync}-${process.pid}.json`);
  const runner = path.join(import.meta.dirname, 'run-specs.cjs');
  const counted = isDataSync ? 'counted' : 'uncounted';
  const {status, stderr} = spawnSync(process.execPath, [runner, specs, tfjsBundleFile, results, counted], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`the specs ended with ${status}: ${stderr.slice(-2000)}`);
  const run = JSON.parse(readFileSync(results, 'utf8')) as SpecRun;
  rmSync(results);
  return run;
}
