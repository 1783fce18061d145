// Programs that a bundler put into one file with the library, and those that leave the library outside.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {root} from '../bootstrap.mjs';

export type Format = 'esm' | 'cjs';

export interface Bundling {
  readonly entry: string;
  readonly output: string;
  readonly format: Format;
  /** Leaves the library out of the bundle. */
  readonly external: boolean;
}

export type Bundle = (bundling: Bundling) => Promise<unknown>;

/** tsx and vitest bring esbuild. */
const esbuild: Bundle = async ({entry, output, format, external}) => {
  const {build} = createRequire(createRequire(path.join(root, 'package.json')).resolve('tsx'))('esbuild');
  await build({
    ...{entryPoints: [entry], outfile: output, format, bundle: true, platform: 'node', logLevel: 'error'},
    external: external ? ['chainrule'] : [],
  });
};

const rollup =
  (load: NodeJS.Require): Bundle =>
  async ({entry, output, format, external}) => {
    const plugins = [load('@rollup/plugin-node-resolve').nodeResolve(), load('@rollup/plugin-commonjs')()];
    const bundle = await load('rollup').rollup({
      ...{input: entry, plugins, onwarn: () => {}},
      external: external ? ['chainrule'] : [/^node:/],
    });
    await bundle.write({file: output, format, inlineDynamicImports: true});
  };

const webpack =
  (load: NodeJS.Require): Bundle =>
  async ({entry, output, format, external}) => {
    const [module, type] = format === 'esm' ? [true, 'module'] : [false, 'commonjs2'];
    const compiler = load('webpack')({
      ...{mode: 'none', target: 'node20', entry, context: path.dirname(entry)},
      ...{experiments: {outputModule: module}, externals: external ? {chainrule: `${type} chainrule`} : {}},
      output: {path: path.dirname(output), filename: path.basename(output), module, library: {type}},
    });
    await new Promise<void>((resolve, reject) => {
      compiler.run((error: Error | null, stats: {hasErrors(): boolean; hasWarnings(): boolean}) => {
        if (error) reject(error);
        else if (stats.hasErrors() || stats.hasWarnings()) reject(new Error(String(stats)));
        else compiler.close(() => resolve());
      });
    });
  };

export const bundlerNames = ['esbuild', 'rollup', 'webpack'] as const;

/** Bundlers by name; those that are in `folder`, and esbuild. */
export function bundlersIn(folder?: string): Partial<Record<(typeof bundlerNames)[number], Bundle>> {
  if (folder === undefined) return {esbuild};
  const load = createRequire(path.join(folder, 'package.json'));
  return {esbuild, rollup: rollup(load), webpack: webpack(load)};
}

/** Runs a program that starts another; returns what that prints. */
type Run = (command: string, args: readonly string[], cwd: string, env?: Record<string, string>) => string;

function expect(what: string, printed: string, right: RegExp): void {
  if (!right.test(printed.trim())) throw new Error(`${what} printed ${printed.slice(0, 500)}`);
  console.log(`${what}: ok`);
}

const trained = /^0 1 1 0, 1 row$/;
const helpful = /it was bundled.*external.*externals.*serverExternalPackages.*prebuilds.*CHAINRULE_BINARY/;

/**
 * What docs/packaging.md says of bundles: outside of the bundle the library is found where it is installed;
 * inside it takes the binary beside it, or CHAINRULE_BINARY, or says that it lacks one. A bundle runs in a
 * folder out of sight of `consumer`, where the package is installed, as it would on another machine.
 */
export async function checkBundles(name: string, bundle: Bundle, consumer: string, run: Run): Promise<void> {
  const installed = path.join(consumer, 'node_modules');
  const aside = path.join(consumer, 'installed');
  const binaries = path.join(aside, 'chainrule/prebuilds');
  for (const format of ['esm', 'cjs'] as const) {
    const entry = path.join(consumer, 'bundled.mjs');
    const file = `main.${format === 'esm' ? 'mjs' : 'cjs'}`;
    const outside = path.join(consumer, `${name}-${format}-outside`, file);
    await bundle({entry, output: outside, format, external: true});
    expect(`${name}, ${format}, external`, run(process.execPath, [outside], consumer), trained);
    const inside = path.join(consumer, `${name}-${format}-inside`, file);
    await bundle({entry, output: inside, format, external: false});
    fs.renameSync(installed, aside);
    try {
      const title = `${name}, ${format}, bundled`;
      expect(`${title}, no binary`, run(process.execPath, [inside], consumer), helpful);
      const platform = path.join(binaries, `${process.platform}-${process.arch}`);
      const binary = fs.readdirSync(platform).find(found => found.endsWith('.node')) as string;
      const env = {CHAINRULE_BINARY: path.join(platform, binary)};
      expect(`${title}, CHAINRULE_BINARY`, run(process.execPath, [inside], consumer, env), trained);
      fs.cpSync(binaries, path.join(path.dirname(inside), 'prebuilds'), {recursive: true});
      expect(`${title}, binary beside it`, run(process.execPath, [inside], consumer), trained);
    } finally {
      fs.renameSync(aside, installed);
    }
  }
}
