// Where the native binary is: beside the library in its package, or beside a program that the library was
// bundled into. docs/packaging.md tells users of both.
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {ChainruleError} from '../core/errors.ts';
import {isError} from '../core/kinds.ts';

/** Not imported: bundlers rewrite what they take for calls of an imported createRequire. */
const {createRequire} = process.getBuiltinModule('node:module');

/** The file that this code stands in; undefined where a bundler leaves nothing to tell it by. */
export function ownFile(): string | undefined {
  try {
    return __filename; // in an ES module a ReferenceError; webpack would answer typeof too soon
  } catch {
    const url = import.meta.url as string | undefined;
    return url?.startsWith('file:') ? fileURLToPath(url) : undefined;
  }
}

/** The folder of the package, if `file` belongs to it: the nearest package.json above has its name. */
function packageFolder(file: string): string | undefined {
  let folder = path.dirname(file);
  while (!existsSync(path.join(folder, 'package.json'))) {
    if (path.dirname(folder) === folder) return undefined;
    folder = path.dirname(folder);
  }
  const {name} = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {name?: unknown};
  return name === 'chainrule' ? folder : undefined;
}

const platform = `${process.platform}-${process.arch}`;

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

const binariesIn = (folder: string): string[] =>
  namesIn(folder)
    .filter(name => name.endsWith('.node'))
    .map(name => path.join(folder, name));

function refuse(what: string, instead: string, cause?: unknown): never {
  const {bun, deno, node} = process.versions as Record<string, string | undefined>;
  const runtime = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;
  const why = isError(cause) ? ` (${cause.message.trim().split('\n')[0]})` : '';
  const text = `chainrule: ${what} for ${platform}, ${runtime}${why}. ${instead}`;
  throw new ChainruleError('ERR_ADDON', text, {cause});
}

/** The one binary that was built here, or that ships for this platform; Alpine has another C library. */
function onlyBinary(folder: string): string | undefined {
  if (process.env.PREBUILDS_ONLY || existsSync('/etc/alpine-release')) return undefined;
  const places = ['build/Release', `prebuilds/${platform}`].map(place => path.join(folder, place));
  const found = places.map(place => binariesIn(place)).find(names => names.length > 0);
  return found?.length === 1 ? found[0] : undefined;
}

/** @internal */
export function loadFromPackage(folder: string): unknown {
  const load = createRequire(path.join(folder, 'package.json'));
  const only = onlyBinary(folder);
  try {
    // Where there is a choice, or this does not load, node-gyp-build knows more; to read it takes longer.
    if (only) return load(only);
  } catch {}
  try {
    return (load('node-gyp-build') as (folder: string) => unknown)(folder);
  } catch (cause) {
    const shipped = namesIn(path.join(folder, 'prebuilds'));
    const ships = shipped.length > 0 ? `This package has binaries for ${shipped.join(', ')}. ` : '';
    refuse(
      `found no native binary in ${folder}/prebuilds and ${folder}/build`,
      `${ships}In a clone, build it with: npm run build`,
      cause,
    );
  }
}

/** A bundle, or the program that was started, has a copy of the package's folder prebuilds beside it. */
function loadFromBundle(file: string | undefined): unknown {
  const instead =
    'Keep chainrule out of the bundle (esbuild --external:chainrule, "external" of Rollup, "externals" of ' +
    'webpack, serverExternalPackages of Next.js), copy node_modules/chainrule/prebuilds beside the bundle, ' +
    'or set CHAINRULE_BINARY to the path of the binary';
  const programs = [file, process.argv[1]].filter(program => program !== undefined);
  const folders = programs.map(program => path.join(path.dirname(program), 'prebuilds', platform));
  const [binary] = folders.flatMap(binariesIn);
  if (!binary) {
    const where = file ? `, into ${file}` : '';
    refuse(`it was bundled${where}, and no native binary lies beside the bundle`, instead);
  }
  try {
    return createRequire(binary)(binary);
  } catch (cause) {
    refuse(`it was bundled, and ${binary} is no native binary`, instead, cause);
  }
}

/** @throws ERR_ADDON where there is no binary for this machine. */
export function loadBinary(): unknown {
  const wanted = process.env.CHAINRULE_BINARY;
  if (wanted) {
    const binary = path.resolve(wanted);
    try {
      return createRequire(binary)(binary);
    } catch (cause) {
      refuse(`CHAINRULE_BINARY=${wanted} is no native binary`, 'Unset it, or name one', cause);
    }
  }
  const file = ownFile();
  const folder = file && packageFolder(file);
  return folder ? loadFromPackage(folder) : loadFromBundle(file);
}
