// Whatever takes options refuses those that it does not have, says which it has, and what was meant. The
// types say what takes options: a new function that is not listed here, or does not refuse, fails.
import path from 'node:path';
import ts from 'typescript';
import {describe, expect, it} from 'vitest';
import * as chainrule from '../../lib/index.ts';
import {untyped} from '../support/refusals.ts';
import {build, x, y} from '../support/small-model.ts';

const {compile, data, Dataset, input, layers, load, model, modelFromJSON, ops, sequential} = chainrule;

type Call = (options: object) => unknown;

const labels = Dataset.fromArrays({xs: x, ys: y}).batch(10);

const images = Dataset.fromArrays({xs: x, ys: y}).batch(10);
const picture = ops.ones([1, 4, 4, 1]);
const heads = ops.ones([1, 2, 2, 4]);

/** Where options are not the first argument, or a method's. */
const calls: Readonly<Record<string, Call>> = {
  compile: options => compile(ops.constant(1), options),
  input: options => input(untyped(options)),
  load: options => load('none', options),
  model: options => model(untyped(options)),
  modelFromJSON: options => modelFromJSON(build().toJSON(), options),
  sequential: options => sequential([], options),
  'ops.scan': options => ops.scan(() => ({}), untyped(options)),
  'data.Dataset.fromCsv': options => data.Dataset.fromCsv('none.csv', options),
  'data.imageFolder': options => data.imageFolder('none', untyped(options)),
  'data.padSequences': options => data.padSequences([[1]], options),
  'data.timeseriesDataset': options => data.timeseriesDataset([[1], [2]], null, untyped(options)),
  'data.Dataset.cutMix': options => images.cutMix(options),
  'data.Dataset.mixUp': options => images.mixUp(options),
  'Dataset.bucketBySequenceLength': options => images.bucketBySequenceLength(untyped(options)),
  'data.Dataset.bucketBySequenceLength': options => images.bucketBySequenceLength(untyped(options)),
  'Dataset.cutMix': options => images.cutMix(options),
  'Dataset.mixUp': options => images.mixUp(options),
  'data.oneHot': options => data.oneHot([1], options),
  'data.standardize': options => data.standardize([[1]], options),
  'data.trainTestSplit': options => data.trainTestSplit([[1]], [1], options),
  'Dataset.fromCsv': options => Dataset.fromCsv('none.csv', options),
  'Model.call': options => build().call(ops.input({name: 'x', shape: [2, 6]}), options),
  'Model.clone': options => build().clone(options),
  'Model.compile': options => build().compile(untyped(options)),
  'Model.evaluate': options => build().evaluate(x, y, options),
  'Model.fit': options => build().fit(x, y, options),
  'Model.forward': options => build().forward(x, options),
  'Model.generate': options => build().generate([1], options),
  'Model.gradients': options => build().gradients(x, y, options),
  'Model.loadWeights': options => build().loadWeights('none', options),
  'Model.plot': options => build().plot(options),
  'Model.predict': options => build().predict(x, untyped(options)),
  'Model.predictOnBatch': options => build().predictOnBatch(x, untyped(options)),
  'Model.predictSync': options => build().predictSync(x, untyped(options)),
  'Model.save': options => build().save('none', options),
  'Model.setWeights': options => build().setWeights([], options),
  'Model.summary': options => build().summary(options),
  'Model.testOnBatch': options => build().testOnBatch(x, y, options),
  'Model.toBytes': options => build().toBytes(options),
  'Model.trainOnBatch': options => build().trainOnBatch(x, y, options),
  'Model.trainOnBatchSync': options => build().trainOnBatchSync(x, y, options),
  'Layer.apply': options =>
    build()
      .getLayer(0)
      .apply(input({shape: [6]}), untyped(options)),
  'Layer.applyAll': options =>
    build()
      .getLayer(0)
      .applyAll([input({shape: [6]})], untyped(options)),
  'Layer.setWeights': options => build().getLayer(0).setWeights([], options),
  'CompiledFunction.run': options => compile(ops.constant(1)).run({}, options),
  'CompiledFunction.runSync': options => compile(ops.constant(1)).runSync({}, options),
  'ops.applyUpdate': options => ops.applyUpdate(untyped({name: 'sgd'}), ops.constant(1), [], options),
  'ops.affineTransform': options => ops.affineTransform(picture, ops.ones([1, 8]), untyped(options)),
  'ops.attention': options => ops.attention(heads, heads, heads, options),
  'ops.cropAndResize': options =>
    ops.cropAndResize(picture, ops.ones([1, 4]), ops.cast(ops.ones([1]), 'int32'), [2, 2], untyped(options)),
  'ops.extractPatches': options => ops.extractPatches(picture, 2, options),
  'ops.nonMaxSuppression': options =>
    ops.nonMaxSuppression(ops.ones([1, 4]), ops.ones([1]), untyped(options)),
  'ops.resize': options => ops.resize(picture, [2, 2], options),
  'ops.averagePool': options => ops.averagePool(ops.ones([1, 4, 1]), 2, options),
  'ops.conv': options => ops.conv(ops.ones([1, 4, 1]), ops.ones([2, 1, 1]), options),
  'ops.convTranspose': options => ops.convTranspose(ops.ones([1, 4, 1]), ops.ones([2, 1, 1]), options),
  'ops.depthwiseConv': options => ops.depthwiseConv(ops.ones([1, 4, 1]), ops.ones([2, 1, 1]), options),
  'ops.maxPool': options => ops.maxPool(ops.ones([1, 4, 1]), 2, options),
  'ops.gatherRows': options => ops.gatherRows(ops.constant(1), ops.constant(1), options),
  'ops.matmul': options => ops.matmul(ops.constant(1), ops.constant(1), options),
};

