// One op of each family over a million elements, beside PyTorch: what is computed, not what is called, so
// that both make a result of their own in each step.
import {setTimeout as pause} from 'node:timers/promises';
import type {TypedArray} from '../lib/core/dtype.ts';
import {input, type Tensor} from '../lib/core/tensor.ts';
import {setThreads} from '../lib/index.ts';
import * as ops from '../lib/ops/index.ts';
import {type CompiledProgram, compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import {table} from '../scripts/table.ts';
import {type BenchOptions, type Figures, figuresOf, geometricMean, worstOf} from './options.ts';
import {PeerProcess} from './peers/process.ts';
import {peerSpecs, startOf} from './peers/registry.ts';
import {timeProgram} from './program-time.ts';
import {cell, digits, saveResults} from './report.ts';

/** The operands of all, by their names in both languages. */
const [rows, columns] = [1000, 1000];
const x = input({name: 'x', shape: [rows, columns]});
const half = input({name: 'half', shape: [rows, columns / 2]});
const flat = input({name: 'flat', shape: [rows * columns]});
const image = input({name: 'image', shape: [10, 100, 100, 10]});
const flags = input({name: 'flags', shape: [rows, columns], dtype: 'bool'});
const ids = input({name: 'ids', shape: [rows], dtype: 'int32'});
const positions = input({name: 'positions', shape: [rows, columns], dtype: 'int32'});
const classes = input({name: 'classes', shape: [100_000], dtype: 'int32'});
const inside = input({name: 'inside', shape: [rows, columns]});
const beyond = input({name: 'beyond', shape: [rows, columns]});
const whole = input({name: 'whole', shape: [rows, columns], dtype: 'int32'});
const queries = input({name: 'queries', shape: [8, 128, 8, 64]});
const keys = input({name: 'keys', shape: [8, 128, 8, 64]});
const pairs = input({name: 'pairs', shape: [rows * columns, 2], dtype: 'int32'});

interface Family {
  readonly name: string;
  /** The results of a step. */
  make(): readonly Tensor[];
  /** The same as an expression of torch_ops.py. */
  readonly torch: string;
}

const family = (name: string, torch: string, make: () => Tensor | readonly Tensor[]): Family => ({
  name,
  torch,
  make: () => [make()].flat(),
});

/** Numbers from 0.5 to 1.5, from -0.5 to 0.5, from 1.5 to 2.5. */
const operands = {x, inside, beyond};
const unary = (name: string, f: (x: Tensor) => Tensor, operand: keyof typeof operands = 'x'): Family =>
  family(name, `torch.${name}(${operand})`, () => f(operands[operand]));

const elementwise: readonly Family[] = [
  unary('sin', ops.sin),
  unary('cos', ops.cos, 'inside'),
  unary('tan', ops.tan),
  unary('asin', ops.asin, 'inside'),
  unary('acos', ops.acos, 'inside'),
  unary('atan', ops.atan, 'inside'),
  unary('sinh', ops.sinh),
  unary('cosh', ops.cosh, 'inside'),
  unary('tanh', ops.tanh),
  unary('asinh', ops.asinh),
  unary('acosh', ops.acosh, 'beyond'),
  unary('atanh', ops.atanh, 'inside'),
  unary('log1p', ops.log1p),
  unary('log2', ops.log2),
  unary('rsqrt', ops.rsqrt),
  unary('reciprocal', ops.reciprocal),
  unary('floor', ops.floor, 'inside'),
  unary('ceil', ops.ceil, 'inside'),
  unary('round', ops.round, 'inside'),
  family('pow', 'torch.pow(x, x)', () => ops.pow(x, x)),
  family('clip', 'torch.clamp(x, 0.7, 1.2)', () => ops.clip(x, 0.7, 1.2)),
  family('mod', 'torch.remainder(inside, x)', () => ops.mod(inside, x)),
  family('floorDiv', 'torch.floor_divide(inside, x)', () => ops.floorDiv(inside, x)),
  family('isNaN', 'torch.isnan(x)', () => ops.isNaN(x)),
  family('isFinite', 'torch.isfinite(x)', () => ops.isFinite(x)),
  family('logicalXor', 'torch.logical_xor(flags, flags)', () => ops.logicalXor(flags, flags)),
  family('logicalNot', 'torch.logical_not(flags)', () => ops.logicalNot(flags)),
  family('bitwiseXor', 'torch.bitwise_xor(whole, whole)', () => ops.bitwiseXor(whole, whole)),
  family('leftShift', 'torch.bitwise_left_shift(whole, 3)', () => ops.leftShift(whole, 3)),
];

const moved: readonly Family[] = [
  family('slice', 'x[100:900, 100:900].contiguous()', () => ops.slice(x, [100, 100], [800, 800])),
  family('concat', 'torch.cat([half, half], 1)', () => ops.concat([half, half], 1)),
  family('stack', 'torch.stack([half, half], 2)', () => ops.stack([half, half], 2)),
  family('transpose', 'x.T.contiguous()', () => ops.transpose(x)),
  family('reverse', 'torch.flip(x, [1])', () => ops.reverse(x, 1)),
  family('roll', 'torch.roll(x, 300, 1)', () => ops.roll(x, 300, 1)),
  family('tile', 'half.repeat(1, 2)', () => ops.tile(half, [1, 2])),
  family('repeat', 'torch.repeat_interleave(half, 2, 1)', () => ops.repeat(half, 2, 1)),
  family('pad', 'F.pad(image, [0, 0, 1, 1, 1, 1])', () =>
    ops.pad(image, [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ]),
  ),
  family('pad, reflect', "F.pad(x[None], [3, 3, 3, 3], 'reflect')", () =>
    ops.pad(
      x,
      [
        [3, 3],
        [3, 3],
      ],
      0,
      'reflect',
    ),
  ),
  family('gather rows', 'torch.index_select(x, 0, ids)', () => ops.gather(x, ids)),
  family('gather columns', 'torch.index_select(x, 1, ids)', () => ops.gather(x, ids, 1)),
  family('takeAlongAxis', 'torch.gather(x, 1, positions)', () => ops.takeAlongAxis(x, positions)),
  family('scatterNd', 'torch.zeros(1000, 1000).index_add_(0, ids, x)', () =>
    ops.scatterNd(ops.expandDims(ids, -1), x, [rows, columns]),
  ),
  family('gatherNd', 'x[pairs[:, 0], pairs[:, 1]]', () => ops.gatherNd(x, pairs)),
  family('tensorScatterUpdate', 'x.index_copy(0, ids, x)', () =>
    ops.tensorScatterUpdate(x, ops.expandDims(ids, -1), x),
  ),
  family('tensorScatterAdd', 'x.index_add(0, ids, x)', () =>
    ops.tensorScatterAdd(x, ops.expandDims(ids, -1), x),
  ),
  family('pad, edge', "F.pad(x[None], [3, 3, 3, 3], 'replicate')", () =>
    ops.pad(
      x,
      [
        [3, 3],
        [3, 3],
      ],
      0,
      'edge',
    ),
  ),
  family('oneHot', 'F.one_hot(classes, 10)', () => ops.oneHot(classes, 10)),
  family('where', 'torch.where(flags, x, 0.5)', () => ops.where(flags, x, 0.5)),
];

const reduced: readonly Family[] = [
  family('min of rows', 'torch.amin(x, 1)', () => ops.min(x, 1)),
  family('prod of columns', 'torch.prod(x, 0)', () => ops.prod(x, 0)),
  family('any of rows', 'torch.any(flags, 1)', () => ops.any(flags, 1)),
  family('argMin of columns', 'torch.argmin(x, 0)', () => ops.argMin(x, 0)),
  family('variance of rows', 'torch.var(x, 1, correction=0)', () => ops.variance(x, 1)),
  family('variance of columns', 'torch.var(x, 0, correction=0)', () => ops.variance(x, 0)),
  family('std of rows', 'torch.std(x, 1, correction=0)', () => ops.std(x, 1)),
  family('einsum of rows', "torch.einsum('ij,ij->i', x, x)", () => ops.einsum('ij,ij->i', x, x)),
  family('einsum of heads', "torch.einsum('bqhd,bkhd->bhqk', queries, keys)", () =>
    ops.einsum('bqhd,bkhd->bhqk', queries, keys),
  ),
  family('norm of all', 'torch.linalg.vector_norm(flat)', () => ops.norm(flat)),
  family('logSumExp of rows', 'torch.logsumexp(x, 1)', () => ops.logSumExp(x, 1)),
  family('cumsum of rows', 'torch.cumsum(x, 1)', () => ops.cumsum(x, 1)),
  family('cumsum of columns', 'torch.cumsum(x, 0)', () => ops.cumsum(x, 0)),
  family('cumsum of one row', 'torch.cumsum(flat, 0)', () => ops.cumsum(flat)),
  family('cumprod of rows', 'torch.cumprod(x, 1)', () => ops.cumprod(x, 1)),
  family('sort of rows', 'torch.sort(x, dim=1, stable=True)', () => [ops.sort(x), ops.argsort(x)]),
  family('sort of one row', 'torch.sort(flat, stable=True)', () => [ops.sort(flat), ops.argsort(flat)]),
  family('topK of rows', 'torch.topk(x, 10)', () => Object.values(ops.topK(x, 10))),
  family('topK of one row', 'torch.topk(flat, 100)', () => Object.values(ops.topK(flat, 100))),
];

export const families: readonly Family[] = [...elementwise, ...moved, ...reduced];

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);

