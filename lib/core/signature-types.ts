// Signatures as types: what stands in the literal of a signature, by name. `Value` is what stands for one
// operand: a tensor, or its shape and type alone.

/** `a: f32, b: f32`: what is between the parentheses, and behind the arrow, of a signature. */
export type InputList<Text extends string> = Text extends `${string}(${infer List}) -> ${string}`
  ? List
  : string;
export type OutputList<Text extends string> = Text extends `${string}) -> ${infer Rest}`
  ? Rest extends `${infer List} {${string}`
    ? List
    : Rest
  : string;
type AttributeList<Text extends string> = Text extends `${string} {${infer List}}` ? List : '';

/** The parts of a list, as a union. */
type Parts<List extends string> = List extends `${infer First}, ${infer Rest}` ? First | Parts<Rest> : List;

type NameOf<Part extends string> = Part extends `...${infer Name}: ${string}`
  ? Name
  : Part extends `${infer Name}?: ${string}`
    ? Name
    : Part extends `${infer Name}: ${string}`
      ? Name
      : never;

type Operand<Part extends string, Value> = Part extends `...${string}`
  ? readonly Value[]
  : Part extends `${string}?: ${string}`
    ? Value | undefined
    : Value;

/** `{a: Value, b: Value}` for the list `a: f32, b: f32`; an array for `...parts: f32`. */
export type Named<List extends string, Value> = {
  readonly [Part in Parts<List> as NameOf<Part>]: Operand<Part, Value>;
};

type Place<Part extends string, Value> = Part extends `...${string}`
  ? readonly Value[]
  : Part extends `${string}?: ${string}`
    ? readonly [Value?]
    : readonly [Value];

/** `[Value, Value]` for the list `a: f32, b: f32`. */
export type Listed<List extends string, Value> = string extends List
  ? readonly Value[]
  : List extends `${infer First}, ${infer Rest}`
    ? readonly [...Place<First, Value>, ...Listed<Rest, Value>]
    : List extends ''
      ? readonly []
      : Place<List, Value>;

/** How rules see attributes; as words of a plan they are all numbers. */
interface AttributeTypes {
  readonly bool: boolean;
  readonly i32: number;
  readonly f32: number;
  readonly op: string | null;
  readonly words: readonly number[];
}

/** `{axis: number}` for a signature that ends in `{axis: i32}`. */
export type Listing<Text extends string> = {
  readonly [Part in Parts<AttributeList<Text>> as NameOf<Part>]: Part extends `${string}: ${infer Type}`
    ? AttributeTypes[Type & keyof AttributeTypes]
    : never;
};

/** `dy` for `y`, `dLoss` for `loss`: the gradient of an operand or a result. */
type GradientOf<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? Rest extends ''
    ? `d${First}`
    : `d${Capitalize<Name>}`
  : never;

/** The gradients of the parts of a list. Only floats have one; f64 is for sums that nobody learns from. */
type GradientsOf<Part extends string> = Part extends `${string}: ${'i32' | 'u8' | 'bool' | 'f64'}`
  ? never
  : GradientOf<NameOf<Part>>;

/**
 * What arrives at a gradient rule, by the names of the results: null for those that have none, where several
 * can have one. A rule is not asked where none has.
 */
export type Arriving<List extends string, Value> = {
  readonly [Part in Parts<List> as GradientsOf<Part>]: [GradientsOf<Parts<List>>] extends [GradientsOf<Part>]
    ? Value
    : Value | null;
};

/** What a gradient rule gives, by the names of the operands: null where none flows. */
export type Leaving<List extends string, Value> = {
  readonly [Part in Parts<List> as GradientsOf<Part>]: Part extends `...${string}`
    ? readonly (Value | null)[]
    : Value | null;
};