/** More ways to give options to one of them. */
const ways: Readonly<Record<string, Call>> = {
  'fit of a data set': options => build().fit(labels, options),
  'evaluate of a data set': options => build().evaluate(untyped(labels), untyped(options)),
  'predict of a data set': options => build().predict(untyped(labels), untyped(options)),
  'sequential of layers by name': options => sequential({layers: [layers.flatten()], ...options}),
  'columns of a CSV file': options => Dataset.fromCsv('none.csv', untyped({columnConfigs: {a: options}})),
  'a layer’s own': options => layers.dense({units: 1, ...options}),
};

const root = path.resolve(import.meta.dirname, '../..');
const entry = path.join(root, 'lib/index.ts');
const {config} = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile);
const {options: compilerOptions} = ts.parseJsonConfigFileContent(config, ts.sys, root);
const program = ts.createProgram([entry], {...compilerOptions, noEmit: true});
const checker = program.getTypeChecker();

/** A type of options: by its name, or because all that it has may be left out. */
function isOptions(type: ts.Type): boolean {
  if (type.isUnion()) return type.types.some(isOptions);
  const name = type.aliasSymbol?.name ?? type.symbol?.name ?? '';
  if (name.endsWith('Options')) return true;
  const properties = type.getProperties();
  const isPlain = type.getCallSignatures().length === 0 && checker.getIndexInfosOfType(type).length === 0;
  const isObject = (type.flags & ts.TypeFlags.Object) !== 0;
  return (
    isObject &&
    isPlain &&
    properties.length > 0 &&
    properties.every(property => (property.flags & ts.SymbolFlags.Optional) !== 0)
  );
}

const takesOptions = (type: ts.Type): boolean =>
  type
    .getCallSignatures()
    .flatMap(signature => signature.getParameters())
    .some(
      parameter =>
        parameter.name === 'options' ||
        isOptions(checker.getNonNullableType(checker.getTypeOfSymbol(parameter))),
    );

const isInternal = (symbol: ts.Symbol): boolean =>
  symbol.getJsDocTags(checker).some(({name}) => name === 'internal');

