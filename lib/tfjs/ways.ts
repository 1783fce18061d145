// How traces run, and how often they did: for tests, which compare the ways.
import {availableParallelism} from 'node:os';

const cores = availableParallelism();

export const ways = {
  /** Records nothing. */
  atOnce: false,
  /** So many times a trace runs op by op before it is compiled. */
  opByOpTimes: 1,
  /**
   * Whether a trace is recorded while a run is made, on a core that the team of threads leaves free: where
   * there is none, the team would wait at each of its barriers for the thread that JavaScript pushed aside.
   */
  overlaps: (threads: number): boolean => threads < cores,
  /** So many calls a compilation goes over at each turn of the event loop: some 4 ms. */
  callsATurn: 400,
  /** The same at the end of a trace, of a program that lets nothing else run. */
  callsATrace: 1600,
};

/**
 * Since the process began: plans compiled, a plan over rows counting as two; runs; of these, plans made
 * meanwhile; results made in place.
 */
export const traceCounts = {compiled: 0, asPlan: 0, opByOp: 0, meanwhile: 0, inPlace: 0};
