// A loop beside what it consists of: a training step of a tanh cell, 64 → 128, 40 steps long, and its
// kernels, each alone in a program of its own. What the step takes beyond their sum is what the loop costs.
import type {TypedArray} from '../lib/core/dtype.ts';
import type {Tensor} from '../lib/core/tensor.ts';
import {gradients} from '../lib/graph/autodiff.ts';
import {setThreads} from '../lib/index.ts';
import * as ops from '../lib/ops/index.ts';
import {tanhGrad} from '../lib/ops/map.ts';
import {type CompiledProgram, compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import {table} from '../scripts/table.ts';
import {type BenchOptions, type Figures, figuresOf} from './options.ts';
import {digits, saveResults} from './report.ts';

const [steps, batch, features, units] = [40, 128, 64, 128];

const f32 = (name: string, ...shape: number[]): Tensor => ops.input({name, shape});

/** Loss and gradients of the last state. */
function cell(): readonly Tensor[] {
  const [x, w] = [f32('x', steps, batch, features), f32('w', features, units)];
  const [u, b] = [f32('u', units, units), f32('b', units)];
  const {carries} = ops.scan(
    ([h], [xt]) => ({carries: [ops.tanh(ops.add(ops.add(ops.matmul(xt, w), b), ops.matmul(h, u)))]}),
    {carries: [ops.zeros([batch, units])], sequences: [x]},
  );
  return gradients(ops.sum(ops.square(carries[0])), [w, u, b]);
}

interface Part {
  readonly name: string;
  /** How often a step runs it. */
  readonly times: number;
  make(): Tensor;
}

const rows = steps * batch;
const product = (m: number, k: number, n: number): Tensor => ops.matmul(f32('a', m, k), f32('b', k, n));
const states = (): readonly [Tensor, Tensor] => [f32('h', batch, units), f32('z', batch, units)];
const gradientOf = (inputs: number): Tensor =>
  ops.matmul(f32('a', rows, inputs), f32('dz', rows, units), {transposeA: true});

const parts: readonly Part[] = [
  {
    name: 'x·W + b, all steps',
    times: 1,
    make: () => ops.add(product(rows, features, units), f32('bias', units)),
  },
  {name: 'h·U', times: steps, make: () => product(batch, units, units)},
  {name: 'tanh of the sum', times: steps, make: () => ops.tanh(ops.add(...states()))},
  {name: 'its gradient', times: steps, make: () => tanhGrad(...states())},
  {
    name: 'dz·Uᵀ',
    times: steps,
    make: () => ops.matmul(f32('dz', batch, units), f32('u', units, units), {transposeB: true}),
  },
  {name: 'xᵀ·dz, all steps', times: 1, make: () => gradientOf(features)},
  {name: 'hᵀ·dz, all steps', times: 1, make: () => gradientOf(units)},
  {name: 'sum of dz, all steps', times: 1, make: () => ops.sum(f32('dz', rows, units), 0)},
];

/** Of each result its first element is given back, so that a step writes where the one before did. */
function programOf(results: readonly Tensor[]): CompiledProgram {
  const outputs = results.map(
    (y, index) => [`y${index}`, ops.slice(ops.reshape(y, [y.size]), [0], [1])] as const,
  );
  return compileProgram({outputs: Object.fromEntries(outputs), store: new VariableStore()});
}

/** Microseconds of a step, at least. */
class Timed {
  readonly #program: CompiledProgram;
  readonly #arrays: Record<string, TypedArray>;
  readonly #repeats: number;
  best = Number.POSITIVE_INFINITY;

  constructor(results: readonly Tensor[], repeats: number) {
    this.#program = programOf(results);
    this.#repeats = repeats;
    const given = this.#program.plan.io.filter(({output}) => !output);
    this.#arrays = Object.fromEntries(
      given.map(({name, shape}) => {
        const size = shape.reduce((product, axis) => product * axis, 1);
        const data = new Float32Array(new SharedArrayBuffer(4 * size));
        return [name, data.map((_, at) => (((at * 2654435761) % 4096) / 4096 - 0.5) / 8)];
      }),
    );
  }

  async run(): Promise<void> {
    const started = performance.now();
    await this.#program.run(this.#arrays, {steps: this.#repeats});
    this.best = Math.min(this.best, ((performance.now() - started) * 1000) / this.#repeats);
  }
}

export async function bench({threads, quick}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const whole = new Timed(cell(), 20);
  const each = parts.map(({make, times}) => new Timed([make()], times === 1 ? 40 : 1000));
  for (let repeat = 0; repeat < (quick ? 3 : 15); repeat++)
    for (const timed of [whole, ...each]) await timed.run();
  const sum = parts.reduce((total, {times}, index) => total + times * (each[index] as Timed).best, 0);
  console.log(`tanh cell ${features} → ${units}, ${steps} steps, batch ${batch}, ${threads} threads`);
  console.log(
    table([
      ['microseconds', 'alone', 'times', 'together'],
      ...parts.map(({name, times}, index) => {
        const {best} = each[index] as Timed;
        return [name, digits(best), String(times), digits(best * times)];
      }),
      ['sum of the kernels', '', '', digits(sum)],
      ['the step', '', '', digits(whole.best)],
    ]),
  );
  const figures = figuresOf({scan: {value: whole.best / sum}});
  saveResults('scan', {threads, parts: parts.map(({name}, index) => [name, each[index]?.best]), figures});
  return figures;
}
