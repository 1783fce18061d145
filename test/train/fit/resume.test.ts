// A training that was interrupted and continued ends in the same bits as one that was not.
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type Callback, callbacks, layers, load, sequential} from '../../../lib/index.ts';
import {batches, batchSize, breakdown, build, type Ending, epochs, train, x, y} from '../resuming.ts';

const root = mkdtempSync(path.join(tmpdir(), 'chainrule-resume-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));
let folders = 0;
const folder = (): string => path.join(root, String(folders++));

const {backupAndRestore} = callbacks;
let whole: Ending;
beforeAll(async () => {
  whole = await train([]);
});

it('the training has what a checkpoint must keep', () => {
  const {history, epoch} = whole.history;
  expect(epoch.length).toBeLessThan(epochs);
  expect(history.val_loss?.length).toBe(Math.floor(epoch.length / 2));
  expect(whole.rate).toBeLessThan(0.05);
  expect(whole.iterations).toBe(epoch.length * batches);
});

describe('backupAndRestore', () => {
  it('continues from every step to the same weights, moments, rate and history', async () => {
    for (let steps = 1; steps < whole.iterations; steps++) {
      const backupDir = folder();
      const backup = (saveFreq: number) => backupAndRestore({backupDir, saveFreq});
      await expect(train([breakdown(steps + 1), backup(steps)])).rejects.toThrow('breakdown');
      expect(readdirSync(backupDir).at(-1)).toMatch(`${steps}.chainrule`);
      expect(await train([backup(1000)]), `after step ${steps}`).toEqual(whole);
    }
  });

  it('continues however often it is interrupted and however seldom it saves', async () => {
    for (const saveFreq of ['epoch', 4, 7, 1000] as const) {
      const backupDir = folder();
      let ending: Ending | undefined;
      for (let repeat = 0; !ending && repeat < 50; repeat++) {
        const more = [breakdown(5 + 2 * repeat), backupAndRestore({backupDir, saveFreq})];
        ending = await train(more).catch(() => undefined);
      }
      expect(ending, String(saveFreq)).toEqual(whole);
    }
  });

  it('saves when it is told to', async () => {
    for (const [saveFreq, expected] of [
      ['epoch', [6, 12, 18]],
      [4, [4, 8, 12, 16, 20]],
    ] as const) {
      const backupDir = folder();
      await expect(
        train([breakdown(21), backupAndRestore({backupDir, saveFreq, keep: 100})]),
      ).rejects.toThrow();
      const steps = readdirSync(backupDir).map(name =>
        Number(/^checkpoint-(\d{10})\.chainrule$/.exec(name)?.[1]),
      );
      expect(steps.sort((a, b) => a - b)).toEqual(expected.filter(step => step < 21));
    }
  });

  it('keeps the last few, and none once the training has ended', async () => {
    const backupDir = folder();
    await expect(train([breakdown(9), backupAndRestore({backupDir, saveFreq: 1})])).rejects.toThrow();
    expect(readdirSync(backupDir)).toEqual([
      'checkpoint-0000000007.chainrule',
      'checkpoint-0000000008.chainrule',
    ]);
    await train([backupAndRestore({backupDir, saveFreq: 1})]);
    expect(() => readdirSync(backupDir)).toThrow(/ENOENT/);
    await train([backupAndRestore({backupDir, deleteCheckpoint: false, keep: 1})]);
    expect(readdirSync(backupDir)).toHaveLength(1);
  });

  it('after an end that is kept has nothing left to do, or goes on to more epochs', async () => {
    const run = (more: Callback[], last: number) =>
      train(more, {epochs: last, callbacks: more, validationData: undefined, validationFreq: undefined});
    const backupDir = folder();
    const backup = () => [backupAndRestore({backupDir, deleteCheckpoint: false})];
    const two = await run(backup(), 2);
    expect(await run(backup(), 2)).toEqual(two);
    expect(await run(backup(), 5)).toEqual(await run([], 5));
  });

  it('removes what was left half-written', async () => {
    const backupDir = folder();
    await expect(train([breakdown(9), backupAndRestore({backupDir})])).rejects.toThrow();
    writeFileSync(path.join(backupDir, 'checkpoint-0000000009.chainrule.tmp-12-abcd'), 'half');
    writeFileSync(path.join(backupDir, 'mine.txt'), 'mine');
    expect(await train([backupAndRestore({backupDir})])).toEqual(whole);
    expect(readdirSync(backupDir)).toEqual(['mine.txt']);
  });
});

/** Warnings of the process while `task` runs. */
async function warningsOf<Result>(task: () => Promise<Result>): Promise<[Result, string[]]> {
  const seen: string[] = [];
  const listen = ({message}: Error): void => void seen.push(message);
  process.on('warning', listen);
  try {
    const result = await task();
    await new Promise(resolve => setImmediate(resolve));
    return [result, seen];
  } finally {
    process.off('warning', listen);
  }
}

describe('a checkpoint that is damaged', () => {
  async function interrupted(): Promise<{backupDir: string; files: string[]}> {
    const backupDir = folder();
    await expect(train([breakdown(12), backupAndRestore({backupDir, saveFreq: 3})])).rejects.toThrow();
    return {backupDir, files: readdirSync(backupDir).map(name => path.join(backupDir, name))};
  }
  const backup = (backupDir: string) => [backupAndRestore({backupDir, saveFreq: 3})];

  it('gives way to the one before, with a warning, wherever the damage is', async () => {
    for (const place of [3, 60, 300, -200, -1]) {
      const {backupDir, files} = await interrupted();
      const newest = files.at(-1) as string;
      const good = readFileSync(newest);
      const at = place < 0 ? good.length + place : place;
      const bad = Buffer.from(good);
      bad[at] = (bad[at] as number) ^ 4;
      writeFileSync(newest, bad);
      const [ending, warnings] = await warningsOf(() => train([...backup(backupDir)]));
      expect(ending, `byte ${at}`).toEqual(whole);
      expect(warnings).toEqual([
        expect.stringMatching(/^checkpoint: .*9\.chainrule: .*Going on from the one before\.$/),
      ]);
    }
  });

  it('with no whole one beside it is an error that says what to do', async () => {
    const {backupDir, files} = await interrupted();
    for (const file of files) writeFileSync(file, readFileSync(file).subarray(0, -8));
    const [error, warnings] = await warningsOf(() => train(backup(backupDir)).catch((cause: Error) => cause));
    expect(error).toMatchObject({code: 'ERR_FILE'});
    expect((error as Error).message).toMatch(
      /none of its checkpoints can be read\. Without the folder, training begins anew\.$/,
    );
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toMatch(/it is truncated: \d+ bytes/);
  });
});

describe('a checkpoint of another training', () => {
  it('is refused, and nothing is changed', async () => {
    const backupDir = folder();
    const backup = (): Callback => backupAndRestore({backupDir, saveFreq: 3});
    await expect(train([breakdown(8), backup()])).rejects.toThrow();
    const wrong: [object, RegExp][] = [
      [
        {batchSize: 9},
        /^fit: .*6\.chainrule: it is of another training: batchSize was 8 there and is 9 here\.$/,
      ],
      [{seed: 6}, /: it is of another training: seed was 5 there and is 6 here\.$/],
      [
        {callbacks: [backup()]},
        /: it was made with 2 callbacks that remember something, and there are 0 here\.$/,
      ],
    ];
    for (const [options, text] of wrong) await expect(train([backup()], options)).rejects.toThrow(text);
    const other = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [5]})]);
    other.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
    const before = other.getWeights();
    const early = callbacks.earlyStopping({monitor: 'loss'});
    const three = [early, callbacks.reduceLROnPlateau({monitor: 'loss'}), backup()];
    await expect(other.fit(x, y, {batchSize, seed: 5, callbacks: three})).rejects.toThrow(
      /: dense\/kernel is \[5,8\] where the model has \[5,3\]\.$/,
    );
    expect(other.getWeights()).toEqual(before);
    expect(await train([backup()])).toEqual(whole);
  });
});

