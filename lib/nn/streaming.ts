// Which layers may get the steps of a sequence in parts, as generation gives them, and why others may not.
import type {Config} from '../core/named.ts';
import type {Shape} from '../core/shape.ts';
import type {Layer} from './layer.ts';

/** Why not; undefined where it may. `sample` is the shape of the first input: [steps, …]. */
type Rule = (config: Config, sample: Shape, layer: Layer) => string | undefined;

const always: Rule = () => undefined;

/** What works along the last axis, which must not be that of the steps. */
const alongLast = (sample: Shape): string | undefined =>
  sample.length > 1 ? undefined : 'works along the only axis that there is, which is that of the steps';
const alongFeatures: Rule = (_, sample) => alongLast(sample);

/** The same along axes that an option names; the batch is axis 0. */
const alongAxes: Rule = ({axis = -1}, sample) => {
  const axes = [axis].flat() as number[];
  const isOfSteps = axes.some(each => each === 1 || each + sample.length === 0);
  return isOfSteps ? 'works along the axis of the steps' : alongLast(sample);
};

const recurrent: Rule = ({goBackwards, returnSequences, stateful}) => {
  if (goBackwards === true) return 'reads the steps from the last to the first (goBackwards)';
  if (stateful === true) return 'keeps its state itself (stateful): make it without, with the same weights';
  if (returnSequences === true) return undefined;
  return 'gives its last step alone: returnSequences: true gives all';
};

const rules: Readonly<Record<string, Rule>> = {
  activation: alongFeatures,
  activityRegularization: always,
  add: always,
  alphaDropout: always,
  average: always,
  batchNormalization: alongAxes,
  bidirectional: () => 'reads the steps from the last to the first, too',
  checkpoint: (_, sample, {layers: [inner]}) => inner && whyNotInParts(inner, sample),
  concatenate: alongAxes,
  convLstm1d: recurrent,
  convLstm2d: recurrent,
  convLstm3d: recurrent,
  dense: alongFeatures,
  dropout: always,
  elu: always,
  embedding: always,
  gaussianDropout: always,
  gaussianNoise: always,
  groupQueryAttention: alongFeatures,
  gru: recurrent,
  identity: always,
  inputLayer: always,
  layerNormalization: alongAxes,
  leakyRelu: always,
  lstm: recurrent,
  masking: alongFeatures,
  maximum: always,
  minimum: always,
  multiHeadAttention: alongFeatures,
  multiply: always,
  positionEmbedding: always,
  reLU: always,
  rescaling: always,
  rmsNormalization: alongAxes,
  rnn: recurrent,
  rotaryEmbedding: ({sequenceAxis = 1}) =>
    sequenceAxis === 1 ? undefined : `has its steps on axis ${String(sequenceAxis)}, not on axis 1`,
  simpleRNN: recurrent,
  sinePositionEncoding: always,
  softmax: alongAxes,
  spatialDropout1d: always,
  subtract: always,
  thresholdedReLU: always,
  timeDistributed: always,
  transformerDecoder: always,
  transformerEncoder: always,
  unitNormalization: alongAxes,
};

const unknown = 'does not say that a step of its output needs no step behind it (supportsStreaming)';

/** Why a layer cannot have the steps of its inputs in parts; undefined where it can. */
export function whyNotInParts(layer: Layer, sample: Shape): string | undefined {
  if (layer.supportsStreaming) return undefined;
  const rule = Object.hasOwn(rules, layer.kind) ? rules[layer.kind] : undefined;
  return rule ? rule(layer.config, sample, layer) : unknown;
}
