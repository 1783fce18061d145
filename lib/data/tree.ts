// Elements of data sets are values, or records of values by name, or records of those.
import {isPlainObject, isShaped} from '../core/kinds.ts';

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return isPlainObject(value) && !isShaped(value);
}

/** The same structure with each value replaced. `path` is the name of a value, e.g. `xs.age`. */
export function mapTree(tree: unknown, map: (value: unknown, path: string) => unknown, path = ''): unknown {
  if (!isRecord(tree)) return map(tree, path);
  const entries = Object.entries(tree).map(([name, value]) => {
    return [name, mapTree(value, map, path === '' ? name : `${path}.${name}`)] as const;
  });
  return Object.fromEntries(entries);
}

/** The values of a tree, in order. */
export function leavesOf(tree: unknown): unknown[] {
  const leaves: unknown[] = [];
  mapTree(tree, value => leaves.push(value));
  return leaves;
}
