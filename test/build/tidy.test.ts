// tidy sees what it is there to see.
import {describe, expect, test} from 'vitest';
import {checkCircles} from '../../scripts/tidy/circles.ts';
import {checkIdentity} from '../../scripts/tidy/identity.ts';
import {checkImports} from '../../scripts/tidy/imports.ts';
import {checkNames} from '../../scripts/tidy/names.ts';
import {checkSizes} from '../../scripts/tidy/sizes.ts';
import {checkTraits} from '../../scripts/tidy/traits.ts';

const lines = (count: number, line: string): string => `${line}\n`.repeat(count);
const whats = (found: readonly {what: string}[]): string[] => found.map(({what}) => what);

describe('sizes', () => {
  test('finds long files, lines and functions', () => {
    expect(whats(checkSizes([{path: 'lib/core/a.ts', text: lines(401, '//')}]))).toEqual([
      '401 lines, at most 400 are allowed',
    ]);
    expect(whats(checkSizes([{path: 'native/simd/a.h', text: `//${'x'.repeat(109)}`}]))).toEqual([
      '111 columns, at most 110 are allowed',
    ]);
    expect(whats(checkSizes([{path: 'ARCHITECTURE.md', text: lines(121, 'text')}]))).toEqual([
      '121 lines, at most 120 are allowed',
    ]);
    expect(checkSizes([{path: 'docs/models.md', text: lines(500, 'text')}])).toEqual([]);
    const long = `export function long() {\n${lines(69, '  f();')}}\n`;
    expect(whats(checkSizes([{path: 'lib/core/a.ts', text: long}]))).toEqual([
      'long has 71 lines, at most 70 are allowed',
    ]);
    expect(
      checkSizes([{path: 'test/a.test.ts', text: `describe('a', () => {\n${lines(90, '  f();')}});\n`}]),
    ).toEqual([]);
  });

  test('finds long C++ functions in namespaces and classes, and nothing else', () => {
    const body = lines(69, '  if (a) { b("}{"); }  // }}');
    const found = (text: string): string[] => whats(checkSizes([{path: 'native/runtime/a.cc', text}]));
    const long = ['run has 71 lines, at most 70 are allowed'];
    expect(found(`namespace a { namespace {\nvoid run(int x) {\n${body}}\n} }\n`)).toEqual(long);
    expect(found(`class A final : public B {\n  void run() const override {\n${body}  }\n};\n`)).toEqual(
      long,
    );
    expect(found(`template <class T>\nstatic void run(T x) {\n${lines(68, '  b();')}}\n`)).toEqual(long);
    expect(found(`A::run(int x) : a{x}, b(x), c{1} {\n${body}}\n`)).toEqual([
      'A::run has 71 lines, at most 70 are allowed',
    ]);
    expect(found(`static const int table[] = {\n${lines(90, '  1,')}};\nvoid f() {}\n`)).toEqual([]);
    expect(found(`struct A {\n${lines(90, '  int a;')}};\n`)).toEqual([]);
  });
});

describe('imports', () => {
  const found = (path: string, text: string): string[] => whats(checkImports([{path, text}]));

  test('follow the table in TypeScript', () => {
    expect(found('lib/core/a.ts', "import {a} from '../ops/b.ts';")).toEqual([
      'lib/core may not import lib/ops',
    ]);
    expect(found('lib/compile/a.ts', "import fs from 'node:fs';")).toEqual([
      'lib/compile may not import node:fs',
    ]);
    expect(found('lib/runtime/a.ts', "import type {A} from '../ops/a.ts';")).toHaveLength(1);
    expect(found('lib/compile/a/b.ts', "import {a} from '../../plan.ts';")).toEqual([]);
    expect(found('lib/ops/a.ts', "import {a} from '../core/a';")).toHaveLength(1);
    expect(found('lib/new/a.ts', '')).toEqual(['lib/new is not in the table of layers']);
    expect(found('lib/graph/a.ts', "import {add, mul} from '../ops/map.ts';")).toHaveLength(1);
    expect(found('lib/index.ts', "export * as ops from './ops/index.ts';\nexport const a = 1;")).toHaveLength(
      1,
    );
    expect(found('examples/a.ts', "import {a} from '../lib/index.ts';")).toHaveLength(1);
  });

  test('follow the table in C++', () => {
    expect(found('native/kernels/a.h', '#include <cmath>\n#include <cstddef>')).toEqual([
      'native/kernels may not include <cmath>',
    ]);
    expect(
      found('native/kernels/a.h', '#include "simd/vec.h"\n#include "plan.h"\n#include "map.def"'),
    ).toEqual([]);
    expect(found('native/kernels/a.h', '#include "runtime/cpu.h"')).toHaveLength(1);
    expect(found('native/runtime/a.cc', '#include <napi.h>\n#include <thread>')).toHaveLength(1);
    expect(found('native/simd/a.h', '#include <immintrin.h>\n#include "../kernels/b.h"')).toHaveLength(1);
    expect(found('native/binding/a.cc', '#include <napi.h>\n#include "kernels/all.h"')).toHaveLength(1);
  });
});

