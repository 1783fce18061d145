// Microseconds per training step of the workloads in workloads.json, chainrule's and its peers', interleaved.
// All walk through the batches of the same data set. A peer is also timed while it repeats the first batch,
// which then stays in its cache: no training does that, but benchmarks of other libraries do.
import path from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {timeTable} from './breakdown.ts';
import {type Ceiling, peakOf, remeasurePeak} from './ceiling.ts';
import {type BenchOptions, type Figures, figuresOf} from './options.ts';
import {Own} from './peers/chainrule.ts';
import {type Loaded, PeerProcess, type Timed} from './peers/process.ts';
import {peerSpecs, startOf} from './peers/registry.ts';
import {digits, percent, resultsFolder, saveResults} from './report.ts';
import {boundOfStep, type StepBound} from './roofline.ts';
import {curveSteps, flopsPerStep, makeData, shapeOf, type Workload, workloads} from './workloads.ts';
import {writeSpeed} from './write-speed.ts';

/** Losses of two programs that do the same work differ by rounding only. */
const sameCurve = 1e-3;
/** A peer so many times slower than the fastest so far is not timed more often than so. */
const hopeless = {times: 20, repeats: 3, microseconds: 1e6};

export interface Entry {
  readonly peer: string;
  /** Minimum of the repeats, undefined if it is missing or failed: `note` says why. */
  microseconds?: number;
  /** The same of a peer that repeats the first batch. */
  sameBatch?: Entry;
  readonly repeats: number[];
  version?: string;
  variant?: string;
  tried?: Readonly<Record<string, string>>;
  note: string;
  /** Largest relative difference of a loss from chainrule's (or the first peer's), over so many steps. */
  curve?: {readonly steps: number; readonly difference: number};
  /** Does other work, so that it is not compared. */
  other?: boolean;
}

export interface Result {
  readonly workload: string;
  readonly shape: string;
  readonly batch: number;
  readonly goal: number;
  readonly flops: number;
  readonly bound: StepBound;
  /** Of the bound; chainrule's. */
  share?: number;
  best?: string;
  ratio?: number;
  /** With the best of the peers that repeat the first batch, while chainrule walks. */
  sameBatchRatio?: number;
  readonly entries: readonly Entry[];
}

interface Runner {
  readonly entry: Entry;
  readonly time: () => Promise<number>;
}

