import type {DType, TypedArray} from './dtype.ts';
import {dtypes} from './dtype.ts';
import {checkOptions, fail} from './errors.ts';
import {isNumericArray, isOwn, mark, show} from './kinds.ts';
import {zip} from './lists.ts';
import {converted as convertedNumbers} from './numbers.ts';
import {declaredAt, misfitOf, promotedTypes} from './promotion.ts';
import {checkReach} from './reach.ts';
import {currentScope, failIn} from './scope.ts';
import {formatShape, type Shape, sizeOf} from './shape.ts';
import {parseSignature, type Signature} from './signature.ts';
import type {InputList, Listed, OutputList} from './signature-types.ts';

export {currentScope, failIn, inScopeOf, withScope} from './scope.ts';

/** Shape and element type of one result of an op. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What it means when a kernel's guard output is not -1; twin of `enum class Guard` in native/plan.h. */
export type GuardKind = 'indexOutOfRange' | 'inputNotFinite' | 'labelOutOfRange' | 'notFinite' | 'stop';

/** One gradient per input, null where none flows. */
export type Gradients = readonly (Tensor | null)[];

/** A result that tells, by a number that is not -1, that the step must not be committed. */
export interface Guard {
  readonly kind: GuardKind;
  /** Which output it is. */
  readonly output: number;
  /** The input whose values it is about: rows of a data set, labels. */
  readonly operand: number | undefined;
  /**
   * Of indices: how many positions there are; where there are several sizes, element p is about size p mod n.
   */
  readonly sizes: ((call: Call) => readonly number[]) | undefined;
  /** Of one that many share: the scope of each, by position. */
  readonly scopes: ((call: Call) => readonly string[]) | undefined;
}

/** What makes an op a product of matrices: each element of its first result is a sum over an inner axis. */
export interface Contraction {
  /** How many terms each sum has. */
  terms(inputs: readonly TensorSpec[], attributes: object): number;
}

/** What makes an op one whose operands may be rounded to bfloat16. */
export interface Rounding {
  /**
   * How many rows, columns and terms share what rounding costs: it pays where each is long enough. Where
   * one of a batch has the same bits alone, those of one.
   */
  sides(call: Call): readonly number[];
  /** The attributes of the same call with operands rounded to bfloat16. */
  inBfloat16(attributes: object): object;
}

/**
 * An op owns its rules: compiler passes name no op but read the traits below. Attributes that the signature
 * names go into the plan; others (a target shape) are for its own rules alone. Made by `defineOp`, from rules
 * that have operands by name; here they go by position.
 */
export interface Op<Attributes extends object = object, Text extends string = string> {
  readonly name: string;
  readonly signature: Signature<Text>;
  /**
   * leaf: computes nothing. primitive: has a kernel and a gradient. fused: has a kernel, and only the
   * compiler introduces it. loop: has no kernel but a region, which runs many times; its attributes are a
   * `Loop` of lib/core/region.ts. checkpoint: its results are its first operands to all but differentiation;
   * see lib/core/replay.ts.
   */
  readonly kind: 'leaf' | 'primitive' | 'fused' | 'loop' | 'checkpoint';
  /**
   * Element i of the result depends on element i of the (broadcast) inputs alone: such a call can become
   * part of a map or of a product's epilogue.
   */
  readonly elementwise: boolean;
  /** Elementwise, and all that it does, broadcasting and converting, is what loading or storing does. */
  readonly converts: boolean;
  /** The result is the memory of the first input under another shape: there is nothing to compute. */
  readonly view: boolean;
  readonly contraction: Contraction | undefined;
  readonly rounding: Rounding | undefined;
  readonly guard: Guard | undefined;
  /** Other processes take part in it: it runs once in each step, in the exchange phase of the plan. */
  readonly exchanges: boolean;
  /** Which input output 0 may overwrite, as a bit mask; elementwise ops may overwrite any. */
  readonly inPlace: number;
  /** For ops that update state: the input that each output replaces. */
  readonly updates: ((call: Call) => readonly number[]) | undefined;
  infer(inputs: readonly Tensor[], attributes: Attributes): readonly TensorSpec[];
  /** Floating-point operations, by shape: for comparing measured times with the machine's ceiling. */
  flops(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], attributes: Attributes): number;
  /** Gradient rule: `gradients` holds one entry per output, null where none arrives. */
  readonly grad: ((gradients: Gradients, call: Call) => Gradients) | undefined;
}

