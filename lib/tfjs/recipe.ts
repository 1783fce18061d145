// A rule applied to operands of some shapes and types: the steps to take, found again by a hash of integers
// and an exact comparison.
import {isChainruleError} from '../core/errors.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import {type Call, constantOp, input, type Tensor, type TensorSpec} from '../core/tensor.ts';
import type {Memory} from '../runtime/linked.ts';
import {hashOf, sameAttribute} from '../session/eager/key.ts';
import {Steps} from '../session/eager/steps.ts';
import {isNumeric, type NumericType, takeFor} from './entry.ts';
import type {Reason, Rule} from './rule.ts';
import {type Form, formOf, type Growing, type Sized, withSizes} from './sizes.ts';

/** Those of kernels that have none: one object, which is compared at once. */
export const noAttributes: object = {};

/** Recipes that are kept for one kernel. When there are more, all are forgotten: the ops stay linked. */
const most = 512;

/** A result: of what type and shape, and which operand it is another name of, if of any. */
export interface Result {
  readonly shape: Shape;
  readonly dtype: NumericType;
  readonly size: number;
  readonly operand: number | undefined;
}

/** Tells recipes, or families of them, from all others of this process. */
let ids = 0;

export class Recipe {
  /** What a trace knows it by: one of its own, or that of all that differ in their numbers alone. */
  readonly id: number;
  /** Attributes that a plan may have as inputs. */
  readonly numbers: readonly number[];
  readonly specs: readonly TensorSpec[];
  /** Which operands are there. */
  readonly present: number;
  readonly attributes: object;
  readonly attributeCount: number;
  /** Why the kernel of tfjs does it. */
  readonly declined: Reason | undefined;
  readonly isList: boolean;
  readonly results: readonly Result[];
  /** Whether all results are second names of operands: then there is nothing to run. */
  readonly isNames: boolean;
  /** Whether some are. */
  readonly hasNames: boolean;
  readonly #rule: Rule;
  readonly #computed: readonly Tensor[];
  readonly #leaves: readonly Tensor[];
  readonly #kernel: string;
  #steps: Steps | undefined;
  #form: Form | undefined;

  constructor(
    kernel: string,
    rule: Rule,
    specs: readonly TensorSpec[],
    present: number,
    attributes: object,
    families: Families,
  ) {
    this.specs = specs.map(({shape, dtype}) => ({shape: [...shape], dtype}));
    this.present = present;
    this.attributes = attributes === noAttributes ? attributes : structuredClone(attributes);
    this.attributeCount = Object.keys(this.attributes).length;
    this.#kernel = kernel;
    this.#rule = rule;
    const leaves = this.specs.map((spec, index) => input({...spec, name: `operand ${index}`}));
    const outcome = attempt(rule, leaves, present, attributes);
    this.isList = Array.isArray(outcome);
    if (typeof outcome === 'string') {
      this.declined = outcome;
      this.results = [];
      this.numbers = [];
      this.id = -1;
      this.isNames = false;
      this.hasNames = false;
      this.#computed = [];
      this.#leaves = [];
      return;
    }
    const outputs = (this.isList ? outcome : [outcome]) as readonly Tensor[];
    this.results = outputs.map(tensor => resultOf(tensor, leaves));
    this.numbers = rule.changing?.numbers(attributes, this.specs) ?? [];
    this.id = this.numbers.length > 0 ? families.of(rule.changing?.rest(attributes, specs), specs) : ids++;
    this.#computed = outputs.filter((_, at) => this.results[at]?.operand === undefined);
    this.#leaves = leaves;
    this.isNames = this.#computed.length === 0;
    this.hasNames = this.#computed.length < this.results.length;
  }

  /** The results that are no operands, in memory of the pool. */
  run(operands: readonly Memory[]): Memory[] {
    this.#steps ??= new Steps(this.#computed, this.#leaves);
    return this.#steps.run(operands, take);
  }

  /** Of what type its numbers are. */
  get typeOfNumbers(): 'float32' | 'int32' {
    return this.#rule.changing?.dtype ?? 'float32';
  }

  /** What it has in common with recipes of other sizes, and what sizes it has. */
  get form(): Form {
    const of = `${this.#kernel} ${this.present}`;
    this.#form ??= formOf(
      of,
      this.sized,
      this.#growing,
      this.results.map(({shape}) => shape),
    );
    return this.#form;
  }

  /** The same of other sizes, from `from` on in a list. */
  withSizes(sizes: readonly number[], from: number): Sized {
    return withSizes(this.sized, this.#growing, sizes, from);
  }

  get #growing(): Growing {
    const {operands, growth = 'any'} = this.#rule;
    const names = operands === 'list' ? [] : operands.filter((_, index) => (this.present >> index) & 1);
    return {growth, names};
  }

  /** All that has sizes: numbers of a trace have none. */
  get sized(): Sized {
    const {specs, attributes, numbers} = this;
    const {changing} = this.#rule;
    return {
      specs,
      attributes: changing && numbers.length > 0 ? changing.rest(attributes, specs) : attributes,
    };
  }

  /**
   * The same results of other tensors as a part of a larger graph: of the same shapes and types, or of other
   * sizes; and of other numbers, where these are given as tensors of one element, as they must be for others
   * sizes.
   */
  graph(
    operands: readonly Tensor[],
    numbers?: readonly Tensor[],
    {attributes}: Sized = this.sized,
  ): Tensor[] {
    const {changing} = this.#rule;
    if (numbers && changing) return [changing.apply(operands, attributes, numbers)];
    const own = this.numbers.length > 0 ? this.attributes : attributes;
    const outcome = attempt(this.#rule, operands, this.present, own);
    if (typeof outcome === 'string') throw new Error(`a rule declines what it took before: ${outcome}`);
    const outputs = (this.isList ? outcome : [outcome]) as readonly Tensor[];
    return outputs.filter((_, at) => this.results[at]?.operand === undefined);
  }
}

