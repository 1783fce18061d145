// Symbolic tensors of the functional API: what a layer will give for one sample, known by its shape. A layer
// applied to some makes others; a model is what lies between its inputs and its outputs.
import {checkOptions, fail} from '../core/errors.ts';
import {formatShape, type Shape, sameShape} from '../core/shape.ts';
import {input as inputTensor, Tensor, withScope} from '../core/tensor.ts';
import type {CallContext, ForwardAll, Layer} from './layer.ts';
import {checkInputShape, checkName} from './layer-options.ts';

let nextId = 0;

/** A value of a model that is being built, for one sample: the axis of the batch is left out. */
export class SymbolicTensor {
  /** Larger than those of all that it was made of. */
  readonly id = nextId++;
  readonly shape: Shape;
  /** What made it; missing for an input. */
  readonly call: LayerCall | undefined;
  /** @internal Of an input, as the user called it. */
  readonly givenName: string | undefined;

  /** @internal */
  constructor(shape: Shape, call?: LayerCall, name?: string) {
    this.shape = shape;
    this.call = call;
    this.givenName = name;
    Object.freeze(this);
  }

  /** Of an input as it was given, else `input`; otherwise that of the layer. */
  get name(): string {
    return this.givenName ?? this.call?.layer.name ?? 'input';
  }

  toString(): string {
    return `a symbolic tensor ${formatShape(this.shape)}`;
  }
}

/** One use of a layer. */
export interface LayerCall {
  readonly layer: Layer;
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly forward: ForwardAll;
}

export interface InputOptions {
  /** Shape of one sample. */
  readonly shape: Shape;
  /** What `fit` and `predict` know its data by; `input`, `input_1`, … by default. */
  readonly name?: string;
}

/**
 * An input of a model, where the functional API begins: `layers.flatten().apply(input({shape: [28, 28]}))`.
 *
 * @throws ERR_OPTION
 */
export function input(options: InputOptions): SymbolicTensor {
  if (options === undefined) fail('ERR_OPTION', 'input: expected options such as {shape: [784]}.');
  checkOptions('input', options, ['shape', 'name']);
  const {shape, name} = options;
  if (shape === undefined) fail('ERR_OPTION', 'input: shape is missing, the shape of one sample: [784].');
  checkInputShape('input: shape', shape);
  checkName('input: name', name);
  return new SymbolicTensor([...shape], undefined, name);
}

const noRandom = (): never =>
  fail('ERR_GRAPH', 'a layer asked for random numbers, or changed its state, outside of training.');

/** What a layer is told when only the shapes of its results are asked for. */
const shapesOnly: CallContext = {
  training: false,
  random: noRandom,
  update: noRandom,
  addLoss: () => {},
};

/** More than one, so that a layer which mixes up batch and sample is noticed. */
const sampleBatch = 2;

/** Shapes of the results for one sample. */
function outputShapes(scope: string, forward: ForwardAll, shapes: readonly Shape[]): Shape[] {
  const samples = shapes.map(shape => inputTensor({name: 'sample', shape: [sampleBatch, ...shape]}));
  return forward(samples, shapesOnly).map(result => {
    if (result instanceof Tensor && result.shape[0] === sampleBatch && result.dtype === 'float32') {
      return result.shape.slice(1);
    }
    const received = result instanceof Tensor ? `${result} for a batch of ${sampleBatch}` : String(result);
    return fail('ERR_SHAPE', `${scope}: a layer must give float32 [batch, …]. Received ${received}.`);
  });
}

/** Applies a layer, building it if this is the first time; `scope` stands in errors. */
export function callLayer(layer: Layer, inputs: readonly SymbolicTensor[], scope: string): LayerCall {
  inputs.forEach(given => {
    if (given instanceof SymbolicTensor) return;
    fail('ERR_OPTION', `${scope}: apply: expected what input() or apply() gave. Received ${String(given)}.`);
  });
  const shapes = inputs.map(({shape}) => shape);
  const [first] = shapes;
  if (layer.inputShape && !(first && sameShape(layer.inputShape, first))) {
    const gets = first ? formatShape(first) : 'nothing';
    fail('ERR_SHAPE', `${scope} says inputShape ${formatShape(layer.inputShape)}, but gets ${gets}.`);
  }
  return withScope(scope, () => {
    const forward = layer.forwardFor(shapes, scope);
    const outputs: SymbolicTensor[] = [];
    const call: LayerCall = {layer, inputs: [...inputs], outputs, forward};
    for (const shape of outputShapes(scope, forward, shapes)) outputs.push(new SymbolicTensor(shape, call));
    layer.isCalled(call);
    return call;
  });
}
