import type {DType, TypedArray} from './dtype.ts';
import {dtypeOfShort} from './dtype.ts';
import {fail} from './errors.ts';
import type {Shape} from './shape.ts';
import {formatShape, sizeOf} from './shape.ts';
import {parseSignature, type Signature} from './signature.ts';

/** Shape and element type of one result of an op. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What it means when a kernel's guard output is not -1; twin of `enum class Guard` in native/plan.h. */
export type GuardKind = 'indexOutOfRange' | 'inputNotFinite' | 'labelOutOfRange' | 'notFinite' | 'stop';

/** One gradient per input, null where none flows. Annotate gradient rules with it. */
export type Gradients = readonly (Tensor | null)[];

/**
 * An op owns its rules: compiler passes name no op but read the traits below. Attributes that the signature
 * names go into the plan; others (a target shape) are for `infer` alone.
 */
export interface Op<Attributes extends object = object> {
  readonly name: string;
  readonly signature: Signature;
  /**
   * leaf: computes nothing. primitive: has a kernel and a gradient. fused: has a kernel, and only the
   * compiler introduces it.
   */
  readonly kind: 'leaf' | 'primitive' | 'fused';
  /**
   * Element i of the result depends on element i of the (broadcast) inputs alone: such a call can become
   * part of a map or of a product's epilogue.
   */
  readonly elementwise: boolean;
  /** The result is the memory of the first input under another shape: there is nothing to compute. */
  readonly view: boolean;
  /** For ops with an output named `guard`: what it means when that is not -1. */
  readonly guard: GuardKind | undefined;
  /** Which input output 0 may overwrite, as a bit mask; elementwise ops may overwrite any. */
  readonly inPlace: number;
  /** For ops that update state: the input that each output replaces. */
  readonly updates: ((call: Call) => readonly number[]) | undefined;
  infer(inputs: readonly Tensor[], attributes: Attributes): readonly TensorSpec[];
  /** Floating-point operations, by shape: for comparing measured times with the machine's ceiling. */
  flops(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], attributes: Attributes): number;
  /** Gradient rule: `gradients` holds one entry per output, null where none arrives. */
  readonly grad: ((gradients: Gradients, call: Call<Attributes>) => Gradients) | undefined;
}

/** One application of an op. */
export class Call<Attributes extends object = object> {
  readonly op: Op<Attributes>;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly outputs: readonly Tensor[];
  /** The part of the model it belongs to, e.g. `encoder/dense_3`: for errors, listings and profiles. */
  readonly scope: string;

  constructor(op: Op<Attributes>, inputs: readonly Tensor[], attributes: Attributes, scope: string) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.scope = scope;
    this.outputs = op
      .infer(inputs, attributes)
      .map((spec, index) => new Tensor(this as unknown as Call, index, spec));
  }
}

let nextId = 0;

/** A symbolic value: stands for what an op will compute. */
export class Tensor {
  readonly id: number;
  readonly call: Call;
  readonly index: number;
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(call: Call, index: number, spec: TensorSpec) {
    this.id = nextId++;
    this.call = call;
    this.index = index;
    this.shape = spec.shape;
    this.dtype = spec.dtype;
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  toString(): string {
    return `${this.dtype}${formatShape(this.shape)}`;
  }
}

const scopes: string[] = [];

/** The path of the scopes now open. */
export function currentScope(): string {
  return scopes.join('/');
}

/** Runs `build` with every op in it marked as belonging to `name`. */
export function withScope<Result>(name: string, build: () => Result): Result {
  scopes.push(name);
  try {
    return build();
  } finally {
    scopes.pop();
  }
}

/** Runs `build` in the scope of an earlier call: gradients belong where their op belongs. */
export function inScopeOf<Result>(call: Call, build: () => Result): Result {
  const saved = scopes.splice(0, scopes.length, ...(call.scope === '' ? [] : [call.scope]));
  try {
    return build();
  } finally {
    scopes.splice(0, scopes.length, ...saved);
  }
}

/** `matmul: … in encoder/dense_3.` */
export function failIn(op: string, code: 'ERR_SHAPE' | 'ERR_DTYPE' | 'ERR_VALUE', message: string): never {
  const scope = currentScope();
  fail(code, `${op}: ${message}${scope === '' ? '' : ` in ${scope}`}.`);
}

export interface OpDefinition<Attributes extends object> {
  signature: string;
  kind?: Op['kind'];
  elementwise?: boolean;
  view?: boolean;
  guard?: GuardKind;
  inPlace?: number;
  updates?: (call: Call) => readonly number[];
  infer(inputs: readonly Tensor[], attributes: Attributes): readonly TensorSpec[];
  /** One for each element of the largest operand, unless given. */
  flops?(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], attributes: Attributes): number;
  grad?(gradients: Gradients, call: Call<Attributes>): Gradients;
}

function largestSize(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): number {
  return Math.max(0, ...[...inputs, ...outputs].map(({shape}) => sizeOf(shape)));
}

/** Every op that has been defined, by name. */
export const opTable = new Map<string, Op>();

export function defineOp<Attributes extends object = object>(
  definition: OpDefinition<Attributes>,
): Op<Attributes> {
  const signature = parseSignature(definition.signature);
  const op: Op<Attributes> = {
    name: signature.name,
    signature,
    kind: definition.kind ?? 'primitive',
    elementwise: definition.elementwise ?? false,
    view: definition.view ?? false,
    guard: definition.guard,
    inPlace: definition.inPlace ?? 0,
    updates: definition.updates,
    infer: definition.infer,
    flops: definition.flops ?? largestSize,
    grad: definition.grad?.bind(definition),
  };
  if (opTable.has(op.name)) fail('ERR_GRAPH', `op ${op.name} is defined twice.`);
  opTable.set(op.name, op as unknown as Op);
  return op;
}

