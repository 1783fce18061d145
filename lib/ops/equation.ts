// Reads an equation of Einstein's summation: which axis has which letter.

/** An equation whose operands have one label for each axis. */
export interface Equation {
  readonly inputs: readonly string[];
  readonly output: string;
}

const dots = '...';

/** Labels of the axes under an ellipsis: digits that count from the last axis, as broadcasting does. */
const ellipsisLabels = (count: number): string =>
  Array.from({length: count}, (_, index) => count - 1 - index).join('');

/** The digits among an operand's labels are axes of an ellipsis, which broadcast. */
export const isOfEllipsis = (label: string): boolean => /\d/.test(label);

export const without = (labels: string, others: string): string =>
  [...labels].filter(label => !others.includes(label)).join('');

/** Without an arrow, the result has the ellipsis, then the letters that stand once, in alphabetical order. */
function implied(inputs: readonly string[]): string {
  const letters = [...inputs.join('').replaceAll(dots, '')];
  const single = letters.filter(label => letters.indexOf(label) === letters.lastIndexOf(label));
  return (inputs.some(labels => labels.includes(dots)) ? dots : '') + single.sort().join('');
}

/** A term's labels where its ellipsis stands for `count` axes. */
const expanded = (term: string, count: number): string => term.replace(dots, ellipsisLabels(count));

/**
 * An equation for operands of these ranks. An ellipsis stands for the axes that have no letter.
 *
 * @param fail Throws an error that says what cannot be read.
 */
export function parseEquation(
  equation: string,
  ranks: readonly number[],
  fail: (what: string) => never,
): Equation {
  const [left = '', right, ...more] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  const output = right ?? implied(terms);
  const isTerm = (term: string): boolean => /^[a-zA-Z]*(\.\.\.)?[a-zA-Z]*$/.test(term);
  if (more.length > 0 || ![...terms, output].every(isTerm)) {
    fail(
      'expected letters for axes, at most one ellipsis (...) an operand, commas between operands ' +
        'and one arrow, e.g. bij,bjk->bik',
    );
  }
  if (new Set(output.replace(dots, '')).size < output.replace(dots, '').length) {
    fail(`${output} has a letter twice; a result has each once`);
  }
  const unknown = without(output.replace(dots, ''), left);
  if (unknown !== '') fail(`no operand has the axis ${unknown[0]} of the result`);
  if (output.includes(dots) && !left.includes(dots)) fail('no operand has the ellipsis of the result');
  const hidden = terms.map((term, index) =>
    term.includes(dots) ? Math.max(0, (ranks[index] ?? 0) - term.replace(dots, '').length) : 0,
  );
  const inputs = terms.map((term, index) => expanded(term, hidden[index] as number));
  return {inputs, output: expanded(output, Math.max(...hidden))};
}
