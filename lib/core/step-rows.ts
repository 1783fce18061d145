// How many rows each step of a run has: all the same, or every so many steps fewer.

/** Steps with fewer rows than the others: each `every`th. The first step is number `phase` of its cycle. */
export interface ShortSteps {
  readonly rows: number;
  readonly every: number;
  readonly phase: number;
}

export interface StepRows {
  readonly rows: number;
  readonly short?: ShortSteps | undefined;
}

/** Rows of the first `steps` steps together. */
export function rowsOfSteps({rows, short}: StepRows, steps: number): number {
  if (!short) return steps * rows;
  return steps * rows - shortSteps(short, steps) * (rows - short.rows);
}

/** Rows of one step. */
export function rowsOfStep({rows, short}: StepRows, step: number): number {
  return short && (short.phase + step + 1) % short.every === 0 ? short.rows : rows;
}

/** How many of the first `steps` steps have fewer rows. */
export function shortSteps({every, phase}: ShortSteps, steps: number): number {
  return Math.floor((phase + steps) / every);
}