const named = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`);

/** Names of all functions and methods below a symbol that take options. */
function withOptions(given: ts.Symbol, prefix: string): string[] {
  const symbol = given.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(given) : given;
  const path = named(prefix, given.name);
  if (symbol.flags & ts.SymbolFlags.Module) {
    return checker.getExportsOfModule(symbol).flatMap(member => withOptions(member, path));
  }
  const found: string[] = [];
  const methods = (type: ts.Type): string[] =>
    type
      .getProperties()
      .filter(member => !/^prototype$|#/.test(member.name) && !isInternal(member))
      .filter(member => takesOptions(checker.getNonNullableType(checker.getTypeOfSymbol(member))))
      .map(member => named(path, member.name));
  if (symbol.flags & ts.SymbolFlags.Value) {
    const type = checker.getTypeOfSymbol(symbol);
    if (takesOptions(type)) found.push(path);
    if (type.getConstructSignatures().length > 0) found.push(...methods(type));
  }
  if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) {
    found.push(...methods(checker.getDeclaredTypeOfSymbol(symbol)));
  }
  return found;
}

const module = checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile) as ts.Symbol;
const found = [
  ...new Set(checker.getExportsOfModule(module).flatMap(symbol => withOptions(symbol, ''))),
].sort();

/** Those that are told elsewhere: the same method under another type's name. */
const sameAs = (name: string): string =>
  name
    .replace(/^(Sequential|BaseModel)\./, 'Model.')
    .replace(/^(Normalization|Cell|Ahead|Vocabulary|Lookup|TextVectorization|Tokenizer)Layer\./, 'Layer.')
    .replace(/^(Discretization|CategoryEncoding)Layer\./, 'Layer.');

function callOf(name: string): Call {
  const own = calls[sameAs(name)];
  if (own) return own;
  const [space = '', member = ''] = name.split('.');
  const make = untyped(chainrule)[space]?.[member] as Call | undefined;
  return options => (make ?? expect.fail(`${name} takes options: call it in this test`))(options);
}

async function refusal(call: Call, options: object): Promise<{code?: string; message: string}> {
  const error = await Promise.resolve()
    .then(() => call(options))
    .then(
      () => ({message: 'no error'}),
      cause => cause as {code?: string; message: string},
    );
  return error;
}

async function expectRefusal(call: Call): Promise<void> {
  const error = await refusal(call, {nonsense: 1});
  expect(error).toMatchObject({code: 'ERR_OPTION'});
  expect(error.message).toMatch(/^[\w.]+.*: unknown option "nonsense"\. (Known: .+|It takes no options)\.$/);
  const [, first] = /Known: (\w+)/.exec(error.message) ?? [];
  if (first === undefined) return;
  const near = await refusal(call, {[`${first}x`]: 1});
  expect(near.message).toContain(`unknown option "${first}x". Did you mean "${first}"? Known: `);
  const all = /Known: (.+)\.$/.exec(error.message)?.[1]?.split(', ') ?? [];
  for (const map of [new Map([[first, 1]]), [1], 'text']) {
    expect((await refusal(call, untyped(map))).message).toMatch(/expected an object of options|Received/);
  }
  expect(new Set(all).size).toBe(all.length);
}

describe('an option that is not known is refused', () => {
  it('by all that take options, which the types tell', () => {
    expect(found).toEqual(expect.arrayContaining(Object.keys(calls)));
    for (const name of [
      'layers.dense',
      'optimizers.adam',
      'callbacks.progress',
      'metrics.auc',
      'losses.huber',
    ]) {
      expect(found).toContain(name);
    }
  });

  it.each(found)('%s', name => expectRefusal(callOf(name)));

  it.each(Object.entries(ways))('%s', async (_, call) => {
    expect(await refusal(call, {nonsense: 1})).toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringMatching(/unknown option "nonsense"|it takes no options/),
    });
  });

  it('also where options stand in the place of others', async () => {
    await expect(build().fit(untyped(labels), undefined as never, untyped({epochs: 2}))).rejects.toThrow(
      /options follow it: fit\(dataset, \{…\}\)/,
    );
    expect(() => labels.shuffle(3, 0, untyped({reshuffle: false}))).toThrow(
      /reshuffleEachIteration: expected true/,
    );
    expect(() => labels.batch(3, untyped({smallLastBatch: false}))).toThrow(
      /smallLastBatch: expected true or/,
    );
  });
});
