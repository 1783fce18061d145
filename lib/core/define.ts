// `defineOp`: an op from its signature and rules. The literal of the signature types the rules: they get
// operands, results and attributes by name, and what they forget is an error that says its name.
import {type DType, dtypeOfShort} from './dtype.ts';
import {fail} from './errors.ts';
import {at, zip} from './lists.ts';
import {byName, type Operands, type Results} from './operands.ts';
import {broadcastShapes, formatShape, type Shape, sizeOf} from './shape.ts';
import {type Operand, parseSignature, type Signature} from './signature.ts';
import type {Arriving, InputList, Leaving, Listing, OutputList} from './signature-types.ts';
import {
  type Call,
  type Contraction,
  failIn,
  type Gradients,
  type Guard,
  type GuardKind,
  isTensor,
  type Op,
  type Rounding,
  register,
  type Tensor,
  type TensorSpec,
} from './tensor.ts';

/** Attributes that a signature does not list, or not as closely. */
export interface Typed<Attributes extends object> {
  readonly example?: Attributes;
}

/** `also: attributes<{readonly shape: Shape}>()` */
export const attributes = <Attributes extends object>(): Typed<Attributes> => ({});

export type NoAttributes = Readonly<Record<never, never>>;

/** All attributes of an op. */
export type AttributesOf<Text extends string, Also extends object = NoAttributes> = Omit<
  Listing<Text>,
  keyof Also
> &
  Also;

/** A shape for the only result; for several, one each by name; a list of them for `...results`. */
type Shapes<Text extends string> =
  OutputList<Text> extends `...${string}`
    ? readonly Shape[]
    : OutputList<Text> extends `${string}, ${string}`
      ? Results<Text, Shape>
      : Shape;

/** From the gradients of the results, e.g. `{dy}`, to those of the operands, `{da, db}`. */
export type GradientRule<Text extends string, Attributes extends object = NoAttributes> = (
  gradients: Arriving<OutputList<Text>, Tensor>,
  values: Operands<Text> & Results<Text>,
  attributes: Attributes,
) => Leaving<InputList<Text>, Tensor>;

/** Traits are described at `Op`. */
export interface OpDefinition<Text extends string, Also extends object> {
  readonly signature: Text;
  /** Attributes besides the listed ones, which stay out of the plan; or closer types of listed ones. */
  readonly also?: Typed<Also>;
  readonly kind?: Op['kind'];
  readonly elementwise?: boolean;
  readonly converts?: boolean;
  readonly view?: boolean;
  /** What the result named `guard` means, the operand that it is about, and of how many positions. */
  readonly guard?: {
    readonly kind: GuardKind;
    readonly operand?: keyof Operands<Text>;
    sizes?(operands: Operands<Text>, attributes: AttributesOf<Text, Also>): readonly number[];
    /** Of one that many share: the scope of each, by position. */
    scopes?(attributes: AttributesOf<Text, Also>): readonly string[];
  };
  readonly contraction?: {
    terms(operands: Operands<Text, TensorSpec>, attributes: AttributesOf<Text, Also>): number;
  };
  readonly rounding?: {
    sides(
      values: Operands<Text, TensorSpec> & Results<Text, TensorSpec>,
      attributes: AttributesOf<Text, Also>,
    ): readonly number[];
    inBfloat16(attributes: AttributesOf<Text, Also>): object;
  };
  readonly exchanges?: boolean;
  /** The operand that the first result may overwrite. */
  readonly inPlace?: keyof Operands<Text>;
  updates?(call: Call<AttributesOf<Text, Also>>): readonly number[];
  /**
   * The shape of each result, undefined for an optional one that the call has not. Elementwise ops broadcast,
   * unless they say otherwise. Element types follow from the signature; that of a result of `any` type is the
   * attribute `dtype`.
   */
  shape?(operands: Operands<Text>, attributes: AttributesOf<Text, Also>): Shapes<Text>;
  /** One for each element of the largest operand, or two for each term of a contraction, unless given. */
  flops?(
    values: Operands<Text, TensorSpec> & Results<Text, TensorSpec>,
    attributes: AttributesOf<Text, Also>,
  ): number;
  /** Without a rule, `gradients` refuses to go through the op; `none`: none flows. */
  readonly grad?: 'none' | GradientRule<Text, AttributesOf<Text, Also>>;
}

/** The same to whoever reads it by position. */
type Definition = OpDefinition<string, object>;

/** `dy` for `y`, `dLoss` for `loss`. */
const gradientName = (name: string): string =>
  `d${name.length === 1 ? name : name.charAt(0).toUpperCase() + name.slice(1)}`;

function broadcast(name: string, inputs: readonly Tensor[]): Shape {
  const shape = broadcastShapes(inputs.map(input => input.shape));
  if (shape !== undefined) return shape;
  const received = inputs.map(input => formatShape(input.shape)).join(' and ');
  return failIn(name, 'ERR_SHAPE', `shapes do not broadcast together. Received ${received}`);
}

type TypeRule = (inputs: readonly Tensor[], given: object) => DType;

/** The element type of a result: as the signature says, or that of an operand of the same capital letter. */
function dtypeRule({type}: Operand, {name, inputs: declared}: Signature): TypeRule {
  const fixed = dtypeOfShort(type);
  if (fixed !== undefined) return () => fixed;
  const position = declared.findIndex(operand => operand.type === type);
  return (inputs, given) => {
    const {dtype} = given as {dtype?: DType};
    const found = type === 'any' ? dtype : inputs[position]?.dtype;
    return found ?? fail('ERR_GRAPH', `op ${name} has no element type for ${type}.`);
  };
}

