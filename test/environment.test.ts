// docs/environment.md names every variable that is read and every code that is warned with, and no other.
import fs from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const page = fs.readFileSync(path.join(root, 'docs/environment.md'), 'utf8');

const folders = ['lib', 'native', 'scripts', 'bench', 'test', 'examples', '.ci'];
const skipped = /node_modules|\.peers|results|environment\.test\.ts$/;

function sources(): string[] {
  return folders.flatMap(folder =>
    fs
      .readdirSync(path.join(root, folder), {recursive: true, encoding: 'utf8', withFileTypes: true})
      .filter(entry => entry.isFile())
      .map(entry => path.join(entry.parentPath ?? entry.path, entry.name))
      .filter(file => !skipped.test(file) && /\.(m?[tj]s|cjs|py|sh|cc|h|c)$|\.ci\/run$/.test(file)),
  );
}

const texts = sources().map(file => fs.readFileSync(file, 'utf8'));

/** The names that the first group of any pattern finds. */
function find(text: string, ...patterns: readonly RegExp[]): string[] {
  return patterns.flatMap(pattern => [...text.matchAll(pattern)].map(match => match[1] as string));
}

const reads = [
  /process\.env(?:\.|\[['"`])(CHAINRULE_\w+)/g,
  /getenv\("(CHAINRULE_\w+)"/g,
  /environ(?:\.get\(|\[)['"](CHAINRULE_\w+)/g,
  /(?:export|\$\{?)\s*(CHAINRULE_\w+)/g,
];
const unique = (names: readonly string[]): string[] => [...new Set(names)].sort();

const rows = [...page.matchAll(/^\| `(CHAINRULE_\w+\*?)` \|/gm)].map(match => match[1] as string);
const [codes, variables] = ((): [string[], string[]] => {
  const [before = '', after = ''] = page.split('| code |');
  const inCodes = find(after.split('\n## ')[0] ?? '', /^\| `(CHAINRULE_\w+)` \|/gm);
  const outside = find(`${before}\n## ${after.split('\n## ')[1] ?? ''}`, /^\| `(CHAINRULE_\w+\*?)` \|/gm);
  return [inCodes, outside];
})();

describe('docs/environment.md', () => {
  test('names the variables that the source reads', () => {
    const read = unique(texts.flatMap(text => find(text, ...reads)));
    expect(read.length).toBeGreaterThan(8);
    // A name that ends in an underscore goes on with what a program puts behind it.
    expect(read.map(name => (name.endsWith('_') ? `${name}*` : name))).toEqual(unique(variables));
  });

  test('names the codes of warnings', () => {
    const emitted = unique(texts.flatMap(text => find(text, /\bcode: '(CHAINRULE_\w+)'/g)));
    expect(emitted).toEqual(unique(codes));
    expect(rows).toHaveLength(codes.length + variables.length);
  });
});
