// Every TypeScript and JavaScript block of the documentation runs as pasted and type-checks. A block that is
// no program says so after its language: ```ts fragment. A program followed by ```text output prints that.
// They run as JavaScript on the bundle that the tests share, which saves each of them compiling the library.
import {execFile} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import ts from 'typescript';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {bundleFile} from '../support/bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');
// Inside the checkout, so that packages resolve; the name keeps two runs apart.
const folder = path.join(root, `build/docs-${process.pid}`);
const runFile = promisify(execFile);
const bundleUrl = pathToFileURL(bundleFile).href;
const binary = process.env.CHAINRULE_BINARY ?? path.join(root, 'build/Release/chainrule.node');

interface Snippet {
  readonly where: string;
  readonly file: string;
  readonly code: string;
  /** The same without types. */
  readonly program: string;
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
    const [source, program] = [
      path.join(folder, file),
      path.join(folder, `${path.parse(file).name}.run.mjs`),
    ];
    return {where: `${page}:${line}`, file: source, program, code: match[2] ?? '', output: match[3]};
  });
}

const snippets = markdownFiles().flatMap(snippetsOf);

describe('documentation', () => {
  beforeAll(() => {
    fs.mkdirSync(folder, {recursive: true});
    const compilerOptions = {module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022};
    for (const {file, program, code} of snippets) {
      fs.writeFileSync(file, `${code}\nexport {};\n`);
      fs.writeFileSync(program, ts.transpileModule(code, {compilerOptions}).outputText);
    }
    // A package of their own, or 'chainrule' would be this checkout by its own name.
    fs.writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}');
    const library = path.join(folder, 'node_modules/chainrule');
    fs.mkdirSync(library, {recursive: true});
    fs.writeFileSync(path.join(library, 'package.json'), '{"type": "module", "exports": "./index.js"}');
    fs.writeFileSync(path.join(library, 'index.js'), `export * from ${JSON.stringify(bundleUrl)};\n`);
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

  // The library itself is checked by `npm run typecheck`.
  test('has programs that type-check', {timeout: 120_000}, () => {
    const host = {...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {}};
    const project = ts.getParsedCommandLineOfConfigFile(path.join(folder, 'tsconfig.json'), {}, host);
    const {fileNames, options} = project as ts.ParsedCommandLine;
    expect(fileNames.length).toBeGreaterThan(10);
    const program = ts.createProgram(fileNames, options);
    const sources = fileNames.map(name => program.getSourceFile(name));
    const found = [
      ...program.getOptionsDiagnostics(),
      ...sources.flatMap(source => [
        ...program.getSyntacticDiagnostics(source),
        ...program.getSemanticDiagnostics(source),
      ]),
    ];
    const names = {
      getCanonicalFileName: (name: string) => name,
      getCurrentDirectory: () => root,
      getNewLine: () => '\n',
    };
    expect(ts.formatDiagnostics(found, names)).toBe('');
  });

  test.each(snippets)('$where runs', {timeout: 120_000}, async ({program, output}) => {
    const env = {...process.env, CHAINRULE_BINARY: binary};
    const {stdout} = await runFile(process.execPath, [program], {cwd: folder, env});
    expect(stdout).toBe(output ?? stdout);
  });
});
