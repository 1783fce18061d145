// How a kernel of TensorFlow.js runs: by its rule, or by tfjs's own kernel over the same memory.
import type {
  CastAttrs,
  GatherV2Attrs,
  KernelConfig,
  KernelFunc,
  SliceAttrs,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import {isChainruleError} from '../core/errors.ts';
import {sizeOf} from '../core/shape.ts';
import type {TensorSpec} from '../core/tensor.ts';
import type {Memory} from '../runtime/linked.ts';
import type {ChainruleBackend} from './backend.ts';
import {complexKernel, isComplexKernel} from './complex.ts';
import {Entry, isNumeric, over, takeFor} from './entry.ts';
import {countHandedOver, withoutRule} from './handed-over.ts';
import {rules} from './kernels/index.ts';
import {knownRows, knownSlice} from './known-slice.ts';
import {backendName, tf} from './packages.ts';
import {noAttributes, type Recipe, Recipes, type Result} from './recipe.ts';
import type {Count, Reason, Rule} from './rule.ts';
import {ways} from './ways.ts';

type Inputs = Readonly<Record<string, TensorInfo | null | undefined>>;
type Infos = TensorInfo | TensorInfo[];

/**
 * Operands in the order of a rule; those of the last call, which nobody keeps. Never emptied: V8 would drop
 * their memory, and each call would take new.
 */
const infos: TensorInfo[] = [];
/** Their entries; the same. */
const found: Entry[] = [];
/** Which operands there are. */
let present = 0;

/** Collects operands into `infos` and `present`. Where one is of another type, the reason. */
function collect({operands}: Rule, inputs: Inputs): Reason | undefined {
  let count = 0;
  present = 0;
  const names = operands === 'list' ? Object.keys(inputs) : operands;
  for (let index = 0; index < names.length; index++) {
    const info = inputs[names[index] as string];
    if (!info) continue;
    if (!isNumeric(info.dtype)) return info.dtype === 'string' ? 'strings' : 'other types';
    if (index < 31) present |= 1 << index;
    infos[count++] = info;
  }
  if (infos.length !== count) infos.length = count;
  return undefined;
}

/** Data of the type that the tensor has: tfjs casts without a copy by giving data another type. */
function entryFor(info: TensorInfo, backend: ChainruleBackend): Entry {
  const entry = backend.entryOf(info.dataId);
  return entry.dtype === info.dtype ? entry : converted(entry, info);
}

function converted(entry: Entry, {dtype}: TensorInfo): Entry {
  if (!isNumeric(dtype)) return entry;
  const values = entry.read() as ArrayLike<number>;
  const block = takeFor(dtype, entry.size);
  over(block, dtype, entry.size).set(dtype === 'bool' ? Array.from(values, Boolean).map(Number) : values);
  return Entry.ofBlock(dtype, entry.size, block);
}

/** Errors of data: tfjs's kernel says them in its own words. */
const isAboutData = (error: unknown): boolean =>
  isChainruleError(error) && (error.code === 'ERR_OUT_OF_RANGE' || error.code === 'ERR_PLAN');

/** Runs it now; undefined where it refuses the data. */
function runNow(recipe: Recipe, entries: readonly Entry[]): Entry[] | undefined {
  const memory = memoryNow(recipe, entries);
  const computed = recipe.results.filter(({operand}) => operand === undefined);
  const isTrained = entries.some(entry => entry.isTrained);
  return memory?.map((block, index) => {
    const {dtype, size} = computed[index] as Result;
    const entry = Entry.ofBlock(dtype, size, block as Uint8Array);
    entry.isTrained = isTrained;
    return entry;
  });
}

function memoryNow(recipe: Recipe, entries: readonly Entry[]): Memory[] | undefined {
  try {
    return recipe.run(entries.map(entry => entry.memory as Memory));
  } catch (error) {
    if (isAboutData(error)) return undefined;
    throw error;
  }
}

/** Whether indices that are known are all within the axis. */
function areWithin({specs, attributes}: Recipe, indices: Entry): boolean {
  const [x] = specs as [TensorSpec];
  const {axis} = attributes as {readonly axis: number};
  const size = x.shape[axis < 0 ? axis + x.shape.length : axis] as number;
  const values = indices.view() ?? [];
  for (let at = 0; at < values.length; at++) {
    const index = values[at] as number;
    if (!(index >= 0 && index < size)) return false;
  }
  return true;
}

/** So few numbers that may be indices are made at once: where indices are known they are looked at. */
const mostIndices = 4096;

/** Whether it makes integers of a few numbers that are known, or picks some of the data. */
function makesKnownIndices(rule: Rule, {results: [result]}: Recipe, entries: readonly Entry[]): boolean {
  if (!result || result.size > mostIndices) return false;
  if (rule.indices === 'known') return entries.every(entry => !entry.isPending && !entry.isTrained);
  const [x] = entries;
  return Boolean(rule.makesIndices) && result.dtype === 'int32' && x !== undefined && !x.isPending;
}

/** What has been computed, or will be. */
function results(rule: Rule, recipe: Recipe, entries: readonly Entry[], backend: ChainruleBackend) {
  if (recipe.isNames) return [];
  const areOpen = rule.indices === 'known' && (entries[1] as Entry).isPending;
  if (rule.indices === 'known' && !areOpen && !areWithin(recipe, entries[1] as Entry)) return undefined;
  const isNow = rule.indices === 'at once' || ways.atOnce || makesKnownIndices(rule, recipe, entries);
  return isNow ? runNow(recipe, entries) : backend.recorder.record(recipe, entries, areOpen);
}

/** A result that is another name of an operand. */
function second(entry: Entry, dataId: object, backend: ChainruleBackend): object {
  if (entry !== backend.entryOf(dataId)) return backend.enter(entry);
  entry.refCount++;
  return dataId;
}

function named(
  recipe: Recipe,
  entries: readonly Entry[],
  ids: readonly object[],
  computed: readonly Entry[],
  backend: ChainruleBackend,
) {
  let next = 0;
  return recipe.results.map(({shape, dtype, operand}): TensorInfo => {
    const dataId =
      operand === undefined
        ? backend.enter(computed[next++] as Entry)
        : second(entries[operand] as Entry, ids[operand] as object, backend);
    return {dataId, shape: shape as number[], dtype};
  });
}

/** The one result, which is another name of an operand: a quarter of all calls of a training and more. */
function onlyName({results: [result]}: Recipe, backend: ChainruleBackend): TensorInfo {
  const {shape, dtype, operand} = result as Result;
  const info = infos[operand as number] as TensorInfo;
  const entry = backend.entryOf(info.dataId);
  const isOwn = entry.dtype === info.dtype;
  if (isOwn) entry.refCount++;
  const dataId = isOwn ? info.dataId : backend.enter(converted(entry, info));
  return {dataId, shape: shape as number[], dtype};
}

/** Results of which the last says how many rows of the others there are. */
function cut(
  count: Count,
  recipe: Recipe,
  entries: readonly Entry[],
  backend: ChainruleBackend,
): Infos | Reason {
  const memory = memoryNow(recipe, entries) as Uint8Array[] | undefined;
  const last = memory?.at(-1);
  if (!memory || !last) return 'refused';
  const rows = over(last, 'int32', 1)[0] as number;
  const infos = recipe.results.map(({shape, dtype}, index): TensorInfo => {
    const own = shape.length === 0 ? [] : [rows, ...shape.slice(1)];
    const entry = Entry.ofBlock(dtype, sizeOf(own), memory[index] as Uint8Array);
    return {dataId: backend.enter(entry), shape: own, dtype};
  });
  const kept = count.isResult ? infos : infos.slice(0, -1);
  if (!count.isResult) backend.disposeData((infos.at(-1) as TensorInfo).dataId);
  return kept.length === 1 ? (kept[0] as TensorInfo) : kept;
}

/** The results of a rule; the reason where there are none. */
function byRule(rule: Rule, recipes: Recipes, attributes: object, backend: ChainruleBackend): Infos | Reason {
  const recipe = recipes.find(infos as readonly TensorSpec[], present, attributes);
  if (recipe.declined) return recipe.declined;
  if (recipe.isNames && !recipe.isList) return onlyName(recipe, backend);
  for (let at = 0; at < infos.length; at++) found[at] = entryFor(infos[at] as TensorInfo, backend);
  if (found.length !== infos.length) found.length = infos.length;
  // A copy, for a literal would be made in the old generation: see `Node`.
  const entries = found.slice();
  if (rule.count?.applies(attributes)) return cut(rule.count, recipe, entries, backend);
  const ids = recipe.hasNames ? infos.map(info => info.dataId) : [];
  const computed = results(rule, recipe, entries, backend);
  if (!computed) return 'refused';
  if (recipe.isList || recipe.hasNames) {
    const all = named(recipe, entries, ids, computed, backend);
    return recipe.isList ? all : (all[0] as TensorInfo);
  }
  const [{shape, dtype}] = recipe.results as [Result];
  return {dataId: backend.enter(computed[0] as Entry), shape: shape as number[], dtype};
}

/** tfjs may give data another type without converting it; here data has one type. */
function withOwnType(info: TensorInfo, backend: ChainruleBackend): TensorInfo {
  const entry = backend.entryOf(info.dataId);
  if (entry.dtype === info.dtype || !isNumeric(info.dtype)) return info;
  const own = backend.enter(converted(entry, info));
  backend.disposeData(info.dataId);
  return {dataId: own, shape: info.shape, dtype: info.dtype};
}

function byTfjs(own: KernelFunc, inputs: Inputs, attrs: object, backend: ChainruleBackend): Infos {
  const result = own({inputs, attrs, backend} as never);
  return Array.isArray(result)
    ? result.map(info => withOwnType(info, backend))
    : withOwnType(result, backend);
}

/** Runs another kernel of the backend, as a part of one. */
function run(name: string, inputs: object, attributes: object, backend: ChainruleBackend): TensorInfo {
  const kernel = tf.getKernel(name, backendName);
  return kernel.kernelFunc({inputs, attrs: attributes, backend} as never) as TensorInfo;
}

/** For a call that is about complex numbers; undefined for others, and where there is nothing. */
function byParts(
  name: string,
  inputs: Inputs,
  attributes: object,
  backend: ChainruleBackend,
): Infos | undefined {
  const kernel = complexKernel(name, inputs, attributes);
  const runKernel = (other: string, operands: object, given: object = {}): TensorInfo =>
    run(other, operands, given, backend);
  return kernel?.({name, inputs, attributes, backend, run: runKernel});
}

/** Whether a kernel of this name is done by this library wherever it can be. */
export const isNative = (name: string): boolean => name in rules || isComplexKernel(name);

/** What a rule gives, or what it is made of: the reason where neither is there. */
function natively(name: string) {
  const rule = rules[name];
  const recipes = rule && new Recipes(name, rule);
  const ruleless = withoutRule.get(name) ?? 'not yet';
  const isSlice = name === 'Slice';
  const isGather = name === 'GatherV2';
  // Kernels whose result can be complex where no operand is; and those whose rules are about the parts.
  const isComplex = name === 'Complex';
  const isOfBoth = name === 'ComplexAbs' || name === 'FFT' || name === 'IFFT';
  const isCast = name === 'Cast';
  return (inputs: Inputs, attributes: object, backend: ChainruleBackend): Infos | Reason => {
    if (isSlice) {
      const piece = knownSlice(inputs.x as TensorInfo, attributes as SliceAttrs, backend);
      if (piece) return piece;
    }
    if (isGather) {
      const rows = knownRows(inputs, attributes as GatherV2Attrs, backend);
      if (rows) return rows;
    }
    const odd = rule ? collect(rule, inputs) : ruleless;
    const ofParts =
      isComplex ||
      (isOfBoth && (inputs.x ?? inputs.input)) ||
      (isCast && (attributes as CastAttrs).dtype === 'complex64');
    if (odd === undefined && rule && recipes && !ofParts) return byRule(rule, recipes, attributes, backend);
    return byParts(name, inputs, attributes, backend) ?? odd ?? ruleless;
  };
}

/** The kernel of this backend for one of tfjs's cpu backend. */
export function kernelFor({kernelName, kernelFunc}: KernelConfig): KernelFunc {
  const own = natively(kernelName);
  return ({inputs, attrs, backend}): Infos => {
    const attributes = attrs ?? noAttributes;
    const result = own(inputs as Inputs, attributes, backend as ChainruleBackend);
    if (typeof result !== 'string') return result;
    const given = byTfjs(kernelFunc, inputs as Inputs, attributes, backend as ChainruleBackend);
    // Only now: what tfjs refuses, too, nobody has computed.
    countHandedOver(kernelName, result);
    return given;
  };
}
