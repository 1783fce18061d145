// All that decides how a training goes on, at a point between two native calls: weights, moments, position,
// sums and history, what callbacks remember. The order of rows and random layers follow from seed and number.
import {fail} from '../../core/errors.ts';
import type {Json} from '../../core/named.ts';
import {sameShape} from '../../core/shape.ts';
import type {Variable} from '../../core/tensor.ts';
import type {FileTensor} from '../../io/safetensors.ts';
import type {CallbackState, Checkpoint} from '../callbacks/callback.ts';
import type {Engine} from '../run/engine.ts';
import type {History, Logs} from '../run/logs.ts';
import {assign, snapshot} from '../run/weights.ts';

/** What a training must have in common with the one that it continues. */
export interface TrainingSetup {
  readonly seed: number;
  readonly batchSize: number;
  readonly batches: number;
  readonly rows: number;
}

export interface Position {
  /** Epochs that calls of `fit` before this one have trained since `compile`. */
  before: number;
  epoch: number;
  /** The next one of the epoch. */
  batch: number;
  /** Whether the epoch's first callbacks have been called. */
  begun: boolean;
  /** Sums of loss and metrics over the epoch so far. */
  means: Json | undefined;
}

export interface FitState {
  readonly setup: TrainingSetup;
  readonly position: Position;
  readonly history: History;
  readonly logs: Logs;
  readonly stopTraining: boolean;
  readonly callbacks: readonly CallbackState[];
}

/** As it stands in a file. */
interface Saved extends Omit<FitState, 'callbacks' | 'setup'> {
  readonly plan: TrainingSetup;
  readonly learningRate: number | undefined;
  readonly callbacks: readonly Json[];
}

/** JSON has no NaN, no infinities and no −0: a training that is continued must find them again. */
function toJson(value: unknown): Json {
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : {$number: Object.is(value, -0) ? '-0' : `${value}`};
  }
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return (value ?? null) as Json;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(entries.map(([key, part]) => [key, toJson(part)]));
}

function fromJson(value: Json): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === '$number' && typeof first[1] === 'string')
    return Number(first[1]);
  return Object.fromEntries(entries.map(([key, part]) => [key, fromJson(part as Json)]));
}

const nameOf = (callback: number, array: string): string => `callbacks/${callback}/${array}`;

/** The training as it is now; to be called between steps. */
export function takeCheckpoint(engine: Engine, {setup, ...state}: FitState): Checkpoint {
  const {learningRate} = engine.compilation('checkpoint').optimizer;
  const arrays = state.callbacks.flatMap((callback, index) =>
    Object.entries(callback.arrays ?? {}).map(([name, data]) => ({
      name: nameOf(index, name),
      shape: [data.length],
      data: data.slice(),
    })),
  );
  const saved: Saved = {
    ...state,
    plan: setup,
    learningRate: typeof learningRate === 'number' ? learningRate : undefined,
    callbacks: state.callbacks.map(({values}) => values),
  };
  const tensors = [...snapshot(engine, engine.persistent), ...arrays];
  return {step: engine.iterations, state: toJson(saved), tensors};
}

/** @throws ERR_FILE where the tensors are not those of this model. */
function valuesOf(engine: Engine, tensors: ReadonlyMap<string, FileTensor>): Map<Variable, Float32Array> {
  engine.useMoments(new Set(tensors.keys()));
  return new Map(
    engine.persistent.map(variable => {
      const found = tensors.get(variable.name);
      if (!found) return fail('ERR_FILE', `it lacks ${variable.name}: it is of another model`);
      if (!sameShape(found.shape, variable.shape)) {
        return fail(
          'ERR_FILE',
          `${variable.name} is [${found.shape}] where the model has [${variable.shape}]`,
        );
      }
      return [variable, found.data];
    }),
  );
}

function checkSetup(saved: TrainingSetup, setup: TrainingSetup): void {
  for (const key of ['seed', 'batchSize', 'batches', 'rows'] as const) {
    if (saved[key] === setup[key]) continue;
    fail('ERR_FILE', `it is of another training: ${key} was ${saved[key]} there and is ${setup[key]} here`);
  }
}

/**
 * Reads a checkpoint without changing anything; `apply` then puts model and optimizer into its state.
 *
 * @throws ERR_FILE where it is of another model or another training.
 */
export function openCheckpoint(
  engine: Engine,
  checkpoint: Checkpoint,
  setup: TrainingSetup,
): {state: FitState; apply(): void} {
  const saved = fromJson(checkpoint.state) as Saved;
  checkSetup(saved.plan, setup);
  const tensors = new Map(checkpoint.tensors.map(tensor => [tensor.name, tensor]));
  const values = valuesOf(engine, tensors);
  const callbacks = saved.callbacks.map((own, index) => {
    const start = nameOf(index, '');
    const mine = checkpoint.tensors.filter(({name}) => name.startsWith(start));
    return {
      values: own,
      arrays: Object.fromEntries(mine.map(({name, data}) => [name.slice(start.length), data])),
    };
  });
  return {
    state: {...saved, setup: saved.plan, callbacks},
    apply() {
      assign(engine, values);
      engine.iterations = checkpoint.step;
      if (typeof saved.learningRate === 'number') {
        engine.compilation('checkpoint').optimizer.learningRate = saved.learningRate;
      }
    },
  };
}
