// Sums of products over named axes, lowered to matrix products.
import {show} from '../core/kinds.ts';
import {formatShape, sizeOf} from '../core/shape.ts';
import {checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {type Equation, isOfEllipsis, parseEquation, without} from './equation.ts';
import {matmul} from './gemm.ts';
import {mul} from './map.ts';
import {reshape, transpose} from './move.ts';
import {pad, slice} from './pad.ts';
import {sum} from './reduce.ts';

/** A tensor and a letter for each of its axes. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: string;
}

const common = (labels: string, others: string): string =>
  [...labels].filter(label => others.includes(label)).join('');

const sizesOf = ({tensor, labels}: Labelled, of: string): number[] =>
  [...of].map(label => tensor.shape[labels.indexOf(label)] as number);

function arranged({tensor, labels}: Labelled, order: string): Tensor {
  return labels === order
    ? tensor
    : transpose(
        tensor,
        [...order].map(label => labels.indexOf(label)),
      );
}

/** Adds up along the axes that nothing else needs. */
function summed({tensor, labels}: Labelled, needed: string): Labelled {
  const rest = common(labels, needed);
  if (rest === labels) return {tensor, labels};
  const axes = [...without(labels, rest)].map(label => labels.indexOf(label));
  return {tensor: sum(tensor, axes), labels: rest};
}

/** The product of two, summed over the axes that both have and that are not kept. */
function contracted(first: Labelled, second: Labelled, kept: string): Labelled {
  const a = summed(first, second.labels + kept);
  const b = summed(second, first.labels + kept);
  const both = common(a.labels, b.labels);
  const [batch, inner] = [common(both, kept), without(both, kept)];
  const [rows, columns] = [without(a.labels, both), without(b.labels, both)];
  const labels = batch + rows + columns;
  const shape = [...sizesOf(a, batch + rows), ...sizesOf(b, columns)];
  const ones = (of: string): number[] => new Array<number>(of.length).fill(1);
  if (inner === '') {
    const left = reshape(arranged(a, batch + rows), [...sizesOf(a, batch + rows), ...ones(columns)]);
    const right = arranged(b, batch + columns);
    const wide = [...sizesOf(b, batch), ...ones(rows), ...sizesOf(b, columns)];
    return {tensor: mul(left, reshape(right, wide)), labels};
  }
  // A row by a column in each of a batch would be a small product for each number.
  if (batch !== '' && rows + columns === '') {
    return summed({tensor: mul(a.tensor, arranged(b, a.labels)), labels: a.labels}, batch);
  }
  // What lies transposed is read so; any other order is moved into place.
  const transposeA = rows !== '' && a.labels === batch + inner + rows;
  const transposeB = b.labels === batch + columns + inner;
  const count = batch === '' ? [] : [sizeOf(sizesOf(a, batch))];
  const matrices = (own: Labelled, outer: string, over: string): Tensor =>
    reshape(arranged(own, batch + outer + over), [
      ...count,
      sizeOf(sizesOf(own, outer)),
      sizeOf(sizesOf(own, over)),
    ]);
  const left = transposeA ? matrices(a, inner, rows) : matrices(a, rows, inner);
  const right = transposeB ? matrices(b, columns, inner) : matrices(b, inner, columns);
  return {tensor: reshape(matmul(left, right, {transposeA, transposeB}), shape), labels};
}

/** The elements whose two indices are equal, along the axes with a letter that stands twice. */
function diagonal({tensor, labels}: Labelled): Labelled {
  const label = [...labels].find((own, axis) => labels.indexOf(own) < axis);
  if (label === undefined) return {tensor, labels};
  const [first, second] = [labels.indexOf(label), labels.indexOf(label, labels.indexOf(label) + 1)];
  const others = [...tensor.shape.keys()].filter(axis => axis !== first && axis !== second);
  const shape = others.map(axis => tensor.shape[axis] as number);
  const size = tensor.shape[first] as number;
  // In rows one longer than the matrix has them, the diagonal is the first column.
  const flat = reshape(transpose(tensor, [...others, first, second]), [...shape, size * size]);
  const longer = pad(flat, [...shape.map((): [number, number] => [0, 0]), [0, size]]);
  const column = slice(reshape(longer, [...shape, size, size + 1]), shape.length + 1, 0, 1);
  const rest = others.map(axis => labels[axis]).join('') + label;
  return diagonal({tensor: reshape(column, [...shape, size]), labels: rest});
}

type Fail = (code: 'ERR_SHAPE' | 'ERR_VALUE', what: string) => never;

/** The size of each label; sizes of 1 under an ellipsis become those of the other operands. */
function labelSizes(equation: Equation, operands: readonly Tensor[], fail: Fail): Map<string, number> {
  const sizes = new Map<string, number>();
  const received = `Received ${operands.map(({shape}) => formatShape(shape)).join(' and ')}`;
  operands.forEach((tensor, index) => {
    const labels = equation.inputs[index] as string;
    if (labels.length !== tensor.rank) {
      const wanted = labels || 'a scalar';
      fail('ERR_SHAPE', `operand ${index + 1} has ${tensor.rank} axes, not those of ${wanted}. ${received}`);
    }
    [...labels].forEach((label, axis) => {
      const size = tensor.shape[axis] as number;
      const known = sizes.get(label) ?? size;
      const broadcasts = isOfEllipsis(label) && (known === 1 || size === 1);
      if (known !== size && !broadcasts) {
        const name = isOfEllipsis(label) ? `axis ${-1 - Number(label)} of the ellipsis` : `axis ${label}`;
        fail('ERR_SHAPE', `the ${name} has the sizes ${known} and ${size}. ${received}`);
      }
      sizes.set(label, known === 1 ? size : known);
    });
  });
  return sizes;
}

/** Without the axes of size 1 that broadcast. */
function squeezed({tensor, labels}: Labelled, sizes: ReadonlyMap<string, number>): Labelled {
  const isKept = (label: string, axis: number): boolean => tensor.shape[axis] === sizes.get(label);
  if ([...labels].every(isKept)) return {tensor, labels};
  const shape = tensor.shape.filter((_, axis) => isKept(labels[axis] as string, axis));
  return {tensor: reshape(tensor, shape), labels: [...labels].filter(isKept).join('')};
}

/**
 * Σ of products over axes named by letters (Einstein's summation): `bij,bjk->bik` multiplies batches of
 * matrices, `ij->ji` transposes, `ij->` sums all, `ii->i` is a diagonal and `ii->` a trace. An ellipsis
 * stands for any number of axes, which broadcast: `...ij,...jk->...ik`. What the result has not is summed
 * over. Without an arrow, the result has the axes of the ellipsis, then the letters that stand once, in
 * alphabetical order. Operands, any number of them, are multiplied from left to right: each step is one
 * product of matrices, batched over the axes that both have and that are kept, or a sum of products where no
 * other axes are kept.
 *
 * @throws ERR_VALUE where the equation cannot be read, ERR_SHAPE where operands do not fit it; both name it.
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  if (typeof equation !== 'string') {
    failIn('einsum', 'ERR_VALUE', `expected an equation, e.g. bij,bjk->bik. Received ${show(equation)}`);
  }
  const fail: Fail = (code, what) => failIn('einsum', code, `${equation}: ${what}`);
  operands.forEach((operand, index) => {
    checkTensor('einsum', `operands[${index}]`, operand);
  });
  const ranks = operands.map(({rank}) => rank);
  const parsed = parseEquation(equation, ranks, what => fail('ERR_VALUE', what));
  const {inputs, output} = parsed;
  if (operands.length !== inputs.length) {
    fail('ERR_SHAPE', `the equation has ${inputs.length} operands. Received ${operands.length}`);
  }
  const sizes = labelSizes(parsed, operands, fail);
  const labelled = operands.map((tensor, index) =>
    squeezed(diagonal({tensor, labels: inputs[index] as string}), sizes),
  );
  const [first, ...others] = labelled as [Labelled, ...Labelled[]];
  const whole = others.reduce((product, next, index) => {
    const kept = output + inputs.slice(index + 2).join('');
    return contracted(product, next, kept);
  }, first);
  return arranged(summed(whole, output), output);
}
