// Optimizer updates: one call updates all parameters of a model in the commit phase of a step. The operands
// are a list of segments, one per parameter: (parameter, gradient, moments …); the results are the updated
// (parameter, moments …) of each segment. Row g of `hyper` holds the hyperparameters of parameter group g;
// they may change each step.
//
// Any update can do three things more in the same pass. Each has hyperparameters of its own, which follow
// those of the update in this order:
//   decays    [share, penalty]: g ← g + penalty·p and p ← share·p come first
//   averages  [momentum, 1 − momentum, overwrites]: each segment has one more operand, the moving average of
//             the new parameter, e ← momentum·e + (1 − momentum)·p; then p ← e where `overwrites` is not 0
//   pauses    [active]: where it is 0 nothing changes

import {attributes, defineOp} from '../core/define.ts';
import {checkOptions} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {formatShape, type Shape, sameShape} from '../core/shape.ts';
import {apply, checkTensor, failIn, type Op, type Tensor} from '../core/tensor.ts';

export interface UpdateAttributes {
  /** For each segment its parameter group: the row of `hyper` that applies to it. */
  readonly groups: readonly number[];
  readonly decays: boolean;
  readonly averages: boolean;
  readonly pauses: boolean;
}

const listed = 'decays: bool, averages: bool, pauses: bool, groups: words';

/** The shape of all operands of a segment. */
function segmentShape(name: string, [first, ...others]: readonly Tensor[]): Shape {
  const other = others.find(({shape}) => !sameShape(shape, first?.shape ?? []));
  if (other) failIn(name, 'ERR_SHAPE', `parameter ${first} and ${other} differ`);
  return first?.shape ?? [];
}

/**
 * Defines an update whose segments have `width` operands. All but the second, the gradient, are updated.
 */
function defineUpdate(name: string, width: number, hyperCount: number): Op<UpdateAttributes> {
  const widthOf = ({averages}: UpdateAttributes): number => width + Number(averages);
  const columnsOf = ({decays, averages, pauses}: UpdateAttributes): number =>
    hyperCount + 2 * Number(decays) + 3 * Number(averages) + Number(pauses);
  return defineOp({
    signature: `${name}(hyper: f32, ...segments: f32) -> ...updated: f32 {${listed}}`,
    also: attributes<UpdateAttributes>(),
    updates({outputs, attributes: given}) {
      const operands = widthOf(given);
      const results = operands - 1;
      return outputs.map((_, index) => {
        const segment = Math.floor(index / results);
        const result = index % results;
        // Input 0 is `hyper`; within a segment, the gradient at position 1 has no result.
        return 1 + segment * operands + (result === 0 ? 0 : result + 1);
      });
    },
    shape({hyper: {shape}, segments}, given) {
      const {groups} = given;
      const operands = widthOf(given);
      if (segments.length !== groups.length * operands) {
        const received = `Received ${segments.length}`;
        failIn(name, 'ERR_SHAPE', `expected ${groups.length} segments of ${operands}. ${received}`);
      }
      const columns = columnsOf(given);
      if (shape.length !== 2 || shape[1] !== columns) {
        failIn(name, 'ERR_SHAPE', `expected hyper [groups,${columns}]. Received ${formatShape(shape)}`);
      }
      return groups.flatMap((_, segment) => {
        const own = segmentShape(name, segments.slice(segment * operands, (segment + 1) * operands));
        return Array.from({length: operands - 1}, () => own);
      });
    },
  });
}

/** hyper: [learningRate]. p ← p − rate·g. */
export const sgdOp = defineUpdate('sgd', 2, 1);

/** hyper: [learningRate, momentum]. v ← momentum·v + g; p ← p − rate·v. */
export const momentumOp = defineUpdate('momentum', 3, 2);

/** hyper: [learningRate, momentum]. v ← momentum·v + g; p ← p − rate·(g + momentum·v). */
export const nesterovOp = defineUpdate('nesterov', 3, 2);

/**
 * hyper: [learningRate, rho, 1 − rho, epsilon]. v ← rho·v + (1 − rho)·g²; p ← p − rate·g / (√v + epsilon)
 * (Hinton 2012, lecture 6e).
 */
export const rmspropOp = defineUpdate('rmsprop', 3, 4);

/** hyper: […, momentum]. b ← momentum·b + g / (√v + epsilon); p ← p − rate·b. */
export const rmspropMomentumOp = defineUpdate('rmspropMomentum', 4, 5);

/** With a mean, d ← rho·d + (1 − rho)·g, and √(v − d²) for √v (Graves 2013, equations 38 to 45). */
export const rmspropCenteredOp = defineUpdate('rmspropCentered', 4, 4);

/** Segments are (p, g, v, d, b). */
export const rmspropCenteredMomentumOp = defineUpdate('rmspropCenteredMomentum', 5, 5);

/**
 * hyper: [learningRate, initial, epsilon]. s ← s + g²; p ← p − rate·g / (√(s + initial) + epsilon) (Duchi et
 * al. 2011).
 */
