// Paths as users give them: text, a `file:` URL, or its text.
import {fileURLToPath} from 'node:url';
import {fail} from './errors.ts';
import {isUrl} from './kinds.ts';

/** The path of a file or folder. @throws ERR_OPTION, naming what was expected */
export function toPath(what: string, given: unknown): string {
  const text = isUrl(given) ? given.href : given;
  if (typeof text !== 'string' || text === '') {
    return fail('ERR_OPTION', `${what}: expected a path or a file: URL. Received ${String(given)}.`);
  }
  if (/^(https?|ftp|data|blob|indexeddb|localstorage):/i.test(text)) {
    const instead = 'get its bytes first, e.g. new Uint8Array(await (await fetch(url)).arrayBuffer())';
    return fail('ERR_OPTION', `${what}: ${text.slice(0, 80)} is no file of this machine; ${instead}.`);
  }
  if (!/^file:/i.test(text)) return text;
  try {
    return fileURLToPath(text);
  } catch (cause) {
    return fail('ERR_OPTION', `${what}: ${text} names no file: ${(cause as Error).message}.`);
  }
}
