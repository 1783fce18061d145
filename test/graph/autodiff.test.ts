// Gradients: the gradient graph in float64 against central differences, its own gradients likewise, and what
// `gradients` promises besides.
import {describe, expect, it} from 'vitest';
import {input, type Op, type Tensor, variable} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {asTensor, buildOp, givenOf, hasDerivative, opOf, reproducer, weighted} from '../conformance/build.ts';
import type {Operand, OpSamples, Sample} from '../conformance/data.ts';
import {exactly, reals, spread} from '../conformance/data.ts';
import {expectGradient} from '../conformance/gradient.ts';
import {evaluate, type Given, type Values} from '../reference.ts';
import {samples} from '../samples.ts';

const isReal = (tensor: Tensor): boolean => tensor.dtype === 'float32';

const table = (Object.entries(samples) as [string, OpSamples][]).map(([name, rest]) => ({
  name,
  op: opOf(name),
  ...rest,
}));

/** The gradient graph of a weighted sum of the results, then that of a weighted sum of those gradients. */
function expectGradientsTwice(op: Op, sample: Sample): void {
  const program = buildOp(op, sample);
  const {loss, weights} = weighted(program.call.outputs);
  const targets = program.call.inputs.filter(isReal);
  const first = gradients(loss, targets);
  const directions = first.map(({shape}, index) => asTensor(reals(shape, 0.5, 1.5), `direction${index}`));
  const terms = directions.map(([direction], index) => ops.sum(ops.mul(first[index] as Tensor, direction)));
  const second = terms.reduce((a, b) => ops.add(a, b));
  const leaves = [...targets, ...weights.map(([weight]) => weight)];
  const extra = [...weights, ...directions].map(([tensor, {data}]) => [tensor, data] as const);
  const given: Given = new Map([...givenOf(program), ...extra]);
  const what = reproducer(op.name, sample);
  for (const [index, target] of targets.entries()) {
    expectGradient(loss, target, first[index] as Tensor, given, `${what}, operand ${index}`);
  }
  for (const [index, gradient] of gradients(second, leaves).entries()) {
    expectGradient(second, leaves[index] as Tensor, gradient, given, `${what}, second order, leaf ${index}`);
  }
}

describe('of every op', () => {
  it.each(table.filter(({smooth}) => smooth))('$name: as central differences say, twice over', row => {
    for (const sample of row.smooth ?? []) expectGradientsTwice(row.op, sample);
  });

  it('have samples wherever there is a rule', () => {
    expect(table.filter(({op, smooth}) => hasDerivative(op) && !smooth).map(({name}) => name)).toEqual([]);
  });

  const refusing = table.filter(({op}) => !op.grad && op.guard?.kind !== 'notFinite');
  it.each(refusing)('$name: none, and it says so', ({op, values}) => {
    const sample = values.find(({operands}) => operands.some(({dtype}) => dtype === 'float32'));
    const {call} = buildOp(op, sample as Sample);
    const target = call.inputs.find(isReal) as Tensor;
    const result = call.outputs.find(isReal) ?? (call.outputs[0] as Tensor);
    const loss = ops.sum(ops.cast(result, 'float32'));
    expect(() => gradients(loss, [target])).toThrow(`${op.name} has no gradient`);
  });
});

describe('gradients', () => {
  function check(leaves: [Tensor, Operand][], build: (...tensors: Tensor[]) => Tensor, what: string): void {
    const targets = leaves.map(([tensor]) => tensor);
    const loss = build(...targets);
    const given = new Map(leaves.map(([tensor, {data}]) => [tensor, data] as const));
    const first = gradients(loss, targets);
    targets.forEach((target, index) => {
      expectGradient(loss, target, first[index] as Tensor, given, `${what} ${index}`);
    });
  }

  it('add up where a tensor is used more than once', () => {
    const x = asTensor(reals([3, 3]), 'x');
    check([x], a => ops.sum(ops.mul(ops.matmul(a, a), ops.add(a, ops.tanh(a)))), 'reused');
  });

  it('of three small models', () => {
    const leaves = [reals([4, 5]), reals([5, 6]), reals([6]), reals([6, 3]), reals([3]), spread([4, 3])];
    const tensors = leaves.map((operand, index) => asTensor(operand, `x${index}`));
    const hidden = (x: Tensor, w: Tensor, b: Tensor): Tensor => ops.tanh(ops.add(ops.matmul(x, w), b));
    check(
      tensors,
      (...[x, w1, b1, w2, b2, y]) => {
        const logits = ops.add(
          ops.matmul(hidden(x as Tensor, w1 as Tensor, b1 as Tensor), w2 as Tensor),
          b2 as Tensor,
        );
        return ops.mean(ops.square(ops.sub(logits, y as Tensor)));
      },
      'regression',
    );
    check(
      tensors.slice(0, 5),
      (...[x, w1, b1, w2, b2]) => {
        const logits = ops.add(
          ops.matmul(hidden(x as Tensor, w1 as Tensor, b1 as Tensor), w2 as Tensor),
          b2 as Tensor,
        );
        const labels = ops.cast(ops.mul(ops.ones([4]), 2), 'int32');
        return ops.mean(ops.softmaxCrossentropy(logits, labels).loss);
      },
      'classification',
    );
    check(
      tensors.slice(0, 3),
      (...[x, w, b]) => {
        const p = ops.softmax(ops.add(ops.matmul(x as Tensor, w as Tensor), b as Tensor));
        return ops.mean(ops.add(ops.mul(p, ops.log(p)), ops.softplus(ops.mul(p, -3))));
      },
      'entropy',
    );
  });

  it('of gradients: a penalty on the size of a gradient', () => {
    const x = asTensor(reals([3, 4]), 'x');
    check(
      [x],
      a => {
        const inner = ops.sum(ops.sigmoid(ops.square(a)));
        return ops.sum(ops.square(gradients(inner, [a])[0] as Tensor));
      },
      'penalty',
    );
  });

  it('are zero where a target has no influence, and never come from nowhere', () => {
    const [x, y] = [input({name: 'x', shape: [2]}), input({name: 'y', shape: [3]})];
    const [dx, dy] = gradients(ops.sum(ops.square(x)), [x, y]);
    const given = new Map([[x, [1, 2]]]);
    expect(Array.from(evaluate([dx as Tensor], given)[0] as Values)).toEqual([2, 4]);
    expect(Array.from(evaluate([dy as Tensor], given)[0] as Values)).toEqual([0, 0, 0]);
  });

  it('refuses a loss that is no scalar, with its shape', () => {
    const x = input({name: 'x', shape: [2, 3]});
    expect(() => gradients(x, [x])).toThrow(/scalar.*\[2,3\]/);
  });

  it('stand in the scope of the op that they belong to', () => {
    const weight = variable({name: 'w', shape: [2]});
    expect(gradients(ops.sum(ops.square(weight.tensor)), [weight.tensor])).toHaveLength(1);
  });

  it('share the gradient of a maximum among the elements that tie', () => {
    const [x, operand] = asTensor(exactly([1, 3, 3, 2]), 'x');
    const [dx] = gradients(ops.sum(ops.max(x)), [x]);
    expect(Array.from(evaluate([dx as Tensor], new Map([[x, operand.data]]))[0] as Values)).toEqual([
      0, 0.5, 0.5, 0,
    ]);
  });
});
