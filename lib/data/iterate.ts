// Asynchronous iterators over those of data sets.
import {leavesOf, mapTree} from './tree.ts';

/** The same elements, of which up to `count` are requested in advance. */
export async function* prefetched<Element>(
  elements: AsyncIterable<Element>,
  count: number,
): AsyncGenerator<Element> {
  const iterator = elements[Symbol.asyncIterator]();
  const requested: Promise<IteratorResult<Element>>[] = [];
  const request = (): void => {
    const next = iterator.next();
    // An error is thrown when its element is due, not before.
    next.catch(() => {});
    requested.push(next);
  };
  try {
    while (requested.length < count) request();
    for (;;) {
      const next = await requested.shift();
      if (!next || next.done) return;
      request();
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Combines the iterators in a tree, element by element, until one of them ends. */
export async function* zipped(tree: unknown): AsyncGenerator<unknown> {
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
