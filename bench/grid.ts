// Products of 200 seeded shapes that nobody chose, odd ones included, as a share of the peak and of their
// roofline, on one thread and on all; drawn as a map that shows where a share falls off.
import {writeFileSync} from 'node:fs';
import {setThreads} from '../lib/index.ts';
import {colours, dot, gridLine, legend, picture, text} from '../scripts/pictures/svg.ts';
import {table} from '../scripts/table.ts';
import {bandwidthOf, type Ceiling, levelOf, peakOf, remeasurePeak} from './ceiling.ts';
import {type BenchOptions, type Figures, figuresOf, geometricMean} from './options.ts';
import {Product} from './product.ts';
import {digits, percent, resultsFile, saveResults} from './report.ts';

const forms = ['nn', 'tn', 'nt'] as const;
const names = {nn: 'x·W', tn: 'xᵀ·dy', nt: 'dy·Wᵀ'} as const;

interface Cell {
  readonly form: (typeof forms)[number];
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly threads: number;
  readonly seconds: number;
  /** Of the multiply-add peak, and of the roofline: the peak, or the operands' bytes where they lie. */
  readonly ofPeak: number;
  readonly ofRoofline: number;
}

/** Shapes from one seed: sizes spread evenly over their logarithms, the three forms in turns. */
export function gridShapes(count: number): readonly Pick<Cell, 'form' | 'm' | 'k' | 'n'>[] {
  let state = 0x2545f491;
  const between = (least: number, most: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.round(least * (most / least) ** ((state >>> 0) / 2 ** 32));
  };
  return Array.from({length: count}, (_, index) => ({
    form: forms[index % forms.length] as Cell['form'],
    m: between(16, 300),
    k: between(32, 1500),
    n: between(32, 1500),
  }));
}

/** Only products so large are held to their roofline: small ones end before a team is awake. */
const largeWork = 4e6;
const workOf = ({m, k, n}: Pick<Cell, 'm' | 'k' | 'n'>): number => m * k * n;
const nameOf = ({form, m, k, n, threads}: Cell): string =>
  `${names[form]} ${m}×${k}×${n}, ${threads} threads`;

function cellOf(
  shape: ReturnType<typeof gridShapes>[number],
  seconds: number,
  ceiling: Ceiling,
  threads: number,
): Cell {
  const {m, k, n} = shape;
  const peak = (2 * workOf(shape)) / (peakOf(ceiling, threads) * 1e9);
  const bytes = 4 * (m * k + k * n + m * n);
  const moved = bytes / (bandwidthOf(levelOf(ceiling, bytes, threads), threads, 'read') * 1e9);
  return {...shape, threads, seconds, ofPeak: peak / seconds, ofRoofline: Math.max(peak, moved) / seconds};
}

async function timeGrid(threads: number, options: BenchOptions): Promise<{cells: Cell[]; ceiling: Ceiling}> {
  setThreads(threads);
  const shapes = gridShapes(options.quick ? 60 : 200);
  const timed: [(typeof shapes)[number], number][] = [];
  for (const shape of shapes) {
    const product = new Product(shape);
    let seconds = Number.POSITIVE_INFINITY;
    for (let repeat = 0; repeat < (options.quick ? 2 : 4); repeat++) {
      seconds = Math.min(seconds, await product.time(threads, 0.015));
    }
    timed.push([shape, seconds]);
  }
  const ceiling = remeasurePeak(options.ceiling);
  return {cells: timed.map(([shape, seconds]) => cellOf(shape, seconds, ceiling, threads)), ceiling};
}

const shades: readonly (readonly [name: string, least: number])[] = [
  ['95 % and more', 0.95],
  ['90 to 95 %', 0.9],
  ['84 to 90 %', 0.84],
  ['70 to 84 %', 0.7],
  ['less', 0],
];
const [panel, gap, left, top] = [250, 50, 70, 110];

/** One panel for each form: k to the right, n upwards, both by logarithm; a dot grows with m. */
function draw(cells: readonly Cell[], threads: number): string {
  const place = (size: number): number => Math.log(size / 32) / Math.log(1500 / 32);
  const parts = forms.flatMap((form, index) => {
    const x = left + index * (panel + gap);
    const lines = [32, 100, 300, 1000].flatMap(size => [
      gridLine(x + place(size) * panel, top, x + place(size) * panel, top + panel),
      gridLine(x, top + panel - place(size) * panel, x + panel, top + panel - place(size) * panel),
      text(x + place(size) * panel, top + panel + 18, String(size), {anchor: 'middle', size: 12}),
      ...(index === 0
        ? [text(x - 8, top + panel - place(size) * panel + 4, String(size), {anchor: 'end', size: 12})]
        : []),
    ]);
    const dots = cells
      .filter(cell => cell.form === form)
      .map(({m, k, n, ofRoofline}) => {
        const shade = shades.findIndex(([, least]) => ofRoofline >= least);
        return dot(
          x + place(k) * panel,
          top + panel - place(n) * panel,
          colours[shade] as string,
          2 + m / 50,
        );
      });
    return [text(x, top - 12, names[form], {bold: true}), ...lines, ...dots];
  });
  const title = `Shares of the roofline of random products, ${threads} thread${threads === 1 ? '' : 's'}`;
  return picture(title, left + 3 * (panel + gap), top + panel + 60, [
    ...legend(
      shades.map(([name]) => name),
      16,
      58,
    ),
    text(
      left + 1.5 * panel + gap,
      top + panel + 42,
      'k to the right, n upwards; larger dots have more rows m',
      {
        anchor: 'middle',
      },
    ),
    ...parts,
  ]);
}

function print(cells: readonly Cell[], threads: number): void {
  const worst = [...cells].sort((a, b) => a.ofRoofline - b.ofRoofline).slice(0, 12);
  console.log(`\n${cells.length} random shapes, ${threads} threads; the worst by their roofline`);
  const rows = worst.map(cell => [
    nameOf(cell),
    digits((2 * workOf(cell)) / cell.seconds / 1e9),
    percent(cell.ofPeak),
    percent(cell.ofRoofline),
  ]);
  console.log(table([['', 'GFLOP/s', 'of peak', 'of roofline'], ...rows]));
  const means = forms.map(form => {
    const own = cells.filter(cell => cell.form === form);
    return `${names[form]} ${percent(geometricMean(own.map(({ofPeak}) => ofPeak)))}`;
  });
  const all = percent(geometricMean(cells.map(({ofPeak}) => ofPeak)));
  console.log(`geometric mean of the peak ${all}: ${means.join(', ')}`);
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const counts = options.threads === 1 ? [1] : [1, options.threads];
  const all: Cell[] = [];
  const figures: Record<string, {value: number; note?: string}> = {};
  for (const threads of counts) {
    const {cells} = await timeGrid(threads, options);
    print(cells, threads);
    const mean = geometricMean(cells.map(({ofPeak}) => ofPeak));
    figures[threads === 1 ? 'grid-1' : 'grid-all'] = {value: mean, note: `${cells.length} shapes`};
    writeFileSync(resultsFile(`grid-${threads}.svg`), draw(cells, threads));
    console.log(`drawn in bench/results/grid-${threads}.svg`);
    all.push(...cells);
  }
  const large = all.filter(cell => workOf(cell) >= largeWork);
  const worst = large.reduce((a, b) => (b.ofRoofline < a.ofRoofline ? b : a));
  figures['grid-worst'] = {value: worst.ofRoofline, note: nameOf(worst)};
  saveResults('grid', {threads: options.threads, cells: all, figures});
  return figuresOf(figures);
}
