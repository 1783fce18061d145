// From a file to the model that it holds.
import {checkBoolean, checkOptions, fail} from '../core/errors.ts';
import {type CustomObjects, withCustomObjects} from '../core/resolve.ts';
import {sameShape} from '../core/shape.ts';
import type {Variable} from '../core/tensor.ts';
import {
  checkSavedConfig,
  fileError,
  type ModelFile,
  type ModelSource,
  openModelFile,
} from '../io/model-file.ts';
import type {SymbolicTensor} from '../nn/symbolic.ts';
import {type Model, modelOf} from './model.ts';
import type {SymbolicTensors} from './network/network.ts';
import {networkOf} from './network/topology.ts';
import {Engine} from './run/engine.ts';
import {assign} from './run/weights.ts';
import type {CompileOptions} from './step/compile-options.ts';

/**
 * The file's table must name exactly these tensors, in their shapes: compared before memory is taken for
 * them.
 */
function checkTable(entries: ModelFile['entries'], variables: readonly Variable[]): void {
  const wanted = new Map(variables.map(variable => [variable.name, variable]));
  for (const {name, shape} of entries) {
    const variable = wanted.get(name);
    if (!variable) fail('ERR_FILE', `it holds ${JSON.stringify(name)}, which its model does not have`);
    if (!sameShape(shape, variable.shape)) {
      fail('ERR_FILE', `${name} is [${shape}] where its model has [${variable.shape}]`);
    }
    wanted.delete(name);
  }
  const [missing] = wanted.keys();
  if (missing !== undefined) fail('ERR_FILE', `it lacks ${missing}`);
}

async function restore<Outputs extends SymbolicTensors>(
  file: ModelFile,
  customObjects: CustomObjects | undefined,
  compile: boolean,
): Promise<Model<Outputs>> {
  const {topology} = file;
  if (topology === undefined) {
    return fail(
      'ERR_FILE',
      'it holds weights alone: make the model and let it read them by model.loadWeights',
    );
  }
  const {network, seed, name} = withCustomObjects(customObjects, () => networkOf(topology));
  const held = new Set(file.entries.map(entry => entry.name));
  const states = network.states.filter(state => held.has(state.name));
  const weights = [...network.weights.map(({variable}) => variable), ...states];
  const own = new Set(weights.map(({name}) => name));
  const isMoment = ({name}: {name: string}): boolean => !own.has(name) && name.startsWith('optimizer/');
  const moments = file.entries.filter(isMoment);
  checkTable(
    file.entries.filter(entry => !isMoment(entry)),
    weights,
  );
  if (file.training === undefined && moments.length > 0) fail('ERR_FILE', 'it has moments but no optimizer');
  const engine = new Engine(network, seed, name);
  if (compile && file.training !== undefined) {
    const options = checkSavedConfig(file.training, 'training') as unknown as CompileOptions;
    withCustomObjects(customObjects, () => engine.compile(options));
    engine.useMoments(new Set(moments.map(({name}) => name)));
    checkTable(moments, engine.moments);
    engine.iterations = file.step;
    engine.epochs = file.epochs;
  }
  const values = new Map<Variable, Float32Array>();
  for (const variable of [...weights, ...engine.moments])
    values.set(variable, await file.read(variable.name));
  assign(engine, values);
  return modelOf<Outputs>(engine);
}

export interface LoadOptions {
  /**
   * False: without loss, metrics and optimizer, to predict or to be compiled anew. Then nothing that they are
   * made of needs `customObjects`. True by default.
   */
  readonly compile?: boolean;
  /** What the names of layers, losses and the like of your own mean: functions, or classes, by name. */
  readonly customObjects?: CustomObjects;
}

/**
 * The model of a file that `save` wrote, or of its bytes, ready to predict and, if it was saved with its
 * optimizer, to train on. Nothing in a file is trusted: names are looked up in the library's own tables,
 * sizes are checked before memory is taken, and every byte is covered by a checksum.
 *
 * @throws ERR_FILE saying what is wrong with the file.
 */
export async function load<Outputs extends SymbolicTensors = SymbolicTensor>(
  source: ModelSource,
  options: LoadOptions = {},
): Promise<Model<Outputs>> {
  checkOptions('load', options, ['customObjects', 'compile']);
  const {compile = true} = options;
  checkBoolean('load: compile', compile);
  const file = await openModelFile('load', source);
  try {
    return await restore<Outputs>(file, options.customObjects, compile);
  } catch (error) {
    throw fileError('load', file.from, error);
  } finally {
    await file.close();
  }
}
