// Batches of a data set as a training asks for them: of arrays by row index, of anything else by way of
// blocks, which are filled while the batches before are trained on.

import {checkOptions, fail} from '../../core/errors.ts';
import {fieldNames, isMap, show} from '../../core/kinds.ts';
import {type Dataset, isDataset, isOwnDataset} from '../../data/dataset.ts';
import type {BatchCursor, BatchPlan, Table} from '../../data/row-plan.ts';
import {shapedOf} from '../../data/text.ts';
import {isRecord, mapTree} from '../../data/tree.ts';
import type {Port} from '../network/network.ts';
import {type CompiledNetwork, targetPorts} from '../step/compilation.ts';
import {BatchBlocks} from './batch-blocks.ts';
import type {BatchRun, BatchSource} from './batch-source.ts';
import type {Batch, Batches} from './batches.ts';
import type {Weighting} from './sample-weights.ts';
import {bindSamples, type Samples} from './samples.ts';

export interface DatasetSourceOptions {
  readonly where: string;
  /** As many batches make an epoch, passes following each other; by default an epoch is a pass. */
  readonly stepsPerEpoch?: number | undefined;
  readonly classWeight?: Weighting['classWeight'];
  readonly signal?: AbortSignal | undefined;
}

/** The batches of one pass. */
interface Reader {
  next(most: number): BatchRun | undefined | Promise<BatchRun | undefined>;
  close(): void;
}

/** A call takes no more batches anyway, and an endless data set must not be asked for all. */
const maxSteps = 4096;
const maxRows = 2 ** 20;

function readPlan(cursor: BatchCursor, samples: Samples, batch: number): Reader {
  const limit = Math.min(maxSteps, Math.max(1, Math.floor(maxRows / batch)));
  return {
    next(most) {
      const batches = cursor.next(Math.min(most, limit));
      return batches && {samples, ...batches};
    },
    close() {},
  };
}

/** Records by column, as CSV files give them, are no arrays yet. */
function checkColumns(what: string, name: 'xs' | 'ys', data: unknown, ports: readonly Port[]): void {
  if (!isRecord(data)) return;
  const names = ports.map(port => port.name);
  const column = Object.keys(data).find(key => !names.includes(key));
  if (column === undefined) return;
  const known = `The model's ${name === 'xs' ? 'inputs' : 'outputs'} are ${names.join(', ')}`;
  const advice = 'dataset.map(({xs, ys}) => …) before batch makes arrays of columns';
  fail('ERR_UNKNOWN_NAME', `${what}: ${name}: unknown name ${JSON.stringify(column)}. ${known}; ${advice}.`);
}

/** The samples that an element holds. @throws ERR_VALUE, ERR_OPTION, and what arrays may throw. */
function bindBatch(
  model: CompiledNetwork,
  element: unknown,
  {where, classWeight}: Pick<DatasetSourceOptions, 'where' | 'classWeight'>,
): Samples {
  const what = `${where}: a batch of the data set`;
  if (!isRecord(element) || element.xs === undefined || element.ys === undefined) {
    const received = isRecord(element) ? `{${Object.keys(element).join(', ')}}` : show(element);
    const hint = isMap(element) ? ' Object.fromEntries(map) makes an object of it.' : '';
    return fail('ERR_VALUE', `${what}: expected {xs, ys}. Received ${received}.${hint}`);
  }
  const unknown = fieldNames(element).find(name => !['xs', 'ys', 'sampleWeight'].includes(name));
  if (unknown !== undefined) checkOptions(what, {[unknown]: true}, ['xs', 'ys', 'sampleWeight']);
  const {xs, ys, sampleWeight} = element as unknown as Batch;
  checkColumns(what, 'xs', xs, model.network.inputs);
  checkColumns(what, 'ys', ys, targetPorts(model.network, model.compilation(where)));
  if (typeof xs === 'number' || typeof ys === 'number') failUnbatched(where);
  return bindSamples(model, where, xs, ys, {sampleWeight, classWeight});
}

function failUnbatched(where: string): never {
  fail('ERR_VALUE', `${where}: the data set gives single samples: dataset.batch(32) makes batches of them.`);
}

export class DatasetSource implements BatchSource {
  readonly batches: number;
  readonly rows: number;
  /** Rows of each batch; 0 where the data set does not tell. */
  readonly batchSize: number;
  readonly #model: CompiledNetwork;
  readonly #dataset: Batches;
  readonly #options: DatasetSourceOptions;
  readonly #plan: BatchPlan | undefined;
  readonly #samples: Samples | undefined;
  #reader: Reader | undefined;
  #pass = Number.NaN;
  /** Batches of the pass before those of `#run`. */
  #before = 0;
  #run: BatchRun | undefined;
  /** Where an epoch is so many steps: batches of the passes that have ended. */
  #ended = 0;

