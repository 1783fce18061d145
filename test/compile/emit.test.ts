import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {compileToPlan} from '../../lib/compile/index.ts';
import {rowsOf} from '../../lib/core/registers.ts';
import {type Op, opTable, type Tensor, variable} from '../../lib/core/tensor.ts';
import {rowOutOfRange} from '../../lib/ops/gather.ts';
import * as ops from '../../lib/ops/index.ts';
import {
  guardKinds,
  header,
  headerWords,
  ioFlags,
  items,
  maxRank,
  type Plan,
  planMagic,
  planVersion,
  spaces,
  unitBytes,
} from '../../lib/plan.ts';
import {f32, layoutOf, rootsOf} from './support.ts';

const source = readFileSync(new URL('../../native/plan.h', import.meta.url), 'utf8');

/** `constexpr int kName = 3;` */
function constant(name: string): number {
  const match = new RegExp(`constexpr \\w+ ${name} = (0x[0-9a-f]+|\\d+);`).exec(source);
  if (!match) throw new Error(`plan.h has no ${name}`);
  return Number(match[1]);
}

/** Members of an enum in the order of their numbers, without their `k`. */
function members(name: string): string[] {
  const body = new RegExp(`enum (?:class )?${name} : int32_t \\{([^}]*)\\}`).exec(source)?.[1];
  if (body === undefined) throw new Error(`plan.h has no enum ${name}`);
  const names = body.replace(/\/\/.*/g, '').match(/\w+(?=\s*(?:=\s*\d+\s*)?(?:,|$))/gm) ?? [];
  return names.filter(member => !/^\d/.test(member));
}

describe('lib/plan.ts is the twin of native/plan.h', () => {
  it('in its numbers', () => {
    expect({
      kPlanMagic: planMagic,
      kPlanVersion: planVersion,
      kMaxRank: maxRank,
      kUnitBytes: unitBytes,
      kHeaderWords: headerWords,
    }).toEqual(
      Object.fromEntries(
        ['kPlanMagic', 'kPlanVersion', 'kMaxRank', 'kUnitBytes', 'kHeaderWords'].map(name => [
          name,
          constant(name),
        ]),
      ),
    );
    expect(constant('kRowOutOfRange')).toBe(rowOutOfRange);
  });

  it('in its names', () => {
    const named = (prefix: string, list: readonly string[]): string[] =>
      list.map(name => `${prefix}${name[0]?.toUpperCase()}${name.slice(1)}`);
    expect(members('Header')).toEqual(named('kHeader', Object.keys(header)));
    expect(Object.values(header)).toEqual(Object.keys(header).map((_, index) => index));
    expect(members('Item')).toEqual(named('k', Object.keys(items)));
    expect(members('IoFlags')).toEqual(named('kIo', Object.keys(ioFlags)));
    expect(members('Space')).toEqual([...spaces]);
    expect(members('Guard')).toEqual([...guardKinds]);
  });
});

/** The parts of a plan, cut as plan.h says. */
function parts({words}: Plan): Record<string, number[][]> {
  const count = (field: keyof typeof header): number => words[header[field]] as number;
  let at = headerWords;
  const rows = (number: number, width: number): number[][] =>
    Array.from({length: number}, () => {
      at += width;
      return [...words.slice(at - width, at)];
    });
  return {
    io: rows(count('ioCount'), constant('kIoWords')),
    values: rows(count('valueCount'), constant('kValueWords')),
    guards: rows(count('guardCount'), constant('kGuardWords')),
    literals: rows(1, count('literalWords')),
    body: rows(1, count('bodyWords')),
    rest: rows(1, words.length - at),
  };
}

