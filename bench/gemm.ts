// Matrix products as a share of the multiply-add peak of the same run: the three of a dense layer, on one
// thread and on all, beside OpenBLAS, BLIS and MKL. And products in batches, beside PyTorch's bmm.
import {setTimeout as pause} from 'node:timers/promises';
import {setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {benchBatched} from './batched.ts';
import {bandwidthOf, type Ceiling, levelOf, peakOf, remeasurePeak} from './ceiling.ts';
import {type BenchOptions, type Figure, type Figures, figuresOf, geometricMean, worstOf} from './options.ts';
import {Blas, type Form} from './peers/blas.ts';
import {blasSpecs} from './peers/registry.ts';
import {Product} from './product.ts';
import {digits, percent, saveResults} from './report.ts';

interface Shape {
  readonly kind: 'square' | 'layer' | 'odd';
  readonly form: Form;
  /** Rows of the layer's input, its inputs and its units. */
  readonly batch: number;
  readonly inputs: number;
  readonly units: number;
  /** Of the product [m,k]·[k,n]. */
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

interface Row extends Shape {
  readonly threads: number;
  readonly level: string;
  /** The least that the product can take: its arithmetic, or reading the weights. */
  readonly boundSeconds: number;
  /** By `chainrule` and the names of the libraries. */
  readonly seconds: Record<string, number>;
}

const forms: Readonly<Record<Form, string>> = {nn: 'x·W', tn: 'xᵀ·dy', nt: 'dy·Wᵀ'};
const squares = [64, 128, 256, 512, 1024, 2048, 4096];
const batches = [1, 8, 16, 32, 64, 128, 256, 1024];
const layers = [
  [784, 512],
  [512, 256],
  [256, 10],
  [1024, 1024],
  [3072, 768],
] as const;
const odd = [
  [37, 333, 77],
  [131, 333, 77],
  [37, 129, 65],
  [131, 129, 65],
] as const;

function productsOf(kind: Shape['kind'], batch: number, inputs: number, units: number): Shape[] {
  const own = {kind, batch, inputs, units};
  return [
    {...own, form: 'nn', m: batch, k: inputs, n: units},
    {...own, form: 'tn', m: inputs, k: batch, n: units},
    {...own, form: 'nt', m: batch, k: units, n: inputs},
  ];
}

function allShapes(quick: boolean): Shape[] {
  const sizes = quick ? squares.filter(size => size <= 1024) : squares;
  const rows = quick ? [1, 16, 32, 128] : batches;
  return [
    ...sizes.flatMap(size => productsOf('square', size, size, size)),
    ...layers.flatMap(([inputs, units]) => rows.flatMap(m => productsOf('layer', m, inputs, units))),
    ...odd.flatMap(([m, inputs, units]) => productsOf('odd', m, inputs, units)),
  ];
}

function boundOf({form, batch, inputs, units, m, k, n}: Shape, ceiling: Ceiling, threads: number) {
  const level = levelOf(ceiling, 4 * inputs * units, threads);
  const arithmetic = (2 * m * k * n) / (peakOf(ceiling, threads) * 1e9);
  // The weights are read; the gradient of the weights is written.
  const bytes = 4 * inputs * units;
  const moved = bytes / (bandwidthOf(level, threads, form === 'tn' ? 'triad' : 'read') * 1e9);
  return {level: level.name, boundSeconds: batch <= 16 ? Math.max(arithmetic, moved) : arithmetic};
}

async function timeShape(shape: Shape, threads: number, blas: readonly Blas[], options: BenchOptions) {
  const {quick, ceiling} = options;
  const row: Row = {...shape, threads, ...boundOf(shape, ceiling, threads), seconds: {}};
  const product = new Product(shape);
  // Much longer than waking a team, some 0.1 ms.
  const each = quick ? 0.012 : 0.02;
  const runners = [
    {name: 'chainrule', time: () => product.time(threads, each)},
    ...blas.map(one => ({
      name: one.name,
      time: () => one.time(shape.form, shape.m, shape.k, shape.n, each),
    })),
  ];
  // What takes long is disturbed less.
  const count = quick || shape.m * shape.k * shape.n > 1e10 ? 2 : 5;
  for (let repeat = 0; repeat < count; repeat++) {
    for (const {name, time} of runners) {
      // Threads of the one before may still spin.
      if (runners.length > 1 && threads > 1) await pause(5);
      row.seconds[name] = Math.min(await time(), row.seconds[name] ?? Number.POSITIVE_INFINITY);
    }
  }
  return row;
}

const gflops = ({m, k, n}: Shape, seconds: number): number => (2 * m * k * n) / seconds / 1e9;
const nameOf = ({form, m, k, n}: Shape): string => `${forms[form]} ${m}×${k}×${n}`;
const ownOf = ({seconds}: Row): number => seconds.chainrule as number;

/** Best library's time ÷ chainrule's; undefined without a library. */
function ratioOf({seconds}: Row): number | undefined {
  const {chainrule, ...others} = seconds;
  const best = Math.min(...Object.values(others));
  return Number.isFinite(best) ? best / (chainrule as number) : undefined;
}

/** By which rows are ordered: beside the best library where there is one, else as a share of the bound. */
const standing = (row: Row): number => ratioOf(row) ?? row.boundSeconds / ownOf(row);

function printRows(rows: readonly Row[], names: readonly string[], ceiling: Ceiling, threads: number): void {
  const peak = peakOf(ceiling, threads);
  const title = `${threads} thread${threads === 1 ? '' : 's'}, peak ${peak} GFLOP/s; GFLOP/s, worst first`;
  console.log(`\n${title}`);
  const ordered = [...rows].sort((a, b) => standing(a) - standing(b));
  const lines = ordered.map(row => {
    const own = ownOf(row);
    const ratio = ratioOf(row);
    const others = names.map(name => {
      const seconds = row.seconds[name];
      return seconds === undefined ? '' : digits(gflops(row, seconds));
    });
    const bound = row.batch <= 16 ? `${percent(row.boundSeconds / own)} ${row.level}` : '';
    const share = percent(gflops(row, own) / peak);
    return [nameOf(row), digits(gflops(row, own)), share, bound, ...others, ratio?.toFixed(2) ?? ''];
  });
  console.log(table([['', 'chainrule', 'of peak', 'of bound', ...names, '÷ best'], ...lines]));
}

const isSmall = ({m, n, k}: Row): boolean => m * n * k <= 128 ** 3;
const isBetween = ({kind, batch}: Row, least: number, most: number): boolean =>
  kind !== 'square' && batch >= least && batch <= most;

const classes: Readonly<Record<string, (row: Row) => boolean>> = {
  'M ≤ 16': row => isBetween(row, 1, 16),
  'M 17 to 63': row => isBetween(row, 17, 63),
  'M 64 to 256': row => isBetween(row, 64, 256),
  'M above 256': row => isBetween(row, 257, Number.POSITIVE_INFINITY),
  squares: ({kind}) => kind === 'square',
  'all threads, 128³ and below': row => row.threads > 1 && isSmall(row),
};

/** Which kind of product falls short: geometric means, and the worst of each. */
function printClasses(rows: readonly Row[], ceiling: Ceiling): void {
  const lines = Object.entries(classes).flatMap(([name, belongs]) =>
    [...new Set(rows.map(({threads}) => threads))].flatMap(threads => {
      const own = rows.filter(row => row.threads === threads && belongs(row));
      if (own.length === 0) return [];
      const mean = (of: (row: Row) => number): number => geometricMean(own.map(of));
      const worst = own.reduce((a, b) => (standing(b) < standing(a) ? b : a));
      const isCompared = own.every(row => ratioOf(row) !== undefined);
      return [
        [
          name,
          String(threads),
          String(own.length),
          percent(mean(row => gflops(row, ownOf(row)) / peakOf(ceiling, threads))),
          percent(mean(row => row.boundSeconds / ownOf(row))),
          isCompared ? mean(row => ratioOf(row) as number).toFixed(2) : '',
          isCompared ? standing(worst).toFixed(2) : percent(standing(worst)),
          nameOf(worst),
        ],
      ];
    }),
  );
  const head = ['geometric means', 'threads', 'shapes', 'of peak', 'of bound', '÷ best', 'worst', 'where'];
  console.log(`\n${table([head, ...lines])}`);
}

/** How much of the peak a library's best product reaches tells which instructions it takes. */
function printLibraries(rows: readonly Row[], blas: readonly Blas[], ceiling: Ceiling): void {
  for (const {name, about} of blas) {
    const own = rows.filter(({seconds}) => seconds[name] !== undefined);
    const most = Math.max(...own.map(row => gflops(row, row.seconds[name] as number)));
    console.log(`${name}: ${about}; at most ${percent(most / peakOf(ceiling, 1))} of the peak on one thread`);
  }
}

function judge(rows: readonly Row[], ceiling: Ceiling, threads: number): Figures {
  const shareOf = (row: Row): Figure => {
    const value = gflops(row, ownOf(row)) / peakOf(ceiling, row.threads);
    return {value, note: `${nameOf(row)}, ${row.threads} threads`};
  };
  const worst = (of: (row: Row) => boolean): Figure | undefined => worstOf(rows.filter(of).map(shareOf));
  const isLarge = ({kind, m}: Row): boolean => kind === 'square' && m >= 512;
  const isWide = ({inputs, units}: Row): boolean => inputs >= 256 && units >= 256;
  const isBatch = (row: Row): boolean => isWide(row) && row.batch >= 64 && row.batch <= 128;
  const few = rows.filter(row => row.kind === 'layer' && row.batch <= 16 && row.level !== 'L1');
  const ratios = rows.flatMap(row => {
    const value = ratioOf(row);
    return value === undefined ? [] : [{row, value, note: `${nameOf(row)}, ${row.threads} threads`}];
  });
  const mean = (of: (row: Row) => boolean): Figure | undefined => {
    const values = ratios.filter(({row}) => of(row)).map(({value}) => value);
    if (values.length === 0) return undefined;
    return {
      value: geometricMean(values),
      note: `${values.length} shapes, worst ${digits(Math.min(...values))}`,
    };
  };
  const last = worstOf(ratios);
  return figuresOf({
    'gemm-squares-1': worst(row => isLarge(row) && row.threads === 1),
    'gemm-squares-all': worst(row => isLarge(row) && row.threads === threads),
    'gemm-batch-1': worst(row => isBatch(row) && row.threads === 1),
    'gemm-batch-all': worst(row => isBatch(row) && row.threads === threads),
    'gemm-32': worst(row => isWide(row) && row.batch === 32),
    'gemm-few': worstOf(
      few.map(row => ({
        value: row.boundSeconds / ownOf(row),
        note: `${nameOf(row)}, ${row.threads} threads`,
      })),
    ),
    'gemm-blas-worst': last && {value: last.value, note: last.note},
    'gemm-blas-mean': mean(() => true),
    'gemm-blas-few': mean(({kind, batch}) => kind === 'layer' && batch <= 16),
    'gemm-blas-small': threads > 1 ? mean(row => row.threads === threads && isSmall(row)) : undefined,
  });
}

async function startAll({peers, quick}: BenchOptions, threads: number): Promise<Blas[]> {
  const names = blasSpecs.map(({name}) => name as string);
  const chosen = peers ?? (quick ? [] : names);
  const started: Blas[] = [];
  for (const spec of blasSpecs.filter(({name}) => chosen.includes(name))) {
    const blas = await Blas.start(spec, threads);
    if (typeof blas === 'string') console.log(`${spec.name}: missing: ${blas}`);
    else started.push(blas);
  }
  return started;
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {threads} = options;
  let {ceiling} = options;
  const rows: Row[] = [];
  const shapes = allShapes(options.quick);
  if (options.quick) console.log('quick: squares to 1024, four batch sizes');
  const libraries: Record<string, string> = {};
  for (const count of threads === 1 ? [1] : [1, threads]) {
    setThreads(count);
    const blas = await startAll(options, count);
    try {
      const own: Row[] = [];
      for (const shape of shapes) own.push(await timeShape(shape, count, blas, options));
      ceiling = remeasurePeak(ceiling);
      const names = blas.map(({name}) => name);
      printRows(own, names, ceiling, count);
      if (count === 1) printLibraries(own, blas, ceiling);
      for (const {name, about} of blas) libraries[name] = about;
      rows.push(...own);
    } finally {
      for (const one of blas) one.stop();
    }
  }
  printClasses(rows, ceiling);
  const batched = await benchBatched({...options, ceiling});
  const figures = {
    ...judge(rows, ceiling, threads),
    ...figuresOf({'gemm-batched': threads > 1 ? batched.worst : undefined}),
  };
  saveResults('gemm', {threads, ceiling, libraries, rows, batched: batched.rows, figures});
  return figures;
}
