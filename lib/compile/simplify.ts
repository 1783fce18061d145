// Pass 1: the same values with fewer calls. Equal calls become one, dead ones vanish, identities are applied.
// Every rule is exact: it gives the same bits as before for all numbers (x + 0 stays, because −0 + 0 is +0).
import {type Call, inScopeOf, type Tensor} from '../core/tensor.ts';
import {rebuild, rewrite} from '../graph/walk.ts';
import {foldConstants, reachThrough, rules} from './identities.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

export function simplify(roots: Roots): Roots {
  const pool = new Pool();
  return mapRoots(
    roots,
    rewrite(tensorsOf(roots), (call, inputs) => pool.settle(call, inputs)),
  );
}

/** Holds one call of each kind and what it simplifies to. */
class Pool {
  private readonly byKey = new Map<string, Call>();
  private readonly results = new Map<Call, readonly Tensor[]>();

  settle(given: Call, inputs: readonly Tensor[]): readonly Tensor[] {
    const call = this.intern((rebuild(given, inputs)[0] as Tensor).call);
    const known = this.results.get(call);
    if (known) return known;
    const better = inScopeOf(call, () => this.improve(call));
    const results = better ? [this.settleTensor(better)] : call.outputs;
    this.results.set(call, results);
    return results;
  }

  private improve(call: Call): Tensor | undefined {
    if (call.op.elementwise) {
      const better = foldConstants(call) ?? reachThrough(call);
      if (better) return better;
    }
    return rules[call.op.name]?.(call);
  }

  /** What a rule made may be new, and so may its operands be: a few calls deep at most. */
  private settleTensor(tensor: Tensor): Tensor {
    const {call} = tensor;
    const known = this.results.get(call);
    if (known) return known[tensor.index] as Tensor;
    const inputs = call.inputs.map(input => this.settleTensor(input));
    return this.settle(call, inputs)[tensor.index] as Tensor;
  }

  private intern(call: Call): Call {
    const key = keyOf(call);
    const known = this.byKey.get(key);
    if (known) return known;
    this.byKey.set(key, call);
    return call;
  }
}

const objectNumbers = new WeakMap<object, number>();
let nextNumber = 0;

/** A number for what is equal only to itself: a variable, a long constant. */
function identityOf(object: object): number {
  let number = objectNumbers.get(object);
  if (number === undefined) {
    number = nextNumber++;
    objectNumbers.set(object, number);
  }
  return number;
}

/** Constants longer than this are equal only if they are the same array. */
const comparedElements = 64;

function keyOfAttribute(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (ArrayBuffer.isView(value)) {
    const array = value as unknown as ArrayLike<number>;
    if (array.length > comparedElements) return `#${identityOf(value)}`;
    return keyOfAttribute(Array.from(array));
  }
  if (Array.isArray(value)) return `[${value.map(keyOfAttribute).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    if (Object.getPrototypeOf(value) !== Object.prototype) return `#${identityOf(value)}`;
    const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([name, field]) => `${name}:${keyOfAttribute(field)}`).join(',')}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function keyOf(call: Call): string {
  const {variable} = call.attributes as {variable?: object};
  if (variable) return `variable#${identityOf(variable)}`;
  const inputs = call.inputs.map(input => input.id).join(',');
  return `${call.op.name}(${inputs})${keyOfAttribute(call.attributes)}`;
}
