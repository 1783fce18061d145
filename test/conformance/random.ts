// The random numbers that samples are made of. Files of tests share them, so each test, and each table of
// samples, begins at their start: what it draws depends on nothing that ran before.

/** Uniform in [0, 1): mulberry32 (Ettinger 2017). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

const seeds = {real: 20240607, whole: 20261129};
let real = generator(seeds.real);
let whole = generator(seeds.whole);

export const next = (): number => real();
/** Does not disturb the others. */
export const nextWhole = (): number => whole();

export function restart(): void {
  real = generator(seeds.real);
  whole = generator(seeds.whole);
}

/** A table that is the same whenever it is made, and leaves the numbers at their start. */
export function fromStart<Table>(make: () => Table): Table {
  restart();
  const table = make();
  restart();
  return table;
}