function inputs(): Record<string, TypedArray> {
  const floats = (tensor: Tensor, least = 0.5): Float32Array =>
    new Float32Array(shared(4 * tensor.size)).map((_, at) => least + ((at * 2654435761) % 4096) / 4096);
  const integers = (tensor: Tensor, below: number): Int32Array =>
    new Int32Array(shared(4 * tensor.size)).map((_, at) => (at * 7919) % below);
  return {
    x: floats(x),
    half: floats(half),
    flat: floats(flat),
    image: floats(image),
    flags: new Uint8Array(shared(flags.size)).map((_, at) => (at % 1999 === 0 ? 1 : 0)),
    ids: integers(ids, rows),
    positions: integers(positions, columns),
    classes: integers(classes, 10),
    inside: floats(inside, -0.5),
    beyond: floats(beyond, 1.5),
    whole: integers(whole, 2 ** 20),
    pairs: integers(pairs, rows),
    queries: floats(queries),
    keys: floats(keys),
  };
}

/** Of each result its first element is given back, so that a step writes where the one before did. */
function programOf({make}: Family): CompiledProgram {
  const results = make().map(
    (y, index) => [`y${index}`, ops.slice(ops.reshape(y, [y.size]), [0], [1])] as const,
  );
  return compileProgram({outputs: Object.fromEntries(results), store: new VariableStore()});
}

