// Pass 5: the words of the plan, laid out as native/plan.h says, and the same in readable form.
import {dtypes} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import {
  guardKinds,
  header,
  headerWords,
  type IoSlot,
  ioFlags,
  items,
  maxRank,
  type Phase,
  type Plan,
  type PlanInstruction,
  phases,
  planMagic,
  planVersion,
  spaces,
  unitBytes,
} from '../plan.ts';
import {Attributes, formatAttributes} from './attributes.ts';
import type {Memory} from './memory.ts';
import {bytesOf, type Instruction, type Loop, type Schedule, type Step, type Value} from './steps.ts';

export function emit(schedule: Schedule, memory: Memory): Plan {
  const emitter = new Emitter(memory);
  const [, exchangeAt, commitAt] = phases.map(phase => emitter.phase(schedule, phase)) as [
    number,
    number,
    number,
  ];
  const guards = schedule.guards.flatMap(({value, kind, scope, iterations}) => [
    emitter.valueIndex(value),
    guardKinds.indexOf(kind),
    emitter.scopeIndex(scope),
    iterations,
  ]);
  const {body, values, signatures, scopes, instructions} = emitter;
  const tail = [
    ...schedule.io.flatMap(ioWords),
    ...values.flatMap(value => valueWords(value, memory)),
    ...guards,
  ];
  const wordCount = headerWords + tail.length + memory.literals.length + body.length;
  const words = new Int32Array(wordCount);
  words[header.magic] = planMagic;
  words[header.version] = planVersion;
  words[header.wordCount] = wordCount;
  words[header.stateUnits] = schedule.stateBytes / unitBytes;
  words[header.arenaUnits] = memory.arenaUnits;
  words[header.ioCount] = schedule.io.length;
  words[header.valueCount] = values.length;
  words[header.guardCount] = schedule.guards.length;
  words[header.literalWords] = memory.literals.length;
  words[header.bodyWords] = body.length;
  words[header.exchangeAt] = exchangeAt;
  words[header.commitAt] = commitAt;
  words.set(tail, headerWords);
  words.set(memory.literals, headerWords + tail.length);
  words.set(body, headerWords + tail.length + memory.literals.length);
  return {
    words,
    signatures,
    scopes,
    io: schedule.io,
    guards: schedule.guards.map(({kind, scope, scopes, source, iterations}) => ({
      kind,
      scope,
      ...(scopes && {scopes}),
      source,
      iterations,
    })),
    stateBytes: schedule.stateBytes,
    arenaBytes: memory.arenaUnits * unitBytes,
    instructions,
  };
}

function dimsOf(shape: Shape, name: string): number[] {
  if (shape.length > maxRank) {
    fail('ERR_SHAPE', `compile: ${name} has ${formatShape(shape)}; at most ${maxRank} axes are possible.`);
  }
  return [...shape, ...new Array<number>(maxRank - shape.length).fill(1)];
}

function ioWords({name, shape, dtype, output, perStep}: IoSlot): number[] {
  const flags = (output ? ioFlags.output : 0) | (shape[0] === -1 ? ioFlags.dynamicRows : 0);
  const stride = perStep ? sizeOf(shape) : 0;
  return [dtypes[dtype].code, flags, shape.length, ...dimsOf(shape, name), stride];
}

function valueWords(value: Value, memory: Memory): number[] {
  const {space, position, offset} = memory.placeOf(value);
  const {name, shape, dtype} = value;
  return [spaces.indexOf(space), position, dtypes[dtype].code, shape.length, ...dimsOf(shape, name), offset];
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
    const {op, scope, outputs, inputs} = step;
    const signature = this.signatureTable.indexOf(op.signature.text);
    const operands = [...outputs, ...inputs].map(value => this.valueIndex(value));
    const attributes = this.attributes.words(op, step.attributes);
    const head = [
      signature,
      this.scopeIndex(scope),
      outputs.length,
      inputs.length,
      attributes.length,
      ...operands,
      ...attributes,
    ];
    this.body.push(items.instruction, head.length + 2, ...head);
    this.instructions.push({
      name: op.name,
      scope,
      phase,
      outputs: outputs.map(value => this.describe(value)),
      inputs: inputs.map(value => this.describe(value)),
      attributes: formatAttributes(op, step.attributes, inputs.length),
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
