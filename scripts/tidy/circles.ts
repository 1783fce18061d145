// Files of lib that import one another in a circle, types included: such files are one file in two places.
import path from 'node:path';
import type {SourceFile, Violation} from './files.ts';
import {importsOf} from './imports.ts';

type Graph = ReadonlyMap<string, readonly string[]>;

function graphOf(files: readonly SourceFile[]): Graph {
  const own = files.filter(file => file.path.startsWith('lib/') && file.path.endsWith('.ts'));
  const known = new Set(own.map(file => file.path));
  const targetsOf = (file: SourceFile): string[] =>
    importsOf(file)
      .filter(({from}) => from.startsWith('.'))
      .map(({from}) => path.posix.join(path.posix.dirname(file.path), from))
      .filter(target => known.has(target));
  return new Map(own.map(file => [file.path, targetsOf(file)]));
}

/** Sets of files that all reach each other, by Tarjan (1972), and files that import themselves. */
function components(graph: Graph): string[][] {
  const order = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  /** @returns the earliest file on the stack that this one reaches */
  const visit = (file: string): number => {
    const own = order.size;
    let earliest = own;
    order.set(file, own);
    stack.push(file);
    for (const target of graph.get(file) ?? []) {
      const at = order.get(target);
      if (at === undefined) earliest = Math.min(earliest, visit(target));
      else if (stack.includes(target)) earliest = Math.min(earliest, at);
    }
    if (earliest === own) {
      const members = stack.splice(stack.indexOf(file));
      if (members.length > 1 || graph.get(file)?.includes(file)) found.push(members);
    }
    return earliest;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

/** A shortest circle through the first of the members, which stands at both ends. */
function circleIn(graph: Graph, members: readonly string[]): string[] {
  const start = members.toSorted()[0] as string;
  let paths = [[start]];
  const seen = new Set<string>();
  for (;;) {
    const longer = paths.flatMap(way =>
      (graph.get(way.at(-1) as string) ?? [])
        .filter(target => members.includes(target) && !seen.has(target))
        .map(target => [...way, target]),
    );
    const closed = longer.find(way => way.at(-1) === start);
    if (closed) return closed;
    for (const way of longer) seen.add(way.at(-1) as string);
    paths = longer;
  }
}

export function checkCircles(files: readonly SourceFile[]): Violation[] {
  const graph = graphOf(files);
  return components(graph).map(members => {
    const circle = circleIn(graph, members);
    const names = circle.map(file => file.replace(/^lib\//, '')).join(' → ');
    const more = members.length + 1 - circle.length;
    const others = more > 0 ? `, and ${more} more in circles with these` : '';
    return {file: circle[0] as string, line: 1, what: `imports in a circle: ${names}${others}`};
  });
}
