// The command line of the example.
import {cac} from 'cac';

export interface Options {
  readonly epochs: number;
  readonly batchSize: number;
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

/** The options given, or undefined where only help was asked for. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const cli = cac('npm start --');
  const command = cli
    .command('', 'Trains a network on handwritten digits')
    .option('--epochs <count>', 'How often to go through the training images', {default: 8})
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
  const {options} = cli.parse(['node', 'mnist', ...args], {run: false});
  command.checkUnknownOptions();
  if (options.help) return undefined;
  const optional = (key: string, name: string): number | undefined =>
    options[key] === undefined ? undefined : toNumber(name, options[key]);
  return {
    epochs: toNumber('epochs', options.epochs),
    batchSize: toNumber('batch-size', options.batchSize),
    hidden: String(options.hidden)
      .split(',')
      .filter(Boolean)
      .map(size => toNumber('hidden', size)),
    activation: String(options.activation),
    optimizer: String(options.optimizer),
    learningRate: optional('learningRate', 'learning-rate') ?? (options.optimizer === 'sgd' ? 0.1 : 0.002),
    seed: toNumber('seed', options.seed),
    threads: optional('threads', 'threads'),
    samples: optional('samples', 'samples'),
    save: options.save === undefined ? undefined : String(options.save),
    quiet: options.quiet === true,
    fashion: options.fashion === true,
  };
}
