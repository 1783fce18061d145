// Attention and transformers by their formulas, in float64, one sample at a time; and each layer as a case.
import {layers} from '../../../lib/index.ts';
import type {LayerCase} from './check-layer.ts';

type Numbers = readonly number[];
type Rows = readonly Numbers[];
type Weights = Record<string, number[]>;

export const rowsOf = (x: Numbers, width: number): number[][] =>
  Array.from({length: x.length / width}, (_, row) => x.slice(row * width, (row + 1) * width));

const dot = (a: Numbers, b: Numbers): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);

const plus = (a: Rows, b: Rows): number[][] =>
  a.map((row, at) => row.map((value, column) => value + (b[at]?.[column] as number)));

const sumOf = (x: Numbers): number => x.reduce((sum, value) => sum + value, 0);

/** softmax over what counts; zeros where nothing does. */
export function weightsOf(scores: Numbers, counts: (key: number) => boolean): number[] {
  const most = Math.max(...scores.filter((_, key) => counts(key)));
  const powers = scores.map((score, key) => (counts(key) ? Math.exp(score - most) : 0));
  const total = sumOf(powers);
  return powers.map(power => (total === 0 ? 0 : power / total));
}

export type Sees = (query: number, key: number) => boolean;
const all: Sees = () => true;
export const causal: Sees = (query, key) => key <= query;

/** Σ weight · value, from scores of each query and key. */
export function mixed(
  scores: Rows,
  values: Rows,
  sees: Sees = all,
): {output: number[][]; weights: number[][]} {
  const weights = scores.map((row, query) => weightsOf(row, key => sees(query, key)));
  const width = values[0]?.length as number;
  const output = weights.map(row =>
    Array.from({length: width}, (_, column) =>
      row.reduce((sum, weight, key) => sum + weight * (values[key]?.[column] as number), 0),
    ),
  );
  return {output, weights};
}

const scoresOf = (queries: Rows, keys: Rows, score: (q: Numbers, k: Numbers) => number): number[][] =>
  queries.map(q => keys.map(k => score(q, k)));

const tanhs = (q: Numbers, k: Numbers, scale: (at: number) => number): number =>
  q.reduce((sum, value, at) => sum + scale(at) * Math.tanh(value + (k[at] as number)), 0);

/** x · kernel + bias, of a kernel [inputs, heads · size] without its axes. */
const dense = (x: Rows, kernel: Numbers, bias: Numbers): number[][] =>
  x.map(row =>
    bias.map((own, unit) =>
      row.reduce((sum, value, at) => sum + value * (kernel[at * bias.length + unit] as number), own),
    ),
  );

const rotated = (x: Rows): number[][] =>
  x.map((row, step) => {
    const half = row.length / 2;
    const angle = (at: number) => step * 10_000 ** ((-2 * at) / row.length);
    const [first, second] = [row.slice(0, half), row.slice(half)];
    return [
      ...first.map((a, at) => a * Math.cos(angle(at)) - (second[at] as number) * Math.sin(angle(at))),
      ...second.map((b, at) => b * Math.cos(angle(at)) + (first[at] as number) * Math.sin(angle(at))),
    ];
  });

interface Heads {
  readonly heads: number;
  readonly groups?: number;
  readonly positions?: 'rotary' | 'alibi';
  readonly sees?: Sees;
}

/** Attention with several heads, of one sample. */
export function attended(
  [query, value, key]: readonly [Rows, Rows, Rows],
  w: Weights,
  {heads, groups = heads, positions, sees = all}: Heads,
): number[][] {
  const of = (name: string) => w[name] as number[];
  const project = (x: Rows, name: string, count: number): number[][][] => {
    const whole = dense(x, of(`${name}/kernel`), of(`${name}/bias`));
    const size = of(`${name}/bias`).length / count;
    return Array.from({length: count}, (_, head) =>
      whole.map(row => row.slice(head * size, (head + 1) * size)),
    );
  };
  const q = project(query, 'query', heads);
  const [k, v] = [project(key, 'key', groups), project(value, 'value', groups)];
  const joined: number[][] = query.map(() => []);
  q.forEach((own, head) => {
    const group = Math.floor((head * groups) / heads);
    const [left, right] = [own, k[group] as number[][]].map(x => (positions === 'rotary' ? rotated(x) : x));
    const slope = positions === 'alibi' ? 2 ** ((-8 * (head + 1)) / heads) : 0;
    const scores = scoresOf(left as Rows, right as Rows, (a, b) => dot(a, b) / Math.sqrt(a.length)).map(
      (row, from) => row.map((score, to) => score - slope * Math.abs(from - to)),
    );
    mixed(scores, v[group] as Rows, sees).output.forEach((row, step) => {
      joined[step]?.push(...row);
    });
  });
  return dense(joined, of('output/kernel'), of('output/bias'));
}

const within = (w: Weights, prefix: string): Weights =>
  Object.fromEntries(
    Object.entries(w).flatMap(([name, values]) =>
      name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), values]] : [],
    ),
  );

