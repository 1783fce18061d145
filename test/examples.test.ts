// Each example runs on small settings and says what it should.
import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {parseOptions} from '../examples/mnist/options.ts';
import {load} from '../lib/index.ts';

const root = path.resolve(import.meta.dirname, '..');
const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-examples-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  name: string,
  args: readonly string[] = [],
  onOutput?: (printed: string, child: ChildProcess) => void,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const command = ['--import', 'tsx', `examples/${name}.ts`, ...args];
  const child = spawn(process.execPath, command, {cwd: root, env: {...process.env, ...env}});
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text;
    onOutput?.(stdout, child);
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  return new Promise(resolve => child.on('close', code => resolve({code, stdout, stderr})));
}

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) as string;
const forMachines = /^test accuracy 0\.\d{4} in [\d.]+ s, \d+ samples\/s$/;

it('xor', async () => {
  const {code, stdout, stderr} = await run('xor');
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
    for (const name of [...names, 'threads', 'save', 'quiet', 'fashion']) {
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