function inferWith({shape: rule, elementwise}: Definition, signature: Signature): Op['infer'] {
  const {name, inputs: declared, outputs} = signature;
  if (!rule && !elementwise) fail('ERR_GRAPH', `op ${name} has no rule for shapes.`);
  const types = outputs.map(output => dtypeRule(output, signature));
  const dtypeOf = at(types, 0);
  const shapeOf = (inputs: readonly Tensor[], given: object): unknown =>
    rule ? rule(byName(declared, inputs), given) : broadcast(name, inputs);
  if (at(outputs, 0).variadic) {
    return (inputs, given) =>
      (shapeOf(inputs, given) as readonly Shape[]).map(shape => ({shape, dtype: dtypeOf(inputs, given)}));
  }
  if (outputs.length === 1) {
    return (inputs, given) => [{shape: shapeOf(inputs, given) as Shape, dtype: dtypeOf(inputs, given)}];
  }
  return (inputs, given) => {
    const shapes = shapeOf(inputs, given) as Readonly<Record<string, Shape | undefined>>;
    return zip(outputs, types).flatMap(([output, type]) => {
      const shape = shapes[output.name];
      if (shape !== undefined) return {shape, dtype: type(inputs, given)};
      return output.optional ? [] : fail('ERR_GRAPH', `op ${name} has no shape for ${output.name}.`);
    });
  };
}

function gradWith(rule: Definition['grad'], {inputs: declared, outputs}: Signature): Op['grad'] {
  if (rule === undefined) return undefined;
  if (rule === 'none') return (_, {inputs}) => inputs.map(() => null);
  const arrivingNames = outputs.map(({name}) => gradientName(name));
  const leavingNames = declared.map(({name}) => gradientName(name));
  return (gradients, {inputs, outputs: results, attributes: given}) => {
    const arriving: Record<string, Tensor | null> = {};
    for (const [index, name] of arrivingNames.entries()) arriving[name] = gradients[index] ?? null;
    const leaving = rule(arriving, byName(outputs, results, byName(declared, inputs)), given);
    const named = leaving as Readonly<Record<string, Tensor | null | Gradients>>;
    return leavingNames.flatMap((name): Gradients => {
      const own = named[name] ?? null;
      return own === null || isTensor(own) ? [own] : own;
    });
  };
}

function guardOf(given: Definition['guard'], {name, inputs, outputs}: Signature): Guard | undefined {
  if (!given) return undefined;
  const output = outputs.findIndex(result => result.name === 'guard');
  if (output < 0) fail('ERR_GRAPH', `op ${name} has no result named guard.`);
  const operand = inputs.findIndex(input => input.name === given.operand);
  const {kind, sizes, scopes} = given;
  return {
    kind,
    output,
    operand: operand < 0 ? undefined : operand,
    sizes: sizes && (call => sizes(byName(inputs, call.inputs), call.attributes)),
    scopes: scopes && (({attributes: own}) => scopes(own)),
  };
}

function contractionOf(given: Definition['contraction'], {inputs}: Signature): Contraction | undefined {
  if (!given) return undefined;
  return {terms: (specs, own) => given.terms(byName(inputs, specs), own)};
}

function roundingOf(given: Definition['rounding'], signature: Signature): Rounding | undefined {
  if (!given) return undefined;
  return {
    sides: ({inputs, outputs, attributes}) =>
      given.sides(byName(signature.outputs, outputs, byName(signature.inputs, inputs)), attributes),
    inBfloat16: given.inBfloat16.bind(given),
  };
}

function flopsWith(given: Definition['flops'], signature: Signature, product: Contraction | undefined) {
  return (inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], own: object): number => {
    if (given) {
      return given(byName(signature.outputs, outputs, byName(signature.inputs, inputs)), own);
    }
    // A multiplication and an addition for each term.
    if (product) return 2 * sizeOf(outputs[0]?.shape ?? []) * product.terms(inputs, own);
    return Math.max(0, ...[...inputs, ...outputs].map(({shape}) => sizeOf(shape)));
  };
}

/** Defines an op and enters it into the table of all ops. */
export function defineOp<const Text extends string, Also extends object = NoAttributes>(
  typed: OpDefinition<Text, Also>,
): Op<AttributesOf<Text, Also>, Text> {
  const signature = parseSignature(typed.signature);
  const definition = typed as unknown as Definition;
  const {inPlace, updates} = definition;
  const contraction = contractionOf(definition.contraction, signature);
  return register({
    name: signature.name,
    signature,
    kind: definition.kind ?? 'primitive',
    elementwise: definition.elementwise ?? false,
    converts: definition.converts ?? false,
    view: definition.view ?? false,
    contraction,
    rounding: roundingOf(definition.rounding, signature),
    guard: guardOf(definition.guard, signature),
    exchanges: definition.exchanges ?? false,
    inPlace: inPlace === undefined ? 0 : 1 << signature.inputs.findIndex(({name}) => name === inPlace),
    updates: updates?.bind(definition),
    infer: inferWith(definition, signature),
    flops: flopsWith(definition.flops, signature, contraction),
    grad: gradWith(definition.grad, signature),
  });
}