function normalized(x: Rows, {gamma, beta}: Weights, epsilon: number): number[][] {
  return x.map(row => {
    const mean = sumOf(row) / row.length;
    const variance = sumOf(row.map(value => (value - mean) ** 2)) / row.length;
    return row.map(
      (value, at) =>
        ((value - mean) / Math.sqrt(variance + epsilon)) * (gamma?.[at] as number) + (beta?.[at] as number),
    );
  });
}

interface Block {
  readonly heads: number;
  readonly first?: boolean;
  readonly memory?: Rows;
  readonly sees?: Sees;
  readonly positions?: 'rotary' | 'alibi';
  readonly epsilon?: number;
}

/** A block of a transformer, with attention to another sequence where there is one. */
export function block(x: Rows, w: Weights, given: Block): number[][] {
  const {heads, first = false, memory, sees, positions, epsilon = 1e-5} = given;
  const how = {heads, ...(positions && {positions})};
  const around = (value: Rows, name: string, part: (y: Rows) => Rows): number[][] => {
    const norm = within(w, `${name}Norm`);
    const normal = (y: Rows) => normalized(y, norm, epsilon);
    return first ? plus(value, part(normal(value))) : normal(plus(value, part(value)));
  };
  let value = around(x, 'selfAttention', y =>
    attended([y, y, y], within(w, 'selfAttention'), {...how, ...(sees && {sees})}),
  );
  if (memory) {
    value = around(value, 'crossAttention', y =>
      attended([y, memory, memory], within(w, 'crossAttention'), how),
    );
  }
  return around(value, 'feedForward', y => {
    const [hidden, output] = [within(w, 'feedForward'), within(w, 'feedForwardOutput')];
    const between = dense(y, hidden.kernel as number[], hidden.bias as number[]);
    return dense(
      between.map(row => row.map(Math.tanh)),
      output.kernel as number[],
      output.bias as number[],
    );
  });
}

const headShapes = (
  prefix: string,
  features: readonly [number, number, number],
  [heads, groups]: readonly [number, number],
  [keyDim, valueDim]: readonly [number, number],
  output = features[0],
): Record<string, number[]> => ({
  [`${prefix}query/kernel`]: [features[0], heads, keyDim],
  [`${prefix}query/bias`]: [heads, keyDim],
  [`${prefix}key/kernel`]: [features[2], groups, keyDim],
  [`${prefix}key/bias`]: [groups, keyDim],
  [`${prefix}value/kernel`]: [features[1], groups, valueDim],
  [`${prefix}value/bias`]: [groups, valueDim],
  [`${prefix}output/kernel`]: [heads, valueDim, output],
  [`${prefix}output/bias`]: [output],
});

export const blockShapes = (features: number, heads: number, hidden: number, parts: readonly string[]) => ({
  ...Object.assign(
    {},
    ...parts.flatMap(part => [
      headShapes(
        `${part}/`,
        [features, features, features],
        [heads, heads],
        [features / heads, features / heads],
      ),
      {[`${part}Norm/gamma`]: [features], [`${part}Norm/beta`]: [features]},
    ]),
  ),
  'feedForward/kernel': [features, hidden],
  'feedForward/bias': [hidden],
  'feedForwardOutput/kernel': [hidden, features],
  'feedForwardOutput/bias': [features],
  'feedForwardNorm/gamma': [features],
  'feedForwardNorm/beta': [features],
});

const blockOptions = {intermediateDim: 3, numHeads: 2, activation: 'tanh'} as const;

