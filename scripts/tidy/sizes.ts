// Files, functions and lines stay short enough to read.
import ts from 'typescript';
import {lineAt, type SourceFile, type Violation} from './files.ts';

const maxFileLines = 400;
/** Two pages: what is longer is not read at the beginning. */
const pages: ReadonlyMap<string, number> = new Map([['ARCHITECTURE.md', 120]]);
const maxFunctionLines = 70;
const maxColumns = 110;
const measured = /^(lib|native|scripts|test|bench|examples)\/.*\.(ts|mts|cts|mjs|cjs|js|h|cc|def|py|sh)$/;

export function checkSizes(files: readonly SourceFile[]): Violation[] {
  return [
    ...files.flatMap(file => checkLines(file, pages.get(file.path))),
    ...files.filter(file => measured.test(file.path)).flatMap(checkSize),
  ];
}

const linesOf = ({text}: SourceFile): string[] => text.replace(/\n$/, '').split('\n');

function checkLines(file: SourceFile, most = Number.POSITIVE_INFINITY): Violation[] {
  const {length} = linesOf(file);
  if (length <= most) return [];
  return [{file: file.path, line: 1, what: `${length} lines, at most ${most} are allowed`}];
}

function checkSize(file: SourceFile): Violation[] {
  const found: Violation[] = checkLines(file, maxFileLines);
  const lines = linesOf(file);
  lines.forEach((text, index) => {
    const columns = [...text].length;
    if (columns <= maxColumns) return;
    found.push({
      file: file.path,
      line: index + 1,
      what: `${columns} columns, at most ${maxColumns} are allowed`,
    });
  });
  const functions = /\.[mc]?[tj]s$/.test(file.path) ? functionsOfTypeScript(file) : functionsOfCpp(file);
  for (const {name, line, lines: length} of functions) {
    if (length <= maxFunctionLines) continue;
    const what = `${name} has ${length} lines, at most ${maxFunctionLines} are allowed`;
    found.push({file: file.path, line, what});
  }
  return found;
}

interface FunctionLines {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** The callback of `describe` is a chapter, not a function. */
function isChapter(node: ts.Node): boolean {
  return ts.isCallExpression(node.parent) && /^describe\b/.test(node.parent.expression.getText());
}

function functionsOfTypeScript(file: SourceFile): FunctionLines[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  const found: FunctionLines[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body && !isChapter(node)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
      const owner = ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : 'a function';
      found.push({name: node.name?.getText() ?? owner, line, lines: last - line + 1});
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Blanks comments, strings and preprocessor lines, so that every brace left is one of the code's. */
function withoutText(cpp: string): string {
  const blank = (text: string): string => text.replace(/[^\n]/g, ' ');
  return cpp
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|R"\(([\s\S]*?)\)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'/g, blank)
    .replace(/^[ \t]*#(?:[^\n]*\\\n)*[^\n]*/gm, blank);
}

type Block = {readonly kind: 'scope' | 'function' | 'other'; readonly name: string; readonly start: number};

/** A function is a block after a parameter list, outside of any other function. */
function classify(head: string, inside: Block | undefined, start: number): Block {
  if (inside && inside.kind !== 'scope') return {kind: 'other', name: '', start};
  if (
    /\b(namespace|extern|struct|class|union)\b/.test(head) &&
    !/[)]\s*(const|noexcept|override|final|\s)*$/.test(head)
  ) {
    return {kind: 'scope', name: '', start};
  }
  const name = /([\w:~]+)\s*\(/.exec(head)?.[1];
  if (name && !/=\s*$/.test(head)) return {kind: 'function', name, start};
  return {kind: 'other', name: '', start};
}

function functionsOfCpp(file: SourceFile): FunctionLines[] {
  if (!/\.(h|cc)$/.test(file.path)) return [];
  const code = withoutText(file.text);
  const found: FunctionLines[] = [];
  const open: Block[] = [];
  let headStart = 0;
  for (let at = 0; at < code.length; at++) {
    const char = code[at];
    if (char === '{') {
      const head = code.slice(headStart, at);
      open.push(classify(head, open.at(-1), headStart + head.search(/\S|$/)));
    } else if (char === '}') {
      const block = open.pop();
      // The braces of a constructor's initializer, `: a{1}, b{2} {`, are not its body.
      const isInitializer = block?.kind === 'function' && /^\s*[,{]/.test(code.slice(at + 1, at + 200));
      if (block?.kind === 'function' && !isInitializer) {
        const line = lineAt(code, block.start);
        found.push({name: block.name, line, lines: lineAt(code, at) - line + 1});
      }
      if (isInitializer) {
        headStart = block.start;
        continue;
      }
    }
    if (char === '{' || char === '}' || char === ';') headStart = at + 1;
  }
  return found;
}
