// Whether losses and metrics go with the output that they are computed from, as far as its graph tells: what
// would otherwise train in silence, and learn nothing.
import {at} from '../../core/lists.ts';
import {formatShape} from '../../core/shape.ts';
import {input, type Tensor} from '../../core/tensor.ts';
import type {CallContext} from '../../nn/layer.ts';
import type {Loss} from '../../nn/losses.ts';
import type {Network} from '../network/network.ts';
import type {NamedMetric, OutputLoss} from './compile-options.ts';

/** Losses and metrics of probabilities, which take logits only where they are told so. */
const binary = ['binaryCrossentropy', 'binaryFocalCrossentropy', 'auc'];
const categorical = [
  'categoricalCrossentropy',
  'categoricalFocalCrossentropy',
  'sparseCategoricalCrossentropy',
  'kullbackLeiblerDivergence',
];
/** 0 for one class, whatever the output. */
const ofSeveral = categorical.filter(kind => kind !== 'kullbackLeiblerDivergence');

type Range = 'probabilities' | 'beyond' | 'unknown';

const unbounded = ['matmul', 'relu', 'tanh', 'softplus', 'expm1', 'log', 'logSoftmax'];
const sameNumbers = ['reshape', 'transpose', 'slice', 'broadcastTo', 'copy', 'stopGradient'];

/** Ops that are looked at before an output counts as unknown: its graph may be large. */
const mostOps = 8;

/** Whether a tensor's numbers lie within 0…1, as far as the ops that made it tell. */
function rangeOf(tensor: Tensor, left = mostOps): Range {
  const {op, inputs} = tensor.call;
  if (left === 0) return 'unknown';
  if (op.name === 'sigmoid' || op.name === 'softmax') return 'probabilities';
  if (unbounded.includes(op.name)) return 'beyond';
  if (sameNumbers.includes(op.name)) return rangeOf(at(inputs, 0), left - 1);
  const ranges = (op.name === 'select' ? inputs.slice(1) : inputs).map(each => rangeOf(each, left - 1));
  const every = (range: Range): boolean => ranges.length > 0 && ranges.every(each => each === range);
  switch (op.name) {
    case 'select':
      return every('beyond') ? 'beyond' : 'unknown';
    case 'exp':
      // exp(−x) may well be a probability.
      return every('beyond') && inputs[0]?.call.op.name !== 'mul' ? 'beyond' : 'unknown';
    case 'mul':
    case 'concatenate':
      if (every('probabilities')) return 'probabilities';
      return ranges.includes('beyond') ? 'beyond' : 'unknown';
    case 'add':
    case 'sub':
      return ranges.includes('beyond') ? 'beyond' : 'unknown';
    default:
      return 'unknown';
  }
}

/** The softmax or sigmoid that an output is, seen through what only gives its numbers another shape. */
function activationOf(tensor: Tensor): Tensor | undefined {
  const {op, inputs} = tensor.call;
  if (op.name === 'sigmoid' || op.name === 'softmax') return tensor;
  return sameNumbers.includes(op.name) ? activationOf(at(inputs, 0)) : undefined;
}

const forShapes: CallContext = {
  training: false,
  random: () => {
    throw new Error('random numbers outside of training');
  },
  update() {},
  stateOf: state => ({now: () => state, replace() {}}),
  addLoss() {},
};

/** Where the model fixes none, a batch of two, by which layers are built as well. */
const anyBatch = 2;

/** The graph of each output; undefined where a layer of the user's own does not compute one yet. */
function outputsOf(network: Network): readonly Tensor[] | undefined {
  const batch = network.batchSize ?? anyBatch;
  const inputs = network.feeds.map(({name, shape}) => input({name, shape: [batch, ...shape]}));
  try {
    return network.compute(inputs, forShapes).outputs;
  } catch {
    return undefined;
  }
}

/** What is wrong between a loss, or a metric that is one, and an output. */
function adviceOn(
  what: string,
  {kind, config}: Pick<Loss, 'kind' | 'config'>,
  name: string,
  output: Tensor,
  fromLogits = config.fromLogits === true,
): string[] {
  const ofClasses = categorical.includes(kind);
  if (!ofClasses && !binary.includes(kind)) return [];
  const activation = activationOf(output)?.call.op.name;
  const wanted = ofClasses ? 'softmax' : 'sigmoid';
  if (ofSeveral.includes(kind) && output.shape.at(-1) === 1) {
    const instead = "a single yes or no takes 'binaryCrossentropy' and a sigmoid";
    return [
      `the ${what} ${kind} of the output ${name} is 0 whatever it holds, for it has one unit; ${instead}`,
    ];
  }
  if (fromLogits && activation) {
    const text = `takes logits (fromLogits: true), but the output ${name} is a ${activation}`;
    return [`the ${what} ${kind} ${text} already; leave one of them out`];
  }
  if (fromLogits || rangeOf(output) !== 'beyond') return [];
  const text = `takes probabilities, but the output ${name} may hold any numbers`;
  return [`the ${what} ${kind} ${text}; give it activation: '${wanted}', or say fromLogits: true`];
}

/** What is wrong with an output by itself. */
function adviceOnOutput(name: string, output: Tensor): string[] {
  const activation = activationOf(output);
  if (activation?.call.op.name !== 'softmax' || activation.shape.at(-1) !== 1) return [];
  const shape = formatShape(output.shape.slice(1));
  return [
    `the output ${name} ${shape} is a softmax of one unit, which is always 1; a sigmoid tells yes from no`,
  ];
}

/** What does not go together, a text for each; none where nothing is known to be wrong. */
export function adviceFor(
  network: Network,
  losses: readonly OutputLoss[],
  metrics: readonly NamedMetric[],
): readonly string[] {
  const outputs = outputsOf(network);
  if (!outputs) return [];
  const ofLosses = losses.flatMap(({name, output, loss}) => {
    const tensor = at(outputs, output);
    return [...adviceOnOutput(name, tensor), ...adviceOn('loss', loss, name, tensor)];
  });
  const ofMetrics = metrics.flatMap(({metric, of: {name, output, loss}}) => {
    const {fromLogits} = metric.config;
    const own = typeof fromLogits === 'boolean' ? fromLogits : loss.config.fromLogits === true;
    // What is said of the loss need not be said again of a metric of the same outputs.
    const inherited = fromLogits === undefined && own;
    return inherited || metric.kind === loss.kind
      ? []
      : adviceOn('metric', metric, name, at(outputs, output), own);
  });
  return [...new Set([...ofLosses, ...ofMetrics])];
}
