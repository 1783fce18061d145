// Things are known by their nature: nobody but lib/core/kinds.ts compares constructors or prototypes, which
// differ between realms and between copies of the package.
import {lineAt, type SourceFile, type Violation} from './files.ts';

/** `instanceof`, a prototype that is compared, and the name of a constructor. */
const pattern = /\binstanceof\b|\bgetPrototypeOf\b|\.constructor\b\s*(===|!==|\.)|\bisPrototypeOf\b/g;
const judge = 'lib/core/kinds.ts';

const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|`(?:[^`\\]|\\.)*`/g, found => found.replace(/[^\n]/g, ' '));

export function checkIdentity(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({path}) => path.startsWith('lib/') && path.endsWith('.ts') && path !== judge)
    .flatMap(({path, text}) =>
      [...withoutComments(text).matchAll(pattern)].map(({0: found, index}) => ({
        file: path,
        line: lineAt(text, index),
        what: `${found.trim()}: ask ${judge} what a value is`,
      })),
    );
}