/** Those of all inputs that a program reads. */
const readBy = ({plan}: CompiledProgram, given: Record<string, TypedArray>): Record<string, TypedArray> =>
  Object.fromEntries(
    plan.io.filter(({output}) => !output).map(({name}) => [name, given[name] as TypedArray]),
  );

interface Row {
  readonly name: string;
  /** Microseconds. */
  readonly own: number | undefined;
  readonly torch: number | undefined;
}

/** PyTorch in a process of its own; missing where it is not installed or not asked for. */
function startTorch({threads, quick, peers}: BenchOptions): PeerProcess | undefined {
  const spec = peerSpecs.find(({name}) => name === 'torch');
  if (!spec || !(peers?.includes('torch') ?? !quick)) return undefined;
  const start = startOf({...spec, script: 'torch_ops.py'}, threads);
  if (typeof start !== 'string') return new PeerProcess(start);
  console.log(`torch: ${start}`);
  return undefined;
}

export async function bench(options: BenchOptions): Promise<Figures> {
  setThreads(options.threads);
  const given = inputs();
  const torch = startTorch(options);
  const measured: Row[] = [];
  for (const each of families) {
    // The peer's threads spin for a while after its last step, and a program that finds a core taken would go
    // on with one thread.
    if (torch) await pause(400);
    const program = programOf(each);
    const turns = {threads: options.threads, repeats: options.quick ? 3 : 15};
    const own = await timeProgram(program, readBy(program, given), turns);
    const peer = await torch?.ask<{microseconds: number}>(
      {expression: each.torch, quick: options.quick},
      120,
    );
    measured.push({name: each.name, own, torch: peer?.microseconds});
  }
  torch?.stop();
  console.log(`a million elements, ${options.threads} threads, microseconds`);
  const lines = measured.map(({name, own, torch: other}) => [
    name,
    cell(own),
    cell(other),
    own === undefined || other === undefined ? '' : `${digits(other / own)} ×`,
  ]);
  console.log(table([['', 'chainrule', 'PyTorch', ''], ...lines]));
  const shares = measured.flatMap(({name, own, torch: other}) =>
    own === undefined || other === undefined ? [] : {value: other / own, note: name},
  );
  const figures = figuresOf({
    'ops-worst': worstOf(shares),
    'ops-mean': shares.length > 0 ? {value: geometricMean(shares.map(({value}) => value))} : undefined,
  });
  saveResults('ops', {threads: options.threads, rows: measured, figures});
  return figures;
}
