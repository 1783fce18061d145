// From tokens to the logits of the next: a model that keeps what it knows of the tokens before, or one that
// reads all of them again each time. Both make the same bits, because no bit of a step depends on how many
// are computed beside it.
import {fail} from '../../../core/errors.ts';
import {at} from '../../../core/lists.ts';
import {registerOf} from '../../../core/registers.ts';
import {formatShape} from '../../../core/shape.ts';
import {constant, input, type Tensor, type TensorSpec} from '../../../core/tensor.ts';
import {numericType} from '../../../nn/ahead.ts';
import type {CallContext, StepStream} from '../../../nn/layer.ts';
import {cast, mul} from '../../../ops/map.ts';
import {reshape} from '../../../ops/move.ts';
import {slice} from '../../../ops/pad.ts';
import {logitsOfSoftmax} from '../../../ops/softmax.ts';
import {dynamicSlice, dynamicUpdateSlice} from '../../../ops/window.ts';
import type {Network} from '../../network/network.ts';

export interface Decoded {
  /** Of the token behind the last step: [rows, classes]. */
  readonly logits: Tensor;
  readonly kept: readonly Tensor[];
}

export interface Decoder {
  readonly key: string;
  /** What is kept from step to step, zeros at first: [rows, …] each. */
  readonly kept: readonly TensorSpec[];
  /** The most steps that it can read. */
  readonly most: number;
  /** Ids int32[rows, steps], of which the first stands at `position`, int32[1]. */
  read(ids: Tensor, position: Tensor, kept: readonly Tensor[]): Decoded;
}

const nothingElse = (): never => fail('ERR_GRAPH', 'generate: a layer asked for what training alone has.');

const plainContext: CallContext = {
  training: false,
  random: nothingElse,
  update: () => {},
  stateOf: nothingElse,
  addLoss: () => {},
};

/** The steps and classes of a model from ids [steps] to [steps, classes]. @throws ERR_GRAPH */
export function checkLanguageModel({inputs, outputs}: Network): {steps: number; classes: number} {
  const [given, made] = [inputs[0]?.shape ?? [], outputs[0]?.shape ?? []];
  const fits = given.length === 1 && made.length === 2 && given[0] === made[0];
  if (inputs.length === 1 && outputs.length === 1 && fits) return {steps: at(made, 0), classes: at(made, 1)};
  const wanted =
    'expected a model from the ids of tokens, samples [steps], to logits of the next, [steps, classes]';
  const list = (ports: Network['inputs']): string => ports.map(({shape}) => formatShape(shape)).join(', ');
  return fail('ERR_GRAPH', `generate: ${wanted}. Received one from ${list(inputs)} to ${list(outputs)}.`);
}

/** What a network does with ids, as its logits [rows, steps, classes]. */
function logitsOf(network: Network, ids: Tensor, context: CallContext): Tensor {
  const type = registerOf({dtype: numericType(at(network.feeds, 0).tensor)});
  const output = at(network.compute([cast(ids, type)], context).outputs, 0);
  return logitsOfSoftmax(output) ?? output;
}

interface Part {
  readonly logits: Tensor;
  readonly specs: readonly TensorSpec[];
  readonly kept: readonly Tensor[];
  /** The most steps that the layers know, and whether any has a place for each. */
  readonly most: number;
  readonly hasPlaces: boolean;
}

/** A part of the steps through the network; without `kept`, to learn what its layers keep. */
function readPart(
  network: Network,
  ids: Tensor,
  position: Tensor,
  capacity: number,
  kept?: readonly Tensor[],
): Part {
  const specs: TensorSpec[] = [];
  const values: Tensor[] = [];
  let [most, hasPlaces] = [Number.POSITIVE_INFINITY, false];
  const stream: StepStream = {
    position,
    get capacity() {
      hasPlaces = true;
      return capacity;
    },
    atMost(steps) {
      most = Math.min(most, steps);
      hasPlaces = true;
    },
    carry(spec) {
      const index = specs.push(spec) - 1;
      values[index] = kept?.[index] ?? input({...spec, name: `kept${index}`});
      return {
        now: () => at(values, index),
        replace(value) {
          values[index] = value;
        },
      };
    },
  };
  const logits = logitsOf(network, ids, {...plainContext, stream});
  return {logits, specs, kept: values, most, hasPlaces};
}

