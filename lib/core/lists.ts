// Lists that belong together, position by position.
import {fail} from './errors.ts';

/** The element at a position, from the end where it is negative. @throws ERR_GRAPH if there is none. */
export function at<Element>(list: readonly Element[], position: number): Element {
  if (position >= list.length || position < -list.length) {
    fail('ERR_GRAPH', `internal: no element ${position} in a list of ${list.length}.`);
  }
  return list.at(position) as Element;
}

/** `[[a0, b0], [a1, b1], …]`, as many as the first list has. @throws ERR_GRAPH if another has fewer. */
export function zip<Lists extends readonly [readonly unknown[], ...(readonly unknown[])[]]>(
  ...lists: Lists
): {[Index in keyof Lists]: Lists[Index][number]}[] {
  return lists[0].map((_, index) => {
    const row: unknown = lists.map(list => at(list, index));
    return row as {[Index in keyof Lists]: Lists[Index][number]};
  });
}
