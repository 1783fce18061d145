// A batch like one before it: arrays of the same kinds, of as many rows as the same program takes, are copied
// to where that reads, and nothing about them is looked up again.
import {isResizable, typedArrayName} from '../../core/kinds.ts';
import type {Shape} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import type {Samples} from '../feed/samples.ts';
import {checkProbabilities} from '../feed/targets.ts';
import type {PortData} from '../network/ports.ts';
import type {Compilation} from '../step/compilation.ts';
import type {OutputLoss} from '../step/compile-options.ts';

/** A bare typed array that was used as it is; nothing of the user's is kept. */
class Like {
  readonly #kind: string | undefined;
  readonly #width: number;
  readonly #copy: Rows['data'];

  constructor({data, count}: Rows, copy: Rows) {
    this.#kind = typedArrayName(data);
    this.#width = data.length / count;
    this.#copy = copy.data;
  }

  /** Whether it is such an array, of so many rows; one that was transferred away has no length. */
  isLike(given: PortData, count: number): given is Rows['data'] {
    if (!ArrayBuffer.isView(given)) return false;
    const data = given as Rows['data'];
    return (
      data.length === count * this.#width && typedArrayName(data) === this.#kind && !isResizable(data.buffer)
    );
  }

  /** NaN for what has no length. */
  rowsOf(given: PortData | undefined): number {
    return ((given as Rows['data'] | undefined)?.length ?? Number.NaN) / this.#width;
  }

  copy(data: Rows['data']): void {
    this.#copy.set(data);
  }
}

/** What may be given once more, and where it then goes. */
export interface KnownRun {
  readonly compilation: Compilation;
  readonly samples: Samples;
  readonly copies: Samples;
  /** The fewest and the most rows of a batch that the same program takes. */
  readonly least: number;
  readonly most: number;
}

export class KnownBatch {
  readonly #x: Like;
  readonly #y: Like;
  readonly #rowShape: Shape;
  readonly #compilation: Compilation;
  readonly #least: number;
  readonly #most: number;

  private constructor(run: KnownRun) {
    const {samples, copies} = run;
    this.#compilation = run.compilation;
    this.#least = run.least;
    this.#most = run.most;
    this.#x = new Like(samples.x[0] as Rows, copies.x[0] as Rows);
    this.#y = new Like(samples.y[0] as Rows, copies.y[0] as Rows);
    this.#rowShape = (samples.y[0] as Rows).rowShape;
  }

  /** Undefined unless both are one typed array each, which was bound as it is, without weights. */
  static of(run: KnownRun, x: PortData, y: PortData): KnownBatch | undefined {
    const {samples, copies} = run;
    const isPlain = samples.x.length === 1 && samples.y.length === 1 && !samples.weights;
    if (copies === samples || !isPlain || samples.x[0]?.data !== x || samples.y[0]?.data !== y)
      return undefined;
    return new KnownBatch(run);
  }

  /**
   * Copies such a batch, for a model that was compiled like this.
   *
   * @returns its rows; 0 for another one, which is not copied.
   */
  take(compilation: Compilation, where: string, x: PortData, y: PortData): number {
    if (compilation !== this.#compilation) return 0;
    const count = this.#x.rowsOf(x);
    if (!(count >= this.#least && count <= this.#most && Number.isInteger(count))) return 0;
    if (!this.#x.isLike(x, count) || !this.#y.isLike(y, count)) return 0;
    const {loss} = compilation.losses[0] as OutputLoss;
    checkProbabilities(`${where}: y`, loss, {data: y, rowShape: this.#rowShape, scale: 1});
    this.#x.copy(x);
    this.#y.copy(y);
    return count;
  }
}
