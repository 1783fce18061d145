// Large arrays that a training reads come to lie in huge pages, where the system can move them there.
import {existsSync, readFileSync} from 'node:fs';
import {release} from 'node:os';
import {expect, it} from 'vitest';
import {layers, sequential} from '../../lib/index.ts';
import {skipFor} from '../support/skip.ts';

/** Of this process. */
function hugeMegabytes(): number {
  const smaps = readFileSync('/proc/self/smaps_rollup', 'utf8');
  return Number(/^AnonHugePages:\s+(\d+) kB/m.exec(smaps)?.[1]) / 1024;
}

function whyNot(): string | undefined {
  if (process.env.CHAINRULE_BINARY?.includes('asan')) return 'memory of a sanitizer stays where it is';
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const linux = process.platform === 'linux' && existsSync('/sys/kernel/mm/transparent_hugepage/enabled');
  if (!linux || major < 6 || (major === 6 && minor < 1)) return 'no Linux from 6.1 on with huge pages';
  return undefined;
}

it('moves an array of 16 MiB or more into huge pages', async context => {
  skipFor(whyNot(), context);
  const [rows, columns] = [8192, 512];
  const x = Float32Array.from({length: rows * columns}, (_, index) => Math.sin(index));
  const y = new Float32Array(rows);
  const model = sequential([layers.dense({units: 1, inputShape: [columns]})]);
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  const before = hugeMegabytes();
  await model.fit(x, y, {epochs: 1, batchSize: 1024, verbose: 0});
  expect(hugeMegabytes() - before).toBeGreaterThan(12);
});
