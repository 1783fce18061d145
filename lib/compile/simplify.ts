// Pass 1: the same values with fewer calls. Equal calls become one, unused ones vanish, identities are
// applied, and what only differentiation asks for goes. Every rule is exact: it keeps the bits for all
// numbers (x + 0 stays, because −0 + 0 is +0).
import {isObject, isPlainObject} from '../core/kinds.ts';
import {checkpointOf} from '../core/replay.ts';
import {type Call, inScopeOf, type Tensor} from '../core/tensor.ts';
import {rewrite, withInputs} from '../graph/walk.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';
import {foldConstants, rules, skipBroadcasts} from './simplify-rules.ts';

export function simplify(roots: Roots): Roots {
  const pool = new Pool();
  return mapRoots(
    roots,
    rewrite(tensorsOf(roots), (call, inputs) => pool.canonicalize(call, inputs)),
  );
}

/** Holds one of all equal calls, and what it simplifies to. */
class Pool {
  private readonly byKey = new Map<string, Call>();
  private readonly results = new Map<Call, readonly Tensor[]>();

  canonicalize(given: Call, inputs: readonly Tensor[]): readonly Tensor[] {
    const checkpoint = checkpointOf(given);
    if (checkpoint) return inputs.slice(0, checkpoint.results);
    const call = this.intern(withInputs(given, inputs));
    const known = this.results.get(call);
    if (known) return known;
    const better = inScopeOf(call, () => this.improve(call));
    const results = better ? [this.canonicalizeTensor(better)] : call.outputs;
    this.results.set(call, results);
    return results;
  }

  private improve(call: Call): Tensor | undefined {
    if (call.op.elementwise) {
      const better = foldConstants(call) ?? skipBroadcasts(call);
      if (better) return better;
    }
    return rules.get(call.op)?.(call);
  }

  /** The result of a rule may be a new call of new operands, at most a few calls deep. */
  private canonicalizeTensor(tensor: Tensor): Tensor {
    const {call} = tensor;
    const known = this.results.get(call);
    if (known) return known[tensor.index] ?? tensor;
    const inputs = call.inputs.map(input => this.canonicalizeTensor(input));
    return this.canonicalize(call, inputs)[tensor.index] ?? tensor;
  }

  private intern(call: Call): Call {
    const key = keyOf(call);
    const known = this.byKey.get(key);
    if (known) return known;
    this.byKey.set(key, call);
    return call;
  }
}

const objectIds = new WeakMap<object, number>();
let nextId = 0;

/** An id for an object that is equal only to itself: a variable, a long constant. */
function idOf(object: object): number {
  let id = objectIds.get(object);
  if (id === undefined) {
    id = nextId++;
    objectIds.set(object, id);
  }
  return id;
}

/** Constants longer than this are equal only if they are the same array. */
const maxComparedElements = 64;

/** Equal attributes have equal keys. */
export function keyOfAttribute(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (ArrayBuffer.isView(value)) {
    const array = value as unknown as ArrayLike<number>;
    if (array.length > maxComparedElements) return `#${idOf(value)}`;
    return keyOfAttribute(Array.from(array));
  }
  if (Array.isArray(value)) {
    let key = '[';
    for (const element of value) key += `${keyOfAttribute(element)},`;
    return `${key}]`;
  }
  if (isObject(value)) {
    if (!isPlainObject(value)) return `#${idOf(value)}`;
    const names = Object.keys(value);
    if (names.length > 1) names.sort();
    let key = '{';
    for (const name of names) key += `${name}:${keyOfAttribute(value[name])},`;
    return `${key}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function keyOf(call: Call): string {
  const {variable} = call.attributes as {variable?: object};
  if (variable) return `variable#${idOf(variable)}`;
  const inputs = call.inputs.map(input => input.id).join(',');
  return `${call.op.name}(${inputs})${keyOfAttribute(call.attributes)}`;
}
