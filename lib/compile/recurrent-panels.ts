// Weights that the steps of a loop read in every iteration are laid out once in front of it: in panels of 64
// columns, as the tiles of a product read them.
import {at, zip} from '../core/lists.ts';
import {match} from '../core/operands.ts';
import {type Loop, loopOf, partsOf, Region} from '../core/region.ts';
import {Call, type Op, parameter, type Tensor} from '../core/tensor.ts';
import {rebuild, rewrite} from '../graph/walk.ts';
import {reshape, transpose, transposeOp} from '../ops/move.ts';
import {gruStepGradOp, gruStepOp, lstmStepGradOp, lstmStepOp} from '../ops/recurrent.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** Twin of kPanelUnit in native/kernels/gemm_grid.h. */
const panelColumns = 64;
/** With fewer rows or iterations, reading the weights as they lie costs less than laying them out. */
const [minRows, minIterations] = [32, 4];

/** Where a step has its weights. */
const kernels: ReadonlyMap<Op, number> = new Map<Op, number>([
  [lstmStepOp, 3],
  [lstmStepGradOp, 5],
  [gruStepOp, 2],
  [gruStepGradOp, 3],
]);

/** The weights of a step that come in panels. */
function weightsOf({op, inputs, outputs}: Call): Tensor | undefined {
  const weights = inputs[kernels.get(op) ?? -1];
  const columns = weights?.shape[1] ?? 0;
  const fits = weights?.rank === 2 && columns % panelColumns === 0 && columns > panelColumns;
  return fits && at(at(outputs, 0).shape, 0) >= minRows ? weights : undefined;
}

/** [rows, columns] as [panels, rows, 64]. */
function inPanels(weights: Tensor): Tensor {
  const [rows, columns] = weights.shape as [number, number];
  const transposed = match(weights, transposeOp);
  const panels = columns / panelColumns;
  if (transposed?.permutation.join() === '1,0') {
    return transpose(reshape(transposed.x, [panels, panelColumns, rows]), [0, 2, 1]);
  }
  return transpose(reshape(weights, [rows, panels, panelColumns]), [1, 0, 2]);
}

function laidOut(call: Call, loop: Loop, operands: readonly Tensor[]): readonly Tensor[] {
  const {region, count} = loop;
  const fixed = new Map(zip(partsOf(region.parameters, loop).outside, partsOf(operands, loop).outside));
  const panels = new Map<Tensor, Tensor>();
  const replacement = rewrite(region.results, (inner, inputs) => {
    const weights = count < minIterations ? undefined : weightsOf(inner);
    if (!weights || !fixed.has(weights)) return rebuild(inner, inputs);
    const [rows, columns] = weights.shape as [number, number];
    const shape = [columns / panelColumns, rows, panelColumns];
    const own = panels.get(weights) ?? parameter('outside', {...weights, shape});
    panels.set(weights, own);
    const given = inputs.map((input, index) => (index === kernels.get(inner.op) ? own : input));
    return new Call(inner.op, given, inner.attributes, inner.scope).outputs;
  });
  if (panels.size === 0) return rebuild(call, operands);
  const results = region.results.map(replacement);
  const parameters = [...region.parameters, ...panels.values()];
  const more = [...panels.keys()].map(weights => inPanels(fixed.get(weights) ?? weights));
  const changed = {...loop, region: new Region(parameters, results)};
  return new Call(call.op, [...operands, ...more], changed, call.scope).outputs;
}

/** The graph whose loops read the weights of their steps in panels. */
export function layOutPanels(roots: Roots): Roots {
  const replacement = rewrite(tensorsOf(roots), (call, inputs) => {
    const loop = loopOf(call);
    return loop ? laidOut(call, loop, inputs) : rebuild(call, inputs);
  });
  return mapRoots(roots, replacement);
}