describe('words', () => {
  const w = variable({name: 'w', shape: [3, 2]});
  const data = ops.input({name: 'data', shape: [-1, 3], dtype: 'uint8'});
  const rows = ops.input({name: 'rows', shape: [4], dtype: 'int32', perStep: true});
  const x = ops.gatherRows(data, rows, {scale: 0.5});
  const table = ops.constant(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
  const y = ops.mul(ops.relu(ops.matmul(x, w.tensor)), ops.sum(table, 0));
  const roots = rootsOf(y, {updates: [[w, ops.mul(w.tensor, 2)]]});
  const plan = compileToPlan({outputs: {y}, updates: roots.updates, ...layoutOf(roots)});

  it('are cut as plan.h says', () => {
    const {io, values, guards, literals, body, rest} = parts(plan);
    expect(plan.words[header.wordCount]).toBe(plan.words.length);
    expect(rest).toEqual([[]]);
    expect(io).toEqual([
      [2, ioFlags.dynamicRows, 2, -1, 3, 1, 1, 1, 1, 0],
      [1, 0, 1, 4, 1, 1, 1, 1, 1, 4],
      [0, ioFlags.output, 2, 4, 2, 1, 1, 1, 1, 8],
    ]);
    expect(values?.[0]?.slice(0, 5)).toEqual([1, expect.any(Number), 0, 2, 4]);
    expect(guards).toEqual([[1, 1, 0, 1]]);
    expect(literals?.[0]).toHaveLength(16);
    expect(new Float32Array(Int32Array.from(literals?.[0] ?? []).buffer).slice(0, 7)).toEqual(
      Float32Array.of(1, 2, 3, 4, 5, 6, 0),
    );
    expect(body?.[0]?.slice(0, 13)).toEqual([
      items.instruction,
      13,
      0,
      0,
      2,
      2,
      2,
      0,
      1,
      2,
      3,
      new Int32Array(Float32Array.of(0.5).buffer)[0],
      0,
    ]);
  });

  it('name the ops inside of maps and products by signature', () => {
    const signature = (name: string) => rowsOf(opTable.get(name) as Op).at(-1);
    const names = ['gatherRows', 'matmul', 'relu', 'sum', 'map', 'mul', 'copy'];
    expect(plan.signatures).toEqual(names.map(signature));
    expect(plan.signatures[2]).toBe('relu(x: f32) -> y: f32');
  });

  it('begin the commit at its first instruction', () => {
    const [body] = parts(plan).body as [number[]];
    const commitAt = plan.words[header.commitAt] as number;
    const item = body.slice(commitAt);
    expect(item[0]).toBe(items.instruction);
    expect(plan.signatures[item[2] as number]).toBe('copy(x: T) -> y: T');
    expect(plan.instructions.map(({phase}) => phase).at(-1)).toBe('commit');
  });

  it('end with the body where nothing is committed', () => {
    const reading = compileToPlan({outputs: {y: ops.relu(f32('x', 2))}, stateBytes: 0, stateOffset: () => 0});
    expect(reading.words[header.commitAt]).toBe(reading.words[header.bodyWords]);
  });

  it('count arithmetic and bytes', () => {
    const product: Tensor = ops.matmul(f32('a', 8, 16), f32('b', 16, 4));
    const {instructions} = compileToPlan({outputs: {product}, stateBytes: 0, stateOffset: () => 0});
    expect(instructions).toMatchObject([{flops: 2 * 8 * 16 * 4, bytes: 4 * (8 * 16 + 16 * 4 + 8 * 4)}]);
  });

  it('refuse more numbers a step than a word can count', () => {
    const square = ops.add(f32('a', 2 ** 16, 1), f32('b', 1, 2 ** 16));
    expect(() => compileToPlan({outputs: {y: square}, stateBytes: 0, stateOffset: () => 0})).toThrow(
      'y has [65536,65536]; a step can read or give 2147483647 numbers at most',
    );
  });

  it('refuse more axes than a kernel knows', () => {
    const deep = ops.relu(f32('deep', 1, 2, 1, 2, 1, 2, 1));
    expect(() => compileToPlan({outputs: {y: deep}, stateBytes: 0, stateOffset: () => 0})).toThrow(
      'at most 6 axes',
    );
  });
});
