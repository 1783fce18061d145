// How traces run, and how often they did: for tests, which compare the ways.
export const ways = {
  /** Records nothing. */
  atOnce: false,
  /** So many times a trace runs op by op before it is compiled. */
  opByOpTimes: 1,
  /** So many calls a compilation goes over at each turn of the event loop: some 4 ms. */
  callsATurn: 400,
  /** The same at the end of a trace, of a program that lets nothing else run. */
  callsATrace: 1600,
  /** Bits that count of the hash of a trace: without any, all traces have the same. */
  hashBits: -1,
};

/**
 * Since the process began: plans compiled, a plan over rows counting as two; runs; of these, plans made
 * meanwhile; results made in place.
 */
export const traceCounts = {compiled: 0, asPlan: 0, opByOp: 0, meanwhile: 0, inPlace: 0};
