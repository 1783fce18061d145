// Pass 3: from a graph to an order of steps. First everything is computed, then exchanged with other
// processes where an op does that, then the state is written: the commit.
import {dtypes} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {match} from '../core/operands.ts';
import {loopOf} from '../core/region.ts';
import {formatShape} from '../core/shape.ts';
import {
  type Call,
  constantOp,
  type InputAttributes,
  inputOp,
  parameterOp,
  type Tensor,
  type Variable,
  variableOf,
} from '../core/tensor.ts';
import {baseOf, callsOf, usersOf} from '../graph/walk.ts';
import type {IoSlot} from '../plan.ts';
import {copy} from './copies.ts';
import {findGuards, originOf} from './guards.ts';
import {isOwnStack, LoopPlacement, type Placing} from './loops.ts';
import {orderCalls} from './order.ts';
import {reuseOf} from './reuse.ts';
import {type Roots, tensorsOf} from './roots.ts';
import {type Home, type Instruction, ownerOf, type Schedule, type Step, type Value} from './steps.ts';

export interface StateLayout {
  /** Bytes from the start of the state, a multiple of 64. */
  stateOffset(variable: Variable): number;
  readonly stateBytes: number;
}

export function schedule(roots: Roots, layout: StateLayout, spent: readonly string[] = []): Schedule {
  const natural = callsOf(tensorsOf(roots));
  const users = usersOf(natural);
  const guards = findGuards(natural, roots.guards);
  const reuse = reuseOf(natural, users, roots, spent);
  const {order} = reuse;
  const commitCalls = new Set(order.filter(call => updatesInPlace(call, users, roots)));
  const builder = new Builder(layout);
  for (const {op, result} of order) {
    const given = op.kind === 'leaf' && match(result, inputOp);
    if (given) builder.addInput(result, given);
  }
  const copies = builder.addOutputs(roots.outputs, commitCalls, reuse.donors);
  const exchanged = exchangedIn(order);
  const phaseOf = (call: Call): Step[] => (exchanged.has(call) ? builder.exchange : builder.compute);
  for (const [call, steps] of builder.stepsByCall(order, tensorsOf(roots), commitCalls, reuse.after)) {
    phaseOf(call).push(...steps);
  }
  for (const [slot, tensor] of copies) phaseOf(tensor.call).push(copy(slot, builder.valueOf(tensor)));
  addCommit(builder, roots, commitCalls, layout);
  return {
    io: builder.io,
    compute: builder.compute,
    exchange: builder.exchange,
    commit: builder.commit,
    guards: guards.map(({tensor, ...guard}) => ({
      ...guard,
      value: builder.valueOf(tensor),
    })),
    stateBytes: layout.stateBytes,
  };
}

/** The calls that other processes take part in, and all that depends on them. */
function exchangedIn(order: readonly Call[]): ReadonlySet<Call> {
  const found = new Set<Call>();
  for (const call of order) {
    if (call.op.exchanges || call.inputs.some(input => found.has(input.call))) found.add(call);
  }
  return found;
}

/**
 * Whether an update can overwrite the variables it reads: each result is the new value of its variable alone.
 */
function updatesInPlace(call: Call, users: ReadonlyMap<Tensor, readonly Call[]>, roots: Roots): boolean {
  const replaced = call.op.updates?.(call);
  if (!replaced) return false;
  const kept = new Set([...roots.outputs.map(([, value]) => value), ...roots.guards]);
  return call.outputs.every((output, index) => {
    const targets = roots.updates.filter(([, value]) => value === output).map(([target]) => target);
    const input = call.inputs[replaced[index] ?? -1];
    const source = input && variableOf(input);
    return !users.has(output) && !kept.has(output) && targets.length === 1 && targets[0] === source;
  });
}

class Builder implements Placing {
  readonly io: IoSlot[] = [];
  readonly compute: Step[] = [];
  readonly exchange: Step[] = [];
  readonly commit: Step[] = [];
  private readonly layout: StateLayout;
  private readonly values = new Map<Tensor, Value>();
  private readonly homes = new Map<Tensor, Home>();
  private readonly readers = new Map<Tensor, readonly Call[]>();
  private readonly kept = new Set<Tensor>();
  private readonly snapshots = new Map<Value, Value>();
  private count = 0;

  constructor(layout: StateLayout) {
    this.layout = layout;
  }

