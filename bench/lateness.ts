// How late a timer of the same process is: what a program feels of a busy event loop.
export const periodMs = 5;

/** Milliseconds by which each tick of a periodic timer came too late, sorted. */
export async function lateness(until: Promise<unknown>): Promise<number[]> {
  const late: number[] = [];
  let due = performance.now() + periodMs;
  const timer = setInterval(() => {
    const now = performance.now();
    late.push(Math.max(0, now - due));
    due = now + periodMs;
  }, periodMs);
  await until;
  clearInterval(timer);
  return late.sort((a, b) => a - b);
}

/** The value below which a share of sorted ones are. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(share * (sorted.length - 1))] as number;
