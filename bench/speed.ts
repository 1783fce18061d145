// The comparison that README.md shows: docs/speed.json holds the figures of one run, from which the chart and
// the table are made. `npm run bench -- --chart` writes all three; a test compares them.
import {dotChart, type Value} from './chart.ts';
import {digits} from './report.ts';

export interface SpeedRow {
  readonly workload: string;
  readonly shape: string;
  readonly batch: number;
  /** Microseconds per step: chainrule's, and the best of each family that was there. */
  readonly microseconds: Readonly<Record<string, number>>;
}

export interface Speed {
  readonly cpu: string;
  readonly threads: number;
  readonly peakGflops: number;
  /** Of the libraries compared with. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly SpeedRow[];
}

/** Peers of one library: the fastest of them stands for it. */
const families: Readonly<Record<string, readonly string[]>> = {
  chainrule: ['chainrule'],
  PyTorch: ['torch', 'torch-compile'],
  'PyTorch, MKL unlocked': ['torch-unlocked', 'torch-compile-unlocked'],
  JAX: ['jax', 'jax-loop'],
  TensorFlow: ['tf', 'tf-xla'],
  'TensorFlow.js': ['tfjs-wasm', 'tfjs-cpu'],
};

interface Timed {
  readonly peer: string;
  readonly microseconds?: number;
  readonly version?: string;
}

export interface TrainResult {
  readonly workload: string;
  readonly shape: string;
  readonly batch: number;
  readonly entries: readonly Timed[];
}

function bestOf(names: readonly string[], entries: readonly Timed[]): Timed | undefined {
  const timed = entries.filter(({peer, microseconds}) => names.includes(peer) && microseconds !== undefined);
  return timed.sort((a, b) => (a.microseconds as number) - (b.microseconds as number))[0];
}

export function speedOf(
  results: readonly TrainResult[],
  machine: {readonly cpu: string; readonly threads: number; readonly peakGflops: number},
): Speed {
  const versions: Record<string, string> = {};
  const rows = results.map(({workload, shape, batch, entries}) => {
    const microseconds: Record<string, number> = {};
    for (const [family, names] of Object.entries(families)) {
      const best = bestOf(names, entries);
      if (!best) continue;
      microseconds[family] = Number((best.microseconds as number).toPrecision(4));
      // Which GPUs a build knows does not matter here.
      if (best.version !== undefined) versions[family] = best.version.replace(/\+.*/, '');
    }
    return {workload, shape, batch, microseconds};
  });
  return {...machine, versions, rows};
}

/** `PyTorch 2.15`, and what was done to it. */
function named({versions}: Speed, family: string): string {
  const [name, ...more] = family.split(', ');
  return [[name, versions[family]].filter(Boolean).join(' '), ...more].join(', ');
}

export function speedChart(speed: Speed): string {
  const values = speed.rows.flatMap(({workload, shape, batch, microseconds}): Value[] =>
    Object.entries(microseconds).map(([series, value]) => {
      return {group: `${workload}: ${shape}, batch ${batch}`, series, value};
    }),
  );
  const note =
    `${speed.cpu}, ${speed.threads} threads, peak ${Math.round(speed.peakGflops)} GFLOP/s; ` +
    'the fastest way of each library, minimum of repeats in turns.';
  return dotChart('A training step', note, 'µs, logarithmic: further left is faster', values);
}

/** Markdown, microseconds per step. */
export function speedTable(speed: Speed): string {
  const present = Object.keys(families).filter(family =>
    speed.rows.some(({microseconds}) => family in microseconds),
  );
  const head = [
    'µs per training step',
    ...present.map(family => named(speed, family)),
    'best of them ÷ ours',
  ];
  const rows = speed.rows.map(({workload, shape, batch, microseconds}) => {
    const {chainrule, ...others} = microseconds;
    const best = Math.min(...Object.values(others));
    const ratio = chainrule !== undefined && Number.isFinite(best) ? (best / chainrule).toFixed(2) : '–';
    const cells = present.map(family => {
      const value = microseconds[family];
      return value === undefined ? '–' : digits(value);
    });
    return [`${workload}: ${shape}, batch ${batch}`, ...cells, ratio];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}

export const tableMarks = [
  '<!-- speed: `npm run bench -- --chart` writes this table -->',
  '<!-- end -->',
] as const;

/** One line on where the figures are from. */
export function speedCaption({cpu, threads, peakGflops}: Speed): string {
  const peak = Math.round(peakGflops);
  return `${cpu}, ${threads} threads, multiply-add peak ${peak} GFLOP/s; the least of repeats in turns:`;
}

/** The text of a page with the table between its marks. @throws where the page has no marks. */
export function withTable(page: string, speed: Speed): string {
  const [begin, end] = tableMarks.map(mark => page.indexOf(mark)) as [number, number];
  if (begin < 0 || end < begin) throw new Error('bench: README.md has no place for the table');
  const before = page.slice(0, begin + tableMarks[0].length);
  return [before, speedCaption(speed), '', speedTable(speed), page.slice(end)].join('\n');
}
