// Who may import whom: the table of ARCHITECTURE.md, for both languages.
import path from 'node:path';
import ts from 'typescript';
import {lineAt, type SourceFile, type Violation} from './files.ts';

interface Layer {
  readonly may: readonly string[];
  /** Packages and `node:` modules; a prefix ends in a colon. */
  readonly packages?: readonly string[];
}

const layers: Readonly<Record<string, Layer>> = {
  core: {may: [], packages: ['node:url', 'node:util']},
  plan: {may: ['core']},
  ops: {may: ['core']},
  graph: {may: ['core', 'ops']},
  compile: {may: ['core', 'ops', 'graph', 'plan']},
  runtime: {may: ['core', 'plan'], packages: ['node:', 'node-gyp-build']},
  session: {may: ['core', 'ops', 'graph', 'compile', 'plan', 'runtime'], packages: ['node:']},
  nn: {may: ['core', 'ops', 'data']},
  optim: {may: ['core', 'ops']},
  data: {may: ['core'], packages: ['node:', 'csv-parse']},
  io: {may: ['core', 'nn'], packages: ['node:']},
  distributed: {may: ['core', 'session'], packages: ['node:']},
  train: {may: ['core', 'ops', 'graph', 'nn', 'optim', 'data', 'io', 'session'], packages: ['node:']},
  tfjs: {
    may: ['core', 'ops', 'session', 'compile', 'runtime'],
    packages: ['node:', '@tensorflow/tfjs-core'],
  },
  'tfjs-node': {
    may: ['core', 'runtime', 'tfjs'],
    packages: ['node:', '@tensorflow/tfjs', '@tensorflow/tfjs-core'],
  },
  'tfjs-layers': {
    may: ['core', 'nn', 'io', 'runtime', 'train', 'index'],
    packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers'],
  },
};

/** What autodiff itself is made of. */
const opsOfAutodiff = ['add', 'barrier', 'ones', 'sumTo', 'zeros'];

/** The floors of lib/train, lowest first: folders, and the files above them. Each imports downward only. */
const trainFloors = [
  'network',
  'step',
  'feed',
  'run',
  'actions',
  'callbacks',
  'fit',
  'model.ts',
  'fold-batch-normalization.ts',
  'load.ts',
];

const floorOf = (file: string): number => trainFloors.indexOf(file.split('/')[2] ?? '');

/** lib/train stands on its floors: every file is on one, and none looks up. */
function checkFloors(files: readonly SourceFile[]): Violation[] {
  const own = files.filter(({path: file}) => file.startsWith('lib/train/') && file.endsWith('.ts'));
  if (!own.some(({path: file}) => file.startsWith(`lib/train/${trainFloors[0]}/`))) return [];
  return own.flatMap(file => {
    const floor = floorOf(file.path);
    if (floor < 0) return [{file: file.path, line: 1, what: `stands on no floor: ${trainFloors.join(', ')}`}];
    return importsOf(file).flatMap(({from, line}) => {
      const target = path.posix.join(path.posix.dirname(file.path), from);
      if (!from.startsWith('.') || !target.startsWith('lib/train/') || floorOf(target) <= floor) return [];
      const what = `lib/train/${trainFloors[floor]} may not import ${target}: floors import downward only`;
      return [{file: file.path, line, what}];
    });
  });
}

