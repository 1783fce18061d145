// A native kernel is a rule: from tensors that stand for the operands, and the attributes of TensorFlow.js,
// to the graph that computes the results. What runs it, op by op or as a plan, is not its business.
import type {Tensor, TensorSpec} from '../core/tensor.ts';

/** Why a kernel is handed to tfjs's own: the words of docs/tfjs.md. */
export type Reason = 'not yet' | 'other types' | 'ragged' | 'refused' | 'shape depends on data' | 'strings';

type Required<Name extends string> = Name extends `${string}?` ? never : Name;
type Optional<Name extends string> = Name extends `${infer Own}?` ? Own : never;

/** Operands by name; those with a question mark may be missing. */
export type Operands<Name extends string> = {readonly [Own in Required<Name>]: Tensor} & {
  readonly [Own in Optional<Name>]?: Tensor;
};

/** The results, or why there are none: the kernel of tfjs then does it. */
export type Outcome = Tensor | readonly Tensor[] | Reason;

export interface Count {
  /** Whether calls with these attributes are cut: those run at once. */
  applies(attributes: object): boolean;
  /** Whether the count is itself a result. */
  readonly isResult: boolean;
}

/** Attributes that are numbers and set no shape: a trace in which they alone differ is the same trace. */
export interface Changing {
  /** The numbers, of this type; undefined where they are none or where the operands are others. */
  numbers(attributes: object, specs: readonly TensorSpec[]): readonly number[] | undefined;
  readonly dtype: 'float32' | 'int32';
  /** The attributes without them, but with all that they say about shapes. */
  rest(attributes: object, specs: readonly TensorSpec[]): object;
  /** The same results as those of the rule, where each number is a tensor of one element. */
  apply(operands: readonly Tensor[], rest: object, numbers: readonly Tensor[]): Tensor;
}

/**
 * Sizes in which a plan may grow: `any`, where results follow from all in the same way; `samples`, the first
 * axes of what holds samples, where others are rounded; `none`.
 */
export type Growth = 'any' | 'samples' | 'none';

export interface Rule {
  /** Names of the operands in order, or `list` for any number of them. */
  readonly operands: readonly string[] | 'list';
  /**
   * What is said of indices that are out of range, and when: `at once`, by running it at the call; or of
   * `known` ones at the call, of others when a result is read.
   */
  readonly indices?: 'at once' | 'known';
  /** Where the last result is a count, known once it has run: the first axis of the others is cut to it. */
  readonly count?: Count;
  readonly changing?: Changing;
  /** `any` by default. */
  readonly growth?: Growth;
  /** Whether it makes integers, which may be indices: from a few numbers that are known, at once. */
  readonly makesIndices?: boolean;
  apply(operands: readonly (Tensor | undefined)[], attributes: object): Outcome;
}

/** `rule('x', ({x}) => …)`, `rule('a b bias?', …)`. */
export function rule<const Names extends string, Attributes extends object = object>(
  names: Names,
  body: (operands: Operands<Words<Names>>, attributes: Attributes) => Outcome,
): Rule {
  const given = names === '' ? [] : names.split(' ');
  const operands = given.map(name => name.replace('?', ''));
  return {
    operands,
    apply(tensors, attributes) {
      const named: Record<string, Tensor | undefined> = {};
      for (const [index, name] of operands.entries()) named[name] = tensors[index];
      return body(named as Operands<Words<Names>>, attributes as Attributes);
    },
  };
}

export const withCount = (count: Count, own: Rule): Rule => ({...own, count});

export const withIndices = (indices: 'at once' | 'known', own: Rule): Rule => ({...own, indices});

/** With numbers that a plan may have as inputs. */
export function withChanging<Attributes extends object>(
  own: Rule,
  changing: {
    readonly dtype: Changing['dtype'];
    numbers(attributes: Attributes, specs: readonly TensorSpec[]): readonly number[] | undefined;
    rest(attributes: Attributes, specs: readonly TensorSpec[]): Attributes;
    apply(operands: readonly Tensor[], rest: Attributes, numbers: readonly Tensor[]): Tensor;
  },
): Rule {
  return {...own, changing: changing as unknown as Changing};
}

type Words<Text extends string> = Text extends `${infer First} ${infer Rest}`
  ? First | Words<Rest>
  : Text extends ''
    ? never
    : Text;

/** Of any number of operands. */
export const listRule = <Attributes extends object = object>(
  body: (operands: readonly Tensor[], attributes: Attributes) => Outcome,
): Rule => ({
  operands: 'list',
  apply: (tensors, attributes) => body(tensors as readonly Tensor[], attributes as Attributes),
});

export type Rules = Readonly<Record<string, Rule>>;

export const withGrowth = (growth: Growth, rules: Rules): Rules =>
  Object.fromEntries(Object.entries(rules).map(([name, own]) => [name, {...own, growth}]));
