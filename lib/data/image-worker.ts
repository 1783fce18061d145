// Worker threads that decode images with sharp, which is no dependency: whoever reads images installs it.
import {pathToFileURL} from 'node:url';
import {optionalFile} from './optional-package.ts';

const {Worker} = process.getBuiltinModule('node:worker_threads');

export interface ImageFormat {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3 | 4;
  /** Whether proportions are kept and what is too much is cut off. */
  readonly crops: boolean;
}

/** The file of sharp. @throws ERR_OPTION saying what to install. */
export const findSharp = (where: string): string => optionalFile(where, 'sharp', 'images are decoded');

// A text, so that it runs wherever this file was bundled to.
const program = `
const {parentPort, workerData} = require('node:worker_threads');
const {height, width, channels, crops} = workerData.format;
const spaces = {1: 'b-w', 3: 'srgb', 4: 'srgb'};
import(workerData.sharp).then(({default: sharp}) => {
  // One image after another in each worker, with a thread of its own.
  sharp.concurrency(1);
  sharp.cache(false);
  parentPort.on('message', async ({id, file}) => {
    try {
      const image = sharp(file, {failOn: 'error'}).rotate();
      const fit = crops ? 'cover' : 'fill';
      const sized = image.resize(width, height, {fit}).toColourspace(spaces[channels]);
      const plain = channels === 4 ? sized.ensureAlpha() : sized.removeAlpha();
      const {data} = await plain.raw({depth: 'uchar'}).toBuffer({resolveWithObject: true});
      if (data.length !== height * width * channels) throw new Error(data.length + ' bytes');
      const bytes = new Uint8Array(data);
      parentPort.postMessage({id, bytes}, [bytes.buffer]);
    } catch (error) {
      parentPort.postMessage({id, message: String(error && error.message || error)});
    }
  });
}, error => {
  parentPort.on('message', ({id}) => parentPort.postMessage({id, message: String(error)}));
});
`;

interface Answer {
  readonly id: number;
  readonly bytes?: Uint8Array;
  readonly message?: string;
}

/** What became of a file: its pixels, or what was wrong with it. */
export type Decoded = {readonly bytes: Uint8Array} | {readonly message: string};

type Handle = InstanceType<typeof Worker>;

/** So many workers, each of which decodes what it is given in order. */
export class ImageDecoder {
  readonly #workers: Handle[];
  readonly #waiting = new Map<number, (decoded: Decoded) => void>();
  #next = 0;

  constructor(sharp: string, format: ImageFormat, workers: number) {
    const workerData = {sharp: pathToFileURL(sharp).href, format};
    this.#workers = Array.from({length: workers}, () => {
      const worker = new Worker(program, {eval: true, workerData});
      // A program that waits for nothing else may end.
      worker.unref();
      worker.on('message', (answer: Answer) => this.#answered(answer));
      worker.on('error', error => this.#failed(error));
      return worker;
    });
  }

  decode(file: string): Promise<Decoded> {
    const id = this.#next++;
    const worker = this.#workers[id % this.#workers.length] as Handle;
    return new Promise(resolve => {
      this.#waiting.set(id, resolve);
      worker.ref();
      worker.postMessage({id, file});
    });
  }

  #answered({id, bytes, message}: Answer): void {
    const resolve = this.#waiting.get(id);
    // A late answer to what is closed: while it waits for its workers to end, they hold the program.
    if (!resolve) return;
    resolve(bytes ? {bytes} : {message: message ?? 'no image'});
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) for (const worker of this.#workers) worker.unref();
  }

  /** A worker is gone: nothing that waits will come. */
  #failed(error: Error): void {
    for (const resolve of this.#waiting.values()) resolve({message: `a worker ended: ${error.message}`});
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    this.#failed(new Error('closed'));
    await Promise.all(this.#workers.map(worker => worker.terminate()));
  }
}