export const attentionCases: Record<string, LayerCase> = {
  attention: {
    make: () => layers.attention(),
    inputs: [
      [2, 3],
      [4, 3],
    ],
    output: [2, 3],
    formula: ([q, v]) => {
      const [queries, values] = [rowsOf(q as number[], 3), rowsOf(v as number[], 3)];
      return mixed(scoresOf(queries, values, dot), values).output.flat();
    },
  },
  'attention by sums, scaled, with keys of their own': {
    make: () => layers.attention({scoreMode: 'concat', useScale: true, dropout: 0.2}),
    inputs: [
      [2, 3],
      [4, 2],
      [4, 3],
    ],
    output: [2, 2],
    weights: {scale: [], concatScoreWeight: []},
    disturbs: true,
    formula: ([q, v, k], {scale, concatScoreWeight}) => {
      const by = (x: number[]) => rowsOf(x, 3).map(row => row.map(value => value * (scale?.[0] as number)));
      const scores = scoresOf(by(q as number[]), by(k as number[]), (a, b) =>
        tanhs(a, b, () => concatScoreWeight?.[0] as number),
      );
      return mixed(scores, rowsOf(v as number[], 2)).output.flat();
    },
  },
  additiveAttention: {
    make: () => layers.additiveAttention(),
    inputs: [
      [2, 3],
      [4, 3],
    ],
    output: [2, 3],
    weights: {scale: [3]},
    formula: ([q, v], {scale}) => {
      const [queries, values] = [rowsOf(q as number[], 3), rowsOf(v as number[], 3)];
      const scores = scoresOf(queries, values, (a, b) => tanhs(a, b, at => scale?.[at] as number));
      return mixed(scores, values).output.flat();
    },
  },
  multiHeadAttention: {
    cancels: true,
    make: () => layers.multiHeadAttention({numHeads: 2, keyDim: 3, valueDim: 2, outputShape: 5}),
    inputs: [
      [3, 4],
      [2, 3],
      [2, 2],
    ],
    output: [3, 5],
    weights: headShapes('', [4, 3, 2], [2, 2], [3, 2], 5),
    formula: ([q, v, k], w) =>
      attended([rowsOf(q as number[], 4), rowsOf(v as number[], 3), rowsOf(k as number[], 2)], w, {
        heads: 2,
      }).flat(),
  },
  'multiHeadAttention of a sequence to itself, turned by positions': {
    cancels: true,
    make: () => layers.multiHeadAttention({numHeads: 2, keyDim: 4, dropout: 0.3, positions: 'rotary'}),
    inputs: [[3, 4]],
    output: [3, 4],
    weights: headShapes('', [4, 4, 4], [2, 2], [4, 4]),
    disturbs: true,
    formula: ([given], w) => {
      const x = rowsOf(given as number[], 4);
      return attended([x, x, x], w, {heads: 2, positions: 'rotary'}).flat();
    },
  },
  groupQueryAttention: {
    cancels: true,
    make: () =>
      layers.groupQueryAttention({headDim: 2, numQueryHeads: 4, numKeyValueHeads: 2, positions: 'alibi'}),
    inputs: [
      [3, 3],
      [2, 3],
    ],
    output: [3, 3],
    weights: headShapes('', [3, 3, 3], [4, 2], [2, 2]),
    formula: ([q, v], w) => {
      const [x, y] = [rowsOf(q as number[], 3), rowsOf(v as number[], 3)];
      return attended([x, y, y], w, {heads: 4, groups: 2, positions: 'alibi'}).flat();
    },
  },
  positionEmbedding: {
    make: () => layers.positionEmbedding({sequenceLength: 5}),
    inputs: [[3, 2]],
    output: [3, 2],
    weights: {positions: [5, 2]},
    formula: (_, {positions}) => (positions as number[]).slice(0, 6),
  },
  sinePositionEncoding: {
    make: () => layers.sinePositionEncoding({maxWavelength: 100}),
    inputs: [[3, 4]],
    output: [3, 4],
    formula: () =>
      [0, 1, 2].flatMap(step => [Math.sin(step), Math.cos(step), Math.sin(step / 10), Math.cos(step / 10)]),
  },
  rotaryEmbedding: {
    make: () => layers.rotaryEmbedding(),
    inputs: [[3, 4]],
    output: [3, 4],
    formula: ([x]) => rotated(rowsOf(x as number[], 4)).flat(),
  },
  alibiBias: {
    make: () => layers.alibiBias(),
    inputs: [[3, 2, 4]],
    output: [3, 2, 4],
    // Three heads: those of two, and the first of four.
    formula: ([x]) =>
      (x as number[]).map((value, at) => {
        const slope = [2 ** -4, 2 ** -8, 2 ** -2][Math.floor(at / 8)] as number;
        return value - slope * Math.abs((Math.floor(at / 4) % 2) - (at % 4));
      }),
  },
  transformerEncoder: {
    cancels: true,
    make: () => layers.transformerEncoder(blockOptions),
    inputs: [[3, 4]],
    output: [3, 4],
    weights: blockShapes(4, 2, 3, ['selfAttention']),
    formula: ([x], w) => block(rowsOf(x as number[], 4), w, {heads: 2}).flat(),
  },
  'transformerEncoder, normalized first, with dropout': {
    cancels: true,
    make: () => layers.transformerEncoder({...blockOptions, normalizeFirst: true, dropout: 0.2}),
    inputs: [[3, 4]],
    output: [3, 4],
    weights: blockShapes(4, 2, 3, ['selfAttention']),
    disturbs: true,
    formula: ([x], w) => block(rowsOf(x as number[], 4), w, {heads: 2, first: true}).flat(),
  },
  transformerDecoder: {
    cancels: true,
    make: () => layers.transformerDecoder(blockOptions),
    inputs: [
      [3, 4],
      [2, 4],
    ],
    output: [3, 4],
    weights: blockShapes(4, 2, 3, ['selfAttention', 'crossAttention']),
    formula: ([x, memory], w) =>
      block(rowsOf(x as number[], 4), w, {
        heads: 2,
        sees: causal,
        memory: rowsOf(memory as number[], 4),
      }).flat(),
  },
  'transformerDecoder alone, normalized first': {
    cancels: true,
    make: () => layers.transformerDecoder({...blockOptions, normalizeFirst: true}),
    inputs: [[3, 4]],
    output: [3, 4],
    weights: blockShapes(4, 2, 3, ['selfAttention']),
    formula: ([x], w) => block(rowsOf(x as number[], 4), w, {heads: 2, first: true, sees: causal}).flat(),
  },
};
