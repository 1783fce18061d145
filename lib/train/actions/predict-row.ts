// Predictions for one row of float32 numbers, which servers ask for again and again: a program is bound once,
// and those that wait for the event loop's turn are answered one after another.
import {isFloat32} from '../../core/dtype.ts';
import {sizeOf} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import {type BoundProgram, type CompiledProgram, turns} from '../../session/compile.ts';
import type {VariableStore} from '../../session/store.ts';
import {keyOf} from '../feed/plan-key.ts';
import {bindInputs, sourcesOfInputs} from '../feed/samples.ts';
import type {Network} from '../network/network.ts';
import type {PortData} from '../network/ports.ts';
import type {ShapedResult} from '../network/results.ts';
import {inSteps, type Stepped} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import {mostBytes} from '../run/inline-rows.ts';
import {rowInputs, stepRowsOf} from '../run/row-run.ts';
import {predictGraph} from '../step/graphs.ts';

/** The steps of predictions for these rows. */
export function stepsOver(
  engine: Engine,
  network: Network,
  where: string,
  x: readonly Rows[],
  given: Int32Array,
): Stepped {
  const key = (batch: number | 'rows'): string => keyOf('predict', batch, ...x);
  const {isStateful: keepsStates} = network;
  return inSteps(engine, where, given, key, () => {
    const specs = x.map(({dtype, rowShape, scale}) => ({dtype, rowShape, scale}));
    return batch => predictGraph(network, {batch, x: specs, keepsStates});
  });
}

interface Waiting {
  readonly row: Float32Array;
  resolve(result: ShapedResult | undefined): void;
  reject(error: unknown): void;
}

class RowPredictor {
  /** The memory of the weights that it reads. */
  readonly state: VariableStore['state'];
  readonly #program: CompiledProgram;
  readonly #bound: BoundProgram;
  /** Where the row is read. */
  readonly #data: Float32Array;
  readonly #shape: readonly number[];
  readonly #ms: number;
  #waiting: Waiting[] = [];
  #isServing = false;

  constructor(engine: Engine, where: string) {
    const {network} = engine;
    const {inputShape, outputShape} = network;
    this.#data = new Float32Array(new SharedArrayBuffer(4 * sizeOf(inputShape)));
    const x = bindInputs(network, where, this.#data, true);
    // Row 0. In shared memory, which every engine lets a bound run keep.
    const rows = new Int32Array(new SharedArrayBuffer(4));
    const stepped = stepsOver(engine, network, where, x, rows);
    const {program} = stepped;
    const inputs = rowInputs(program, {sources: sourcesOfInputs(network, x), rows});
    this.#program = program;
    this.#bound = program.bindSync(inputs, 1, stepRowsOf(program, stepped));
    this.#shape = [1, ...outputShape];
    this.#ms = program.kernelNs(1) / 1e6;
    this.state = engine.store.state;
  }

  /** Whether an answer is sooner made on this thread than by the executor. */
  get isInline(): boolean {
    return this.#data.byteLength <= mostBytes && this.#program.runsInline(1, this.#ms);
  }

  /** Undefined where a number is not finite, of which the longer way tells. */
  predict(row: Float32Array): ShapedResult | undefined {
    this.#data.set(row);
    if (this.#bound.run().end !== 'done') return undefined;
    return {data: new Float32Array(this.#bound.outputs.output as Float32Array), shape: this.#shape};
  }

  /** The same when the event loop has had its turn. Nobody may change the row until then. */
  later(row: Float32Array): Promise<ShapedResult | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({row, resolve, reject});
      if (!this.#isServing) void this.#serve();
    });
  }

  /** Answers as many in a turn as fit, in order; the weights keep their numbers until nobody waits. */
  async #serve(): Promise<void> {
    const letGo = this.#bound.hold();
    this.#isServing = true;
    while (this.#waiting.length > 0) {
      await turns.next();
      let count = 0;
      do this.#answer(this.#waiting[count++] as Waiting);
      while (count < this.#waiting.length && turns.open);
      this.#waiting = this.#waiting.slice(count);
    }
    this.#isServing = false;
    letGo();
  }

  #answer({row, resolve, reject}: Waiting): void {
    try {
      resolve(this.predict(row));
    } catch (error) {
      reject(error);
    }
  }
}

const predictors = new WeakMap<Engine, RowPredictor>();

/** What answers for such data; undefined where the longer way must be taken. */
export function rowPredictorFor(engine: Engine, where: string, x: PortData): RowPredictor | undefined {
  const {inputs, outputs, inputShape, outputStructure, batchSize, isOfAnyLength} = engine.network;
  if (batchSize !== undefined || isOfAnyLength || engine.network.runsAhead) return undefined;
  if (inputs.length > 1 || outputStructure !== 'one') return undefined;
  if ([inputs[0], outputs[0]].some(port => port?.tensor.dtype !== 'float32')) return undefined;
  if (!isFloat32(x) || x.length === 0 || x.length !== sizeOf(inputShape)) return undefined;
  let predictor = predictors.get(engine);
  if (predictor?.state !== engine.store.state) {
    predictor = new RowPredictor(engine, where);
    predictors.set(engine, predictor);
  }
  return predictor;
}
