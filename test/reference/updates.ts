// The optimizers' updates in float64, each by its formula, and what may be added to any of them.
import type {Tensor} from '../../lib/core/tensor.ts';
import type {UpdateAttributes} from '../../lib/ops/optimizer.ts';
import type {Rule, Values} from '../reference.ts';

const smallestNormal = 2 ** -126;

/** Moments decay into denormals, where processors disagree: they end at zero instead. */
const flush = (x: number): number => (Math.abs(x) < smallestNormal ? 0 : x);

/** As many as any update has; the rest is not there. */
type Numbers = readonly [number, number, number, number, number, number, number, number];

interface Update {
  /** Operands of a segment. */
  readonly width: number;
  /** Numbers of a step. */
  readonly columns: number;
  /** The column of what keeps a divisor from zero. */
  readonly epsilon?: number;
  /** New parameter and moments from (parameter, gradient, moments …). */
  step(hyper: Numbers, operands: Numbers): number[];
}

function momentum(nesterov: boolean): Update {
  return {
    width: 3,
    columns: 2,
    step([rate, mu], [p, g, v]) {
      const velocity = flush(mu * v + g);
      return [p - rate * (nesterov ? g + mu * velocity : velocity), velocity];
    },
  };
}

function rmsprop(centered: boolean, moves: boolean): Update {
  return {
    width: 3 + Number(centered) + Number(moves),
    columns: 4 + Number(moves),
    epsilon: 3,
    step([rate, rho, rest, epsilon, mu], [p, g, v, ...others]) {
      const square = flush(rho * v + rest * g * g);
      const [first, second] = others as unknown as Numbers;
      const mean = centered ? flush(rho * first + rest * g) : 0;
      const root = Math.sqrt(Math.max(square - mean * mean, 0)) + epsilon;
      const before = centered ? second : first;
      const step = moves ? flush(mu * before + g / root) : g / root;
      return [p - rate * step, square, ...(centered ? [mean] : []), ...(moves ? [step] : [])];
    },
  };
}

function adam(amsgrad: boolean): Update {
  return {
    width: 4 + Number(amsgrad),
    columns: 7,
    epsilon: 6,
    step([rate, beta1, rest1, beta2, rest2, correction, epsilon], [p, g, m, v, largest]) {
      const first = flush(beta1 * m + rest1 * g);
      const second = flush(beta2 * v + rest2 * g * g);
      const top = amsgrad ? Math.max(largest, second) : second;
      const next = p - (rate * first) / (Math.sqrt(top) * correction + epsilon);
      return [next, first, second, ...(amsgrad ? [top] : [])];
    },
  };
}

export const updates = {
  sgd: {width: 2, columns: 1, step: ([rate], [p, g]) => [p - rate * g]},
  momentum: momentum(false),
  nesterov: momentum(true),
  rmsprop: rmsprop(false, false),
  rmspropMomentum: rmsprop(false, true),
  rmspropCentered: rmsprop(true, false),
  rmspropCenteredMomentum: rmsprop(true, true),
  adagrad: {
    width: 3,
    columns: 3,
    epsilon: 2,
    step([rate, initial, epsilon], [p, g, s]) {
      const sum = flush(s + g * g);
      return [p - (rate * g) / (Math.sqrt(sum + initial) + epsilon), sum];
    },
  },
  adadelta: {
    width: 4,
    columns: 4,
    epsilon: 3,
    step([rate, rho, rest, epsilon], [p, g, v, d]) {
      const square = flush(rho * v + rest * g * g);
      const step = g * Math.sqrt((d + epsilon) / (square + epsilon));
      return [p - rate * step, square, flush(rho * d + rest * step * step)];
    },
  },
  adam: adam(false),
  amsgrad: adam(true),
  adamax: {
    width: 4,
    columns: 5,
    epsilon: 4,
    step([rate, beta1, rest1, beta2, epsilon], [p, g, m, u]) {
      const first = flush(beta1 * m + rest1 * g);
      const largest = Math.max(beta2 * u, Math.abs(g) + epsilon);
      return [p - (rate * first) / largest, first, largest];
    },
  },
  nadam: {
    width: 4,
    columns: 8,
    epsilon: 7,
    step([ofGradient, ofMean, beta1, rest1, beta2, rest2, correction, epsilon], [p, g, m, v]) {
      const first = flush(beta1 * m + rest1 * g);
      const second = flush(beta2 * v + rest2 * g * g);
      const root = Math.sqrt(second) * correction + epsilon;
      return [p - (ofGradient * g + ofMean * first) / root, first, second];
    },
  },
  lion: {
    width: 3,
    columns: 5,
    step([rate, beta1, rest1, beta2, rest2], [p, g, m]) {
      return [p - rate * Math.sign(beta1 * m + rest1 * g), flush(beta2 * m + rest2 * g)];
    },
  },
  accumulate: {width: 2, columns: 1, step: ([keep], [s, g]) => [keep * (s + g)]},
} satisfies Record<string, Update>;

