// Packages of npm that ship their models compute on this backend what they compute on tfjs's own.
import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';
import {expect, test} from 'vitest';
import {tfjsNodeBundleFile} from '../support/bundle.ts';
import {deep} from '../support/child.ts';

const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.CHAINRULE_BINARY ?? path.join(root, 'build/Release/chainrule.node');

interface Result {
  readonly backend: string;
  readonly pictures: readonly (readonly {readonly descriptor: readonly number[]}[])[];
  readonly neighbours: readonly object[];
}

/** Two of them in npm test. */
const pictures = [1, 2, 3, 4, 5, 6].filter(number => deep || number < 3).map(number => `sample${number}.jpg`);

async function run(standIn = ''): Promise<Result> {
  const program = path.join(import.meta.dirname, 'real-packages.cjs');
  const env = {...process.env, CHAINRULE_BINARY: binary};
  const options = {cwd: root, env, maxBuffer: 1 << 24};
  const {stdout} = await promisify(execFile)(process.execPath, [program, standIn, pictures.join()], options);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as Result;
}

function expectNear(actual: unknown, wanted: unknown, where: string): void {
  if (typeof wanted === 'number') {
    const error = Math.abs((actual as number) - wanted);
    expect(error, where).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(wanted)));
    return;
  }
  const [own, theirs] = [actual as object, wanted as object].map(value => Object.entries(value));
  expect(own?.map(([key]) => key)).toEqual(theirs?.map(([key]) => key));
  for (const [key, value] of theirs ?? []) expectNear((actual as never)[key], value, `${where}.${key}`);
}

test('@vladmandic/face-api and @tensorflow-models/knn-classifier', {timeout: 300_000}, async () => {
  const [own, cpu] = await Promise.all([run(tfjsNodeBundleFile), run()]);
  expect([own.backend, cpu.backend]).toEqual(['chainrule', 'cpu']);
  expect(cpu.pictures).toHaveLength(pictures.length);
  for (const faces of cpu.pictures) {
    expect(faces.length).toBeGreaterThan(0);
    for (const {descriptor} of faces) expect(descriptor).toHaveLength(128);
  }
  expect(cpu.neighbours).toHaveLength(4);
  expectNear(own.pictures, cpu.pictures, 'pictures');
  expectNear(own.neighbours, cpu.neighbours, 'neighbours');
});
