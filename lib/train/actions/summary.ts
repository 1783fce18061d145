// A model as a table, with what it costs: memory and arithmetic as its plans have them.

import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {registerOf} from '../../core/registers.ts';
import type {Shape} from '../../core/shape.ts';
import {numericType} from '../../nn/ahead.ts';
import {formatInput, type InputShape, standIn} from '../../nn/any-length.ts';
import type {CompiledProgram} from '../../session/compile.ts';
import type {Network, Port} from '../network/network.ts';
import {openShapes} from '../network/open-shapes.ts';
import {checkOneBatch} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import {targetPorts} from '../step/compilation.ts';
import {type Graph, predictGraph, type RowsSpec, targetShape, trainGraph} from '../step/graphs.ts';
import {denseTables} from '../step/sparse-tables.ts';

export interface SummaryOptions {
  /** Where the table goes; `console.log` by default. */
  readonly print?: (text: string) => void;
  /** Rows of the steps whose memory and arithmetic are told. 32 by default. */
  readonly batchSize?: number;
}

/** What a program over one batch costs. */
export interface Cost {
  readonly batchSize: number;
  /** Additions, multiplications and the like of one step, by the shapes of its instructions. */
  readonly flops: number;
  /** Weights, and in training the optimizer's moments. */
  readonly stateBytes: number;
  /** What activations and gradients take at most at one time. */
  readonly arenaBytes: number;
}

