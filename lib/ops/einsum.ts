// Sums of products over named axes, lowered to matrix products.
import {show} from '../core/kinds.ts';
import {formatShape, sizeOf} from '../core/shape.ts';
import {checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {matmul} from './gemm.ts';
import {mul} from './map.ts';
import {reshape, transpose} from './move.ts';
import {sum} from './reduce.ts';

/** A tensor and a letter for each of its axes. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: string;
}

const without = (labels: string, others: string): string =>
  [...labels].filter(label => !others.includes(label)).join('');
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

interface Equation {
  readonly inputs: readonly string[];
  readonly output: string;
}

/** Without an arrow, the result has the letters that stand once, in the order of the alphabet: as NumPy. */
function parse(equation: string, fail: (what: string) => never): Equation {
  const [left = '', right, ...more] = equation.replaceAll(' ', '').split('->');
  const inputs = left.split(',');
  if (more.length > 0 || !/^[a-zA-Z]*$/.test(inputs.join('') + (right ?? ''))) {
    fail('expected letters for axes, commas between operands and one arrow, e.g. bij,bjk->bik');
  }
  const all = [...inputs.join('')];
  const single = all.filter(label => all.indexOf(label) === all.lastIndexOf(label));
  const output = right ?? single.sort().join('');
  const twice = [...inputs, output].find(labels => new Set(labels).size < labels.length);
  if (twice !== undefined) fail(`${twice} has a letter twice; diagonals are not supported`);
  const unknown = without(output, left);
  if (unknown !== '') fail(`no operand has the axis ${unknown[0]} of the result`);
  return {inputs, output};
}

/**
 * Σ of products over axes named by letters (Einstein's summation): `bij,bjk->bik` multiplies batches of
 * matrices, `ij->ji` transposes, `ij->` sums all. Letters that the result has not are summed over. Without an
 * arrow, the result has the letters that stand once, in the order of the alphabet. Operands, any number of
 * them, are multiplied from left to right: each step is one product of matrices, batched over the axes that
 * both have and that are kept, or a sum of products where no other axes are kept.
 *
 * @throws ERR_VALUE where the equation cannot be read, ERR_SHAPE where operands do not fit it; both name it.
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  if (typeof equation !== 'string') {
    failIn('einsum', 'ERR_VALUE', `expected an equation, e.g. bij,bjk->bik. Received ${show(equation)}`);
  }
  const fail = (code: 'ERR_SHAPE' | 'ERR_VALUE', what: string): never =>
    failIn('einsum', code, `${equation}: ${what}`);
  const {inputs, output} = parse(equation, what => fail('ERR_VALUE', what));
  operands.forEach((operand, index) => {
    checkTensor('einsum', `operands[${index}]`, operand);
  });
  if (operands.length !== inputs.length) {
    fail('ERR_SHAPE', `the equation has ${inputs.length} operands. Received ${operands.length}`);
  }
  const sizes = new Map<string, number>();
  const labelled = operands.map((tensor, index): Labelled => {
    const labels = inputs[index] as string;
    const received = `Received ${operands.map(({shape}) => formatShape(shape)).join(' and ')}`;
    if (labels.length !== tensor.rank) {
      const wanted = labels || 'a scalar';
      fail('ERR_SHAPE', `operand ${index + 1} has ${tensor.rank} axes, not those of ${wanted}. ${received}`);
    }
    [...labels].forEach((label, axis) => {
      const size = tensor.shape[axis] as number;
      const known = sizes.get(label) ?? size;
      if (known !== size)
        fail('ERR_SHAPE', `the axis ${label} has the sizes ${known} and ${size}. ${received}`);
      sizes.set(label, size);
    });
    return {tensor, labels};
  });
  const [first, ...others] = labelled as [Labelled, ...Labelled[]];
  const whole = others.reduce((product, next, index) => {
    const kept = output + inputs.slice(index + 2).join('');
    return contracted(product, next, kept);
  }, first);
  return arranged(summed(whole, output), output);
}
