// The command line of the example.
import fs from 'node:fs';
import path from 'node:path';
import {cac} from 'cac';

export interface Options {
  readonly epochs: number;
  readonly batchSize: number;
  readonly model: 'dense' | 'cnn';
  readonly hidden: readonly number[];
  readonly activation: string;
  readonly optimizer: string;
  readonly learningRate: number;
  readonly seed: number;
  readonly threads: number | undefined;
  readonly samples: number | undefined;
  readonly save: string | undefined;
  readonly quiet: boolean;
  readonly fashion: boolean;
}

function toNumber(name: string, text: unknown): number {
  const number = Number(text);
  if (text === true || text === '' || Number.isNaN(number)) {
    throw new Error(`--${name}: expected a number. Received ${JSON.stringify(text)}`);
  }
  return number;
}

function toCount(name: string, text: unknown, least: number): number {
  const count = toNumber(name, text);
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw new Error(`--${name}: expected an integer from ${least}. Received ${count}`);
}

function toModel(name: unknown): Options['model'] {
  if (name === 'dense' || name === 'cnn') return name;
  throw new Error(`--model: expected dense or cnn. Received ${JSON.stringify(name)}`);
}

/** Told before an hour of training rather than after it. */
function checkFolder(file: string): string {
  const folder = path.dirname(path.resolve(file));
  if (!fs.existsSync(folder)) throw new Error(`--save: there is no folder ${folder}`);
  return file;
}

/** The options given, or undefined where only help was asked for. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const cli = cac('npm start --');
  const command = cli
    .command('', 'Trains a network on handwritten digits')
    .option('--model <name>', 'dense, or cnn: convolutions and pooling', {default: 'dense'})
    .option('--epochs <count>', 'How often to go through the training images (dense 8, cnn 3)')
    .option('--batch-size <count>', 'Images of each step', {default: 64})
    .option('--hidden <sizes>', 'Units of the hidden layers, e.g. 512,256', {default: '128'})
    .option('--activation <name>', 'relu, tanh or sigmoid', {default: 'relu'})
    .option('--optimizer <name>', 'adam or sgd', {default: 'adam'})
    .option('--learning-rate <number>', 'At the start, falling to 0 along a cosine (adam 0.002, sgd 0.1)')
    .option('--seed <number>', 'Decides everything random', {default: 1})
    .option('--threads <count>', 'All that this process may use by default')
    .option('--samples <count>', 'Train on the first images only')
    .option('--save <file>', 'Where the model goes')
    .option('--quiet', 'Print the last line only')
    .option('--fashion', 'Clothes instead of digits (Debian: dataset-fashion-mnist)')
    .action(() => undefined);
  cli.help();
  const {options, args: words} = cli.parse(['node', 'mnist', ...args], {run: false});
  command.checkUnknownOptions();
  if (options.help) return undefined;
  if (words.length > 0) throw new Error(`Unknown argument ${JSON.stringify(words[0])}: see --help`);
  const optional = (name: string): number | undefined =>
    options[name] === undefined ? undefined : toCount(name, options[name], 1);
  return {
    model: toModel(options.model),
    epochs: toCount('epochs', options.epochs ?? (options.model === 'cnn' ? 3 : 8), 0),
    batchSize: toCount('batch-size', options.batchSize, 1),
    hidden: String(options.hidden)
      .split(',')
      .filter(Boolean)
      .map(size => toCount('hidden', size, 1)),
    activation: String(options.activation),
    optimizer: String(options.optimizer),
    learningRate: toNumber(
      'learning-rate',
      options.learningRate ?? (options.optimizer === 'sgd' ? 0.1 : 0.002),
    ),
    seed: toNumber('seed', options.seed),
    threads: optional('threads'),
    samples: optional('samples'),
    save: options.save === undefined ? undefined : checkFolder(String(options.save)),
    quiet: options.quiet === true,
    fashion: options.fashion === true,
  };
}
