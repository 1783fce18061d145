// Every TypeScript and JavaScript block of the documentation runs as pasted and type-checks. A block that is
// no program says so after its language: ```ts fragment. A program followed by ```text output prints that.
import {execFile} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
// Inside the checkout, so that packages resolve; the name keeps two runs apart.
const folder = path.join(root, `build/docs-${process.pid}`);
const runFile = promisify(execFile);

interface Snippet {
  readonly where: string;
  readonly file: string;
  readonly code: string;
  /** What it is said to print. */
  readonly output: string | undefined;
}

function markdownFiles(): string[] {
  const docs = path.join(root, 'docs');
  const own = fs
    .readdirSync(docs, {recursive: true, encoding: 'utf8'})
    .filter(name => name.endsWith('.md') && !name.startsWith('api'))
    .map(name => `docs/${name}`);
  return ['README.md', ...own];
}

function snippetsOf(page: string): Snippet[] {
  const text = fs.readFileSync(path.join(root, page), 'utf8');
  const blocks =
    /^```(ts|typescript|js|javascript)[ \t]*\n([\s\S]*?)^```(?:\s*^```text output\n([\s\S]*?)^```)?/gm;
  return [...text.matchAll(blocks)].map(match => {
    const line = text.slice(0, match.index).split('\n').length;
    const extension = match[1]?.startsWith('t') ? 'mts' : 'mjs';
    const file = `${page.replace(/\W+/g, '-')}-${line}.${extension}`;
    return {where: `${page}:${line}`, file: path.join(folder, file), code: match[2] ?? '', output: match[3]};
  });
}

const snippets = markdownFiles().flatMap(snippetsOf);

describe('documentation', () => {
  beforeAll(() => {
    fs.mkdirSync(folder, {recursive: true});
    for (const {file, code} of snippets) fs.writeFileSync(file, `${code}\nexport {};\n`);
    const tsconfig = {
      extends: path.join(root, 'tsconfig.json'),
      compilerOptions: {noUnusedLocals: false, paths: {chainrule: [path.join(root, 'lib/index.ts')]}},
      include: [`${folder}/*.mts`, path.join(root, 'lib/**/*.d.ts')],
    };
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  });
  afterAll(() => fs.rmSync(folder, {recursive: true, force: true}));

  test('has programs in README and in docs, some with their output', () => {
    const pages = new Set(snippets.map(({where}) => where.split(':')[0]));
    expect(pages).toContain('README.md');
    expect(pages.size).toBeGreaterThan(3);
    expect(snippets.filter(({output}) => output !== undefined).length).toBeGreaterThan(2);
  });

  test('has programs that type-check', {timeout: 120_000}, async () => {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const result = await runFile(process.execPath, [tsc, '-p', folder]).catch(error => error);
    expect(result.stdout).toBe('');
  });

  test.each(snippets)('$where runs', {timeout: 120_000}, async ({file, output}) => {
    const loader = pathToFileURL(path.join(root, 'node_modules/tsx/dist/loader.mjs')).href;
    const env = {...process.env, TSX_TSCONFIG_PATH: path.join(folder, 'tsconfig.json')};
    const {stdout} = await runFile(process.execPath, ['--import', loader, file], {cwd: folder, env});
    expect(stdout).toBe(output ?? stdout);
  });
});
