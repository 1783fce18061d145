// Each example runs on small settings and says what it should.
import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {inflateSync} from 'node:zlib';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {parseOptions} from '../../examples/mnist/options.ts';
import {load} from '../../lib/index.ts';
import {deep} from '../support/child.ts';
import {Examples, root, start} from './programs.ts';

const examples = new Examples('*');
const {folder} = examples;
beforeAll(() => examples.build());
afterAll(() => examples.remove());
const run: Examples['run'] = (...given) => examples.run(...given);

/** What a PNG of 8 gray bits a pixel and no filters shows. */
function readGrayPng(file: Buffer): {pixels: Uint8Array; width: number; height: number} {
  expect(file.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a');
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const data = file.indexOf('IDAT');
  const rows = inflateSync(file.subarray(data + 4, data + 4 + file.readUInt32BE(data - 4)));
  const lines = Array.from({length: height}, (_, row) => {
    return rows.subarray(row * (width + 1) + 1, (row + 1) * (width + 1));
  });
  return {pixels: Buffer.concat(lines), width, height};
}

type Picture = ReturnType<typeof readGrayPng>;

/** The pixels of a row of a mosaic. */
const rowOf = ({pixels, width}: Picture, side: number, row: number): Uint8Array =>
  pixels.subarray(row * (side + 1) * width, (row * (side + 1) + side) * width);

const meanOf = (values: Uint8Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** How much brighter a row is where another one is bright than where that is dark. */
function brighterWhere(row: Uint8Array, other: Uint8Array): number {
  const of = (bright: boolean) => meanOf(row.filter((_, at) => (other[at] as number) > 128 === bright));
  return of(true) / of(false);
}

/** Of what the deep run trains in full. */
const timeout = 3_600_000;

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) as string;
const forMachines = /^test accuracy 0\.\d{4} in [\d.]+ s, \d+ samples\/s$/;

it('xor, as its source', async () => {
  const {code, stdout, stderr} = await start(['--import', 'tsx', 'examples/xor.ts']);
  expect(code, stderr).toBe(0);
  const results = [...stdout.matchAll(/^(\d) xor (\d) = ([\d.]+)$/gm)];
  expect(results.length).toBe(4);
  for (const [, a, b, result] of results) expect(Math.round(Number(result))).toBe(Number(a) ^ Number(b));
});

it('iris', async () => {
  const {code, stdout, stderr} = await run('iris');
  expect(code, stderr).toBe(0);
  expect(Number(/accuracy[^\d]*(0?\.\d+|1(?:\.0+)?)/.exec(stdout)?.[1])).toBeGreaterThan(0.85);
});

it('linear-regression', async () => {
  const {code, stdout, stderr} = await run('linear-regression');
  expect(code, stderr).toBe(0);
  const losses = [...stdout.matchAll(/^step \d+: loss ([\d.]+)$/gm)].map(([, loss]) => Number(loss));
  expect(losses.length).toBe(4);
  expect(losses[3]).toBeLessThan(0.001 * (losses[0] as number));
  expect(lastLine(stdout)).toBe('y = 3.000 x + -1.000');
});

it('cars', async () => {
  const {code, stdout, stderr} = await run('cars');
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(
    /^406 cars: 8 without miles per gallon left out,\n6 without horsepower given the median/,
  );
  const [, own, guess] =
    /off by ([\d.]+) miles per gallon; guessing the mean, by ([\d.]+)/.exec(stdout) ?? [];
  expect(Number(own)).toBeLessThan(0.4 * Number(guess));
  expect(Number(/stopped after (\d+) epochs/.exec(stdout)?.[1])).toBeLessThan(300);
});

it('logistic-regression', async () => {
  const {code, stdout, stderr} = await run('logistic-regression');
  expect(code, stderr).toBe(0);
  const losses = [...stdout.matchAll(/^step \d+: loss ([\d.]+)$/gm)].map(([, loss]) => Number(loss));
  // A coin's loss at weights of 0, then less and less.
  expect(losses[0]).toBeCloseTo(Math.LN2, 4);
  expect(losses).toEqual([...losses].sort((a, b) => b - a));
  expect(Number(/test accuracy ([\d.]+)/.exec(stdout)?.[1])).toBeGreaterThan(0.85);
});

it('spam, which serves from its file', {timeout}, async () => {
  const {code, stdout, stderr} = await run('spam', deep ? [] : ['700', '8']);
  expect(code, stderr).toBe(0);
  const [, held, accuracy] = /of ([\d,]+) held-out mails: accuracy ([\d.]+) %/.exec(stdout) ?? [];
  expect(held?.replace(',', '')).toBe(deep ? '1210' : '140');
  expect(Number(accuracy)).toBeGreaterThan(deep ? 98 : 88);
  expect(stdout).toMatch(/saved with its vocabulary: \d+\.\d MiB/);
  const [spam, ham] = [...stdout.matchAll(/^([\d.]+) Subject: /gm)].map(([, share]) => Number(share));
  expect(spam).toBeGreaterThan(ham as number);
});

it('two-outputs', async () => {
  const {code, stdout, stderr} = await run('two-outputs');
  expect(code, stderr).toBe(0);
  expect(Number(/species right: ([\d.]+) %/.exec(stdout)?.[1])).toBeGreaterThan(95);
  expect(Number(/weight off by (\d+) g/.exec(stdout)?.[1])).toBeLessThan(350);
});

it('autoencoder', async () => {
  const file = path.join(folder, 'digits.png');
  const {code, stdout, stderr} = await run('autoencoder', ['3000', '2', file]);
  expect(code, stderr).toBe(0);
  expect(Number(/test pixels off by ([\d.]+)/.exec(stdout)?.[1])).toBeLessThan(0.15);
  const {pixels, width, height} = readGrayPng(readFileSync(file));
  expect([width, height]).toEqual([12 * 28, 2 * 28]);
  // Above the digits, below what came back: where one is bright, so is the other.
  const [above, below] = [pixels.subarray(0, 28 * width), pixels.subarray(28 * width)];
  expect(brighterWhere(below, above)).toBeGreaterThan(3);
});

it('denoising', async () => {
  const file = path.join(folder, 'denoising.png');
  const {code, stdout, stderr} = await run('denoising', ['3000', '6', file]);
  expect(code, stderr).toBe(0);
  const [, noisy, cleaned] = /off by ([\d.]+) with noise, by ([\d.]+) without/.exec(stdout) ?? [];
  expect(Number(cleaned)).toBeLessThan(0.7 * Number(noisy));
  const picture = readGrayPng(readFileSync(file));
  expect([picture.width, picture.height]).toEqual([12 * 29 - 1, 3 * 29 - 1]);
  const [before, after, digits] = [rowOf(picture, 28, 0), rowOf(picture, 28, 1), rowOf(picture, 28, 2)];
  expect(brighterWhere(after, digits)).toBeGreaterThan(2 * brighterWhere(before, digits));
});

it('variational-autoencoder', async () => {
  const file = path.join(folder, 'plane.png');
  const {code, stdout, stderr} = await run('variational-autoencoder', ['1536', '3', file]);
  expect(code, stderr).toBe(0);
  const losses = [...stdout.matchAll(/^epoch \d+: ([\d.]+)$/gm)].map(([, loss]) => Number(loss));
  expect(losses.length).toBe(3);
  expect(losses[2]).toBeLessThan(0.75 * (losses[0] as number));
  expect(stdout).toMatch(/neighbours of the same digit 0\.\d+$/m);
  const picture = readGrayPng(readFileSync(file));
  expect([picture.width, picture.height]).toEqual([15 * 29 - 1, 15 * 29 - 1]);
  // Digits lie in the middle of their squares.
  const whole = picture.pixels;
  const isMiddle = (at: number): boolean =>
    [at % picture.width, Math.floor(at / picture.width)].every(place => place % 29 >= 8 && place % 29 < 20);
  const [middle, around] = [true, false].map(of => meanOf(whole.filter((_, at) => isMiddle(at) === of)));
  expect(middle).toBeGreaterThan(40);
  expect((middle as number) / (around as number)).toBeGreaterThan(1.2);
});

it('unet', {timeout}, async () => {
  const file = path.join(folder, 'shapes.png');
  const {code, stdout, stderr} = await run('unet', [...(deep ? ['2000', '8'] : ['160', '4']), file]);
  expect(code, stderr).toBe(0);
  const [, overlap] = /intersection over union ([\d.]+)/.exec(stdout) ?? [];
  expect(Number(overlap)).toBeGreaterThan(deep ? 0.95 : 0.5);
  const picture = readGrayPng(readFileSync(file));
  expect([picture.width, picture.height]).toEqual([10 * 49 - 1, 3 * 49 - 1]);
  const [marked, drawn] = [rowOf(picture, 48, 1), rowOf(picture, 48, 2)];
  expect(brighterWhere(marked, drawn)).toBeGreaterThan(2);
});

it('explain-image', async () => {
  const file = path.join(folder, 'maps.png');
  const {code, stdout, stderr} = await run('explain-image', ['3000', '4', file]);
  expect(code, stderr).toBe(0);
  expect(Number(/test accuracy ([\d.]+)$/m.exec(stdout)?.[1])).toBeGreaterThan(0.3);
  const picture = readGrayPng(readFileSync(file));
  expect([picture.width, picture.height]).toEqual([10 * 29 - 1, 3 * 29 - 1]);
  const [digits, saliency, map] = [rowOf(picture, 28, 0), rowOf(picture, 28, 1), rowOf(picture, 28, 2)];
  // Both look at the strokes more than at the paper.
  expect(brighterWhere(saliency, digits)).toBeGreaterThan(1.2);
  expect(brighterWhere(map, digits)).toBeGreaterThan(1.8);
});

it('resnet', async () => {
  const env = {FASHION_MNIST: path.join(folder, 'no-such-folder')};
  const {code, stdout, stderr} = await run(
    'resnet',
    [...(deep ? ['2048', '4'] : ['512', '2']), folder],
    undefined,
    env,
  );
  expect(code, stderr).toBe(0);
  const [, accuracy] = /test accuracy ([\d.]+) on digits, \d+ wrong/.exec(stdout) ?? [];
  expect(Number(accuracy)).toBeGreaterThan(deep ? 0.85 : 0.2);
  const wrong = readGrayPng(readFileSync(path.join(folder, 'resnet-digits-wrong.png')));
  // Strokes on black, in each row of pictures.
  for (let row = 0; row < Math.floor(wrong.height / 29); row++) {
    const pictures = rowOf(wrong, 28, row);
    expect(pictures.filter(value => value > 200).length / pictures.length).toBeGreaterThan(0.01);
    expect(pictures.filter(value => value < 20).length / pictures.length).toBeGreaterThan(0.3);
  }
  expect(readFileSync(path.join(folder, 'resnet-digits-curve.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
});

it('vanishing-gradients', async () => {
  const {code, stdout, stderr} = await run('vanishing-gradients');
  expect(code, stderr).toBe(0);
  const ratios = [...stdout.matchAll(/in the first, (\S+) times as much/g)].map(([, ratio]) => Number(ratio));
  expect(ratios[0]).toBeLessThan(1e-6);
  expect(ratios[1]).toBeGreaterThan(0.01);
  const shares = [...stdout.matchAll(/([\d.]+) % are told apart/g)].map(([, share]) => Number(share));
  expect(shares[0]).toBeLessThan(60);
  expect(shares[1]).toBeGreaterThan(90);
});

it('moby-dick', {timeout}, async () => {
  // The whole book, three times, or a few windows of it.
  const [count, rounds] = deep ? [16708, 3] : [640, 4];
  const {code, stdout, stderr} = await run('moby-dick', ['both', String(count), String(rounds)]);
  expect(code, stderr).toBe(0);
  const file = path.join(root, 'examples/moby-dick/recorded.json');
  const {runs} = JSON.parse(readFileSync(file, 'utf8')) as {runs: Record<string, number>[]};
  const recorded = runs.find(({windows, epochs}) => windows === count && epochs === rounds);
  for (const name of ['lstm', 'transformer']) {
    const [, loss] = new RegExp(`^${name}: ([\\d.]+) nats a character`, 'm').exec(stdout) ?? [];
    // As PyTorch, from the same weights by the same steps.
    expect(Math.abs(Number(loss) - (recorded?.[name] as number))).toBeLessThan(0.02);
  }
  const texts = [
    ...stdout.matchAll(/^Call me Ishmael([\s\S]+?)\n\ntopP 0.8: The whale ([\s\S]+?)\n\n5 beams: /gm),
  ];
  expect(texts.map(([, long]) => long?.length)).toEqual([300, 300]);
});

it('resume, killed and started again, ends as if it had never been killed', async () => {
  const whole = await run('resume', [path.join(folder, 'whole')]);
  expect(whole.code, whole.stderr).toBe(0);
  const backup = path.join(folder, 'killed');
  for (const epoch of [2, 11]) {
    let killed = false;
    const {code} = await run('resume', [backup], (printed, child) => {
      if (killed || !printed.includes(`epoch ${epoch}:`)) return;
      killed = child.kill('SIGKILL');
    });
    expect(code).toBe(null);
  }
  const last = await run('resume', [backup]);
  expect(last.code, last.stderr).toBe(0);
  expect(last.stdout).not.toContain('epoch 2:');
  expect(lastLine(last.stdout)).toMatch(/^30 epochs, weights [0-9a-f]{16}$/);
  expect(lastLine(last.stdout)).toBe(lastLine(whole.stdout));
});

it('server', async () => {
  let refused: Promise<Response> | undefined;
  const {code, stdout, stderr} = await run('server', ['2'], printed => {
    const address = /http:\S+/.exec(printed)?.[0];
    if (address) refused ??= fetch(address, {method: 'POST', body: 'too short'});
  });
  expect(code, stderr).toBe(0);
  expect(await refused?.then(({status}) => status)).toBe(400);
  // How fast it answers the example says itself; here it counts that it learns and answers meanwhile.
  const [, answers, right] = /^(\d+) answers, ([\d.]+) % right$/m.exec(stdout) ?? [];
  expect(Number(answers)).toBeGreaterThan(10);
  expect(Number(right)).toBeGreaterThan(50);
  expect(Number(/^(\d+) steps of training meanwhile$/m.exec(stdout)?.[1])).toBeGreaterThan(10);
  expect(lastLine(stdout)).toMatch(/^half of the answers within [\d.]+ ms, 99 of 100 within [\d.]+ ms$/);
});

describe('mnist', () => {
  const small = ['--samples', '6000', '--epochs', '2'];

  it('trains, evaluates, saves, loads and draws', async () => {
    const save = path.join(folder, 'digits.chainrule');
    const {code, stdout, stderr} = await run('mnist', [...small, '--save', save]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/epoch 2\/2 +loss 0\.\d+ +accuracy 0\.\d+/);
    expect(stdout).toMatch(/predictions are the same, bit for bit/);
    expect(stdout).toMatch(/is 7/);
    expect(lastLine(stdout)).toMatch(forMachines);
    expect(Number(/accuracy (0\.\d+) in/.exec(lastLine(stdout))?.[1])).toBeGreaterThan(0.88);
    expect((await load(save)).inputShape).toEqual([784]);
  });

  it('takes its options', async () => {
    const options = ['--hidden', '32,16', '--activation', 'tanh', '--optimizer', 'sgd', '--threads', '1'];
    const rest = ['--learning-rate', '0.2', '--batch-size', '50', '--seed', '3', '--quiet'];
    const save = path.join(folder, 'options.chainrule');
    const {code, stdout, stderr} = await run('mnist', [...small, ...options, ...rest, '--save', save]);
    expect(code, stderr).toBe(0);
    expect(stdout.trimEnd()).toMatch(forMachines);
    const again = await load(save);
    expect(again.layers.map(({outputShape}) => outputShape)).toEqual([[784], [32], [16], [10]]);
  });

  it('trains convolutions', {timeout}, async () => {
    const save = path.join(folder, 'cnn.chainrule');
    const few = ['--samples', '4000', '--epochs', '2', '--hidden', '32'];
    const options = ['--model', 'cnn', ...(deep ? ['--epochs', '3'] : few), '--quiet'];
    const {code, stdout, stderr} = await run('mnist', [...options, '--save', save]);
    expect(code, stderr).toBe(0);
    expect(lastLine(stdout)).toMatch(forMachines);
    const accuracy = Number(/accuracy (0\.\d+) in/.exec(lastLine(stdout))?.[1]);
    expect(accuracy).toBeGreaterThanOrEqual(deep ? 0.992 : 0.9);
    expect((await load(save)).layers.map(({kind}) => kind)).toContain('conv2d');
  });

  it('gives the same accuracy for any number of threads', async () => {
    const accuracies = await Promise.all(
      ['1', '2', '3'].map(async threads => {
        const save = path.join(folder, `threads-${threads}.chainrule`);
        const {stdout} = await run('mnist', [...small, '--quiet', '--threads', threads, '--save', save]);
        return stdout.split(' in ')[0];
      }),
    );
    expect(new Set(accuracies).size).toBe(1);
  });

  it('stops after the current batch at Ctrl-C, and still saves', async () => {
    const save = path.join(folder, 'stopped.chainrule');
    let sent = false;
    const {code, stdout, stderr} = await run(
      'mnist',
      ['--epochs', '500', '--save', save],
      (printed, child) => {
        if (sent || !/epoch +1\/500/.test(printed)) return;
        sent = true;
        child.kill('SIGINT');
      },
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/stopped after the current batch/);
    expect(lastLine(stdout)).toMatch(forMachines);
    expect(existsSync(save)).toBe(true);
  });

  it('explains itself and refuses what it does not know', async () => {
    const help = await run('mnist', ['--help']);
    expect(help.code).toBe(0);
    const names = ['epochs', 'batch-size', 'hidden', 'activation', 'optimizer', 'learning-rate', 'seed'];
    for (const name of [...names, 'model', 'threads', 'save', 'quiet', 'fashion']) {
      expect(help.stdout).toContain(`--${name}`);
    }
    const unknown = await run('mnist', ['--epoch', '3']);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/epoch/);
    const nowhere = await run('mnist', ['--fashion'], undefined, {FASHION_MNIST: folder});
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toMatch(/apt install dataset-fashion-mnist/);
    const many = await run('mnist', ['--samples', '70000']);
    expect(many).toMatchObject({code: 1, stdout: ''});
    expect(many.stderr).toMatch(/--samples: there are 60000 images. Received 70000/);
    const wrong = await run('mnist', [...small, '--optimizer', 'adm']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/Did you mean "adam"/);
  });

  it.each([
    ['--samples 2.5', /--samples: expected an integer from 1. Received 2.5/],
    ['--batch-size 0', /--batch-size: expected an integer from 1. Received 0/],
    ['--epochs -1', /Unknown option `-1`/],
    ['--epochs', /--epochs: expected a number/],
    ['--hidden 32,x', /--hidden: expected a number. Received "x"/],
    ['fashion', /Unknown argument "fashion"/],
    [`--save ${path.join(folder, 'nowhere', 'model')}`, /--save: there is no folder .*nowhere/],
  ])('refuses %s', (line, message) => {
    expect(() => parseOptions(line.split(' '))).toThrow(message);
  });
});