  addInput(tensor: Tensor, {name, shape, dtype, perStep}: InputAttributes): void {
    const slot = this.addSlot({name, shape, dtype, perStep, output: false});
    this.homes.set(tensor, {space: 'io', slot});
  }

  private addSlot(slot: IoSlot): number {
    const {name, shape, dtype} = slot;
    const same = this.io.find(other => other.name === name);
    if (same && same.output !== slot.output) {
      fail('ERR_GRAPH', `compile: ${JSON.stringify(name)} is the name of an input and of an output.`);
    }
    if (same) {
      const both = `${same.dtype}${formatShape(same.shape)} and ${dtype}${formatShape(shape)}`;
      fail('ERR_GRAPH', `compile: two different inputs are named ${JSON.stringify(name)}: ${both}.`);
    }
    return this.io.push(slot) - 1;
  }

  /** Makes io slots the homes of results. Returns the copies that are needed where that is not possible. */
  addOutputs(
    outputs: Roots['outputs'],
    commitCalls: ReadonlySet<Call>,
    donors: ReadonlyMap<string, string>,
  ): [Value, Tensor][] {
    const copies: [Value, Tensor][] = [];
    for (const [name, tensor] of outputs) {
      const {shape, dtype} = tensor;
      const donor = donors.get(name);
      if (donor !== undefined) {
        const slot = this.io.findIndex(other => other.name === donor);
        this.io[slot] = {...(this.io[slot] as IoSlot), output: true, becomes: name};
        this.homes.set(baseOf(tensor), {space: 'io', slot});
        continue;
      }
      const slot = this.addSlot({name, shape, dtype, perStep: true, output: true});
      let owner = tensor;
      while (owner.call.op.view) owner = owner.call.operand;
      const {op} = owner.call;
      const isGuard = op.guard?.output === owner.index;
      const loop = loopOf(owner.call);
      const isHeld = loop !== undefined && (!isOwnStack(loop, owner.index) || originOf(owner) !== undefined);
      const isComputed = op.kind !== 'leaf' && !isGuard && !isHeld && !commitCalls.has(owner.call);
      if (isComputed && !this.homes.has(owner)) this.homes.set(owner, {space: 'io', slot});
      else copies.push([{name, shape, dtype, home: {space: 'io', slot}}, tensor]);
    }
    return copies;
  }

  valueOf(tensor: Tensor): Value {
    let value = this.values.get(tensor);
    if (value) return value;
    const {shape, dtype} = tensor;
    value = {name: this.nameOf(tensor), shape, dtype, home: this.homeOf(tensor)};
    this.values.set(tensor, value);
    return value;
  }

  private nameOf(tensor: Tensor): string {
    const variable = variableOf(tensor);
    if (variable) return variable.name;
    const input = match(tensor, inputOp);
    if (input) return input.name;
    const own = match(tensor, parameterOp);
    if (own) return own.name;
    return tensor.call.op.kind === 'leaf' ? 'constant' : `t${this.count++}`;
  }

  private homeOf(tensor: Tensor): Home {
    const home = this.homes.get(tensor);
    if (home) return home;
    const variable = variableOf(tensor);
    if (variable) return {space: 'state', byteOffset: this.layout.stateOffset(variable)};
    const {call} = tensor;
    if (call.op.view) return {space: 'part', of: this.valueOf(call.operand), elements: 0};
    const constant = match(tensor, constantOp);
    if (!constant) {
      if (match(tensor, parameterOp)) {
        fail(
          'ERR_GRAPH',
          'compile: a scan gives its carries and outputs; nothing else of its body leaves it.',
        );
      }
      return {space: 'arena'};
    }
    const {data, dtype} = constant;
    const literal = new dtypes[dtype].array(
      new ArrayBuffer(data.length * dtypes[dtype].bytes),
      0,
      data.length,
    );
    literal.set(dtype === 'bool' ? Array.from(data, element => Number(element !== 0)) : data);
    return {space: 'literal', data: literal};
  }

  /** One instruction, or none for a view. */
  private instructionsOf(call: Call): Instruction[] {
    const {op, attributes, scope} = call;
    const inputs = call.inputs.map(input => this.valueOf(input));
    const outputs = call.outputs.map(output => this.valueOf(output));
    const updated = op.updates?.(call);
    return op.view ? [] : [{kind: 'instruction', op, attributes, scope, outputs, inputs, updated}];
  }