  /** @throws ERR_OPTION where an epoch would never end; ERR_SHAPE, … for arrays that do not fit. */
  constructor(model: CompiledNetwork, dataset: Batches, options: DatasetSourceOptions) {
    const {where, stepsPerEpoch} = options;
    const known = isDataset(dataset) ? dataset : undefined;
    if (known?.rows) failUnbatched(where);
    const size = known?.size ?? Number.POSITIVE_INFINITY;
    if (known?.size === Number.POSITIVE_INFINITY && stepsPerEpoch === undefined) {
      fail('ERR_OPTION', `${where}: the data set never ends: take(n) ends it, or stepsPerEpoch an epoch.`);
    }
    this.#model = model;
    this.#dataset = dataset;
    this.#options = options;
    this.#plan = isOwnDataset(dataset) ? dataset.batches : undefined;
    if (this.#plan) {
      const tables = mapTree(this.#plan.tables, table => shapedOf((table as Table).rows));
      this.#samples = bindBatch(model, tables, options);
    }
    this.batches = stepsPerEpoch ?? size;
    this.batchSize = this.#plan?.batch ?? 0;
    this.rows = this.#plan ? this.batches * this.batchSize : Number.POSITIVE_INFINITY;
  }

  /** Stops what is being read ahead. */
  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  async next(epoch: number, batch: number, most: number, before: number): Promise<BatchRun | undefined> {
    const {stepsPerEpoch} = this.#options;
    if (stepsPerEpoch === undefined) {
      const pass = before + epoch;
      if (pass !== this.#pass) this.#open(pass);
      const run = await this.#from(batch, most);
      if (!run && batch === 0) this.#checkEmpty(pass);
      return run;
    }
    if (batch >= stepsPerEpoch) return undefined;
    if (Number.isNaN(this.#pass)) this.#openAfter(before, stepsPerEpoch);
    const position = (this.#plan ? before + epoch : epoch) * stepsPerEpoch + batch;
    const left = Math.min(most, stepsPerEpoch - batch);
    for (;;) {
      const run = await this.#from(position - this.#ended, left);
      if (run || this.#options.signal?.aborted) return run;
      if (this.#before === 0) this.#checkEmpty(this.#pass);
      this.#ended += this.#before;
      this.#open(this.#pass + 1);
    }
  }

  /**
   * Opens the pass that goes on after `epochs` of so many steps. Rows of arrays go on exactly; what must be
   * made anew begins a new pass, for its batches up to there would be made for nothing.
   */
  #openAfter(epochs: number, steps: number): void {
    const size = this.#plan ? ((this.#dataset as Dataset<Batch>).size ?? Number.POSITIVE_INFINITY) : 0;
    const pass = this.#plan ? Math.floor((epochs * steps) / Math.max(size, 1)) : epochs;
    this.#ended = pass > 0 ? pass * size : 0;
    this.#open(pass);
  }

  #checkEmpty(pass: number): void {
    const {where, signal} = this.#options;
    if (signal?.aborted) return;
    const hint = 'Dataset.fromGenerator(() => …) makes anew what runs but once';
    fail('ERR_VALUE', `${where}: the data set gave no batch in pass ${pass}, counted from 0; ${hint}.`);
  }

  #open(pass: number): void {
    this.close();
    this.#pass = pass;
    this.#before = 0;
    this.#run = undefined;
    const [plan, dataset] = [this.#plan, this.#dataset];
    if (plan) {
      this.#reader = readPlan(plan.batches(pass), this.#samples as Samples, plan.batch);
      return;
    }
    const elements = isDataset(dataset) ? dataset.iterate(pass) : dataset;
    const bind = (element: unknown): Samples => bindBatch(this.#model, element, this.#options);
    this.#reader = new BatchBlocks(elements, bind, this.#options.signal);
  }

  /** Batches of the open pass from `index` on; those before it are passed over. */
  async #from(index: number, most: number): Promise<BatchRun | undefined> {
    while (!this.#run || this.#before + this.#run.steps <= index) {
      this.#before += this.#run?.steps ?? 0;
      // A place further on is reached by batches that nobody trains on.
      const wanted = index > this.#before ? index - this.#before : most;
      this.#run = await this.#reader?.next(wanted);
      if (!this.#run) return undefined;
    }
    const {samples, rows, batch, steps} = this.#run;
    const first = index - this.#before;
    const count = Math.min(steps - first, most);
    return {samples, batch, steps: count, rows: rows.subarray(first * batch, (first + count) * batch)};
  }
}
