// Tests that cannot run on every machine: the run's report says which were skipped, and why.
import type {TestContext} from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Why the test did not run. */
    skipped?: string;
  }
}

/** Ends the test as skipped where there is a reason to. */
export function skipFor(reason: string | undefined, {task, skip}: TestContext): void {
  if (reason === undefined) return;
  task.meta.skipped = reason;
  skip(reason);
}
