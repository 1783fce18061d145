// Outputs that are made in the memory of inputs which nobody reads afterwards, as the new values of variables
// are in the place of the old ones. Whoever else reads such an input has to do it before.
import {match} from '../core/operands.ts';
import {loopOf} from '../core/region.ts';
import {sameShape} from '../core/shape.ts';
import {type Call, inputOp, type Tensor} from '../core/tensor.ts';
import {baseOf} from '../graph/walk.ts';
import {mayOverwrite} from './memory.ts';
import type {Roots} from './roots.ts';

export interface Reuse {
  /** By the name of the output, the input in whose memory it is made. */
  readonly donors: ReadonlyMap<string, string>;
  /** Calls that a call has to come after, though it reads nothing of them. */
  readonly after: ReadonlyMap<Call, readonly Call[]>;
  /** All calls, each after those. */
  readonly order: readonly Call[];
}

type Users = ReadonlyMap<Tensor, readonly Call[]>;

/** The calls that read a tensor, or a view of it. */
function readersOf(tensor: Tensor, users: Users): Call[] {
  const calls = users.get(tensor) ?? [];
  return calls.flatMap(call => (call.op.view ? readersOf(call.result, users) : [call]));
}

/** `spent` are the names of inputs that may be overwritten. */
export function reuseOf(
  order: readonly Call[],
  users: Users,
  {outputs}: Roots,
  spent: readonly string[],
): Reuse {
  const donors = new Map<string, string>();
  const after = new Map<Call, readonly Call[]>();
  if (spent.length === 0) return {donors, after, order};
  const free = new Set(spent);
  const results = new Set<Tensor>();
  // What is an output itself is read at the end.
  for (const [, tensor] of outputs) free.delete(match(baseOf(tensor), inputOp)?.name ?? '');
  for (const [name, tensor] of outputs) {
    const base = baseOf(tensor);
    if (results.has(base)) continue;
    results.add(base);
    const donor = donorOf(base, free);
    if (!donor) continue;
    const others = readersOf(donor, users).filter(call => call !== base.call);
    if (others.some(call => dependsOn(call, base.call, after))) continue;
    const input = match(donor, inputOp)?.name as string;
    free.delete(input);
    donors.set(name, input);
    after.set(base.call, [...(after.get(base.call) ?? []), ...others]);
  }
  return {donors, after, order: donors.size > 0 ? sorted(order, after) : order};
}

/** An input that is free, and that the call which makes the tensor may overwrite. */
function donorOf({call, index, shape, dtype}: Tensor, free: ReadonlySet<string>): Tensor | undefined {
  if (call.op.kind === 'leaf' || index !== 0 || loopOf(call)) return undefined;
  const bases = call.inputs.map(baseOf);
  const shapes = call.inputs.map(input => input.shape);
  return bases.find((base, position) => {
    const input = match(base, inputOp);
    if (!input || !free.has(input.name) || base.dtype !== dtype) return false;
    const isReadOnce = bases.indexOf(base) === bases.lastIndexOf(base);
    const isInShape = shapes[position] !== undefined && sameShape(shapes[position], shape);
    return isReadOnce && isInShape && mayOverwrite(call.op, position);
  });
}

function before(call: Call, after: Reuse['after']): Call[] {
  return [...call.inputs.map(input => input.call), ...(after.get(call) ?? [])];
}

function dependsOn(call: Call, other: Call, after: Reuse['after']): boolean {
  const seen = new Set<Call>([call]);
  for (const next of seen) {
    if (next === other) return true;
    for (const earlier of before(next, after)) seen.add(earlier);
  }
  return false;
}

function sorted(order: readonly Call[], after: Reuse['after']): Call[] {
  const done = new Set<Call>();
  for (const root of order) {
    const waiting = [root];
    for (let call = waiting.at(-1); call; call = waiting.at(-1)) {
      const missing = done.has(call) ? undefined : before(call, after).find(other => !done.has(other));
      if (missing) waiting.push(missing);
      else {
        done.add(call);
        waiting.pop();
      }
    }
  }
  return [...done];
}
