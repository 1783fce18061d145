import {formatShape, type Shape} from '../core/shape.ts';
import type {Network} from './network.ts';

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

const withBatch = (shape: Shape): string => formatShape(['batch', ...shape] as unknown as Shape);
const grouped = (count: number): string => count.toLocaleString('en-US');

/** A table of the layers: output shapes and numbers of parameters. */
export function summaryOf({layers, inputShape, weights, trainable}: Network): string {
  const sizeOfAll = (list: typeof weights): number =>
    list.reduce((total, {variable}) => total + variable.tensor.size, 0);
  const rows = [
    ['layer', 'output shape', 'parameters'],
    ['(input)', withBatch(inputShape), ''],
    ...layers.map(({name, outputShape, weights: own}) => [
      name,
      withBatch(outputShape),
      own.length === 0 ? '' : grouped(sizeOfAll(own)),
    ]),
  ] as [string, string, string][];
  const width = (column: number): number => Math.max(...rows.map(row => (row[column] as string).length));
  const [first, second, third] = [width(0), width(1), width(2)];
  const lines = rows.map(
    row => `${row[0].padEnd(first)}  ${row[1].padEnd(second)}  ${row[2].padStart(third)}`,
  );
  const rule = '─'.repeat(first + second + third + 4);
  const all = sizeOfAll(weights);
  const learned = grouped(sizeOfAll(trainable));
  const total = `${grouped(all)} parameters (${formatBytes(4 * all)}), ${learned} trainable`;
  return [lines[0], rule, ...lines.slice(1), rule, total].join('\n');
}
