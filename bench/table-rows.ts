// Whether a step of `sparse: true` depends on the size of the table: the same ids, spread over a hundred
// thousand rows and over ten million.
import {freemem} from 'node:os';
import {layers, type Model, optimizers, sequential} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import type {Figure} from './options.ts';
import {spreadIds} from './recommender.ts';
import {digits} from './report.ts';

const [width, batch, steps] = [32, 1024, 20];

export interface RowsOfTable {
  readonly rows: number;
  /** Of the first step: rows whose numbers changed, and different ids. */
  readonly touched: number;
  readonly ids: number;
  microseconds: number;
}

/** A table of zeros: what is no zero after a step was touched. */
function makeNet(rows: number): Model {
  const embedding = layers.embedding({
    inputDim: rows,
    outputDim: width,
    sparse: true,
    embeddingsInitializer: 'zeros',
    inputShape: [1],
  });
  const net = sequential([embedding, layers.flatten(), layers.dense({units: 1})]);
  net.compile({optimizer: optimizers.adam(), loss: 'meanSquaredError'});
  return net;
}

function touchedRows(net: Model): number {
  const data = net.parameters[0]?.data as Float32Array;
  let touched = 0;
  for (let at = 0; at < data.length; at += width) {
    for (let column = 0; column < width; column++) {
      if (data[at + column] === 0) continue;
      touched++;
      break;
    }
  }
  return touched;
}

class Table {
  readonly #net: Model;
  readonly #ids: Int32Array;
  readonly #targets = new Float32Array(steps * batch).fill(1);
  readonly result: RowsOfTable;

  private constructor(net: Model, ids: Int32Array, result: RowsOfTable) {
    this.#net = net;
    this.#ids = ids;
    this.result = result;
  }

  static async make(rows: number): Promise<Table> {
    const net = makeNet(rows);
    const ids = spreadIds(steps * batch, rows, 1);
    const first = ids.subarray(0, batch);
    await net.trainOnBatch(first, new Float32Array(batch).fill(1));
    const result = {rows, touched: touchedRows(net), ids: new Set(first).size, microseconds: Infinity};
    return new Table(net, ids, result);
  }

  async time(): Promise<void> {
    const started = performance.now();
    await this.#net.fit(this.#ids, this.#targets, {batchSize: batch, shuffle: false, verbose: 0});
    const microseconds = ((performance.now() - started) / steps) * 1000;
    this.result.microseconds = Math.min(this.result.microseconds, microseconds);
  }

  dispose(): void {
    this.#net.dispose();
  }
}

/** Tables of these numbers of rows, in turns: the least time of a step of each. */
export async function timeTables(sizes: readonly number[], repeats: number): Promise<RowsOfTable[]> {
  const tables: Table[] = [];
  try {
    for (const rows of sizes) tables.push(await Table.make(rows));
    for (let repeat = 0; repeat < repeats; repeat++) for (const each of tables) await each.time();
    return tables.map(({result}) => result);
  } finally {
    for (const each of tables) each.dispose();
  }
}

/** Parameters, and as much again for each of two moments. */
const bytesOf = (rows: number): number => rows * width * 4 * 3;

/** How many times as long a step with the large table takes; undefined where memory does not hold it. */
export async function compareTables(quick: boolean): Promise<Figure | undefined> {
  const sizes = [100_000, quick ? 1_000_000 : 10_000_000] as const;
  if (freemem() < 1.5 * bytesOf(sizes[1])) {
    console.log(`tables: ${digits(bytesOf(sizes[1]) / 1e9)} GB are not free`);
    return undefined;
  }
  const results = await timeTables(sizes, quick ? 5 : 20);
  const lines = results.map(({rows, ids, touched, microseconds}) => [
    rows.toLocaleString('en'),
    String(ids),
    String(touched),
    digits(bytesOf(touched) / 1e3),
    digits(microseconds),
  ]);
  console.log(table([['rows', 'ids of a step', 'rows touched', 'kB of them', 'µs of a step'], ...lines]));
  const [small, large] = results as [RowsOfTable, RowsOfTable];
  for (const {touched, ids, rows} of results) {
    if (touched !== ids) throw new Error(`bench: of ${rows} rows ${touched} were touched, for ${ids} ids`);
  }
  return {value: large.microseconds / small.microseconds, note: `${large.rows.toLocaleString('en')} rows`};
}
