// Which numbers the logs of a training will hold: callbacks that watch one, or name files by it, are asked
// before the first step.
import * as metrics from '../../nn/metrics.ts';
import type {Compilation} from '../step/compilation.ts';
import {columnsOf} from '../step/measures.ts';
import type {KnownLogs} from './callback.ts';

interface Training {
  readonly compilation: Compilation;
  readonly callbacks: readonly {readonly onEpochEnd?: unknown; readonly adds?: readonly string[]}[];
  readonly validated: KnownLogs['validated'];
}

/** The names of a column: a metric may give several numbers. Undefined where they cannot be told. */
function namesOf({name, accumulation, context}: ReturnType<typeof columnsOf>[number]): string[] | undefined {
  if (!accumulation) return [name];
  try {
    const result = accumulation.result(new Float64Array(accumulation.size(context)), context);
    return typeof result === 'number' ? [name] : Object.keys(result).map(part => name + part);
  } catch {
    return undefined;
  }
}

export function knownLogs({compilation, callbacks, validated}: Training): KnownLogs {
  const columns = columnsOf(compilation).map(namesOf);
  const own = ['loss', ...columns.flatMap(names => names ?? [])];
  const others = callbacks.some(({onEpochEnd, adds}) => onEpochEnd !== undefined && adds === undefined);
  const names = Object.keys(metrics);
  const isOwnKind = compilation.metrics.some(
    ({metric}) => metric.accumulation && !names.includes(metric.kind),
  );
  const kinds = new Map(compilation.metrics.map(({name, metric}) => [name, metric.kind]));
  return {
    batch: ['batch', 'size', ...own],
    epoch: [
      ...own,
      ...(validated === 'none' ? [] : own.map(name => `val_${name}`)),
      ...callbacks.flatMap(({adds = []}) => adds),
    ],
    open: others || isOwnKind || columns.includes(undefined),
    validated,
    kindOf: name => kinds.get(name.replace(/^val_/, '')),
  };
}
