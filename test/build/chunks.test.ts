// The files of dist: what every program reads, and what is read once it is used.
import fs from 'node:fs';
import path from 'node:path';
import {runInNewContext} from 'node:vm';
import {describe, expect, test} from 'vitest';
import {chunkOf, exportingValues, inAscii, requiringLater} from '../../scripts/package/chunks.ts';

const idOf = (file: string): string => `/somewhere/chainrule/lib/${file}`;

/** At the left margin, neither a declaration nor a comment nor the end of one. */
const statement =
  /^(?!(import|export|const|let|function|async|class|abstract|type|interface|declare)\b)[\w$]/m;

/** Whether to load a module does more than make what it exports: another may count on that it was done. */
const actsOnLoading = (file: string): boolean => statement.test(fs.readFileSync(file, 'utf8'));

describe('chunks', () => {
  test('what a first model needs is read at once, what few need later', () => {
    for (const file of ['nn/layers/dense.ts', 'nn/layers/index.ts', 'ops/map.ts', 'train/fit/fit.ts']) {
      expect(chunkOf(idOf(file))).toBe('main');
    }
    expect(chunkOf(idOf('nn/layers/convolution.ts'))).toBe('layers');
    expect(chunkOf(idOf('nn/metrics/auc.ts'))).toBe('metrics');
    expect(chunkOf(idOf('nn/losses/ctc.ts'))).toBe('losses');
    expect(chunkOf(idOf('compile/loops.ts'))).toBe('compiler');
    expect(chunkOf(idOf('ops/fourier.ts'))).toBe('ops');
    expect(chunkOf(idOf('tfjs/backend.ts'))).toBe('backend');
    expect(chunkOf('C:\\chainrule\\lib\\io\\safetensors.ts')).toBe('files');
  });

  test('an entry is a file of its own, and packages are nobody’s', () => {
    for (const file of ['index.ts', 'tfjs/index.ts', 'tfjs-layers/index.ts', 'tfjs-node/images.ts']) {
      expect(chunkOf(idOf(file))).toBeNull();
    }
    expect(chunkOf('/somewhere/node_modules/csv-parse/index.js')).toBeNull();
  });

  test('no module that acts when it is loaded is left for later', () => {
    const files = fs
      .readdirSync('lib', {recursive: true, encoding: 'utf8'})
      .filter(name => name.endsWith('.ts'));
    const own = files.filter(file => !file.startsWith('tfjs'));
    const later = own.filter(file => chunkOf(idOf(file)) !== 'main' && file !== 'index.ts');
    expect(later.length).toBeGreaterThan(100);
    expect(later.filter(file => actsOnLoading(path.join('lib', file)))).toEqual([]);
    expect(actsOnLoading('lib/runtime/addon.ts')).toBe(true);
  });
});

describe('what is required later', () => {
  function run(code: string, modules: Record<string, object>): {loaded: string[]; exports: {run(): unknown}} {
    const loaded: string[] = [];
    const exports = {run: () => undefined as unknown};
    const require = (file: string) => {
      loaded.push(file);
      return modules[file];
    };
    runInNewContext(requiringLater(code), {require, exports});
    return {loaded, exports};
  }

  test('is loaded by the first use of a member, once', () => {
    const code =
      'const require_a$1 = require("./a.cjs");\nexports.run = () => require_a$1.one + require_a$1.two$1;\n';
    const {loaded, exports} = run(code, {'./a.cjs': {one: 1, two$1: 2}});
    expect(loaded).toEqual([]);
    expect([exports.run(), exports.run()]).toEqual([3, 3]);
    expect(loaded).toEqual(['./a.cjs']);
  });

  test('may be a class', () => {
    const module = {One: class One {}, inner: {Two: class Two extends Array {}}};
    const code =
      'const a = require("./a.cjs");\nexports.run = () => [new a.One(), new a.inner.Two(3).length];\n';
    const {exports} = run(code, {'./a.cjs': module});
    expect(exports.run()).toEqual([new module.One(), 3]);
  });

  test('may be used while it is being loaded, as two that require each other are', () => {
    const code = 'const a = require("./a.cjs");\nexports.run = () => a.one + a.two;\n';
    const module: {one: number; two?: number} = {one: 1};
    const modules = {
      get './a.cjs'() {
        if (module.two === undefined) {
          module.two = 0;
          module.two = 1 + (exports.run() as number);
        }
        return module;
      },
    };
    const {exports} = run(code, modules);
    expect(exports.run()).toBe(3);
  });

  test('shows what is exported at the time', () => {
    let count = 1;
    const module = {
      get count() {
        return count;
      },
    };
    const {exports} = run('let a = require("./a.cjs");\nexports.run = () => a.count;\n', {'./a.cjs': module});
    expect(exports.run()).toBe(1);
    count = 2;
    expect(exports.run()).toBe(2);
  });

  test('is not what is used as a whole, nor what each process has', () => {
    const codes = [
      'let a = require("node:zlib");\na = interop(a);\nexports.run = () => a.crc32();\n',
      'const a = require("./a.cjs");\nexports.run = () => [a, a.one];\n',
      'const a = require("./main-x.cjs");\nexports.run = () => a.one;\n',
      'let a = require("node:fs");\nexports.run = () => a.existsSync("");\n',
    ];
    for (const code of codes) expect(requiringLater(code)).toBe(code);
    expect(requiringLater('let a = require("node:fs/promises");\na.open();\n')).toContain('() => (');
  });
});

test('what nothing is assigned to is exported as a value, what changes by a getter', () => {
  const getter = (name: string, own: string): string =>
    `Object.defineProperty(exports, "${name}", {\n\tenumerable: true,\n` +
    `\tget: function() {\n\t\treturn ${own};\n\t}\n});`;
  const code = [
    'let count = 1;\nconst one$1 = 1;\nclass Two {}\nasync function three() { count++; }',
    ...Object.entries({count: 'count', one: 'one$1', Two: 'Two', three: 'three'}).map(each =>
      getter(...each),
    ),
  ].join('\n');
  const exports: {count?: number; three?(): void} = {};
  runInNewContext(exportingValues(code), {exports});
  const described = Object.getOwnPropertyDescriptors(exports);
  expect(Object.values(described).map(({get, enumerable}) => [get !== undefined, enumerable])).toEqual([
    [true, true],
    [false, true],
    [false, true],
    [false, true],
  ]);
  exports.three?.();
  expect(exports).toMatchObject({count: 2, one: 1});
});

test('code in ASCII means the same', () => {
  const code = 'const text = `1…`; exports.all = [text, "×", /^[…×]$/.test("…"), "😀"];';
  expect(inAscii(code)).toMatch(/^[\0-\x7f]*$/);
  const exports = {all: []};
  runInNewContext(inAscii(code), {exports});
  expect([...exports.all]).toEqual(['1…', '×', true, '😀']);
});
