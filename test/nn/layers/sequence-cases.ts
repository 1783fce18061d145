// Layers of sequences and their formulas in float64: embeddings and masks.
import {layers} from '../../../lib/index.ts';
import type {LayerCase} from './check-layer.ts';
import {convLstmCases} from './conv-lstm-formulas.ts';

/** Numbers between whole ones, so that none is rounded to another id by a small step. */
const toIds =
  (count: number) =>
  (x: number): number =>
    Math.min(count - 1, Math.floor(Math.abs(x) * count)) + 0.5;

const rowOf = (table: readonly number[], id: number, width: number): number[] =>
  table.slice(Math.trunc(id) * width, (Math.trunc(id) + 1) * width);

/** The sum of rows, each times a number. */
const weighted = (rows: readonly number[][], by: readonly number[]): number[] =>
  (rows[0] as number[]).map((_, at) =>
    rows.reduce((sum, row, index) => sum + (row[at] as number) * (by[index] as number), 0),
  );

const bag = (ids: readonly number[], table: readonly number[], counts: (id: number) => boolean) => {
  const by = ids.map(id => (counts(Math.trunc(id)) ? 1 : 0));
  const count = Math.max(
    1,
    by.reduce((sum: number, value) => sum + value, 0),
  );
  return {
    sum: weighted(
      ids.map(id => rowOf(table, id, 3)),
      by,
    ),
    count,
  };
};

export const sequenceCases: Record<string, LayerCase> = {
  ...convLstmCases,
  embedding: {
    make: () => layers.embedding({inputDim: 5, outputDim: 3, embeddingsRegularizer: 'l2'}),
    inputs: [[2, 2]],
    output: [2, 2, 3],
    weights: {embeddings: [5, 3]},
    smooth: toIds(5),
    formula: ([x], {embeddings}) => (x as number[]).flatMap(id => rowOf(embeddings as number[], id, 3)),
  },
  'embedding whose zero is padding': {
    make: () => layers.embedding({inputDim: 3, outputDim: 2, maskZero: true}),
    inputs: [[4]],
    output: [4, 2],
    weights: {embeddings: [3, 2]},
    smooth: toIds(3),
    formula: ([x], {embeddings}) => (x as number[]).flatMap(id => rowOf(embeddings as number[], id, 2)),
  },
  'embedding of several columns': {
    make: () => layers.embedding({inputDim: [2, 3, 2], outputDim: 2}),
    inputs: [[3]],
    output: [3, 2],
    weights: {embeddings: [7, 2]},
    smooth: toIds(2),
    formula: ([x], {embeddings}) =>
      (x as number[]).flatMap((id, column) =>
        rowOf(embeddings as number[], Math.trunc(id) + ([0, 2, 5][column] as number), 2),
      ),
  },
  embeddingBag: {
    make: () => layers.embeddingBag({inputDim: 4, outputDim: 3, maskZero: true}),
    inputs: [[5]],
    output: [3],
    weights: {embeddings: [4, 3]},
    smooth: toIds(4),
    formula: ([x], {embeddings}) => {
      const {sum, count} = bag(x as number[], embeddings as number[], id => id !== 0);
      return sum.map(value => value / count);
    },
  },
  'embeddingBag of all ids': {
    make: () => layers.embeddingBag({inputDim: 4, outputDim: 3}),
    inputs: [[2, 3]],
    output: [2, 3],
    weights: {embeddings: [4, 3]},
    smooth: toIds(4),
    formula: ([x], {embeddings}) =>
      [0, 3].flatMap(from => {
        const {sum} = bag((x as number[]).slice(from, from + 3), embeddings as number[], () => true);
        return sum.map(value => value / 3);
      }),
  },
  'embeddingBag, sums with weights': {
    make: () => layers.embeddingBag({inputDim: 4, outputDim: 3, combiner: 'sum'}),
    inputs: [[5], [5]],
    output: [3],
    weights: {embeddings: [4, 3]},
    smooth: toIds(4),
    formula: ([x, by], {embeddings}) =>
      weighted(
        (x as number[]).map(id => rowOf(embeddings as number[], id, 3)),
        by as number[],
      ),
  },
  identity: {
    make: () => layers.identity(),
    inputs: [[3, 2]],
    output: [3, 2],
    formula: ([x]) => x as number[],
  },
  masking: {
    make: () => layers.masking(),
    inputs: [[3, 2]],
    output: [3, 2],
    formula: ([x]) => x as number[],
  },
};
