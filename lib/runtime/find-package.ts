// Packages that a program may have and this library does not need: found where the program would find them.
import path from 'node:path';
import {fail} from '../core/errors.ts';
import {ownFile} from './binary.ts';

/** Not imported: bundlers rewrite what they take for calls of an imported createRequire. */
const {createRequire} = process.getBuiltinModule('node:module');

/** Where packages are looked for: beside this one, beside the program that was started, in its folder. */
function places(): string[] {
  const files = [ownFile(), process.argv[1], path.join(process.cwd(), 'package.json')];
  return files.filter((file): file is string => file !== undefined && path.isAbsolute(file));
}

const isMissing = (cause: unknown): boolean =>
  (cause as {readonly code?: unknown}).code === 'MODULE_NOT_FOUND';

interface Found {
  readonly require: NodeJS.Require;
  readonly file: string;
}

/** The file that a package is loaded from: its own place, or its place below another package. */
function find(name: string, below: string | undefined): Found | undefined {
  for (const place of places()) {
    const require = createRequire(place);
    for (const from of [undefined, below]) {
      try {
        const own = from === undefined ? require : createRequire(require.resolve(from));
        return {require: own, file: own.resolve(name)};
      } catch (cause) {
        if (!isMissing(cause)) throw cause;
      }
    }
  }
  return undefined;
}

export interface Wanted {
  /** What needs it: `chainrule/tfjs is a backend of TensorFlow.js`. */
  readonly why: string;
  /** What `npm install` takes; the package itself by default. */
  readonly install?: string;
  /** A package beside which it is looked for, too. */
  readonly below?: string;
}

function found(name: string, {why, install = name, below}: Wanted): Found {
  const missing = `${why}, and ${name} is not installed. Install it: npm install ${install}`;
  return find(name, below) ?? fail('ERR_ADDON', missing);
}

/** A package that the program has installed. @throws ERR_ADDON saying what to install. */
export function loadPackage(name: string, wanted: Wanted): unknown {
  const {require, file} = found(name, wanted);
  return require(file);
}

/** The file that it is loaded from. @throws ERR_ADDON saying what to install. */
export const packageFile = (name: string, wanted: Wanted): string => found(name, wanted).file;