interface Peer {
  readonly name: string;
  /** Missing for this reason. */
  readonly process: PeerProcess | string;
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const newEntry = (peer: string, note = ''): Entry => ({peer, repeats: [], note});

function compareCurves(own: readonly number[], other: readonly number[]): Entry['curve'] {
  const steps = Math.min(own.length, other.length);
  const first = own[0] as number;
  let difference = 0;
  for (let step = 0; step < steps; step++) {
    const [a, b] = [own[step] as number, other[step] as number];
    // A loss near 0 is what is left of larger numbers.
    const relative = Math.abs(a - b) / Math.max(Math.abs(a), 0.01 * first);
    difference = Math.max(difference, Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative);
  }
  return {steps, difference};
}

async function prepareOwn(workload: Workload, data: ReturnType<typeof makeData>, options: BenchOptions) {
  const seconds = options.quick ? 0.1 : 0.3;
  const plain = newEntry('chainrule');
  const shuffled = newEntry('chainrule, shuffled');
  try {
    const own = new Own(workload, data);
    const losses = await own.curve(curveSteps);
    const runners: Runner[] = [
      {entry: plain, time: () => own.time(seconds, false)},
      {entry: shuffled, time: () => own.time(seconds, true)},
    ];
    return {own, losses, runners, entries: [plain, shuffled]};
  } catch (error) {
    plain.note = `missing: ${message(error)}`;
    return {own: undefined, losses: undefined, runners: [], entries: [plain]};
  }
}

/** Loads the workload in a peer and compares its losses. */
async function preparePeer(
  {name, process}: Peer,
  workload: Workload,
  file: string,
  losses: readonly number[] | undefined,
  {quick}: BenchOptions,
): Promise<{entry: Entry; runners?: readonly Runner[]; losses?: readonly number[]}> {
  const entry = newEntry(name);
  if (typeof process === 'string') return {entry: {...entry, note: `missing: ${process}`}};
  try {
    const {note, ...loaded} = await process.ask<Loaded>({load: workload, file, quick}, 600);
    Object.assign(entry, loaded, {note: [loaded.variant, note].filter(Boolean).join(', ')});
    const {losses: theirs} = await process.ask<{losses: number[]}>({curve: curveSteps, seconds: 15}, 300);
    if (losses && !entry.other) entry.curve = compareCurves(losses, theirs);
    const seconds = quick ? 0.1 : 0.3;
    const time = async (walks: boolean) =>
      (await process.ask<Timed>({time: seconds, walks}, 300)).microseconds;
    entry.sameBatch = newEntry(name);
    const runners = [
      {entry, time: () => time(true)},
      {entry: entry.sameBatch, time: () => time(false)},
    ];
    return {entry, runners, ...(!entry.other && {losses: theirs})};
  } catch (error) {
    entry.note = `failed: ${message(error)}`;
    return {entry};
  }
}

function isHopeless({microseconds = 0, repeats}: Entry, runners: readonly Runner[]): boolean {
  const fastest = Math.min(...runners.map(({entry}) => entry.microseconds ?? Number.POSITIVE_INFINITY));
  const known = repeats.length >= hopeless.repeats || microseconds > hopeless.microseconds;
  return known && microseconds > hopeless.times * fastest;
}

/** In turns: what disturbs the machine for a while disturbs all. */
async function timeAll(runners: readonly Runner[], count: number): Promise<void> {
  const failed = new Set<Runner>();
  for (let repeat = 0; repeat < count; repeat++) {
    for (const runner of runners) {
      const {entry} = runner;
      if (failed.has(runner) || isHopeless(entry, runners)) continue;
      // Threads of the one before may still spin.
      await pause(10);
      try {
        const microseconds = await runner.time();
        entry.repeats.push(microseconds);
        entry.microseconds = Math.min(microseconds, entry.microseconds ?? microseconds);
      } catch (error) {
        failed.add(runner);
        entry.note = `failed: ${message(error)}`;
        delete entry.microseconds;
      }
    }
  }
}

function summarize(workload: Workload, entries: readonly Entry[], ceiling: Ceiling): Result {
  const {name, batch, goal} = workload;
  const flops = flopsPerStep(workload);
  const bound = boundOfStep(workload, ceiling, ceiling.threads);
  const result: Result = {workload: name, shape: shapeOf(workload), batch, goal, flops, bound, entries};
  const own = entries[0]?.microseconds;
  if (own !== undefined) result.share = bound.microseconds / own;
  const peers = entries.filter(entry => !entry.peer.startsWith('chainrule') && !entry.other);
  const compared = peers.filter(
    ({microseconds, curve}) =>
      microseconds !== undefined && (curve === undefined || curve.difference <= sameCurve),
  );
  const best = compared.sort((a, b) => (a.microseconds as number) - (b.microseconds as number))[0];
  if (best) result.best = best.peer;
  if (best?.microseconds === undefined || own === undefined) return result;
  result.ratio = best.microseconds / own;
  const repeating = compared.flatMap(({sameBatch}) => sameBatch?.microseconds ?? []);
  if (repeating.length > 0) result.sameBatchRatio = Math.min(...repeating) / own;
  return result;
}

function curveText({curve, other}: Entry): string {
  if (other) return 'other work';
  if (!curve) return '';
  const differs = curve.difference > sameCurve ? ' DIFFERS' : '';
  return `${curve.difference.toExponential(0)} in ${curve.steps}${differs}`;
}

function print(result: Result, peak: number): void {
  const {workload, shape, batch, goal, flops, bound, entries, best, ratio, sameBatchRatio} = result;
  const own = entries[0]?.microseconds;
  console.log(`\n${workload}: ${shape}, batch ${batch}; multiply-add peak ${peak} GFLOP/s`);
  const {arithmetic, update, updateLevel, data, dataLevel} = bound;
  console.log(
    `at least ${digits(bound.microseconds)} µs: arithmetic ${digits(arithmetic)}, ` +
      `update in ${updateLevel} ${digits(update)}, batch from ${dataLevel} ${digits(data)}`,
  );
  const rows = entries.map(entry => {
    const {peer, microseconds, note, version} = entry;
    if (microseconds === undefined) return [peer, '', '', '', '', '', '', '', note];
    const repeating = entry.sameBatch?.microseconds;
    const times = own === undefined ? '' : (microseconds / own).toFixed(2);
    return [
      peer,
      digits(microseconds),
      digits((batch / microseconds) * 1e6),
      percent(flops / (microseconds * 1e3) / peak),
      percent(bound.microseconds / microseconds),
      times,
      repeating === undefined ? '' : digits(repeating),
      curveText(entry),
      `${version ?? ''} ${note}`.trim(),
    ];
  });
  const head = [
    '',
    'µs/step',
    'samples/s',
    'of peak',
    'of bound',
    '÷ chainrule',
    'same batch',
    'loss differs by',
    '',
  ];
  console.log(table([head, ...rows]));
  for (const {peer, tried = {}} of entries) {
    const variants = Object.entries(tried).map(([variant, what]) => `${variant} ${what}`);
    if (variants.length > 1) console.log(`${peer} tried: ${variants.join(', ')}`);
  }
  if (best === undefined) return;
  const again = sameBatchRatio === undefined ? '' : `; ${sameBatchRatio.toFixed(2)} if peers repeat a batch`;
  const reached = ratio === undefined ? '' : `, best peer ÷ chainrule ${ratio.toFixed(2)}${again}`;
  const verdict = ratio === undefined ? '' : ` (goal ${goal}: ${ratio >= goal ? 'reached' : 'missed'})`;
  console.log(`best peer: ${best}${reached}${verdict}`);
}

function choosePeers({peers, quick, threads}: BenchOptions): Peer[] {
  const names = peerSpecs.map(({name}) => name);
  const chosen = peers ?? (quick ? [] : names);
  if (peers === undefined && quick) console.log('peers: left out by --quick; choose them with --peers');
  return peerSpecs
    .filter(({name}) => chosen.includes(name))
    .map(spec => {
      const start = startOf(spec, threads);
      return {name: spec.name, process: typeof start === 'string' ? start : new PeerProcess(start)};
    });
}

function chooseWorkloads({workloads: chosen}: BenchOptions): readonly Workload[] {
  const names = workloads.map(({name}) => name);
  const unknown = chosen?.find(name => !names.includes(name));
  if (unknown !== undefined) throw new Error(`bench: no workload ${unknown}. Known: ${names.join(', ')}`);
  return workloads.filter(({name}) => chosen?.includes(name) ?? true);
}

async function measure(
  workload: Workload,
  peers: readonly Peer[],
  options: BenchOptions,
): Promise<{entries: Entry[]; own: Own | undefined}> {
  const data = makeData(workload, path.join(resultsFolder, 'data'));
  const prepared = await prepareOwn(workload, data, options);
  const runners = [...prepared.runners];
  const entries = [...prepared.entries];
  let reference = prepared.losses;
  for (const peer of peers) {
    const prepared = await preparePeer(peer, workload, data.file, reference, options);
    reference ??= prepared.losses;
    entries.push(prepared.entry);
    runners.push(...(prepared.runners ?? []));
  }
  await timeAll(runners, options.quick ? 4 : 8);
  return {entries, own: prepared.own};
}

async function printBreakdown(own: Own, ceiling: Ceiling): Promise<void> {
  console.log(timeTable(await own.profile(200), ceiling));
}

function judge(results: readonly Result[]): Figures {
  const rooflines = ['mlp-mnist', 'mlp-small', 'mlp-wide'];
  return figuresOf(
    Object.fromEntries(
      results.flatMap(({workload, share, ratio, sameBatchRatio = 0, best = ''}) => [
        [
          `peer-${workload}`,
          ratio === undefined
            ? undefined
            : {value: ratio, note: `${best}; ${sameBatchRatio.toFixed(2)} if peers repeat a batch`},
        ],
        ...(rooflines.includes(workload) && share !== undefined
          ? [[`roofline-${workload}`, {value: share}]]
          : []),
      ]),
    ),
  );
}

/** Times the workloads and saves the results under the name. */
export async function timeWorkloads(
  chosen: readonly Workload[],
  name: string,
  options: BenchOptions,
): Promise<{results: readonly Result[]; ceiling: Ceiling; figures: Figures}> {
  setThreads(options.threads);
  console.log(`${options.threads} threads`);
  let {ceiling} = options;
  const peers = choosePeers(options);
  const results: Result[] = [];
  try {
    for (const workload of chosen) {
      const {entries, own} = await measure(workload, peers, options);
      ceiling = remeasurePeak(ceiling);
      const result = summarize(workload, entries, ceiling);
      results.push(result);
      print(result, peakOf(ceiling, options.threads));
      if (options.explain && own) await printBreakdown(own, ceiling);
    }
  } finally {
    for (const {process} of peers) if (typeof process !== 'string') process.stop();
  }
  const figures = judge(results);
  saveResults(name, {threads: options.threads, ceiling, results, figures});
  return {results, ceiling, figures};
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {results, ceiling, figures} = await timeWorkloads(chooseWorkloads(options), 'train', options);
  if (options.chart) writeSpeed(results, ceiling);
  return figures;
}