/** The folder below lib/, or the name of a file that stands there alone. */
function layerOf(file: string): string {
  return file.replace(/^lib\//, '').replace(/\/.*$|\.ts$/, '');
}

export function checkImports(files: readonly SourceFile[]): Violation[] {
  const found = files.flatMap(file => {
    if (file.path.startsWith('lib/') && file.path.endsWith('.ts')) return checkTypeScript(file);
    if (file.path.startsWith('examples/') && file.path.endsWith('.ts')) return checkExample(file);
    if (/^native\/.*\.(h|cc|def)$/.test(file.path)) return checkCpp(file);
    return [];
  });
  return [...found, ...checkFloors(files)];
}

interface Import {
  readonly from: string;
  readonly line: number;
}

export function importsOf(file: SourceFile): Import[] {
  const {importedFiles} = ts.preProcessFile(file.text, true, true);
  return importedFiles.map(({fileName, pos}) => ({from: fileName, line: lineAt(file.text, pos)}));
}

function checkExample(file: SourceFile): Violation[] {
  return importsOf(file)
    .filter(
      ({from}) =>
        from.startsWith('.') && path.posix.join(path.posix.dirname(file.path), from).startsWith('lib/'),
    )
    .map(({from, line}) => ({file: file.path, line, what: `an example imports 'chainrule', not ${from}`}));
}

function checkTypeScript(file: SourceFile): Violation[] {
  const own = layerOf(file.path);
  if (own === 'index') return checkIndex(file);
  const layer = layers[own];
  if (!layer) return [{file: file.path, line: 1, what: `lib/${own} is not in the table of layers`}];
  const found: Violation[] = [];
  for (const {from, line} of importsOf(file)) {
    const report = (what: string): number => found.push({file: file.path, line, what});
    if (!from.startsWith('.')) {
      const allowed = layer.packages?.some(name =>
        name.endsWith(':') ? from.startsWith(name) : from === name,
      );
      if (!allowed) report(`lib/${own} may not import ${from}`);
      continue;
    }
    if (!/\.(ts|json)$/.test(from)) report(`${from}: imports name the file, with .ts`);
    const other = layerOf(path.posix.join(path.posix.dirname(file.path), from));
    if (other !== own && !layer.may.includes(other)) report(`lib/${own} may not import lib/${other}`);
  }
  return own === 'graph' ? [...found, ...checkGraph(file)] : found;
}

function checkGraph(file: SourceFile): Violation[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  return source.statements.filter(ts.isImportDeclaration).flatMap(statement => {
    const {importClause, moduleSpecifier} = statement;
    if (!/\/ops\//.test(moduleSpecifier.getText()) || importClause?.phaseModifier) return [];
    const bindings = importClause?.namedBindings;
    const names = bindings && ts.isNamedImports(bindings) ? bindings.elements.map(e => e.name.text) : ['*'];
    return names
      .filter(name => !opsOfAutodiff.includes(name))
      .map(name => ({
        file: file.path,
        line: lineAt(file.text, statement.getStart()),
        what: `lib/graph may import ${opsOfAutodiff.join(', ')} of lib/ops, not ${name}`,
      }));
  });
}

function checkIndex(file: SourceFile): Violation[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  return source.statements
    .filter(statement => !ts.isExportDeclaration(statement) || !statement.moduleSpecifier)
    .map(statement => ({
      file: file.path,
      line: lineAt(file.text, statement.getStart()),
      what: 'lib/index.ts holds re-exports only',
    }));
}

const freestanding = ['cstddef', 'cstdint'];
const intrinsics = ['immintrin.h', 'arm_neon.h', 'cpuid.h'];
const javascript = /^(napi|node_api|js_native_api|node|uv|v8)\b.*\.h$/;

interface NativeLayer {
  readonly may: readonly string[];
  /** Angle-bracket headers; 'any' leaves out only those that know JavaScript. */
  readonly headers: readonly string[] | 'any' | 'javascript';
}

const nativeLayers: Readonly<Record<string, NativeLayer>> = {
  'dtype.h': {may: [], headers: freestanding},
  'plan.h': {may: ['dtype.h'], headers: freestanding},
  simd: {may: [], headers: [...freestanding, ...intrinsics]},
  kernels: {may: ['simd', 'plan.h'], headers: freestanding},
  isa: {may: ['kernels', 'simd', 'plan.h'], headers: freestanding},
  runtime: {may: ['plan.h', 'isa'], headers: 'any'},
  binding: {may: ['runtime', 'plan.h'], headers: 'javascript'},
  tools: {may: ['runtime', 'plan.h'], headers: 'any'},
  test: {may: ['runtime', 'tools', 'plan.h', 'isa', 'kernels', 'simd'], headers: 'any'},
};

function checkCpp(file: SourceFile): Violation[] {
  const own = file.path.split('/')[1] ?? '';
  const layer = nativeLayers[own];
  if (!layer) return [{file: file.path, line: 1, what: `native/${own} is not in the table of layers`}];
  const found: Violation[] = [];
  for (const match of file.text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
    const [, kind, name = ''] = match;
    const report = (what: string): number =>
      found.push({file: file.path, line: lineAt(file.text, match.index), what: `native/${own} ${what}`});
    if (kind === '"') {
      const other = nativeLayerOf(file.path, name);
      if (other !== own && !layer.may.includes(other)) report(`may not include ${name}`);
    } else if (Array.isArray(layer.headers)) {
      if (!layer.headers.includes(name)) report(`may not include <${name}>`);
    } else if (layer.headers === 'any' && javascript.test(name)) {
      report(`may not include <${name}>: only native/binding knows JavaScript`);
    }
  }
  return found;
}

/** Includes are written from native/ on; a bare name is a neighbour. */
function nativeLayerOf(file: string, include: string): string {
  const target = include.includes('/') ? path.posix.normalize(include) : include;
  if (target === 'plan.h' || target.endsWith('../plan.h')) return 'plan.h';
  const full =
    target.startsWith('.') || !target.includes('/')
      ? path.posix.join(path.posix.dirname(file), target)
      : `native/${target}`;
  return full.split('/')[1] ?? '';
}
