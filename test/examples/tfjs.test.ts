// The programs in examples/tfjs run on this backend and on TensorFlow.js's own, by their import of it alone,
// to the same losses.
import {readdirSync, rmSync} from 'node:fs';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {type ProgramName, programs, runProgram, writePrograms} from '../support/tfjs-programs.ts';

const root = path.resolve(import.meta.dirname, '../..');
// The name keeps two runs apart.
const folder = path.join(root, `build/examples-tfjs-${process.pid}`);

/** Small settings, and how many losses they print. */
const settings: Readonly<Record<ProgramName, readonly [args: readonly string[], losses: number]>> = {
  iris: [['6'], 6],
  mnist: [['128', '1'], 3],
  'text-generator': [['ARCHITECTURE.md', '64', '4'], 4],
  'variational-autoencoder': [['4'], 4],
  'cart-pole': [['3', '4'], 3],
};

beforeAll(() => writePrograms(folder));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const lossesIn = (text: string): number[] =>
  [...text.matchAll(/loss (-?[\d.]+)$/gm)].map(([, loss]) => Number(loss));

test('every program of the folder is here', () => {
  const files = readdirSync(path.join(root, 'examples/tfjs'));
  expect(files.sort()).toEqual(programs.map(name => `${name}.ts`).sort());
});

// Relative where a loss is above 1: the autoencoder's is a sum over 784 pixels, of some hundreds.
test.each(programs)('%s has the same losses', {timeout: 300_000}, async name => {
  const [args, count] = settings[name];
  const own = await runProgram(folder, ['own', name], args);
  const cpu = await runProgram(folder, ['cpu', name], args);
  expect(own).toMatch(/^chainrule: /m);
  expect(cpu).toMatch(/^cpu: /m);
  const [losses, wanted] = [lossesIn(own), lossesIn(cpu)];
  expect(wanted).toHaveLength(count);
  expect(losses).toHaveLength(count);
  for (const [step, loss] of wanted.entries()) {
    expect(Math.abs((losses[step] as number) - loss), `step ${step}`).toBeLessThanOrEqual(
      1e-4 * Math.max(1, Math.abs(loss)),
    );
  }
});
