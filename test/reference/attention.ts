// The part of the oracle that attends: each row with all its scores, from the definition.
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';
import {randomRules} from './random.ts';

interface Given {
  readonly scale: number;
  readonly causal: boolean;
  readonly placed: boolean;
  readonly keyed: boolean;
  readonly masked: boolean;
  readonly sloped: boolean;
  readonly keep: number;
  readonly stream: number;
}

type Four = readonly [number, number, number, number];

/** A row of queries of a head: the scores of the keys that it sees, minus infinity for others. */
interface Row {
  readonly scores: number[];
  /** What dropout multiplies each probability with. */
  readonly kept: number[];
  /** Where the row's queries, results and logarithm lie. */
  readonly q: number;
  readonly y: number;
  readonly log: number;
  k(key: number): number;
  v(key: number): number;
}

/** What dropout keeps of 64 numbers for each block of keys, whatever keys there are. */
function factorsOf(
  rows: number,
  keys: number,
  {keep, stream}: Given,
  drawn: readonly Values[],
): Values | undefined {
  if (keep === 1) return undefined;
  const size = rows * 64 * Math.ceil(keys / 64);
  const call = {attributes: {stream, probability: keep}, outputs: [{size} as Tensor]} as unknown as Call;
  const [bools] = (randomRules.randomBernoulli as Rule)(call, [...drawn]);
  return bools?.map(bool => bool / Math.fround(keep));
}

function eachRow(call: Call, inputs: readonly Values[], fixed: number, visit: (row: Row) => void): void {
  const given = call.attributes as Given;
  const [batch, queries, heads, size] = (call.inputs[0] as Tensor).shape as Four;
  const [, keys, keyHeads] = (call.inputs[1] as Tensor).shape as Four;
  const valueSize = (call.inputs[2] as Tensor).shape[3] as number;
  const [q, k] = inputs as [Values, Values];
  let at = fixed;
  const offset = given.placed ? (inputs[at++]?.[0] as number) : 0;
  const keyed = given.keyed ? inputs[at++] : undefined;
  const [ofBatch, ofHeads, ofQueries] = (given.masked ? call.inputs[at] : undefined)?.shape ?? [];
  const mask = given.masked ? inputs[at++] : undefined;
  const slopes = given.sloped ? inputs[at++] : undefined;
  const factors = factorsOf(batch * heads * queries, keys, given, inputs.slice(at));
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      const shared = Math.floor(head / (heads / keyHeads));
      for (let i = 0; i < queries; i++) {
        const first = ((b * queries + i) * heads + head) * size;
        const keyAt = (j: number, width: number): number => ((b * keys + j) * keyHeads + shared) * width;
        const sees = (j: number): boolean => {
          if (given.causal && j > offset + i) return false;
          if (keyed && keyed[b * keys + j] === 0) return false;
          const [mb, mh, mi] = [ofBatch === 1 ? 0 : b, ofHeads === 1 ? 0 : head, ofQueries === 1 ? 0 : i];
          return mask?.[((mb * (ofHeads ?? 1) + mh) * (ofQueries ?? 1) + mi) * keys + j] !== 0;
        };
        const score = (j: number): number => {
          let sum = 0;
          for (let e = 0; e < size; e++) sum += (q[first + e] as number) * (k[keyAt(j, size) + e] as number);
          const lost = (slopes?.[head] ?? 0) * Math.abs(offset + i - j);
          return sees(j) ? sum * Math.fround(given.scale) - lost : -Infinity;
        };
        const row = (b * heads + head) * queries + i;
        visit({
          scores: Array.from({length: keys}, (_, j) => score(j)),
          kept: Array.from({length: keys}, (_, j) => factors?.[row * 64 * Math.ceil(keys / 64) + j] ?? 1),
          q: first,
          y: ((b * queries + i) * heads + head) * valueSize,
          log: row,
          k: j => keyAt(j, size),
          v: j => keyAt(j, valueSize),
        });
      }
    }
  }
}

const add = (to: Values, at: number, value: number): void => {
  to[at] = (to[at] as number) + value;
};

const attention: Rule = (call, inputs) => {
  const valueSize = (call.inputs[2] as Tensor).shape[3] as number;
  const [y, logs] = call.outputs.map(({size}) => new Float64Array(size)) as [Values, Values];
  const values = inputs[2] as Values;
  eachRow(call, inputs, 3, row => {
    const most = row.scores.reduce((a, b) => Math.max(a, b), -Infinity);
    if (most === -Infinity) {
      logs[row.log] = Infinity;
      return;
    }
    const weights = row.scores.map(score => Math.exp(score - most));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    logs[row.log] = most + Math.log(total);
    weights.forEach((weight, j) => {
      const share = (weight / total) * (row.kept[j] as number);
      for (let e = 0; e < valueSize; e++) add(y, row.y + e, share * (values[row.v(j) + e] as number));
    });
  });
  return [y, logs];
};

const attentionGrad: Rule = (call, inputs) => {
  const size = (call.inputs[0] as Tensor).shape[3] as number;
  const valueSize = (call.inputs[2] as Tensor).shape[3] as number;
  const [q, k, v, y, logs, dy] = inputs as [Values, Values, Values, Values, Values, Values];
  const scale = Math.fround((call.attributes as Given).scale);
  const [dq, dk, dv] = call.outputs.map(({size: own}) => new Float64Array(own)) as [Values, Values, Values];
  eachRow(call, inputs, 6, row => {
    let past = 0;
    for (let e = 0; e < valueSize; e++) past += (dy[row.y + e] as number) * (y[row.y + e] as number);
    row.scores.forEach((score, j) => {
      const p = score === -Infinity ? 0 : Math.exp(score - (logs[row.log] as number));
      const kept = row.kept[j] as number;
      let change = 0;
      for (let e = 0; e < valueSize; e++) {
        change += (dy[row.y + e] as number) * (v[row.v(j) + e] as number);
        add(dv, row.v(j) + e, p * kept * (dy[row.y + e] as number));
      }
      const ds = p * (change * kept - past) * scale;
      for (let e = 0; e < size; e++) {
        add(dq, row.q + e, ds * (k[row.k(j) + e] as number));
        add(dk, row.k(j) + e, ds * (q[row.q + e] as number));
      }
    });
  });
  return [dq, dk, dv];
};

export const attentionRules: Record<string, Rule> = {attention, attentionGrad};