describe('circles of imports', () => {
  const found = (imports: Readonly<Record<string, readonly string[]>>): string[] =>
    whats(
      checkCircles(
        Object.entries(imports).map(([path, targets]) => ({
          path,
          text: targets.map(target => `import type {A} from '${target}';\n`).join(''),
        })),
      ),
    );

  test('are listed, types and re-exports as well', () => {
    const circle = {
      'lib/nn/a.ts': ['./b.ts'],
      'lib/nn/b.ts': ['../ops/c.ts'],
      'lib/ops/c.ts': ['../nn/a.ts'],
    };
    expect(found(circle)).toEqual(['imports in a circle: nn/a.ts → nn/b.ts → ops/c.ts → nn/a.ts']);
    const exported = {path: 'lib/nn/a.ts', text: "export * from './a.ts';"};
    expect(whats(checkCircles([exported]))).toEqual(['imports in a circle: nn/a.ts → nn/a.ts']);
  });

  test('are each listed once, the shortest circle', () => {
    const twice = {'lib/a.ts': ['./b.ts'], 'lib/b.ts': ['./a.ts', './c.ts'], 'lib/c.ts': ['./a.ts']};
    expect(found({...twice, 'lib/d.ts': ['./e.ts'], 'lib/e.ts': ['./d.ts', './a.ts']})).toEqual([
      'imports in a circle: a.ts → b.ts → a.ts, and 1 more in circles with these',
      'imports in a circle: d.ts → e.ts → d.ts',
    ]);
  });

  test('are not seen where there are none', () => {
    const diamond = {'lib/a.ts': ['./b.ts', './c.ts'], 'lib/b.ts': ['./d.ts'], 'lib/c.ts': ['./d.ts']};
    expect(found({...diamond, 'lib/d.ts': ['node:fs', './not-there.ts'], 'test/a.ts': ['./a.ts']})).toEqual(
      [],
    );
  });
});

describe('floors of lib/train', () => {
  const found = (path: string, target: string): string[] => {
    const above = {path, text: `import type {A} from '${target}';`};
    return whats(checkImports([{path: 'lib/train/network/network.ts', text: ''}, above]));
  };

  test('import downward only', () => {
    expect(found('lib/train/feed/a.ts', '../step/b.ts')).toEqual([]);
    expect(found('lib/train/feed/a.ts', './b.ts')).toEqual([]);
    expect(found('lib/train/model.ts', './fit/fit.ts')).toEqual([]);
    expect(found('lib/train/feed/a.ts', '../run/b.ts')).toEqual([
      'lib/train/feed may not import lib/train/run/b.ts: floors import downward only',
    ]);
    expect(found('lib/train/fit/a.ts', '../model.ts')).toHaveLength(1);
    expect(found('lib/train/lobby.ts', './fit/fit.ts')).toHaveLength(1);
  });
});

