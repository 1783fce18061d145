// Random numbers with a seed, so that a program does the same on every backend.

/** Draws from [0, 1): a Weyl sequence, mixed (Steele et al. 2014). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** The numbers from 0 to count − 1 in a random order. */
export function shuffled(count: number, random: () => number): number[] {
  const order = Array.from({length: count}, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
}

/** The place of one of several outcomes with these probabilities. */
export function drawn(probabilities: ArrayLike<number>, random: () => number): number {
  let rest = random();
  for (let index = 0; index < probabilities.length - 1; index++) {
    rest -= probabilities[index] as number;
    if (rest < 0) return index;
  }
  return probabilities.length - 1;
}