/** What stands at the last step: [rows, classes]. */
function lastOf(logits: Tensor): Tensor {
  const [rows, steps, classes] = logits.shape as [number, number, number];
  return reshape(slice(logits, 1, steps - 1, 1), [rows, classes]);
}

const found = new WeakMap<Network, Map<string, unknown>>();

/** What follows from a network alone, looked for once: that takes as long as to make a short text. */
function once<Result>(network: Network, key: string, find: () => Result): Result {
  const known = found.get(network) ?? new Map<string, unknown>();
  found.set(network, known);
  if (!known.has(key)) known.set(key, find());
  return known.get(key) as Result;
}

const placeholder = (name: string, shape: readonly number[]): Tensor => input({name, shape, dtype: 'int32'});

/** How many steps a network reads that keeps what it knows. @throws ERR_GRAPH saying why one cannot */
export const streamed = (network: Network): Pick<Part, 'most' | 'hasPlaces'> =>
  once(network, 'streamed', () => findStreamed(network));

function findStreamed(network: Network): Pick<Part, 'most' | 'hasPlaces'> {
  const {steps, classes} = checkLanguageModel(network);
  const {logits, most, hasPlaces} = readPart(
    network,
    placeholder('ids', [1, 1]),
    placeholder('position', [1]),
    steps,
  );
  if (logits.shape.join() === `1,1,${classes}`) return {most, hasPlaces};
  const received = `of one step it makes ${formatShape(logits.shape.slice(1))}`;
  return fail('ERR_GRAPH', `generate: the model makes no logits for each step on its own: ${received}.`);
}

/** A network that keeps keys, values and states; with places for so many steps, where any are kept. */
export const cachedDecoder = (network: Network, rows: number, capacity: number): Decoder =>
  once(network, `cached ${rows} ${capacity}`, () => makeCachedDecoder(network, rows, capacity));

function makeCachedDecoder(network: Network, rows: number, capacity: number): Decoder {
  const {specs, most, hasPlaces} = readPart(
    network,
    placeholder('ids', [rows, 1]),
    placeholder('position', [1]),
    capacity,
  );
  return {
    key: `cached ${rows} ${hasPlaces ? capacity : 'any'}`,
    kept: specs,
    most: hasPlaces ? Math.min(most, capacity) : most,
    read(ids, position, kept) {
      const part = readPart(network, ids, position, capacity, kept);
      return {logits: lastOf(part.logits), kept: part.kept};
    },
  };
}

/** Where one step stands in all: [0, position], or with a third axis. */
const placeOf = (position: Tensor, rank: number): Tensor =>
  mul(position, constant(Int32Array.of(0, 1, 0).slice(0, rank), [rank], 'int32'));

/** A network that reads all of its steps again for each token: zeros stand where none are known yet. */
export const wholeDecoder = (network: Network, rows: number): Decoder =>
  once(network, `whole ${rows}`, () => makeWholeDecoder(network, rows));

function makeWholeDecoder(network: Network, rows: number): Decoder {
  const {steps, classes} = checkLanguageModel(network);
  return {
    key: `whole ${rows}`,
    kept: [{shape: [rows, steps], dtype: 'int32'}],
    most: steps,
    read(ids, position, kept) {
      const known = dynamicUpdateSlice(at(kept, 0), ids, placeOf(position, 2));
      const logits = logitsOf(network, known, plainContext);
      const last = dynamicSlice(logits, placeOf(position, 3), [rows, 1, classes]);
      return {logits: reshape(last, [rows, classes]), kept: [known]};
    },
  };
}