/** Refuses operands whose number or element types the signature does not allow. */
function checkOperands(op: Op, inputs: readonly Tensor[]): void {
  const bound = new Map<string, DType>();
  const declared = op.signature.inputs;
  const required = declared.filter(operand => !operand.optional && !operand.variadic).length;
  const variadic = declared.at(-1)?.variadic === true;
  if (inputs.length < required || (!variadic && inputs.length > declared.length)) {
    failIn(op.name, 'ERR_SHAPE', `expected ${required} operands. Received ${inputs.length}`);
  }
  inputs.forEach((input, position) => {
    const {name, type} = declared[Math.min(position, declared.length - 1)] as (typeof declared)[number];
    if (type === 'any') return;
    const expected = dtypeOfShort(type) ?? bound.get(type);
    if (expected === undefined) bound.set(type, input.dtype);
    else if (input.dtype !== expected) {
      failIn(op.name, 'ERR_DTYPE', `operand ${name} must be ${expected}. Received ${input}`);
    }
  });
}

/** Applies an op to tensors: checks them, infers the results' shapes, and makes the symbolic results. */
export function apply<Attributes extends object>(
  op: Op<Attributes>,
  inputs: readonly Tensor[],
  attributes: Attributes,
): readonly Tensor[] {
  checkOperands(op as unknown as Op, inputs);
  return new Call(op, inputs, attributes, currentScope()).outputs;
}

/** The first (often only) result of applying an op. */
export function apply1<Attributes extends object>(
  op: Op<Attributes>,
  inputs: readonly Tensor[],
  attributes: Attributes,
): Tensor {
  return apply(op, inputs, attributes)[0] as Tensor;
}

// Leaves: where values come from.

export interface InputAttributes extends TensorSpec {
  readonly name: string;
  /** Each step of a run reads the next block of this size; otherwise all steps read the same. */
  readonly perStep: boolean;
}

export const inputOp = defineOp<InputAttributes>({
  signature: 'input() -> x: any',
  kind: 'leaf',
  infer: (_, {shape, dtype}) => [{shape, dtype}],
});

/**
 * A value given with each run. A leading size of -1 stands for as many rows as the array bound has: such an
 * input can only be read by `gatherRows` and `gatherLabels`.
 */
export function input(options: {name: string; shape: Shape; dtype?: DType; perStep?: boolean}): Tensor {
  const {name, shape, dtype = 'float32', perStep = false} = options;
  return apply1(inputOp, [], {name, shape, dtype, perStep});
}

/**
 * Where random numbers come from: the key int32[2], the step int32[1], and the number of a stream: different
 * streams are independent.
 */
export interface RandomSource {
  readonly seed: Tensor;
  readonly step: Tensor;
  readonly stream: number;
}

/** A value that persists from step to step, in the `state` of the model that owns it. */
export interface Variable extends TensorSpec {
  readonly name: string;
  readonly trainable: boolean;
  /** Makes the graph of the initial value; without it the variable starts as zeros. */
  readonly initial: ((source: RandomSource) => Tensor) | undefined;
  readonly tensor: Tensor;
}

export const variableOp = defineOp<{readonly variable: Omit<Variable, 'tensor'>}>({
  signature: 'variable() -> x: any',
  kind: 'leaf',
  infer: (_, {variable: {shape, dtype}}) => [{shape, dtype}],
});

export function variable(options: {
  name: string;
  shape: Shape;
  dtype?: DType;
  trainable?: boolean;
  initial?: (source: RandomSource) => Tensor;
}): Variable {
  const {name, shape, dtype = 'float32', trainable = true, initial} = options;
  const fields = {name, shape, dtype, trainable, initial};
  const result = {...fields, tensor: apply1(variableOp, [], {variable: fields})};
  byTensor.set(result.tensor, result);
  return result;
}

const byTensor = new WeakMap<Tensor, Variable>();

/** The variable that a tensor reads, if it is one. */
export function variableOf(tensor: Tensor): Variable | undefined {
  return byTensor.get(tensor);
}

/** The same variable under the name that a model which shares it gives it. */
export function renamed(owner: Variable, name: string, trainable: () => boolean): Variable {
  return {
    ...owner,
    name,
    get trainable() {
      return trainable();
    },
  };
}

/** The variable that was made first, of which this may be a renamed one. */
export function originalOf(variable: Variable): Variable {
  return byTensor.get(variable.tensor) ?? variable;
}

export const constantOp = defineOp<TensorSpec & {readonly data: TypedArray}>({
  signature: 'constant() -> x: any',
  kind: 'leaf',
  infer: (_, {shape, dtype}) => [{shape, dtype}],
});

/** A fixed value: a number, or an array with its shape. */
export function constant(value: number | TypedArray, shape: Shape = [], dtype: DType = 'float32'): Tensor {
  const data =
    typeof value !== 'number'
      ? value
      : dtype === 'float32'
        ? new Float32Array([value])
        : new Int32Array([value]);
  if (data.length !== sizeOf(shape)) {
    failIn('constant', 'ERR_SHAPE', `${data.length} values do not fill the shape ${formatShape(shape)}`);
  }
  return apply1(constantOp, [], {shape, dtype, data});
}

/** A tensor or a number that stands for one. */
export type TensorLike = Tensor | number;

export function toTensor(value: TensorLike): Tensor {
  return typeof value === 'number' ? constant(value) : value;
}