export type UpdateName = keyof typeof updates;

/** One element of a segment, with what the attributes add. */
function extended({step, width, columns}: Update, attributes: UpdateAttributes) {
  return (row: Values, operands: number[]): number[] => {
    const {decays, averages, pauses} = attributes;
    const [p, g, ...moments] = operands as unknown as Numbers;
    if (pauses && row.at(-1) === 0) return [p, ...moments];
    const [share, penalty] = decays ? row.subarray(columns) : [1, 0];
    const own = [(share as number) * p, g + (penalty as number) * p, ...moments].slice(0, width);
    const results = step([...row] as unknown as Numbers, own as unknown as Numbers);
    if (!averages) return results;
    const [kept, rest, overwrites] = row.subarray(columns + 2 * Number(decays)) as unknown as Numbers;
    const average = flush(kept * (operands.at(-1) as number) + rest * (results[0] as number));
    return [overwrites === 0 ? (results[0] as number) : average, ...results.slice(1), average];
  };
}

function ruleOf(update: Update): Rule {
  return (call, [hyper, ...operands]) => {
    const attributes = call.attributes as UpdateAttributes;
    const width = update.width + Number(attributes.averages);
    const count = (call.inputs[0] as Tensor).shape[1] as number;
    const element = extended(update, attributes);
    return attributes.groups.flatMap((group, segment) => {
      const own = operands.slice(segment * width, (segment + 1) * width);
      const row = (hyper as Values).subarray(group * count, (group + 1) * count);
      const results = Array.from({length: width - 1}, () => new Float64Array((own[0] as Values).length));
      for (let i = 0; i < (own[0] as Values).length; i++) {
        const updated = element(
          row,
          own.map(values => values[i] as number),
        );
        for (const [field, result] of results.entries()) result[i] = updated[field] as number;
      }
      return results;
    });
  };
}

/** Rows of a table by what arrives at each id, summed; rows that no id names as by zero, or not at all. */
function rowRuleOf({step}: Update): Rule {
  return (call, [hyper, p, ids, dy, ...moments]) => {
    const {group, all} = call.attributes as {group: number; all: boolean};
    const count = (call.inputs[0] as Tensor).shape[1] as number;
    const row = (hyper as Values).subarray(group * count, (group + 1) * count);
    const table = [p, ...moments] as Values[];
    const rows = (call.inputs[1] as Tensor).shape[0] as number;
    const width = rows === 0 ? 0 : (p as Values).length / rows;
    const gradient = new Float64Array((p as Values).length);
    (ids as Values).forEach((id, at) => {
      for (let j = 0; j < width && id >= 0 && id < rows; j++) {
        gradient[id * width + j] = (gradient[id * width + j] as number) + (dy?.[at * width + j] as number);
      }
    });
    const results = table.map(values => Float64Array.from(values));
    gradient.forEach((g, i) => {
      if (!all && !(ids as Values).includes(Math.floor(i / width))) return;
      const own = table.map(values => values[i] as number);
      const [first, ...others] = own;
      const updated = step([...row] as unknown as Numbers, [first, g, ...others] as unknown as Numbers);
      for (const [field, result] of results.entries()) result[i] = updated[field] as number;
    });
    return results;
  };
}

const rowUpdates = ['sgd', 'momentum', 'adagrad', 'adam', 'lion'] as const;

export const updateRules: Record<string, Rule> = {
  ...Object.fromEntries(Object.entries(updates).map(([name, update]) => [name, ruleOf(update)])),
  ...Object.fromEntries(rowUpdates.map(name => [`${name}Rows`, rowRuleOf(updates[name])])),
};
