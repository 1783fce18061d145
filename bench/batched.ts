// Products of many pairs of small matrices, as attention multiplies them: part of the bench gemm, beside
// PyTorch's bmm.
import {setTimeout as pause} from 'node:timers/promises';
import {setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {type Ceiling, peakOf, remeasurePeak} from './ceiling.ts';
import {type BenchOptions, type Figure, worstOf} from './options.ts';
import {Blas, type Form} from './peers/blas.ts';
import {bmmSpecs, startOfBmm} from './peers/registry.ts';
import {Product, type ProductShape} from './product.ts';
import {digits, percent} from './report.ts';

/** Heads of a batch of 16 with 8 heads: 64 positions, 32 numbers each. */
const count = 128;
const sizes = [
  [64, 32, 64],
  [64, 64, 32],
] as const;
const forms: Readonly<Record<Form, string>> = {nn: 'a·b', nt: 'a·bᵀ', tn: 'aᵀ·b'};
const shapes: readonly ProductShape[] = sizes.flatMap(([m, k, n]) =>
  (Object.keys(forms) as Form[]).map(form => ({form, m, k, n, count})),
);

export interface BatchedRow extends ProductShape {
  readonly threads: number;
  /** By `chainrule` and the names of the peers. */
  readonly seconds: Record<string, number>;
}

const nameOf = ({form, m, k, n}: ProductShape): string => `${count} of ${forms[form]} ${m}×${k}×${n}`;
const gflops = ({m, k, n}: ProductShape, seconds: number): number => (2 * count * m * k * n) / seconds / 1e9;

function ratioOf({seconds}: BatchedRow): number | undefined {
  const {chainrule, ...others} = seconds;
  const best = Math.min(...Object.values(others));
  return Number.isFinite(best) ? best / (chainrule as number) : undefined;
}

async function timeShape(shape: ProductShape, threads: number, peers: readonly Blas[], quick: boolean) {
  const row: BatchedRow = {...shape, threads, seconds: {}};
  const product = new Product(shape);
  const each = quick ? 0.012 : 0.02;
  const runners = [
    {name: 'chainrule', time: () => product.time(threads, each)},
    ...peers.map(peer => ({
      name: peer.name,
      time: () => peer.time(shape.form, shape.m, shape.k, shape.n, each),
    })),
  ];
  for (let repeat = 0; repeat < (quick ? 2 : 5); repeat++) {
    for (const {name, time} of runners) {
      // Threads of the one before may still spin.
      if (runners.length > 1 && threads > 1) await pause(5);
      row.seconds[name] = Math.min(await time(), row.seconds[name] ?? Number.POSITIVE_INFINITY);
    }
  }
  return row;
}

async function startAll({peers, quick}: BenchOptions, threads: number): Promise<Blas[]> {
  const started: Blas[] = [];
  for (const spec of bmmSpecs) {
    if (peers ? !peers.includes(spec.name) : quick) continue;
    const peer = await Blas.from(spec.name, startOfBmm(spec, count, threads));
    if (typeof peer === 'string') console.log(`${spec.name}: missing: ${peer}`);
    else started.push(peer);
  }
  return started;
}

function print(
  rows: readonly BatchedRow[],
  names: readonly string[],
  ceiling: Ceiling,
  threads: number,
): void {
  const peak = peakOf(ceiling, threads);
  const lines = rows.map(row => {
    const own = gflops(row, row.seconds.chainrule as number);
    const others = names.map(name => {
      const seconds = row.seconds[name];
      return seconds === undefined ? '' : digits(gflops(row, seconds));
    });
    return [nameOf(row), digits(own), percent(own / peak), ...others, ratioOf(row)?.toFixed(2) ?? ''];
  });
  console.log(`\nin batches, ${threads} thread${threads === 1 ? '' : 's'}; GFLOP/s`);
  console.log(table([['', 'chainrule', 'of peak', ...names, '÷ best'], ...lines]));
}

/** The rows, and the worst of them beside PyTorch on all threads. */
export async function benchBatched(
  options: BenchOptions,
): Promise<{readonly rows: readonly BatchedRow[]; readonly worst: Figure | undefined}> {
  const {threads} = options;
  let {ceiling} = options;
  const rows: BatchedRow[] = [];
  for (const own of threads === 1 ? [1] : [1, threads]) {
    setThreads(own);
    const peers = await startAll(options, own);
    try {
      const timed: BatchedRow[] = [];
      for (const shape of shapes) timed.push(await timeShape(shape, own, peers, options.quick));
      ceiling = remeasurePeak(ceiling);
      print(
        timed,
        peers.map(({name}) => name),
        ceiling,
        own,
      );
      rows.push(...timed);
    } finally {
      for (const peer of peers) peer.stop();
    }
  }
  const compared = rows.flatMap(row => {
    const value = row.threads === threads ? ratioOf(row) : undefined;
    return value === undefined ? [] : [{value, note: nameOf(row)}];
  });
  return {rows, worst: worstOf(compared)};
}
