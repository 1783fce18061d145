// Plans written by hand, word by word: what the runtime makes of a plan is tested without the compiler.
import {type DType, dtypes} from '../../lib/core/dtype.ts';
import {type Shape, sizeOf} from '../../lib/core/shape.ts';
import type {GuardKind} from '../../lib/core/tensor.ts';
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
  planMagic,
  planVersion,
  type SpaceName,
  spaces,
  unitBytes,
} from '../../lib/plan.ts';

/** The signatures that the tests use, in the spelling of lib/ops. */
export const signatures = {
  map: 'map(...inputs: any) -> y: any {program: words}',
  copy: 'copy(x: T) -> y: T',
  finite: 'finite(x: f32) -> guard: i32',
  gather: 'gatherRows(source: T, rows: i32) -> y: f32, guard: i32 {scale: f32, offset: f32}',
  matmul:
    'matmul(a: f32, b: f32, ...epilogue: f32) -> c: f32, guard?: i32 ' +
    '{transposeA: bool, transposeB: bool, bfloat16: bool, bias: bool, map: op}',
  sgd:
    'sgd(hyper: f32, ...segments: f32) -> ...updated: f32 ' +
    '{decays: bool, averages: bool, pauses: bool, groups: words}',
};

/** Attributes of a product alone, of operands as they are. */
export const alone = [0, 0, 0, 0, -1] as const;

/** One step of a map program: op by signature, tile, registers. */
export type MapStep = readonly [signature: string, tile: number, ...operands: number[]];

const bits = (value: number): number => new Int32Array(new Float32Array([value]).buffer)[0] as number;

export class PlanWords {
  readonly #io: IoSlot[] = [];
  readonly #values: number[][] = [];
  readonly #guards: [value: number, kind: GuardKind, iterations: number][] = [];
  readonly #signatures: string[] = [];
  readonly #instructions: PlanInstruction[] = [];
  readonly #literals: number[] = [];
  readonly #body: number[] = [];
  #exchangeAt: number | undefined;
  #commitAt: number | undefined;
  #depth = 0;
  #units = {state: 0, arena: 0};

