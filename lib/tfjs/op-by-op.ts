// A trace that runs op by op: only what is alive, or what that is computed from.
import type {Memory} from '../runtime/linked.ts';
import type {Entry} from './entry.ts';
import type {Recipe} from './recipe.ts';

/**
 * A class and no literal: V8 would learn that literals made here live long, make them in the old generation,
 * and leave all that they point to, of each step, to a full collection.
 */
export class Node {
  readonly recipe: Recipe;
  readonly operands: readonly Entry[];
  readonly results: readonly Entry[];

  constructor(recipe: Recipe, operands: readonly Entry[], results: readonly Entry[]) {
    this.recipe = recipe;
    this.operands = operands;
    this.results = results;
  }
}

/** Memory is given back after the last reader. Never throws: who reads a result hears why it is not there. */
export function runOpByOp(nodes: readonly Node[]): void {
  const needed = new Set<Entry>();
  const lastReads = new Map<Node, Entry[]>();
  const isNeeded = ({results}: Node): boolean =>
    results.some(entry => entry.refCount > 0 || needed.has(entry));
  const steps = [...nodes].reverse().filter(node => {
    if (!isNeeded(node)) return false;
    const entries = [...node.operands, ...node.results];
    lastReads.set(
      node,
      entries.filter(entry => !needed.has(entry)),
    );
    for (const entry of entries) needed.add(entry);
    return true;
  });
  for (const node of steps.reverse()) {
    runNode(node);
    for (const entry of lastReads.get(node) ?? []) entry.dropAsLast();
  }
}

function runNode({recipe, operands, results}: Node): void {
  try {
    const computed = recipe.run(operands.map(({memory}) => memory as Memory));
    for (let at = 0; at < results.length; at++) (results[at] as Entry).fill(computed[at] as Uint8Array);
  } catch (error) {
    for (const entry of results) entry.fail(error);
  }
}
