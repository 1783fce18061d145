// Where threads of a team wait for each other: in a loop as often as its own iterations ask for it, and
// outside of it as if it were not there.
import {execFileSync} from 'node:child_process';
import {beforeAll, describe, expect, it} from 'vitest';
import {record} from '../../bench/record.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {build} from '../../scripts/bootstrap.mjs';

const steps = 20;
/** Large enough that a team shares each instruction. */
const [rows, columns] = [256, 256];
const f32 = (name: string, ...shape: number[]): Tensor => ops.input({name, shape});
const sequence = f32('sequence', steps, rows, columns);
const start = f32('start', rows, columns);
const weights = f32('weights', columns, columns);

type Outputs = Readonly<Record<string, Tensor>>;

const independent = (): Outputs => {
  const {outputs} = ops.scan((_, [x]) => ({outputs: [ops.tanh(x)]}), {sequences: [sequence]});
  return {independent: outputs[0]};
};
const recurrent = (): Outputs => {
  const {carries} = ops.scan(([h], [x]) => ({carries: [ops.tanh(ops.add(ops.matmul(h, weights), x))]}), {
    carries: [start],
    sequences: [sequence],
  });
  return {recurrent: carries[0]};
};
/** A chain: each but the first waits for the one before. */
const chain = (): Outputs => ({chain: ops.matmul(ops.matmul(ops.matmul(start, weights), weights), weights)});
/** Nobody waits for anybody. */
const apart = (): Outputs => ({first: ops.exp(start), second: ops.sum(weights, 1)});

async function barriersOf(name: string, outputs: Outputs): Promise<number> {
  const {file} = await record(`barriers ${name}`, {steps: 2, rows: 1}, async () =>
    compileProgram({outputs, store: new VariableStore()}),
  );
  const text = execFileSync('build/Release/parts', [file, '--threads', '2'], {encoding: 'utf8'});
  return (JSON.parse(text) as {barriers: number}).barriers;
}

describe('barriers', {timeout: 300_000}, () => {
  beforeAll(() => build(['parts']), 300_000);

  it('follow from the hazards between neighbours', async () => {
    // One before the results are given away, and one before an iteration would be two behind.
    const free = await barriersOf('independent', independent());
    expect(free).toBeGreaterThanOrEqual(1);
    expect(free).toBeLessThanOrEqual(1 + steps / 2);
    // In each iteration the product reads the state that all have made, and the map the product.
    const bound = await barriersOf('recurrent', recurrent());
    expect(bound).toBeGreaterThanOrEqual(2 * steps);
    expect(bound).toBeLessThanOrEqual(2 * steps + 2);
  });

  it('outside of a loop are those of a plan without it', async () => {
    const loop = await barriersOf('recurrent', recurrent());
    for (const [name, outside] of Object.entries({chain, apart})) {
      const alone = await barriersOf(name, outside());
      const both = await barriersOf(`${name} and loop`, {...outside(), ...recurrent()});
      // The last one, before results are given away, is common to both; one may stand between them.
      expect(both - loop, name).toBeLessThanOrEqual(alone);
    }
  });
});