  /** An io slot and the value that reads or writes it. */
  io(name: string, dtype: DType, shape: Shape, options: {output?: boolean; perStep?: boolean} = {}): number {
    const {output = false, perStep = false} = options;
    this.#io.push({name, shape, dtype, output, perStep});
    return this.value('io', this.#io.length - 1, dtype, shape);
  }

  /** A value of its own in the state or the arena. */
  place(space: 'state' | 'arena', dtype: DType, shape: Shape): number {
    const position = this.#units[space];
    this.#units[space] += Math.ceil((sizeOf(shape) * dtypes[dtype].bytes) / unitBytes);
    return this.value(space, position, dtype, shape);
  }

  /** `offset` elements from the position. */
  value(space: SpaceName, position: number, dtype: DType, shape: Shape, offset = 0): number {
    const dims = [...shape, ...new Array<number>(maxRank - shape.length).fill(1)];
    const words = [spaces.indexOf(space), position, dtypes[dtype].code, shape.length, ...dims, offset];
    return this.#values.push(words) - 1;
  }

  literal(numbers: readonly number[]): number {
    const at = this.#literals.length;
    this.#literals.push(...numbers.map(bits));
    while (this.#literals.length % 16 !== 0) this.#literals.push(0);
    return this.value('literal', at, 'float32', [numbers.length]);
  }

  instruction(
    signature: string,
    outputs: readonly number[],
    inputs: readonly number[],
    attributes: readonly number[] = [],
  ): this {
    const counts = [outputs.length, inputs.length, attributes.length];
    const rest = [this.#signature(signature), 0, ...counts, ...outputs, ...inputs, ...attributes];
    this.#body.push(items.instruction, rest.length + 2, ...rest);
    this.#instructions.push({
      ...{name: signature.slice(0, signature.indexOf('(')), scope: `at${this.#instructions.length}`},
      ...{phase: this.#phase, depth: this.#depth, times: 1},
      ...{outputs: [], inputs: [], attributes: '', flops: 0, bytes: 0},
    });
    return this;
  }

  /** Registers: the inputs, the constants, the tiles; the last step's tile is the result. */
  map(
    output: number,
    inputs: readonly number[],
    constants: readonly number[],
    steps: readonly MapStep[],
  ): this {
    const tiles = Math.max(...steps.map(([, tile]) => tile)) + 1;
    const words = steps.flatMap(([signature, tile, a, b = -1, c = -1]) => [
      this.#signature(signature),
      tile,
      a as number,
      b,
      c,
    ]);
    const program = [constants.length, ...constants.map(bits), 0, tiles, steps.length, ...words];
    return this.instruction(signatures.map, [output], inputs, program);
  }

  loop(
    count: number,
    strides: readonly (readonly [value: number, elements: number])[],
    alternating: readonly (readonly [value: number, elements: number])[],
    body: () => void,
  ): this {
    const rest = [...strides.flat(), ...alternating.flat()];
    this.#body.push(items.loop, rest.length + 5, count, strides.length, alternating.length, ...rest);
    this.#depth++;
    body();
    this.#depth--;
    this.#body.push(items.end, 2);
    return this;
  }

  guard(value: number, kind: GuardKind, iterations = 1): this {
    this.#guards.push([value, kind, iterations]);
    return this;
  }

  get #phase(): Phase {
    if (this.#commitAt !== undefined) return 'commit';
    return this.#exchangeAt === undefined ? 'compute' : 'exchange';
  }

  /** What follows is the exchange phase. */
  exchange(): this {
    this.#exchangeAt = this.#body.length;
    return this;
  }

  /** What follows is the commit phase. */
  commit(): this {
    this.#commitAt = this.#body.length;
    return this;
  }

  /** `tamper` may spoil the words before they are put together. */
  plan(tamper: {arenaUnits?: number; stateUnits?: number; body?: (body: number[]) => void} = {}): Plan {
    const body = [...this.#body];
    tamper.body?.(body);
    const io = this.#io.flatMap(({shape, dtype, output, perStep}) => [
      dtypes[dtype].code,
      (output ? ioFlags.output : 0) | (shape[0] === -1 ? ioFlags.dynamicRows : 0),
      ...[shape.length, ...shape, ...new Array<number>(maxRank - shape.length).fill(1)],
      perStep ? sizeOf(shape) : 0,
    ]);
    const guards = this.#guards.flatMap(([value, kind, iterations]) => [
      value,
      guardKinds.indexOf(kind),
      0,
      iterations,
    ]);
    const tail = [...io, ...this.#values.flat(), ...guards, ...this.#literals, ...body];
    const words = new Int32Array(headerWords + tail.length);
    words[header.magic] = planMagic;
    words[header.version] = planVersion;
    words[header.wordCount] = words.length;
    words[header.stateUnits] = tamper.stateUnits ?? this.#units.state;
    words[header.arenaUnits] = tamper.arenaUnits ?? this.#units.arena;
    words[header.ioCount] = this.#io.length;
    words[header.valueCount] = this.#values.length;
    words[header.guardCount] = this.#guards.length;
    words[header.literalWords] = this.#literals.length;
    words[header.bodyWords] = body.length;
    words[header.commitAt] = this.#commitAt ?? body.length;
    words[header.exchangeAt] = this.#exchangeAt ?? words[header.commitAt] ?? 0;
    words.set(tail, headerWords);
    return {
      words,
      signatures: this.#signatures,
      scopes: [''],
      io: this.#io,
      guards: this.#guards.map(([, kind, iterations], at) => ({
        ...{kind, scope: `guard${at}`, source: undefined},
        iterations,
      })),
      stateBytes: this.#units.state * unitBytes,
      arenaBytes: this.#units.arena * unitBytes,
      instructions: this.#instructions,
    };
  }

  #signature(text: string): number {
    const known = this.#signatures.indexOf(text);
    return known >= 0 ? known : this.#signatures.push(text) - 1;
  }
}

export const ops = {
  add: 'add(a: f32, b: f32) -> y: f32',
  mul: 'mul(a: f32, b: f32) -> y: f32',
  div: 'div(a: f32, b: f32) -> y: f32',
  tanh: 'tanh(x: f32) -> y: f32',
  broadcastTo: 'broadcastTo(x: f32) -> y: f32',
};

/** A Float32Array that no one can take away. */
export function shared(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * 4));
}
