// A small network by hand, for the tests of compiled programs.
import {input, type Tensor, type Variable, variable, withScope} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {
  add,
  finite,
  gatherRows,
  matmul,
  mean,
  randomUniform,
  sigmoid,
  square,
  sub,
  tanh,
  total,
} from '../../lib/ops/index.ts';
import {adamOp, applyUpdate} from '../../lib/ops/optimizer.ts';
import type {ProgramRequest} from '../../lib/session/compile.ts';

export const xorInputs = Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1);
export const xorTargets = Float32Array.of(0, 1, 1, 0);

/** Adam's numbers for steps 1…count. */
export function adamHyper(count: number, rate = 0.1): Float32Array {
  return Float32Array.from(
    Array.from({length: count}, (_, step) => [
      rate / (1 - 0.9 ** (step + 1)),
      0.9,
      0.1,
      0.999,
      0.001,
      1 / Math.sqrt(1 - 0.999 ** (step + 1)),
      1e-7,
    ]).flat(),
  );
}

/** 2-8-1 with tanh and sigmoid, squared error, all four rows in each step. */
export function xorTraining(): {
  request: Omit<ProgramRequest, 'store'>;
  variables: Variable[];
  output: Tensor;
} {
  const weights = (name: string, ...shape: number[]): Variable =>
    variable({name, shape, initial: source => randomUniform(source, shape, -1, 1)});
  const parameters = [weights('w1', 2, 8), weights('b1', 8), weights('w2', 8, 1), weights('b2', 1)];
  const [w1, b1, w2, b2] = parameters.map(({tensor}) => tensor) as [Tensor, Tensor, Tensor, Tensor];
  const rows = input({name: 'rows', shape: [4], dtype: 'int32', perStep: true});
  const x = gatherRows(input({name: 'x', shape: [-1, 2]}), rows);
  const y = gatherRows(input({name: 'y', shape: [-1, 1]}), rows);
  const hidden = withScope('hidden', () => tanh(add(matmul(x, w1), b1)));
  const output = withScope('out', () => sigmoid(add(matmul(hidden, w2), b2)));
  const errors = withScope('loss', () => square(sub(output, y)));
  const loss = mean(errors);
  const grads = gradients(loss, [w1, b1, w2, b2]);
  const moments = parameters.map(({name, shape}) =>
    ['m', 'v'].map(moment => variable({name: `${name}/${moment}`, shape})),
  ) as [Variable, Variable][];
  const hyper = input({name: 'hyper', shape: [1, 7], perStep: true});
  const segments = parameters.map(({tensor}, index) => {
    const [m, v] = moments[index] as [Variable, Variable];
    return [tensor, grads[index] as Tensor, m.tensor, v.tensor];
  });
  const updated = applyUpdate(adamOp, hyper, segments, {groups: [0, 0, 0, 0]});
  const updates = parameters.flatMap((parameter, index) =>
    [parameter, ...(moments[index] as [Variable, Variable])].map(
      (variable, field) => [variable, updated[index]?.[field] as Tensor] as const,
    ),
  );
  const request = {
    outputs: {loss: total(errors)},
    updates,
    guards: [finite(loss), ...grads.map(finite)],
  };
  return {request, variables: [...parameters, ...moments.flat()], output};
}
