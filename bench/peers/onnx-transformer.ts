// One step of the transformer of characters as an ONNX file: a token and its place in, logits out, and the
// keys and values of the steps before, to which it adds its own. Operators are those that onnxruntime is
// fastest with: one product for queries, keys and values, whose scale is part of the weights.
import {type Attribute, initializer, node, onnxFile, type Port} from './onnx-proto.ts';

/** Weights by their names, such as `transformerDecoder_1/selfAttention/query/kernel`. */
export type WeightOf = (name: string) => Float32Array;

export interface TransformerSizes {
  readonly vocabulary: number;
  readonly size: number;
  readonly heads: number;
  readonly blocks: number;
  /** Of the longest text. */
  readonly length: number;
}

class Writer {
  readonly parts: Uint8Array[] = [];
  #count = 0;

  weight(dims: readonly number[], data: Float32Array | BigInt64Array): string {
    const name = `w${this.#count++}`;
    this.parts.push(initializer(name, dims, data));
    return name;
  }

  op(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = `v${this.#count++}`,
  ): string {
    this.parts.push(node(op, inputs, [output], {attributes}));
    return output;
  }

  /** Of onnxruntime's own operators. */
  own(op: string, inputs: readonly string[]): string {
    const output = `v${this.#count++}`;
    this.parts.push(node(op, inputs, [output], {domain: 'com.microsoft'}));
    return output;
  }

  split(x: string, sizes: readonly number[]): string[] {
    const outputs = sizes.map(() => `v${this.#count++}`);
    const lengths = this.weight([sizes.length], BigInt64Array.from(sizes, BigInt));
    this.parts.push(node('Split', [x, lengths], outputs, {attributes: {axis: 1}}));
    return outputs;
  }
}

/** Matrices [rows, columns] side by side. */
function sideBySide(matrices: readonly Float32Array[], rows: number): Float32Array {
  const widths = matrices.map(({length}) => length / rows);
  const whole = new Float32Array(matrices.reduce((sum, {length}) => sum + length, 0));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const [index, matrix] of matrices.entries()) {
      const width = widths[index] as number;
      whole.set(matrix.subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  }
  return whole;
}

class StepWriter {
  readonly #out = new Writer();
  readonly #sizes: TransformerSizes;
  readonly #weightOf: WeightOf;
  readonly #kept: {readonly past: Port[]; readonly present: Port[]} = {past: [], present: []};

  constructor(sizes: TransformerSizes, weightOf: WeightOf) {
    this.#sizes = sizes;
    this.#weightOf = weightOf;
  }

  #norm(x: string, scope: string): string {
    const own = (name: string) => this.#out.weight([this.#sizes.size], this.#weightOf(`${scope}/${name}`));
    const attributes = {axis: 1, epsilon: Float32Array.of(1e-5)};
    return this.#out.op('LayerNormalization', [x, own('gamma'), own('beta')], attributes);
  }

  #gemm(x: string, units: number, kernel: Float32Array, bias: Float32Array): string {
    const dims = [kernel.length / units, units];
    return this.#out.op('Gemm', [x, this.#out.weight(dims, kernel), this.#out.weight([units], bias)]);
  }

  /** What is known of the steps before, with that of this one behind it. */
  #keep(x: string, name: string): string {
    const {heads, size} = this.#sizes;
    const axes = (steps: string) => [1, heads, steps, size / heads];
    this.#kept.past.push({name: `past.${name}`, dims: axes('past')});
    this.#kept.present.push({name: `present.${name}`, dims: axes('present')});
    return this.#out.op('Concat', [`past.${name}`, x], {axis: 2}, `present.${name}`);
  }

  #attention(x: string, scope: string, block: number): string {
    const {heads, size} = this.#sizes;
    const scale = 1 / Math.sqrt(size / heads);
    const of = (end: string) =>
      ['query', 'key', 'value'].map((name, index) =>
        this.#weightOf(`${scope}/selfAttention/${name}/${end}`).map(w => (index === 0 ? w * scale : w)),
      );
    const biases = Float32Array.from(of('bias').flatMap(bias => [...bias]));
    const all = this.#gemm(x, 3 * size, sideBySide(of('kernel'), size), biases);
    const shape = this.#out.weight([4], BigInt64Array.from([1, heads, 1, size / heads], BigInt));
    const [q, k, v] = this.#out.split(all, [size, size, size]).map(part => {
      return this.#out.op('Reshape', [part, shape]);
    }) as [string, string, string];
    const [keys, values] = [this.#keep(k, `${block}.key`), this.#keep(v, `${block}.value`)];
    const scores = this.#out.op('MatMul', [q, this.#out.op('Transpose', [keys], {perm: [0, 1, 3, 2]})]);
    const mixed = this.#out.op('MatMul', [this.#out.op('Softmax', [scores]), values]);
    const row = this.#out.weight([2], BigInt64Array.from([1, size], BigInt));
    const own = (end: string) => this.#weightOf(`${scope}/selfAttention/output/${end}`);
    return this.#gemm(this.#out.op('Reshape', [mixed, row]), size, own('kernel'), own('bias'));
  }

  #feedForward(x: string, scope: string): string {
    const {size} = this.#sizes;
    const kernel = this.#out.weight([size, 4 * size], this.#weightOf(`${scope}/feedForward/kernel`));
    const bias = this.#out.weight([4 * size], this.#weightOf(`${scope}/feedForward/bias`));
    const hidden = this.#out.own('FastGelu', [this.#out.op('MatMul', [x, kernel]), bias]);
    const own = (end: string) => this.#weightOf(`${scope}/feedForwardOutput/${end}`);
    return this.#gemm(hidden, size, own('kernel'), own('bias'));
  }

  file(): Uint8Array {
    const {vocabulary, size, blocks, length} = this.#sizes;
    const [out, weightOf] = [this.#out, this.#weightOf];
    const table = out.weight([vocabulary, size], weightOf('embedding/embeddings'));
    const positions = out.weight([length, size], weightOf('positionEmbedding/positions'));
    let x = out.op('Add', [out.op('Gather', [table, 'ids']), out.op('Gather', [positions, 'position'])]);
    for (let block = 0; block < blocks; block++) {
      const scope = `transformerDecoder${block === 0 ? '' : `_${block}`}`;
      const attended = this.#attention(this.#norm(x, `${scope}/selfAttentionNorm`), scope, block);
      x = out.op('Add', [x, attended]);
      x = out.op('Add', [x, this.#feedForward(this.#norm(x, `${scope}/feedForwardNorm`), scope)]);
    }
    const kernel = out.weight([size, vocabulary], weightOf('dense/kernel'));
    const bias = out.weight([vocabulary], weightOf('dense/bias'));
    out.op('Gemm', [this.#norm(x, 'layerNormalization'), kernel, bias], {}, 'logits');
    return onnxFile({
      inputs: [
        {name: 'ids', dims: [1], dtype: 'int64'},
        {name: 'position', dims: [1], dtype: 'int64'},
        ...this.#kept.past,
      ],
      outputs: [{name: 'logits', dims: [1, vocabulary]}, ...this.#kept.present],
      parts: out.parts,
      domains: ['com.microsoft'],
    });
  }
}

/**
 * `ids` [1] and `position` [1], int64, and `past.0.key`, `past.0.value` and so on, [1, heads, steps, size of
 * a head], to `logits` [1, vocabulary] and `present.0.key` and so on.
 */
export const onnxTransformerStep = (sizes: TransformerSizes, weightOf: WeightOf): Uint8Array =>
  new StepWriter(sizes, weightOf).file();