/** Recipes of one kernel that differ in their numbers alone. */
class Families {
  readonly #ids = new Map<string, number>();

  of(rest: object | undefined, specs: readonly TensorSpec[]): number {
    const key = JSON.stringify([rest, specs.map(({shape, dtype}) => [shape, dtype])]);
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = ids++;
      if (this.#ids.size >= most) this.#ids.clear();
      this.#ids.set(key, id);
    }
    return id;
  }
}

const take = ({shape, dtype}: TensorSpec): Memory => takeFor(dtype as NumericType, sizeOf(shape));

function attempt(rule: Rule, leaves: readonly Tensor[], present: number, attributes: object) {
  let next = 0;
  const operands =
    rule.operands === 'list'
      ? leaves
      : rule.operands.map((_, index) => ((present >> index) & 1 ? leaves[next++] : undefined));
  try {
    return rule.apply(operands, attributes);
  } catch (error) {
    // The kernel of tfjs refuses it in words of its own, as its specs say.
    if (isChainruleError(error)) return 'refused';
    throw error;
  }
}

const isConstant = ({op}: Call): boolean => op === constantOp;

function resultOf(tensor: Tensor, leaves: readonly Tensor[]): Result {
  const {shape, dtype} = tensor;
  let owner = tensor;
  while (owner.call.op.view) owner = owner.call.operand;
  const operand = isConstant(owner.call) ? -1 : leaves.indexOf(owner);
  if (!isNumeric(dtype)) throw new Error(`a kernel of TensorFlow.js has no result of type ${dtype}`);
  return {shape, dtype, size: sizeOf(shape), operand: operand < 0 ? undefined : operand};
}

/** Traces that were begun. */
export const progress = {traces: 0};

/** The recipes of one kernel. */
export class Recipes {
  readonly #kernel: string;
  readonly #rule: Rule;
  readonly #byHash = new Map<number, Recipe[]>();
  readonly #families = new Families();
  #count = 0;
  /** Those of the last trace in their order. */
  readonly #places: Recipe[] = [];
  #place = 0;
  #trace = 0;

  constructor(kernel: string, rule: Rule) {
    this.#kernel = kernel;
    this.#rule = rule;
  }

  /** Most programs repeat themselves: what stood at this place of the last trace is looked at first. */
  find(specs: readonly TensorSpec[], present: number, attributes: object): Recipe {
    if (this.#trace !== progress.traces) {
      this.#trace = progress.traces;
      this.#place = 0;
    }
    const place = this.#place++;
    const last = this.#places[place];
    if (last && isFor(last, specs, present, attributes)) return last;
    const found = this.#search(specs, present, attributes);
    if (place < most) this.#places[place] = found;
    return found;
  }

  #search(specs: readonly TensorSpec[], present: number, attributes: object): Recipe {
    const hash = attributes === noAttributes ? hashOfSpecs(specs, present) : hashOf(specs, attributes);
    const list = this.#byHash.get(hash);
    if (list) {
      for (let at = 0; at < list.length; at++) {
        const recipe = list[at] as Recipe;
        if (isFor(recipe, specs, present, attributes)) return recipe;
      }
    }
    const recipe = new Recipe(this.#kernel, this.#rule, specs, present, attributes, this.#families);
    if (this.#count++ >= most) this.#forget();
    const others = this.#byHash.get(hash) ?? [];
    this.#byHash.set(hash, [...others, recipe]);
    return recipe;
  }

  #forget(): void {
    this.#places.length = 0;
    this.#place = most;
    this.#byHash.clear();
    this.#count = 1;
  }
}

/** As `sameAttribute` says, without a list of names for each call. */
function sameAttributes({attributes: own, attributeCount}: Recipe, attributes: object): boolean {
  let count = 0;
  for (const name in attributes) {
    const value: unknown = attributes[name as never];
    const known: unknown = own[name as never];
    if (!Object.is(value, known) && !sameAttribute(value, known)) return false;
    count++;
  }
  return count === attributeCount;
}

/** FNV-1a over the sizes. */
function hashOfSpecs(specs: readonly TensorSpec[], present: number): number {
  let hash = present;
  for (let at = 0; at < specs.length; at++) {
    const {shape, dtype} = specs[at] as TensorSpec;
    hash = Math.imul(hash ^ dtype.length, 0x01000193);
    for (let axis = 0; axis < shape.length; axis++) {
      hash = Math.imul(hash ^ (shape[axis] as number), 0x01000193);
    }
  }
  return hash;
}

function isFor(recipe: Recipe, specs: readonly TensorSpec[], present: number, attributes: object): boolean {
  if (recipe.present !== present || recipe.specs.length !== specs.length) return false;
  for (let at = 0; at < specs.length; at++) {
    const {shape, dtype} = specs[at] as TensorSpec;
    const own = recipe.specs[at] as TensorSpec;
    if (own.dtype !== dtype || own.shape.length !== shape.length) return false;
    for (let axis = 0; axis < shape.length; axis++) if (own.shape[axis] !== shape[axis]) return false;
  }
  return recipe.attributes === attributes || sameAttributes(recipe, attributes);
}
