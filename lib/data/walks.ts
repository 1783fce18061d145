// Ways through elements that come one after another.
import {leavesOf, mapTree} from './tree.ts';

/** Asks for up to `count` elements before they are wanted. */
export async function* ahead<Element>(
  elements: AsyncIterable<Element>,
  count: number,
): AsyncGenerator<Element> {
  const iterator = elements[Symbol.asyncIterator]();
  const asked: Promise<IteratorResult<Element>>[] = [];
  const ask = (): void => {
    const next = iterator.next();
    // An error counts when its turn comes, not before.
    next.catch(() => {});
    asked.push(next);
  };
  try {
    while (asked.length < count) ask();
    for (;;) {
      const next = await asked.shift();
      if (!next || next.done) return;
      ask();
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** The elements of all, as long as each has one. */
export async function* sideBySide(tree: unknown): AsyncGenerator<unknown> {
  const iterators = new Map(
    (leavesOf(tree) as AsyncIterable<unknown>[]).map(leaf => [leaf, leaf[Symbol.asyncIterator]()]),
  );
  try {
    for (;;) {
      const next = new Map<unknown, IteratorResult<unknown>>();
      for (const [leaf, iterator] of iterators) {
        const result = await iterator.next();
        if (result.done) return;
        next.set(leaf, result);
      }
      yield mapTree(tree, leaf => next.get(leaf)?.value);
    }
  } finally {
    for (const iterator of iterators.values()) await iterator.return?.();
  }
}