/** One application of an op. */
export class Call<Attributes extends object = object> {
  readonly op: Op<Attributes>;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly outputs: readonly Tensor[];
  /** The part of the model it belongs to, e.g. `encoder/dense_3`: for errors, listings and profiles. */
  readonly scope: string;
  /** Made by differentiation: listings show such calls separately. */
  isGradient = false;

  constructor(op: Op<Attributes>, inputs: readonly Tensor[], attributes: Attributes, scope: string) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.scope = scope;
    this.outputs = op.infer(inputs, attributes).map((spec, index) => new Tensor(this, index, spec));
    if (op.kind !== 'leaf') for (const {shape} of this.outputs) checkReach(op.name, shape);
  }

  /** The first input: that of a view, a check, a cast. */
  get operand(): Tensor {
    return this.inputs[0] ?? fail('ERR_GRAPH', `${this.op.name} has no operand.`);
  }

  /** The first output, which most calls have alone. */
  get result(): Tensor {
    return this.outputs[0] ?? fail('ERR_GRAPH', `${this.op.name} has no result.`);
  }
}

let nextId = 0;

/** A symbolic value: stands for what an op will compute. */
export class Tensor {
  static {
    mark(Tensor.prototype, 'tensor');
  }

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

export const isTensor = (value: unknown): value is Tensor => isOwn(value, 'tensor');

/** Refuses what is no tensor, by the name of the operand, before an op looks at its shape. */
export function checkTensor(op: string, name: string, value: unknown): asserts value is Tensor {
  if (!isTensor(value)) failIn(op, 'ERR_DTYPE', `operand ${name} must be a tensor. Received ${show(value)}`);
}

export function checkShape(op: string, shape: unknown): asserts shape is Shape {
  if (!Array.isArray(shape)) {
    failIn(op, 'ERR_SHAPE', `the shape must be an array of sizes. Received ${show(shape)}`);
  }
  if (!shape.every(Number.isInteger)) {
    failIn(op, 'ERR_SHAPE', `sizes must be integers. Received ${show(shape)}`);
  }
}

/** Every op that has been defined, by name. */
export const opTable = new Map<string, Op>();

/** Enters an op into the table: for `defineOp`, and for leaves. */
export function register<Attributes extends object, Text extends string>(
  op: Op<Attributes, Text>,
): Op<Attributes, Text> {
  if (opTable.has(op.name)) fail('ERR_GRAPH', `op ${op.name} is defined twice.`);
  opTable.set(op.name, op);
  return op;
}

type Convert = (x: Tensor, dtype: DType) => Tensor;

let convert: Convert | undefined;

/** Told by who defines `cast`, which is an op itself. */
export function convertWith(converter: Convert): void {
  convert = converter;
}

/** A tensor as another type. */
export const converted: Convert = (x, dtype) =>
  convert?.(x, dtype) ?? fail('ERR_GRAPH', 'no op that converts is known yet.');

/**
 * The operands as the op takes them: those of a type that promotes to one that it takes are converted.
 * Refuses others, and any other number of them.
 */
function takenBy(op: Op, inputs: readonly Tensor[]): readonly Tensor[] {
  const {signature} = op;
  const {fewest, most} = signature;
  if (inputs.length < fewest || inputs.length > most) {
    failIn(op.name, 'ERR_SHAPE', `expected ${fewest} operands. Received ${inputs.length}`);
  }
  for (let position = 0; position < inputs.length; position++) {
    checkTensor(op.name, declaredAt(signature, position).name, inputs[position]);
  }
  const misfit = misfitOf(signature, inputs);
  if (!misfit) return inputs;
  const types = promotedTypes(op, inputs);
  if (types) return zip(inputs, types).map(([x, dtype]) => (x.dtype === dtype ? x : converted(x, dtype)));
  const {position, wanted} = misfit;
  const {name} = declaredAt(signature, position);
  return failIn(op.name, 'ERR_DTYPE', `operand ${name} must be ${wanted}. Received ${inputs[position]}`);
}

/**
 * Applies an op to tensors, in the order of its signature: checks and promotes them, infers the results'
 * shapes, and makes the symbolic results. In the scope that is open, unless another is given.
 */
export function apply<Attributes extends object, Text extends string>(
  op: Op<Attributes, Text>,
  inputs: Listed<InputList<Text>, Tensor>,
  attributes: Attributes,
  scope?: string,
): Listed<OutputList<Text>, Tensor>;
export function apply(op: Op, inputs: readonly Tensor[], attributes: object, scope = currentScope()) {
  return new Call(op, takenBy(op, inputs), attributes, scope).outputs;
}

/** The first (often only) result of applying an op. */
export function apply1<Attributes extends object, Text extends string>(
  op: Op<Attributes, Text>,
  inputs: Listed<InputList<Text>, Tensor>,
  attributes: Attributes,
): Tensor;
export function apply1(op: Op, inputs: readonly Tensor[], attributes: object): Tensor {
  return new Call(op, takenBy(op, inputs), attributes, currentScope()).result;
}

// Leaves: where values come from.

function defineLeaf<Attributes extends object>(
  name: string,
  specOf: (attributes: Attributes) => TensorSpec,
): Op<Attributes, `${string}() -> x: any`> {
  return register({
    name,
    signature: parseSignature(`${name}() -> x: any`),
    kind: 'leaf',
    elementwise: false,
    converts: false,
    view: false,
    contraction: undefined,
    rounding: undefined,
    guard: undefined,
    exchanges: false,
    inPlace: 0,
    updates: undefined,
    infer: (_, attributes) => [specOf(attributes)],
    flops: () => 0,
    grad: undefined,
  });
}

export interface InputAttributes extends TensorSpec {
  readonly name: string;
  /** Each step of a run reads the next block of this size; otherwise all steps read the same. */
  readonly perStep: boolean;
}

export const inputOp = defineLeaf<InputAttributes>('input', spec => spec);

/**
 * A value given with each run. A leading size of -1 stands for as many rows as the array bound has: such an
 * input can only be read by `gatherRows` and `gatherLabels`.
 */
export function input(options: {name: string; shape: Shape; dtype?: DType; perStep?: boolean}): Tensor {
  checkOptions('ops.input', options ?? null, ['name', 'shape', 'dtype', 'perStep']);
  const {name, shape, dtype = 'float32', perStep = false} = options;
  checkShape('ops.input', shape);
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

const variableOp = defineLeaf<{readonly variable: Omit<Variable, 'tensor'>}>(
  'variable',
  ({variable: spec}) => spec,
);

export function variable(options: {
  name: string;
  shape: Shape;
  dtype?: DType;
  trainable?: boolean;
  initial?: (source: RandomSource) => Tensor;
}): Variable {
  checkOptions('ops.variable', options ?? null, ['name', 'shape', 'dtype', 'trainable', 'initial']);
  const {name, shape, dtype = 'float32', trainable = true, initial} = options;
  checkShape('ops.variable', shape);
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

/** Stands for what each iteration of a loop reads: a carry, or a slice of a sequence. */
export const parameterOp = defineLeaf<TensorSpec & {readonly name: string; readonly number: number}>(
  'parameter',
  spec => spec,
);

let parameters = 0;

/** Each is equal only to itself. */
export const parameter = (name: string, {shape, dtype}: TensorSpec): Tensor =>
  apply1(parameterOp, [], {name, shape, dtype, number: parameters++});

type ConstantAttributes = TensorSpec & {readonly data: TypedArray};

export const constantOp = defineLeaf<ConstantAttributes>('constant', spec => spec);

/** A fixed value: a number, or an array with its shape. */
export function constant(value: number | TypedArray, shape: Shape = [], dtype: DType = 'float32'): Tensor {
  if (typeof value !== 'number' && !isNumericArray(value)) {
    failIn('constant', 'ERR_DTYPE', `expected a number or a typed array. Received ${show(value)}`);
  }
  checkShape('constant', shape);
  const data = dtypes[dtype].isArray(value)
    ? value
    : convertedNumbers(
        'constant',
        typeof value === 'number' ? [value] : (value as ArrayLike<unknown>),
        dtype,
      );
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