  /** What the calls of a graph do, which come with operands first, and of which some tensors are kept. */
  stepsByCall(
    order: readonly Call[],
    kept: readonly Tensor[],
    without: ReadonlySet<Call> = new Set(),
    after: ReadonlyMap<Call, readonly Call[]> = new Map(),
  ): (readonly [Call, Step[]])[] {
    const users = usersOf(order);
    for (const [tensor, calls] of users) this.readers.set(tensor, calls);
    for (const tensor of kept) this.kept.add(tensor);
    const placements = new Map<Call, LoopPlacement>();
    for (const call of order) {
      const loop = loopOf(call);
      if (loop) placements.set(call, new LoopPlacement(call, loop, this));
    }
    return orderCalls(order, users, without, after).map(
      call => [call, placements.get(call)?.steps() ?? this.instructionsOf(call)] as const,
    );
  }

  stepsOf(order: readonly Call[], kept: readonly Tensor[]): Step[] {
    return this.stepsByCall(order, kept).flatMap(([, steps]) => steps);
  }

  ordered(order: readonly Call[]): Call[] {
    return orderCalls(order, usersOf(order), new Set());
  }

  storage({shape, dtype}: Tensor, slices: number): Value {
    return {name: `t${this.count++}`, shape: [slices, ...shape], dtype, home: {space: 'arena'}};
  }

  place(tensor: Tensor, home: Home): boolean {
    if (this.homes.has(tensor) || this.values.has(tensor)) return false;
    this.homes.set(tensor, home);
    return true;
  }

  placeResult(tensor: Tensor, home: Home): boolean {
    let owner = tensor;
    while (owner.call.op.view) owner = owner.call.operand;
    const {op} = owner.call;
    const isMade = op.kind === 'primitive' || op.kind === 'fused';
    return isMade && !op.updates && this.place(owner, home);
  }

  isReadOnlyBy(reader: Call, tensor: Tensor): boolean {
    const readers = this.readers.get(tensor) ?? [];
    const isRead = readers.some(other => other !== reader) || this.kept.has(tensor);
    const times = reader.inputs.filter(input => input === tensor).length;
    if (isRead || times > 1) return false;
    return !tensor.call.op.view || this.isReadOnlyBy(tensor.call, tensor.call.operand);
  }

  standFor(tensor: Tensor, value: Value): void {
    this.values.set(tensor, value);
  }

  /** Adds a call of the commit phase that overwrites its variables. */
  addUpdate(call: Call, inputs: readonly Value[], replaced: readonly number[]): void {
    const {op, attributes, scope} = call;
    const outputs = replaced.map(position => inputs[position] as Value);
    this.commit.push({kind: 'instruction', op, attributes, scope, outputs, inputs, updated: replaced});
  }

  /** The value as it was before the commit: a copy, if the commit overwrites it. */
  valueBeforeCommit(value: Value, written: ReadonlySet<number>): Value {
    const {home} = ownerOf(value);
    if (home.space !== 'state' || !written.has(home.byteOffset)) return value;
    const known = this.snapshots.get(value);
    if (known) return known;
    const saved: Value = {...value, name: `t${this.count++}`, home: {space: 'arena'}};
    this.snapshots.set(value, saved);
    this.compute.push(copy(saved, value));
    return saved;
  }
}

/** Adds updates in place, then copies. All of them read the values from before the commit. */
function addCommit(
  builder: Builder,
  roots: Roots,
  commitCalls: ReadonlySet<Call>,
  layout: StateLayout,
): void {
  const written = new Set(roots.updates.map(([variable]) => layout.stateOffset(variable)));
  for (const call of commitCalls) {
    const replaced = call.op.updates?.(call) ?? [];
    const inputs = call.inputs.map((input, position) => {
      const value = builder.valueOf(input);
      return replaced.includes(position) ? value : builder.valueBeforeCommit(value, written);
    });
    builder.addUpdate(call, inputs, replaced);
  }
  for (const [variable, tensor] of roots.updates) {
    if (commitCalls.has(tensor.call) || tensor === variable.tensor) continue;
    const from = builder.valueBeforeCommit(builder.valueOf(tensor), written);
    builder.commit.push(copy(builder.valueOf(variable.tensor), from));
  }
}