export interface Costs {
  readonly predict: Cost;
  /** Missing until the model is compiled. */
  readonly train: Cost | undefined;
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

function formatFlops(flops: number): string {
  const [unit, size] = flops < 1e6 ? ['k', 1e3] : flops < 1e9 ? ['M', 1e6] : ['G', 1e9];
  return flops < 1e3 ? `${flops} FLOP` : `${(flops / (size as number)).toPrecision(3)} ${unit}FLOP`;
}

const withBatch = (shape: InputShape): string => formatInput(['batch', ...shape] as unknown as InputShape);
const grouped = (count: number): string => count.toLocaleString('en-US');

/** Rows as they are given most often: floating-point numbers, and integers as class labels. */
const rowsOf = (rowShape: Shape, dtype: RowsSpec['dtype'] = 'float32'): RowsSpec => ({
  dtype,
  rowShape,
  scale: 1,
});

function costOf({plan}: CompiledProgram, batchSize: number, stateElements: number): Cost {
  const flops = plan.instructions.reduce(
    (sum, instruction) => sum + instruction.times * instruction.flops,
    0,
  );
  return {batchSize, flops, stateBytes: 4 * stateElements, arenaBytes: plan.arenaBytes};
}

/** Of what the plan reads. */
const rowsOfFeeds = ({feeds}: Network): RowsSpec[] =>
  feeds.map(({shape, tensor}) => rowsOf(shape, registerOf({dtype: numericType(tensor)})));

/** A training step over so many rows, once the model is compiled. */
function stepOf({network, compiled}: Engine, batch: number): Graph | undefined {
  if (!compiled || network.trainable.length === 0) return undefined;
  const x = rowsOfFeeds(network);
  const targets = targetPorts(network, compiled);
  const y = compiled.losses.map(({loss}, index) => {
    const dtype = loss.targets === 'classes' ? 'int32' : 'float32';
    return rowsOf(targetShape(targets[index] as Port, loss), dtype);
  });
  return trainGraph(network, compiled, {batch, x, y});
}

/** Memory and arithmetic of a step, as planned. */
export function costsOf(engine: Engine, batchSize: number): Costs {
  const {network} = engine;
  const x = rowsOfFeeds(network);
  const sizeOfAll = (list: readonly {readonly tensor: {readonly size: number}}[]): number =>
    list.reduce((sum, {tensor}) => sum + tensor.size, 0);
  const weights = sizeOfAll(engine.variables);
  const predict = engine.program(`summary of predict ${batchSize}`, () =>
    predictGraph(network, {batch: batchSize, x}),
  );
  const result = {predict: costOf(predict, batchSize, weights), train: undefined};
  const step = stepOf(engine, batchSize);
  if (!step) return result;
  const train = engine.program(`summary of train ${batchSize}`, () => step);
  return {...result, train: costOf(train, batchSize, weights + sizeOfAll(engine.moments))};
}

type Row = readonly string[];

/** Columns of one width each, numbers to the right. */
function tableOf(rows: readonly Row[], right: number): {lines: string[]; width: number} {
  const widths = (rows[0] as Row).map((_, column) =>
    Math.max(...rows.map(row => (row[column] as string).length)),
  );
  const lines = rows.map(row =>
    row
      .map((cell, column) => {
        const width = widths[column] as number;
        return column === right ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return {lines, width: widths.reduce((sum, width) => sum + width + 2, -2)};
}

/** Names of the layers and inputs that each layer reads, over all its calls. */
function sourcesOf(network: Network): Map<Network['layers'][number], string> {
  const names = new Map(network.inputs.map(({tensor, name}) => [tensor, name]));
  for (const {layer, outputs} of network.calls) {
    const {name} = network.layers.find(each => each.layer === layer) as Network['layers'][number];
    for (const tensor of outputs) names.set(tensor, name);
  }
  return new Map(
    network.layers.map(each => {
      const calls = network.calls.filter(({layer}) => layer === each.layer);
      const read = calls.map(({inputs}) => inputs.map(tensor => names.get(tensor)).join(' + '));
      return [each, read.join(', ')];
    }),
  );
}

function layerRows(network: Network): Row[] {
  const {layers, inputs, isChain} = network;
  const sources = sourcesOf(network);
  const shapeOf = openShapes(network);
  const sizeOfAll = (list: Network['weights']): number =>
    list.reduce((total, {variable}) => total + variable.tensor.size, 0);
  const rows = [
    ['layer', 'output shape', 'parameters', 'reads'],
    ...inputs.map(({name, tensor}) => [
      isChain ? '(input)' : `(${name})`,
      withBatch(shapeOf(tensor)),
      '',
      '',
    ]),
    ...layers.map(each => [
      each.layer.trainable || each.weights.length === 0 ? each.name : `${each.name} (frozen)`,
      withBatch(shapeOf(each.output)),
      each.weights.length === 0 ? '' : grouped(sizeOfAll(each.weights)),
      sources.get(each) as string,
    ]),
  ];
  return isChain ? rows.map(row => row.slice(0, 3)) : rows;
}

const costLine = (what: string, {batchSize, flops, stateBytes, arenaBytes}: Cost, state: string): string =>
  `${what} a batch of ${batchSize}: ${formatFlops(flops)}, ${formatBytes(stateBytes)} of ${state}, ` +
  `${formatBytes(arenaBytes)} of activations`;

/** Tables that were to be updated in the rows read, and are not. */
function denseLines(engine: Engine): string[] {
  const {network, compiled} = engine;
  const step = stepOf(engine, network.batchSize ?? 2);
  if (!step || !compiled) return [];
  return denseTables(network, compiled, step).map(
    ({name, because}) => `${name} is sparse, but a step updates every row: ${because}`,
  );
}

/** Layers with output shapes and numbers of parameters, then what a step costs. */
export function summaryOf(engine: Engine, options: SummaryOptions): string {
  checkOptions('summary', options, ['print', 'batchSize']);
  const {batchSize = engine.network.batchSize ?? 32, print} = options;
  checkNumber('summary: batchSize', batchSize, {integer: true, min: 1, max: 2 ** 31 - 1});
  if (print !== undefined && typeof print !== 'function') {
    fail('ERR_OPTION', `summary: print: expected a function. Received ${show(print)}.`);
  }
  const {network} = engine;
  checkOneBatch('summary: batchSize', network.batchSize, batchSize);
  const {weights, trainable} = network;
  const {lines, width} = tableOf(layerRows(network), 2);
  const rule = '─'.repeat(width);
  const sizeOfAll = (list: typeof weights): number =>
    list.reduce((total, {variable}) => total + variable.tensor.size, 0);
  const all = sizeOfAll(weights);
  const learnt = grouped(sizeOfAll(trainable));
  const total = `${grouped(all)} parameters (${formatBytes(4 * all)}), ${learnt} trainable`;
  const {predict, train} = costsOf(engine, batchSize);
  return [
    lines[0],
    rule,
    ...lines.slice(1),
    rule,
    total,
    costLine('predict', predict, 'weights'),
    ...(train ? [costLine('train on', train, 'weights and moments')] : []),
    ...(network.isOfAnyLength ? [`sizes that may be any are counted as ${standIn}`] : []),
    ...denseLines(engine),
  ].join('\n');
}