export const adagradOp = defineUpdate('adagrad', 3, 3);

/**
 * hyper: [learningRate, rho, 1 − rho, epsilon]. v ← rho·v + (1 − rho)·g²; s = g·√(d + epsilon) / √(v +
 * epsilon); p ← p − rate·s; d ← rho·d + (1 − rho)·s² (Zeiler 2012, algorithm 1).
 */
export const adadeltaOp = defineUpdate('adadelta', 4, 4);

/**
 * hyper: [learningRate / (1 − beta1ᵗ), beta1, 1 − beta1, beta2, 1 − beta2, 1 / √(1 − beta2ᵗ), epsilon].
 * m ← beta1·m + (1 − beta1)·g; v ← beta2·v + (1 − beta2)·g²; p ← p − hyper0·m / (√v·hyper5 + epsilon)
 * (Kingma and Ba 2015, algorithm 1).
 */
export const adamOp = defineUpdate('adam', 4, 7);

/** The same with w ← max(w, v) for v under the root (Reddi et al. 2018). Segments are (p, g, m, v, w). */
export const amsgradOp = defineUpdate('amsgrad', 5, 7);

/**
 * hyper: [learningRate / (1 − beta1ᵗ), beta1, 1 − beta1, beta2, epsilon]. m as Adam's;
 * u ← max(beta2·u, |g| + epsilon); p ← p − hyper0·m / u (Kingma and Ba 2015, algorithm 2).
 */
export const adamaxOp = defineUpdate('adamax', 4, 5);

/**
 * hyper: [rate of g, rate of m, beta1, 1 − beta1, beta2, 1 − beta2, 1 / √(1 − beta2ᵗ), epsilon]. m and v as
 * Adam's; p ← p − (hyper0·g + hyper1·m) / (√v·hyper6 + epsilon) (Dozat 2016).
 */
export const nadamOp = defineUpdate('nadam', 4, 8);

/**
 * hyper: [learningRate, beta1, 1 − beta1, beta2, 1 − beta2]. p ← p − rate·sign(beta1·m + (1 − beta1)·g);
 * m ← beta2·m + (1 − beta2)·g (Chen et al. 2023).
 */
export const lionOp = defineUpdate('lion', 3, 5);

/** hyper: [keep]. Segments are (sum, gradient): s ← keep·(s + g). */
export const accumulateOp = defineUpdate('accumulate', 2, 1);

const rowOperands = 'hyper: f32, p: f32, ids: i32, dy: f32, ...moments: f32';

/**
 * The update of a table by what arrives at each of the rows that were read: with `all`, of every row, as if
 * the gradient were zero elsewhere; else of those rows alone, others and their moments stay as they are. The
 * compiler makes it of an update whose gradient is that of a gather. Equal ids are summed in their order.
 */
function defineRowUpdate(name: string, moments: number, hyperCount: number) {
  return defineOp({
    signature: `${name}Rows(${rowOperands}) -> ...updated: f32 {group: i32, all: bool}`,
    kind: 'fused',
    updates: ({outputs}) => outputs.map((_, index) => (index === 0 ? 1 : index + 3)),
    shape({hyper, p, ids, dy, moments: given}) {
      const fits = hyper.shape[1] === hyperCount && given.length === moments && p.rank > 0;
      if (!fits || !sameShape(dy.shape, [...ids.shape, ...p.shape.slice(1)])) {
        failIn(name, 'ERR_SHAPE', `rows ${dy} of ids ${ids} do not fit the table ${p}`);
      }
      return [p.shape, ...given.map(({shape}) => shape)];
    },
  });
}

export const sgdRowsOp = defineRowUpdate('sgd', 0, 1);
export const momentumRowsOp = defineRowUpdate('momentum', 1, 2);
export const adagradRowsOp = defineRowUpdate('adagrad', 1, 3);
export const adamRowsOp = defineRowUpdate('adam', 2, 7);
export const lionRowsOp = defineRowUpdate('lion', 1, 5);

/** Applies an update to a list of segments and gives, for each, the new values in the segment's order. */
export function applyUpdate(
  op: Op<UpdateAttributes>,
  hyper: Tensor,
  segments: readonly (readonly Tensor[])[],
  attributes: Partial<UpdateAttributes> = {},
): readonly (readonly Tensor[])[] {
  checkOptions('ops.applyUpdate', attributes, ['groups', 'decays', 'averages', 'pauses']);
  checkTensor(op.name, 'hyper', hyper);
  if (!Array.isArray(segments)) {
    failIn(
      op.name,
      'ERR_DTYPE',
      `expected segments, an array of lists of tensors. Received ${show(segments)}`,
    );
  }
  const updated = apply(op, [hyper, ...segments.flat()], {
    decays: false,
    averages: false,
    pauses: false,
    groups: segments.map(() => 0),
    ...attributes,
  });
  const kept = segments.length === 0 ? 0 : updated.length / segments.length;
  return segments.map((_, index) => updated.slice(index * kept, (index + 1) * kept));
}
