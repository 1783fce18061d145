// Processes that train are killed at random moments and started again: the end is always the same.
import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, expect, it} from 'vitest';
import {repeats, runChild} from '../support/child.ts';

const root = mkdtempSync(path.join(tmpdir(), 'chainrule-kills-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));

const begun = 'begun\n';
const ended = 'ended ';

/** Trains with a backup after every few batches and prints all that came of it. */
const program = (folder: string): string => `
import {createHash} from 'node:crypto';
const {callbacks, layers, optimizers, sequential} = chainrule;
const numbers = (count, salt) => Float32Array.from({length: count}, (_, at) => Math.sin(at * salt) * 2);
const rows = 400;
const model = sequential([
  layers.dense({units: 24, activation: 'relu', inputShape: [12]}),
  layers.dropout({rate: 0.2}),
  layers.dense({units: 4, activation: 'softmax'}),
], {seed: 8});
model.compile({
  optimizer: optimizers.adam({learningRate: 0.02}),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
});
const x = numbers(rows * 12, 0.7);
const y = Uint8Array.from({length: rows}, (_, row) => (row * row) % 4);
process.stdout.write(${JSON.stringify(begun)});
const history = await model.fit(x, y, {
  batchSize: 16,
  epochs: 8,
  validationSplit: 0.2,
  callbacks: [
    callbacks.earlyStopping({patience: 9, restoreBestWeights: true}),
    callbacks.reduceLROnPlateau({patience: 1, factor: 0.7}),
    callbacks.csvLogger({filename: ${JSON.stringify(path.join(folder, 'log.csv'))}}),
    callbacks.backupAndRestore({
      backupDir: ${JSON.stringify(path.join(folder, 'backup'))},
      saveFreq: 3,
      keep: 3,
    }),
  ],
});
const hash = createHash('sha256').update(JSON.stringify(history));
for (const {data} of model.getWeights()) hash.update(data);
console.log(${JSON.stringify(ended)} + hash.digest('hex'));
`;

interface Run {
  readonly result: string | undefined;
  readonly killed: boolean;
  readonly ms: number;
}

/** One start of the program, killed so long after it began to train. */
async function start(folder: string, killAfterMs: number | undefined): Promise<Run> {
  let since = 0;
  let timer: NodeJS.Timeout | undefined;
  const {signal, stdout, stderr} = await runChild(program(folder), {
    onOutput(printed, kill) {
      if (since > 0 || !printed.startsWith(begun)) return;
      since = performance.now();
      if (killAfterMs !== undefined) timer = setTimeout(() => kill('SIGKILL'), killAfterMs);
    },
  });
  clearTimeout(timer);
  const result = stdout.split(ended)[1];
  if (signal === null) expect(result, stderr).toMatch(/^[0-9a-f]{64}\n$/);
  return {result, killed: signal === 'SIGKILL', ms: performance.now() - since};
}

const count = repeats(200, 3);

it(`of ${count} trainings, killed at random moments, each ends as one that was left alone`, async () => {
  const alone = path.join(root, 'alone');
  const {result: expected, ms} = await start(alone, undefined);
  const log = readFileSync(path.join(alone, 'log.csv'), 'utf8');
  expect(log.split('\n').length).toBeGreaterThan(5);
  for (let repeat = 0; repeat < count; repeat++) {
    const folder = path.join(root, String(repeat));
    // Once at least, in some count again and again.
    const wanted = 1 + (repeat % 3 === 2 ? 3 : 0);
    let kills = 0;
    let result: string | undefined;
    while (result === undefined) {
      const run = await start(folder, kills < wanted ? Math.random() * ms : undefined);
      if (run.killed) kills++;
      result = kills > 0 ? run.result : undefined;
    }
    expect(result, `repeat ${repeat}`).toBe(expected);
    expect(readFileSync(path.join(folder, 'log.csv'), 'utf8')).toBe(log);
    expect(readdirSync(folder)).toEqual(['log.csv']);
    rmSync(folder, {recursive: true, force: true});
  }
}, 1_800_000);
