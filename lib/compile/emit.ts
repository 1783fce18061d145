// Pass 5: the words of the plan, and the same in readable form.
import {dtypes} from '../core/dtype.ts';
import {kernelSignature} from '../core/registers.ts';
import {formatShape} from '../core/shape.ts';
import {items, type Phase, type Plan, type PlanInstruction, phases, unitBytes} from '../plan.ts';
import {Attributes, formatAttributes} from './attributes.ts';
import type {Memory} from './memory.ts';
import {bytesOf, type Instruction, type Loop, type Schedule, type Step, type Value} from './steps.ts';
import {instructionWords, planWords} from './words.ts';

export function emit(schedule: Schedule, memory: Memory): Plan {
  const emitter = new Emitter(memory);
  const [, exchangeAt, commitAt] = phases.map(phase => emitter.phase(schedule, phase)) as [
    number,
    number,
    number,
  ];
  const guards = schedule.guards.map(({value, kind, scope, iterations}) => ({
    value: emitter.valueIndex(value),
    kind,
    scope: emitter.scopeIndex(scope),
    iterations,
  }));
  const {body, values, signatures, scopes, instructions} = emitter;
  const words = planWords({
    stateUnits: schedule.stateBytes / unitBytes,
    arenaUnits: memory.arenaUnits,
    io: schedule.io,
    values: values.map(value => [value, memory.placeOf(value)]),
    guards,
    literals: memory.literals,
    body,
    exchangeAt,
    commitAt,
  });
  return {
    words,
    signatures,
    scopes,
    io: schedule.io,
    guards: schedule.guards.map(({kind, scope, scopes, source, sizes, iterations}) => ({
      kind,
      scope,
      ...(scopes && {scopes}),
      source,
      iterations,
      ...(sizes && {sizes}),
    })),
    stateBytes: schedule.stateBytes,
    arenaBytes: memory.arenaUnits * unitBytes,
    instructions,
  };
}

/** Gives each key an index, in the order of first use. */
class IndexTable<Key> {
  readonly keys: Key[] = [];
  private readonly indices = new Map<Key, number>();

  indexOf(key: Key): number {
    const known = this.indices.get(key);
    if (known !== undefined) return known;
    this.indices.set(key, this.keys.length);
    return this.keys.push(key) - 1;
  }
}

class Emitter {
  readonly body: number[] = [];
  readonly instructions: PlanInstruction[] = [];
  private readonly memory: Memory;
  private readonly valueTable = new IndexTable<Value>();
  private readonly signatureTable = new IndexTable<string>();
  private readonly scopeTable = new IndexTable<string>();
  private readonly attributes = new Attributes(text => this.signatureTable.indexOf(text));

  constructor(memory: Memory) {
    this.memory = memory;
  }

  get values(): readonly Value[] {
    return this.valueTable.keys;
  }

  get signatures(): readonly string[] {
    return this.signatureTable.keys;
  }

  get scopes(): readonly string[] {
    return this.scopeTable.keys;
  }

  valueIndex(value: Value): number {
    return this.valueTable.indexOf(value);
  }

  scopeIndex(scope: string): number {
    return this.scopeTable.indexOf(scope);
  }

  /** @returns where the phase begins. */
  phase(schedule: Schedule, phase: Phase): number {
    const start = this.body.length;
    for (const step of schedule[phase]) this.step(step, phase, []);
    return start;
  }

  private step(step: Step, phase: Phase, loops: readonly Loop[]): void {
    if (step.kind === 'instruction') this.instruction(step, phase, loops);
    else this.loop(step, phase, loops);
  }

  private instruction(step: Instruction, phase: Phase, loops: readonly Loop[]): void {
    const {op, scope, outputs, inputs, updated = []} = step;
    const signature = this.signatureTable.indexOf(kernelSignature(op, inputs));
    const words = instructionWords({
      signature,
      scope: this.scopeIndex(scope),
      outputs: outputs.map(value => this.valueIndex(value)),
      inputs: inputs.map(value => this.valueIndex(value)),
      attributes: [...this.attributes.words(op, step.attributes, inputs.length), ...updated],
    });
    this.body.push(...words);
    const describe = (value: Value): string => this.describe(value);
    this.instructions.push({
      name: op.name,
      scope,
      phase,
      // Few plans are ever listed.
      get outputs() {
        return outputs.map(describe);
      },
      get inputs() {
        return inputs.map(describe);
      },
      get attributes() {
        return formatAttributes(op, step.attributes, inputs.length);
      },
      depth: loops.length,
      times: loops.reduce((times, {count}) => times * count, 1),
      reversed: loops.at(-1)?.reverse ? loops.at(-1)?.count : undefined,
      flops: op.flops(inputs, outputs, step.attributes),
      bytes: [...outputs, ...inputs].reduce((sum, value) => sum + Math.max(0, bytesOf(value)), 0),
    });
  }

  private loop(loop: Loop, phase: Phase, loops: readonly Loop[]): void {
    const {count, strides, alternating, body} = loop;
    const moves = [...strides, ...alternating].flatMap(({value, elements}) => [
      this.valueIndex(value),
      elements,
    ]);
    this.body.push(items.loop, moves.length + 5, count, strides.length, alternating.length, ...moves);
    for (const step of body) this.step(step, phase, [...loops, loop]);
    this.body.push(items.end, 2);
  }

  /** `t3 arena+128 f32[128,10]` */
  private describe(value: Value): string {
    const {space, position, offset} = this.memory.placeOf(value);
    const within = offset * dtypes[value.dtype].bytes;
    const bytes = within + (space === 'literal' ? position * 4 : position * unitBytes);
    const where = space === 'io' ? `io[${position}]${within === 0 ? '' : `+${within}`}` : `${space}+${bytes}`;
    return `${value.name} ${where} ${dtypes[value.dtype].short}${formatShape(value.shape)}`;
  }
}
