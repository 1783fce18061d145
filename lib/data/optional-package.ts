// Packages that are no dependencies: who uses what needs them installs them.
import path from 'node:path';
import {fail} from '../core/errors.ts';

/** Not imported: bundlers rewrite what they take for calls of an imported createRequire. */
const {createRequire} = process.getBuiltinModule('node:module');

interface Found {
  readonly require: NodeJS.Require;
  readonly file: string;
}

/** Beside the program that was started, or in its folder. `why` says what needs it. @throws ERR_OPTION */
function find(where: string, name: string, why: string): Found {
  const places = [process.argv[1], path.join(process.cwd(), 'package.json')];
  for (const place of places) {
    if (place === undefined || !path.isAbsolute(place)) continue;
    const require = createRequire(place);
    try {
      return {require, file: require.resolve(name)};
    } catch (cause) {
      if ((cause as {readonly code?: unknown}).code !== 'MODULE_NOT_FOUND') throw cause;
    }
  }
  const what = `${why} by the package ${name}, which is not installed`;
  return fail('ERR_OPTION', `${where}: ${what}. Install it: npm install ${name}`);
}

/** The file that a package is loaded from. @throws ERR_OPTION saying what to install. */
export const optionalFile = (where: string, name: string, why: string): string => find(where, name, why).file;

/** A package that the program has installed. @throws ERR_OPTION saying what to install. */
export function optionalPackage(where: string, name: string, why: string): unknown {
  const {require, file} = find(where, name, why);
  return require(file);
}
