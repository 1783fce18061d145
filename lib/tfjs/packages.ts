// TensorFlow.js itself: the copy of the program that asks for this backend. The library never loads it.
import path from 'node:path';
import type * as tfjs from '@tensorflow/tfjs-core';
import {fail} from '../core/errors.ts';
import {ownFile} from '../runtime/binary.ts';

/** Not imported: bundlers rewrite what they take for calls of an imported createRequire. */
const {createRequire} = process.getBuiltinModule('node:module');

/** Where packages are looked for: beside this one, beside the program that was started, in its folder. */
function places(): string[] {
  const files = [ownFile(), process.argv[1], path.join(process.cwd(), 'package.json')];
  return files.filter((file): file is string => file !== undefined && path.isAbsolute(file));
}

const isMissing = (cause: unknown): boolean =>
  (cause as {readonly code?: unknown}).code === 'MODULE_NOT_FOUND';

/** The file that a package is loaded from: its own place, or its place below all of TensorFlow.js. */
function fileOf(name: string): {readonly require: NodeJS.Require; readonly file: string} | undefined {
  for (const place of places()) {
    const require = createRequire(place);
    for (const from of [undefined, '@tensorflow/tfjs']) {
      try {
        const below = from === undefined ? require : createRequire(require.resolve(from));
        return {require: below, file: below.resolve(name)};
      } catch (cause) {
        if (!isMissing(cause)) throw cause;
      }
    }
  }
  return undefined;
}

function load(name: string): unknown {
  const found = fileOf(name);
  if (found) return found.require(found.file);
  const what = `chainrule/tfjs is a backend of TensorFlow.js, and ${name} is not installed`;
  return fail('ERR_ADDON', `${what}. Install it: npm install @tensorflow/tfjs`);
}

export const tf = load('@tensorflow/tfjs-core') as typeof tfjs;

/** Name of this backend. */
export const backendName = 'chainrule';

/** Name of tfjs's own backend, whose kernels do what has no native one. */
export const cpuName = 'cpu';

/** The kernels of tfjs's cpu backend; loads them where the program has not. */
export function cpuKernels(): tfjs.KernelConfig[] {
  const known = tf.getKernelsForBackend(cpuName);
  if (known.length > 0) return known;
  load('@tensorflow/tfjs-backend-cpu');
  return tf.getKernelsForBackend(cpuName);
}
