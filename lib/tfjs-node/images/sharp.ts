// sharp decodes images, but only gives promises; tf.node.decodeImage gives a tensor at once. So sharp decodes
// in a worker, for which the calling thread waits.
import {MessageChannel, type MessagePort, receiveMessageOnPort, Worker} from 'node:worker_threads';
import {fail} from '../../core/errors.ts';
import {loadPackage, packageFile} from '../../runtime/find-package.ts';

/** Of the package, what is used here. */
export type Sharp = (input: Uint8Array, options?: object) => SharpImage;

interface SharpImage {
  toColourspace(name: string): SharpImage;
  jpeg(options: object): SharpImage;
  png(options: object): SharpImage;
  toBuffer(): Promise<Uint8Array>;
}

const wanted = (who: string) => ({why: `${who} uses sharp`, install: 'sharp'});

/** @throws ERR_ADDON saying what to install. */
export const sharpFor = (who: string): Sharp => loadPackage('sharp', wanted(who)) as Sharp;

export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  /** Of all frames, which stand below one another. */
  readonly height: number;
  readonly channels: number;
  readonly frames: number;
}

export interface DecodeRequest {
  readonly bytes: Uint8Array;
  /** All frames of an animation. */
  readonly animated?: boolean;
  /** What is there of an image that ends too early. */
  readonly truncated?: boolean;
  /** Makes the image smaller by so much. */
  readonly ratio?: number;
}

type Answer = {readonly pixels: Pixels} | {readonly error: string};

/** Runs in the worker: CommonJS, and nothing of this library, so that it is the same in any bundle. */
const program = `
const {workerData: {port, signal, file}} = require('node:worker_threads');
async function decoded({bytes, animated = false, truncated = false, ratio = 1}) {
  const options = {animated, failOn: truncated ? 'none' : 'warning', ignoreIcc: true};
  const image = require(file)(bytes, options);
  const {width, height, space, channels, pages = 1} = await image.metadata();
  const isGray = /^(b-w|grey16)$/.test(space);
  if (isGray && channels === 1) image.toColourspace('b-w');
  if (ratio > 1) {
    image.resize({width: Math.ceil(width / ratio), height: Math.ceil(height / ratio), fit: 'fill'});
  }
  const {data, info} = await image.raw({depth: 'uchar'}).toBuffer({resolveWithObject: true});
  const size = {width: info.width, height: info.height, frames: pages};
  const isGrayAlpha = isGray && channels === 2;
  const own = isGrayAlpha ? data.filter((_, index) => index % 4 === 0 || index % 4 === 3) : data;
  return {...size, data: new Uint8Array(own), channels: isGrayAlpha ? 2 : info.channels};
}
port.on('message', async request => {
  let answer;
  try {
    answer = {pixels: await decoded(request)};
  } catch (error) {
    answer = {error: String(error && error.message || error)};
  }
  port.postMessage(answer, answer.pixels ? [answer.pixels.data.buffer] : []);
  Atomics.store(signal, 0, 1);
  Atomics.notify(signal, 0);
});
`;

/** After so long a wait the worker is taken for dead. */
const longestMs = 60_000;

class Decoder {
  readonly #signal = new Int32Array(new SharedArrayBuffer(4));
  readonly #port: MessagePort;
  readonly #worker: Worker;

  constructor(file: string) {
    const {port1, port2} = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(program, {
      ...{eval: true, execArgv: [], transferList: [port2]},
      workerData: {port: port2, signal: this.#signal, file},
    });
    // The process ends when the program does.
    this.#worker.unref();
  }

  decode(request: DecodeRequest): Answer | undefined {
    Atomics.store(this.#signal, 0, 0);
    this.#port.postMessage(request);
    Atomics.wait(this.#signal, 0, 0, longestMs);
    return receiveMessageOnPort(this.#port)?.message as Answer | undefined;
  }

  end(): void {
    void this.#worker.terminate();
  }
}

let decoder: Decoder | undefined;

/**
 * The pixels of a PNG, JPEG or GIF as they stand in it: no profile is applied, no orientation.
 *
 * @throws ERR_ADDON where sharp is not installed; ERR_FILE saying what is wrong with the image.
 */
export function decodePixels(who: string, request: DecodeRequest): Pixels {
  decoder ??= new Decoder(packageFile('sharp', wanted(who)));
  const answer = decoder.decode(request);
  if (answer && 'pixels' in answer) return answer.pixels;
  if (answer) return fail('ERR_FILE', `${who}: ${answer.error}`);
  decoder.end();
  decoder = undefined;
  return fail('ERR_FILE', `${who}: the image was not decoded within ${longestMs / 1000} seconds.`);
}