describe("a callback of one's own", () => {
  it('remembers by getState and setState, and may keep checkpoints elsewhere', async () => {
    let kept: Awaited<ReturnType<NonNullable<Callback['resume']>>>;
    const memory = (): Callback => ({
      every: 2,
      resume: async () => kept,
      onBatchEnd(_, __, context) {
        kept = context.checkpoint();
      },
    });
    const counter = (seen: number[]): Callback => {
      let count = 0;
      return {
        onBatchEnd: () => void seen.push(++count),
        getState: () => ({values: {count}, arrays: {half: Float32Array.of(count / 2, Number.NaN)}}),
        setState({values, arrays}) {
          ({count} = values as {count: number});
          expect(arrays?.half).toEqual(Float32Array.of(count / 2, Number.NaN));
        },
      };
    };
    const seen: number[] = [];
    await expect(train([counter(seen), breakdown(9), memory()])).rejects.toThrow('breakdown');
    expect(seen.at(-1)).toBe(9);
    const again: number[] = [];
    expect(await train([counter(again), memory()])).toEqual(whole);
    expect(again[0]).toBe(9);
  });

  it('takes checkpoints only where it can also resume', async () => {
    const early: Callback = {onEpochEnd: (_, __, context) => void context.checkpoint()};
    await expect(train([early])).rejects.toThrow(/^checkpoint: only a callback with `resume` may take one/);
  });
});

it('a model that was saved between epochs goes on to the same bits', async () => {
  const plain = build();
  await plain.fit(x, y, {batchSize, epochs: 4});
  const half = build();
  await half.fit(x, y, {batchSize, epochs: 2});
  const file = path.join(root, 'half.chainrule');
  await half.save(file);
  const loaded = await load(file);
  await loaded.fit(x, y, {batchSize, initialEpoch: 2, epochs: 4});
  expect(loaded.getWeights()).toEqual(plain.getWeights());
});

it('options of backupAndRestore are checked', () => {
  const wrong: [object | undefined, RegExp][] = [
    [undefined, /^callbacks\.backupAndRestore: expected an object of options\. Received undefined\.$/],
    [{}, /^callbacks\.backupAndRestore: backupDir: expected a path or a file: URL\. Received undefined\.$/],
    [{backupDir: 'a', saveFreq: 0}, /: saveFreq: expected an integer >= 1\. Received 0/],
    [
      {backupDir: 'a', saveFreq: 'batch'},
      /: saveFreq: expected 'epoch' or a number of batches\. Received "batch"/,
    ],
    [{backupDir: 'a', keep: 0}, /: keep: expected an integer >= 1/],
    [{backupDir: 'a', deleteCheckpoint: 1}, /: deleteCheckpoint: expected true or false\. Received 1/],
    [{backupdir: 'a'}, /Did you mean "backupDir"/],
  ];
  for (const [options, text] of wrong) expect(() => backupAndRestore(options as never)).toThrow(text);
});
