// Learns to write as Melville did, character by character, with an LSTM and with a transformer; then each
// writes. `npx tsx examples/moby-dick.ts [lstm|transformer|both [WINDOWS [EPOCHS]]]`; record.py in
// examples/moby-dick says what PyTorch makes of the same weights and data, which a fourth argument writes to
// a folder.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {Model} from 'chainrule';
import {lstm, transformer} from './moby-dick/networks.ts';
import {readBook, type Windows} from './moby-dick/text.ts';

const [chosen = 'both', windows = '1000000', epochs = '3', folder] = process.argv.slice(2);
const [steps, batchSize] = [64, 32];
const {characters, train, test, encode} = readBook(steps, Number(windows));
const networks = {lstm, transformer};

/** What of a network and its data PyTorch begins with. */
async function writeBeginning(to: string, name: string, net: Model): Promise<void> {
  mkdirSync(to, {recursive: true});
  await net.saveWeights(path.join(to, `${name}.safetensors`));
  const parts: [string, Windows][] = [
    ['train', train],
    ['test', test],
  ];
  for (const [part, {x, y}] of parts) {
    writeFileSync(path.join(to, `${part}-x.bin`), Int32Array.from(x.data));
    writeFileSync(path.join(to, `${part}-y.bin`), y.data);
  }
}

const written = (tokens: readonly number[]): string => tokens.map(token => characters[token]).join('');

/** A piece of text, as it comes. */
async function write(net: Model): Promise<void> {
  const prompt = 'Call me Ishmael';
  process.stdout.write(`\n${prompt}`);
  for await (const token of net.generate(encode(prompt), {maxNewTokens: 300, temperature: 0.7, topK: 20})) {
    process.stdout.write(characters[token] as string);
  }
  const ways = [
    ['topP 0.8', {topP: 0.8}],
    ['5 beams', {numBeams: 5}],
  ] as const;
  for (const [name, options] of ways) {
    const tokens = await net.generate(encode('The whale '), {...options, maxNewTokens: 50}).toArray();
    console.log(`\n\n${name}: The whale ${written(tokens)}`);
  }
}

const count = train.x.shape[0];
console.log(`${characters.length} characters, ${count} windows of ${steps}, ${test.x.shape[0]} to test with`);
for (const [name, make] of Object.entries(networks)) {
  if (chosen !== 'both' && chosen !== name) continue;
  const net = make(characters.length, steps);
  if (folder) await writeBeginning(folder, name, net);
  const started = performance.now();
  await net.fit(train.x, train.y, {epochs: Number(epochs), batchSize, shuffle: false, verbose: 2});
  const {loss} = await net.evaluate(test.x, test.y);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${name}: ${loss?.toFixed(4)} nats a character after ${epochs} epochs in ${seconds} s`);
  await write(net);
}
