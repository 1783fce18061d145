// Matrix products as a share of the multiply-add peak measured in the same minute.
import type {RandomSource} from '../lib/core/tensor.ts';
import {ops, setThreads} from '../lib/index.ts';
import {compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import {type BenchOptions, measureCeiling} from './ceiling.ts';

type Form = 'x·W' | 'xᵀ·dy' | 'dy·Wᵀ';
const shapes: readonly (readonly [Form, number, number, number])[] = [
  ['x·W', 1024, 1024, 1024],
  ['xᵀ·dy', 1024, 1024, 1024],
  ['dy·Wᵀ', 1024, 1024, 1024],
  ['x·W', 128, 784, 512],
  ['xᵀ·dy', 784, 128, 512],
  ['dy·Wᵀ', 128, 512, 768],
  ['x·W', 512, 512, 512],
  ['x·W', 128, 128, 128],
];

/** Seconds per product [M,K]·[K,N]: many products in one native call, the best of several calls. */
function timeProduct(form: Form, m: number, k: number, n: number, repeats: number): number {
  const transposeA = form === 'xᵀ·dy';
  const transposeB = form === 'dy·Wᵀ';
  const matrix = (name: string, shape: readonly number[]) =>
    ops.variable({name, shape, initial: (source: RandomSource) => ops.randomUniform(source, shape)});
  const a = matrix('a', transposeA ? [k, m] : [m, k]);
  const b = matrix('b', transposeB ? [n, k] : [k, n]);
  const store = new VariableStore();
  store.add([a, b]);
  store.initialize(1);
  const product = ops.matmul(a.tensor, b.tensor, {transposeA, transposeB});
  const program = compileProgram({outputs: {}, guards: [ops.finite(product)], store});
  const steps = Math.max(3, Math.ceil(2e9 / (2 * m * k * n)));
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const started = performance.now();
    program.runSync({}, {steps});
    best = Math.min(best, (performance.now() - started) / 1000 / steps);
  }
  return best;
}

export async function bench(options: BenchOptions): Promise<void> {
  setThreads(1);
  const {fmaGflops} = measureCeiling(options);
  console.log(`one thread; multiply-add peak ${fmaGflops[0]} GFLOP/s`);
  for (const [form, m, k, n] of shapes) {
    const seconds = timeProduct(form, m, k, n, options.quick ? 5 : 15);
    const gflops = (2 * m * k * n) / seconds / 1e9;
    const share = ((100 * gflops) / fmaGflops[0]).toFixed(0);
    console.log(
      `${form.padEnd(6)} M=${m} K=${k} N=${n}`.padEnd(32),
      `${gflops.toFixed(0)} GFLOP/s`,
      `${share} %`,
    );
  }
}
