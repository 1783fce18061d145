// Callbacks that write files: modelCheckpoint and csvLogger.
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {type Callback, callbacks, type Logs, load, type WeightData} from '../../../lib/index.ts';
import {build, x, y} from '../resuming.ts';

const root = mkdtempSync(path.join(tmpdir(), 'chainrule-callbacks-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));
let folders = 0;
const folder = (): string => path.join(root, String(folders++));

/** Puts these values of `score` into the logs of the epochs. */
const told = (values: readonly number[]): Callback => ({
  onEpochEnd(epoch, logs) {
    logs.score = values[epoch] as number;
  },
});

async function train(more: Callback[], epochs: number, options = {}): Promise<WeightData[][]> {
  const model = build();
  const seen: WeightData[][] = [];
  const watch: Callback = {onEpochEnd: () => void seen.push(model.getWeights())};
  await model.fit(x, y, {batchSize: 8, epochs, callbacks: [watch, ...more], ...options});
  return seen;
}

describe('modelCheckpoint', () => {
  const {modelCheckpoint} = callbacks;

  it('saves each epoch under its number and its logs', async () => {
    const place = folder();
    const filepath = path.join(place, 'deep/er/{epoch:03d}-{score:.2f}-{score:.1e}-{batch}.chainrule');
    const seen = await train([told([0.5, 1.25]), modelCheckpoint({filepath})], 2);
    const names = readdirSync(path.join(place, 'deep/er'));
    expect(names).toEqual(['001-0.50-5.0e-1-6.chainrule', '002-1.25-1.3e+0-6.chainrule']);
    for (const [epoch, name] of names.entries()) {
      const model = await load(path.join(place, 'deep/er', name));
      expect(model.getWeights()).toEqual(seen[epoch]);
      expect(model.iterations).toBe(6 * (epoch + 1));
    }
  });

  it('saves the best alone', async () => {
    const values = [0.5, 0.7, 0.4, 0.4, 0.6, 0.3];
    for (const [mode, best] of [
      ['min', 5],
      ['max', 1],
    ] as const) {
      const filepath = path.join(folder(), 'best.chainrule');
      const seen = await train(
        [told(values), modelCheckpoint({filepath, monitor: 'score', mode, saveBestOnly: true})],
        6,
      );
      expect((await load(filepath)).getWeights()).toEqual(seen[best]);
    }
    const place = folder();
    const options = {monitor: 'score', saveBestOnly: true, initialValueThreshold: 0.45};
    await train([told(values), modelCheckpoint({filepath: path.join(place, '{epoch}'), ...options})], 6);
    expect(readdirSync(place)).toEqual(['3', '6']);
  });

  it('keeps the top K, and never removes a better one for a worse', async () => {
    const values = [0.5, 0.7, 0.4, 0.9, 0.6, 0.3];
    const kept = async (saveTopK: number, more = {}) => {
      const place = folder();
      const filepath = path.join(place, '{epoch}');
      await train([told(values), modelCheckpoint({filepath, monitor: 'score', saveTopK, ...more})], 6);
      return readdirSync(place);
    };
    expect(await kept(1)).toEqual(['6']);
    expect(await kept(2)).toEqual(['3', '6']);
    expect(await kept(3)).toEqual(['1', '3', '6']);
    expect(await kept(9)).toHaveLength(6);
    expect(await kept(2, {mode: 'max'})).toEqual(['2', '4']);
    expect(await kept(2, {saveBestOnly: true})).toEqual(['3', '6']);
  });

  it('saves after every so many batches, and without the optimizer', async () => {
    const place = folder();
    const filepath = path.join(place, '{epoch}-{batch}-{loss:.3f}');
    await train([modelCheckpoint({filepath, saveFreq: 4, includeOptimizer: false})], 2);
    const names = readdirSync(place).sort();
    expect(names.map(name => name.replace(/-[\d.]+$/, ''))).toEqual(['1-4', '2-2', '2-6']);
    const model = await load(path.join(place, names[0] as string));
    expect(() => model.optimizer).toThrow(/no optimizer/);
  });

  it('checks its options, and names a field that the logs do not have', async () => {
    const wrong: [object | undefined, RegExp][] = [
      [undefined, /^callbacks\.modelCheckpoint: expected an object of options/],
      [{}, /^callbacks\.modelCheckpoint: filepath: expected a path or a file: URL\. Received undefined\.$/],
      [{filepath: 'a', saveTopK: 2}, /: filepath: 2 files need names, e\.g\. by \{epoch\}\.$/],
      [{filepath: 'a', saveTopK: 0}, /: saveTopK: expected an integer >= 1/],
      [{filepath: 'a', saveBestOnly: 1}, /: saveBestOnly: expected true or false\. Received 1\.$/],
      [{filepath: 'a', includeOptimizer: 0}, /: includeOptimizer: expected true or false/],
      [{filepath: 'a', initialValueThreshold: '1'}, /: initialValueThreshold: expected a finite number/],
      [{filepath: 'a', saveFreq: 'step'}, /: saveFreq: expected 'epoch' or a number of batches/],
      [{filepath: 'a', mode: 'best'}, /: mode: expected 'auto', 'min' or 'max'/],
      [{filePath: 'a'}, /Did you mean "filepath"/],
    ];
    for (const [options, text] of wrong) expect(() => modelCheckpoint(options as never)).toThrow(text);
    const filepath = path.join(folder(), '{val_loss}');
    await expect(train([modelCheckpoint({filepath})], 1)).rejects.toThrow(
      /: filepath: there is no val_loss for \{val_loss\}\. There are loss, accuracy, epoch, batch\.$/,
    );
    const best = modelCheckpoint({filepath: path.join(folder(), 'best'), saveBestOnly: true});
    await expect(train([best], 1)).rejects.toThrow(/monitor: the logs have no val_loss/);
  });
});

describe('csvLogger', () => {
  const {csvLogger} = callbacks;
  /** The lines as logs. */
  function read(file: string, separator = ','): Logs[] {
    const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
    const columns = (head as string).split(separator);
    return lines.map(line => {
      const fields = line.split(separator).map((text, at) => [columns[at], text] as const);
      return Object.fromEntries(
        fields.filter(([, text]) => text !== '').map(([name, text]) => [name, Number(text)]),
      );
    });
  }

  it('writes the logs of each epoch, to the last bit', async () => {
    const filename = path.join(folder(), 'logs/run.csv');
    const model = build();
    const {history, epoch} = await model.fit(x, y, {
      epochs: 4,
      validationSplit: 0.25,
      validationFreq: 2,
      callbacks: csvLogger({filename, separator: ';'}),
    });
    const lines = read(filename, ';');
    expect(lines.map(line => line.epoch)).toEqual(epoch);
    expect(lines.map(line => line.loss)).toEqual(history.loss);
    expect(lines.flatMap(line => line.val_accuracy ?? [])).toEqual(history.val_accuracy);
    expect(lines.map(line => 'val_loss' in line)).toEqual([false, true, false, true]);
  });

  it('replaces the file or adds to it', async () => {
    const place = folder();
    const filename = path.join(place, 'a.csv');
    await train([csvLogger({filename})], 2);
    await train([csvLogger({filename})], 3);
    expect(read(filename).map(line => line.epoch)).toEqual([0, 1, 2]);
    await train([csvLogger({filename, append: true})], 2);
    expect(read(filename).map(line => line.epoch)).toEqual([0, 1, 2, 0, 1]);
    const old = path.join(place, 'old.csv');
    writeFileSync(old, 'loss,epoch\n');
    await train([csvLogger({filename: old, append: true})], 1);
    expect(readFileSync(old, 'utf8')).toMatch(/^loss,epoch\n[\d.]+,0\n$/);
  });

  it('checks its options, and says which file it cannot write', async () => {
    const wrong: [object | undefined, RegExp][] = [
      [undefined, /^callbacks\.csvLogger: expected an object of options/],
      [{}, /^callbacks\.csvLogger: filename: expected a path/],
      [{filename: 'a', separator: ''}, /: separator: expected text\. Received ""\.$/],
      [{filename: 'a', append: 'yes'}, /: append: expected true or false\. Received "yes"\.$/],
    ];
    for (const [options, text] of wrong) expect(() => csvLogger(options as never)).toThrow(text);
    await expect(train([csvLogger({filename: root})], 1)).rejects.toMatchObject({
      code: 'ERR_FILE',
      message: expect.stringMatching(/^callbacks\.csvLogger: .*: EISDIR/),
    });
  });
});
