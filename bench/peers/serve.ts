// The same loop as serve.py, for the peers that run in Node: a JSON object a line in, one out.
import {readFileSync} from 'node:fs';
import type {Workload} from '../workloads.ts';
import {answerLines} from './answer-lines.ts';

/** What a peer trains: first weights, and the data of all batches. */
export interface Task extends Workload {
  readonly weights: readonly {readonly kernel: Float32Array; readonly bias: Float32Array}[];
  readonly x: Float32Array;
  readonly y: Float32Array;
}

export interface Trainer {
  /** Back to the first weights and batch. */
  reset(): void;
  /**
   * Runs and finishes so many steps, walking through the batches or staying with the first.
   * @returns the loss of the last.
   */
  run(steps: number, walks: boolean): number | Promise<number>;
}

export interface Peer {
  readonly version: string;
  /** What differs from the workload, and how it was set up. */
  readonly note?: string;
  /** The steps do other work than the workload says, so that losses are not compared. */
  readonly other?: boolean;
  build(task: Task): Trainer;
}

interface Request {
  readonly load?: Workload;
  readonly file?: string;
  readonly curve?: number;
  readonly seconds?: number;
  readonly time?: number;
  readonly walks?: boolean;
}

function readTask(workload: Workload, file: string): Task {
  const bytes = readFileSync(file);
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  let taken = 0;
  const take = (size: number): Float32Array => {
    taken += size;
    return numbers.slice(taken - size, taken);
  };
  const {sizes, batch, batches} = workload;
  const weights = sizes.slice(1).map((units, layer) => {
    const kernel = take((sizes[layer] as number) * units);
    return {kernel, bias: take(units)};
  });
  const width = sizes[0] as number;
  const x = take(batch * batches * width);
  return {...workload, weights, x, y: take(batch * batches)};
}

async function secondsOf(trainer: Trainer, steps: number, walks = true): Promise<number> {
  const started = performance.now();
  await trainer.run(steps, walks);
  return (performance.now() - started) / 1000;
}

/** Seconds per step, after as many steps as it takes to warm up. */
async function calibrate(trainer: Trainer): Promise<number> {
  await trainer.run(1, true);
  for (let steps = 1; ; ) {
    let seconds = await secondsOf(trainer, steps);
    if (seconds > 2) return seconds / steps;
    // Once may have been a disturbance.
    if (seconds >= 0.1) seconds = Math.min(seconds, await secondsOf(trainer, steps));
    if (seconds >= 0.08) return seconds / steps;
    steps = Math.max(2 * steps, Math.min(8 * steps, Math.floor((0.12 * steps) / Math.max(seconds, 1e-7))));
  }
}

/** Answers until the bench closes the pipe. */
export async function serve(peer: Peer): Promise<void> {
  let trainer: Trainer | undefined;
  let perStep = 1;
  const answer = async ({load, file, curve, seconds = 0, time = 0, walks}: Request): Promise<object> => {
    if (load) {
      trainer = peer.build(readTask(load, file as string));
      perStep = await calibrate(trainer);
      return {version: peer.version, variant: 'step', note: peer.note, other: peer.other};
    }
    if (!trainer) throw new Error('no workload is loaded');
    trainer.reset();
    if (curve !== undefined) {
      const losses: number[] = [];
      const started = performance.now();
      while (losses.length < curve && performance.now() - started < seconds * 1000)
        losses.push(await trainer.run(1, true));
      return {losses};
    }
    let steps = 1;
    let taken = 0;
    // Less than half means that what was known of a step was much too slow.
    while (taken < time / 2) {
      steps = Math.max(1, Math.ceil(time / perStep));
      taken = await secondsOf(trainer, steps, walks);
      perStep = Math.min(perStep, taken / steps);
    }
    return {microseconds: (taken / steps) * 1e6, steps};
  };
  await answerLines(answer);
}
