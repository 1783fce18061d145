// A training that outlives its process: kill it at any point and start it again, and it goes on to the same
// bits. `npx tsx examples/resume.ts FOLDER`
import {createHash} from 'node:crypto';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {callbacks, Dataset, layers, sequential} from 'chainrule';

const backupDir = process.argv[2] ?? path.join(tmpdir(), 'chainrule-resume');

// Two moons, one in the arms of the other.
const rows = 2000;
const points = Array.from({length: rows}, (_, row) => {
  const angle = (Math.PI * ((row * 7919) % rows)) / rows;
  const noise = 0.1 * Math.sin(row * 12.9898);
  return row % 2
    ? [Math.cos(angle) + noise, Math.sin(angle)]
    : [1 - Math.cos(angle), 0.5 - Math.sin(angle) + noise];
});
const labels = points.map((_, row) => [row % 2]);

const model = sequential([
  layers.dense({units: 16, activation: 'tanh', inputShape: [2]}),
  layers.dropout({rate: 0.1}),
  layers.dense({units: 1, activation: 'sigmoid'}),
]);
model.compile({optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['binaryAccuracy']});

const dataset = Dataset.fromArrays({xs: points, ys: labels}).shuffle(rows, 1).batch(20);
const {history} = await model.fit(dataset, {
  epochs: 30,
  callbacks: [
    callbacks.backupAndRestore({backupDir, saveFreq: 40}),
    {
      onEpochEnd: (epoch, {loss}) => console.log(`epoch ${epoch + 1}: loss ${loss?.toFixed(4)}`),
    },
  ],
});

const digest = createHash('sha256');
for (const {data} of model.getWeights()) digest.update(data);
console.log(`${history.loss?.length} epochs, weights ${digest.digest('hex').slice(0, 16)}`);
