// How traces ran while something did.
import {traceCounts, ways} from '../../lib/tfjs/ways.ts';

export type Counts = typeof traceCounts;

/** What a body gave, and by how much it raised the counts. */
export async function counted<Result>(body: () => Promise<Result> | Result): Promise<[Result, Counts]> {
  const before = {...traceCounts};
  const result = await body();
  const names = Object.keys(before) as (keyof Counts)[];
  const raised = names.map(name => [name, traceCounts[name] - before[name]]);
  return [result, Object.fromEntries(raised) as Counts];
}

/** Each op when it is called. */
export async function atOnce<Result>(body: () => Promise<Result> | Result): Promise<Result> {
  ways.atOnce = true;
  try {
    return await body();
  } finally {
    ways.atOnce = false;
  }
}
