// A service that trains while it answers: POST 784 bytes, or as many numbers as JSON, for the digit that they
// show. `npx tsx examples/server.ts [SECONDS]` asks itself so long and prints how long answers took.
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {availableParallelism} from 'node:os';
import {Dataset, layers, sequential, setThreads} from 'chainrule';
import {readDigits} from './mnist/idx.ts';

const [seconds = '10'] = process.argv.slice(2);
const [pixels, rows] = [784, 20_000];
const {train, test} = readDigits();
const images = {data: train.images.subarray(0, rows * pixels), shape: [rows, pixels], scale: 1 / 255};
const digits = train.labels.subarray(0, rows);

const model = sequential([
  layers.dense({units: 64, activation: 'relu', inputShape: [pixels]}),
  layers.dense({units: 10, activation: 'softmax'}),
]);
model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});

// In the background, until it is told to stop. One core is left to the event loop.
setThreads(Math.max(1, availableParallelism() - 1));
const controller = new AbortController();
const dataset = Dataset.fromArrays({xs: images, ys: digits}).shuffle(rows).batch(32);
const training = model
  .fit(dataset, {epochs: 1e6, signal: controller.signal})
  .catch(error => (error.code === 'ERR_ABORTED' ? error : Promise.reject(error)));

/** By the weights of the last finished step. */
function answer(bytes: ArrayLike<number>): {digit: number; probability: number} {
  const {data} = model.predictSync(Float32Array.from(bytes, byte => byte / 255));
  const probability = Math.max(...data);
  return {digit: data.indexOf(probability), probability};
}

const server = http.createServer(async (request, response) => {
  try {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const bytes = request.headers['content-type'] === 'application/json' ? JSON.parse(`${body}`) : body;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer(bytes)));
  } catch (error) {
    response.writeHead(400).end(error instanceof Error ? error.message : String(error));
  }
});
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
const {port} = server.address() as AddressInfo;
console.log(`listening on http://127.0.0.1:${port}`);

/** What a client is told, and how long it took, in milliseconds. */
const agent = new http.Agent({keepAlive: true});
function ask(picture: Uint8Array): Promise<{digit: number; latencyMs: number}> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.request({port, agent, method: 'POST', host: '127.0.0.1'}, response => {
      let text = '';
      response.setEncoding('utf8').on('data', part => {
        text += part;
      });
      response.on('end', () => resolve({...JSON.parse(text), latencyMs: performance.now() - begun}));
    });
    request.on('error', reject).end(picture);
  });
}

const times: number[] = [];
let right = 0;
for (const end = performance.now() + 1000 * Number(seconds); performance.now() < end; ) {
  const row = times.length % test.labels.length;
  const {digit, latencyMs} = await ask(test.images.subarray(row * pixels, (row + 1) * pixels));
  times.push(latencyMs);
  if (digit === test.labels[row]) right++;
}
controller.abort();
await training;
agent.destroy();
server.close();
times.sort((a, b) => a - b);
const percentile = (share: number) => (times[Math.floor(share * times.length)] as number).toFixed(2);
console.log(`${times.length} answers, ${((100 * right) / times.length).toFixed(1)} % right`);
console.log(`${model.iterations} steps of training meanwhile`);
console.log(`half of the answers within ${percentile(0.5)} ms, 99 of 100 within ${percentile(0.99)} ms`);
