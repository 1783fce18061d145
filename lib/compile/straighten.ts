// What a loop multiplies with in each iteration, and reads transposed, is transposed once in front.
import {at, zip} from '../core/lists.ts';
import {type Loop, loopOf, partsOf, Region} from '../core/region.ts';
import {Call, parameter, type Tensor} from '../core/tensor.ts';
import {rebuild, rewrite} from '../graph/walk.ts';
import {straightProduct, transposedFactor, transposeOf} from './batching-rules.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** With fewer iterations nothing is gained. */
const minIterations = 2;

function straightened(call: Call, loop: Loop, operands: readonly Tensor[]): readonly Tensor[] {
  const {region, count} = loop;
  const fixed = new Map(zip(partsOf(region.parameters, loop).outside, partsOf(operands, loop).outside));
  const transposed = new Map<Tensor, Tensor>();
  const factorOf = (inner: Call): Tensor | undefined => {
    const factor = count < minIterations ? undefined : transposedFactor(inner);
    return factor && fixed.has(factor) ? factor : undefined;
  };
  if (!region.calls().some(factorOf)) return rebuild(call, operands);
  const replacement = rewrite(region.results, (inner, inputs) => {
    const factor = factorOf(inner);
    if (!factor) return rebuild(inner, inputs);
    const [rows, columns] = [at(factor.shape, 0), at(factor.shape, 1)];
    const own = transposed.get(factor) ?? parameter('outside', {...factor, shape: [columns, rows]});
    transposed.set(factor, own);
    return [straightProduct(at(inputs, 0), own)];
  });
  const parameters = [...region.parameters, ...transposed.values()];
  const more = [...transposed.keys()].map(factor => transposeOf(fixed.get(factor) ?? factor));
  const straight = {...loop, region: new Region(parameters, region.results.map(replacement))};
  return new Call(call.op, [...operands, ...more], straight, call.scope).outputs;
}

/** The graph whose loops read the factors that stay the same as they lie. */
export function straighten(roots: Roots): Roots {
  const replacement = rewrite(tensorsOf(roots), (call, inputs) => {
    const loop = loopOf(call);
    return loop ? straightened(call, loop, inputs) : rebuild(call, inputs);
  });
  return mapRoots(roots, replacement);
}
