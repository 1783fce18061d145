import {parentPort, workerData} from 'node:worker_threads';
import {layers, sequential} from 'chainrule';

const model = sequential([layers.dense({units: 64, inputShape: [32]}), layers.dense({units: 1})]);
model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
const x = new Float32Array(640 * 32).fill(0.1);
const training = model.fit(x, new Float32Array(640), {epochs: workerData.epochs, batchSize: 32, verbose: 0});
setTimeout(() => parentPort.postMessage('begun'), 20);
await training;
setTimeout(() => parentPort.postMessage('trained'), 40);