describe('names', () => {
  test('are twins in both languages', () => {
    const files = ['lib/ops/gemm.ts', 'lib/ops/index.ts', 'native/kernels/conv.h', 'native/kernels/all.h'];
    expect(whats(checkNames(files.map(path => ({path, text: ''}))))).toEqual([
      'has no twin native/kernels/gemm.h',
      'has no twin lib/ops/conv.ts',
    ]);
  });

  test('are lower-case', () => {
    expect(checkNames([{path: 'lib/core/myThing.ts', text: ''}])).toHaveLength(1);
    expect(checkNames([{path: 'native/simd/my-thing.h', text: ''}])).toHaveLength(1);
    expect(checkNames([{path: 'lib/nn/layers/batch-norm.ts', text: ''}])).toEqual([]);
  });

  test('and words that do not belong in a commit', () => {
    const found = (text: string): number => checkNames([{path: 'test/a.ts', text}]).length;
    expect(found(`// ${'TO' + 'DO'}: later`)).toBe(1);
    expect(found(`it.${'skip'}('a', () => {})`)).toBe(1);
    expect(found("it.skipIf(slow)('a', () => {})")).toBe(0);
    expect(found(`read('/${'work'}/main/a')`)).toBe(1);
    expect(found("import '../work/a.ts'")).toBe(0);
  });
});

describe('identity', () => {
  const found = (path: string, text: string): number => checkIdentity([{path, text}]).length;

  test('is nowhere asked for but in the module that knows', () => {
    expect(found('lib/data/a.ts', 'if (a instanceof Float32Array) b();\nif (c instanceof Layer) d();')).toBe(
      2,
    );
    expect(found('lib/data/a.ts', 'Object.getPrototypeOf(a) === Object.prototype')).toBe(1);
    expect(found('lib/data/a.ts', 'a.constructor === Object; b.constructor.name')).toBe(2);
    expect(found('lib/data/a.ts', '// not by instanceof\nconst text = `no instanceof here`;')).toBe(0);
    expect(found('lib/core/kinds.ts', 'a instanceof Error')).toBe(0);
    expect(found('test/a.test.ts', 'a instanceof Error')).toBe(0);
  });
});

describe('traits', () => {
  const found = (path: string, text: string): string[] => whats(checkTraits([{path, text}]));

  test('are read by passes, which name no op', () => {
    const instead =
      'passes read traits; only simplify-rules.ts, fuse-rules.ts, batching-rules.ts, copies.ts, ' +
      'recurrent-panels.ts, recurrent-rules.ts, row-rules.ts name ops';
    expect(found('lib/compile/memory.ts', "import {matmulOp, type A} from '../ops/gemm.ts';")).toEqual([
      `matmulOp: ${instead}`,
    ]);
    expect(found('lib/compile/memory.ts', "import * as ops from '../ops/index.ts';")).toHaveLength(1);
    expect(found('lib/compile/memory.ts', "import '../ops/index.ts';")).toHaveLength(1);
    expect(found('lib/compile/memory.ts', "import type {MapProgram} from '../ops/program.ts';")).toEqual([]);
    expect(found('lib/compile/memory.ts', "import {type MapProgram} from '../ops/program.ts';")).toEqual([]);
    expect(found('lib/compile/fuse-rules.ts', "import {matmulOp} from '../ops/gemm.ts';")).toEqual([]);
  });

  test('stand for names, of ops and of operands', () => {
    const count = (text: string): number => found('lib/compile/guards.ts', text).length;
    expect(count("if (call.op.name === 'matmul') a();")).toBe(1);
    expect(count("if ('cast' != op.name) a();")).toBe(1);
    expect(count("inputs.findIndex(({name}) => name === 'labels')")).toBe(1);
    expect(count('op.signature.text === `sum(x: f32) -> y: f32`')).toBe(1);
    expect(count("switch (call.op.name) {\n  case 'sum':\n}")).toBe(1);
    expect(count('rules[call.op.name]?.(call)')).toBe(1);
    expect(count("names.indexOf(op.name) === other && slot.name === name && kind === 'name'")).toBe(0);
  });

  test('operands are not cast', () => {
    expect(found('lib/ops/a.ts', 'const x = call.inputs[0] as Tensor;')).toEqual([
      'call.inputs[0] as Tensor: operands have names; see lib/core/define.ts and lib/core/operands.ts',
    ]);
    expect(found('lib/compile/fuse-rules.ts', 'f(inputs as readonly [Tensor, Tensor])')).toHaveLength(1);
    expect(found('lib/ops/a.ts', 'const count = x.shape[0] as number; // as Tensor')).toEqual([]);
    expect(found('lib/train/a.ts', 'x as Tensor')).toEqual([]);
  });
});
