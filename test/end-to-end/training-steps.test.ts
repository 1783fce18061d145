// Whole training steps, all optimizers, against the float64 interpreter: from the same weights, the same
// data and the same dropped units.
import {expect, it} from 'vitest';
import type {TypedArray} from '../../lib/core/dtype.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {callsOf} from '../../lib/graph/walk.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {
  inputsOf,
  type RuleName,
  rules,
  small,
  trainingInputs,
  trainingStep,
} from '../conformance/training.ts';
import {evaluate, type Given, type Values} from '../reference.ts';

const steps = 8;

it.each(Object.keys(rules) as RuleName[])('eight steps of %s', name => {
  const {variables, outputs, updates, guards} = trainingStep(small, name);
  const store = new VariableStore();
  store.add(variables);
  store.initialize(3);
  const all = trainingInputs(small, steps, name);
  let values: Values[] = variables.map(owner => Float64Array.from(store.read(owner)));
  const results = [outputs.lossTotal as Tensor, ...updates.map(([, value]) => value)];
  const leaves = callsOf(results).filter(call => call.op.name === 'input');
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const inputs = inputsOf(all, small, step, step + 1, name);
    const given: Given = new Map([
      ...variables.map((owner, index) => [owner.tensor, values[index] as Values] as const),
      ...leaves.map(({outputs: [leaf], attributes}) => {
        return [leaf as Tensor, inputs[(attributes as {name: string}).name] as TypedArray] as const;
      }),
    ]);
    const [loss, ...updated] = evaluate(results, given);
    losses.push(loss?.[0] as number);
    values = updated;
  }
  const program = compileProgram({outputs, updates, guards, store});
  const result = program.runSync(all, {steps});
  expect(result).toMatchObject({end: 'done', steps});
  losses.forEach((loss, step) => {
    expect(Math.abs((result.outputs.lossTotal?.[step] as number) / loss - 1)).toBeLessThan(1e-5);
  });
  variables.forEach((owner, index) => {
    const exact = values[index] as Values;
    const most = exact.reduce((size, x) => Math.max(size, Math.abs(x)), 0);
    store.read(owner).forEach((x, at) => {
      const error = Math.abs(x - (exact[at] as number));
      if (error > 2e-5 * most) throw new Error(`${owner.name}[${at}] is ${x}, not ${exact[at]}`);
    });
  });
});
