// What `compile` adds to a network: losses, metrics, and an optimizer with its moments.
import {checkBoolean, fail, requireOptions} from '../../core/errors.ts';
import {checkPrecision, type Precision} from '../../core/precision.ts';
import {type Variable, variable} from '../../core/tensor.ts';
import type {Optimizer} from '../../optim/optimizer.ts';
import {toOptimizer} from '../../optim/resolve.ts';
import type {Network, Port} from '../network/network.ts';
import {adviceFor} from './advice.ts';
import type {CompileOptions, NamedMetric, OutputLoss} from './compile-options.ts';
import {toLosses, toMetrics} from './objectives.ts';

/** The result of `compile`. */
export interface Compilation {
  readonly optimizer: Optimizer;
  /** One for each output that has one. */
  readonly losses: readonly OutputLoss[];
  readonly metrics: readonly NamedMetric[];
  /** For each trainable weight of the network, in order, its moments. */
  readonly slots: readonly (readonly Variable[])[];
  readonly precision: Precision;
  /** What does not go together. */
  readonly advice: readonly string[];
  /** Whether the user wants to be told. */
  readonly warn: boolean;
}

/** What binding data to a model asks of it. */
export interface CompiledNetwork {
  readonly network: Network;
  /** @throws ERR_NOT_COMPILED */
  compilation(where: string): Compilation;
}

/** Outputs that have a loss, and data in `y`. */
export function targetPorts({outputs}: Network, {losses}: Pick<Compilation, 'losses'>): Port[] {
  return losses.map(({output}) => outputs[output] as Port);
}

/** Moments of weights by name, so that compiling again with the same optimizer finds their memory. */
export function slotsOf(
  weights: Network['weights'],
  optimizer: Optimizer,
  known: ReadonlyMap<string, Variable>,
): Variable[][] {
  return weights.map(({variable: {name, shape}}) =>
    optimizer.slotsFor(name, shape).map(slot => {
      const own = `optimizer/${name}/${slot.name}`;
      return known.get(own) ?? variable({name: own, shape: slot.shape, trainable: false});
    }),
  );
}

const compileOptions = [
  'optimizer',
  'loss',
  'lossWeights',
  'metrics',
  'weightedMetrics',
  'precision',
  'warn',
];

/** @throws ERR_UNKNOWN_NAME or ERR_OPTION saying which option is wrong. */
export function makeCompilation(
  network: Network,
  options: CompileOptions,
  known: ReadonlyMap<string, Variable>,
): Compilation {
  requireOptions('compile', options, compileOptions);
  const {optimizer, loss, precision = 'float32', warn = true} = options;
  checkPrecision(precision);
  checkBoolean('compile: warn', warn);
  if (optimizer === undefined) fail('ERR_OPTION', "compile: optimizer is missing, e.g. 'adam'.");
  if (loss === undefined) fail('ERR_OPTION', "compile: loss is missing, e.g. 'meanSquaredError'.");
  // A model has its own: what a training does to the rate must not reach the next model.
  const chosen = toOptimizer(optimizer).copy();
  const losses = toLosses(network, options);
  const metrics = toMetrics(network, losses, options);
  return {
    optimizer: chosen,
    losses,
    metrics,
    slots: slotsOf(network.trainable, chosen, known),
    precision,
    advice: adviceFor(network, losses, metrics),
    warn,
  };
}
