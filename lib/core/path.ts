// Names of files as users give them.
import {fileURLToPath} from 'node:url';
import {fail} from './errors.ts';
import {isUrl, show} from './kinds.ts';

/** A path, a `file:` URL, or the text of one. */
export type FilePath = string | URL;

/** The path that a user means. @throws ERR_OPTION */
export function pathOf(what: string, given: unknown): string {
  const isText = typeof given === 'string' && given !== '';
  if (!isUrl(given) && !isText) {
    return fail('ERR_OPTION', `${what}: expected a path or a file: URL. Received ${show(given)}.`);
  }
  const text = String(given);
  if (isText && !/^file:\/\//i.test(text)) return text;
  try {
    return fileURLToPath(text);
  } catch (cause) {
    const why = (cause as Error).message;
    return fail('ERR_OPTION', `${what}: expected a path or a file: URL. Received ${show(text)} (${why}).`);
  }
}
