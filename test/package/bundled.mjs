// Trains XOR and reads a CSV file: the second needs a package that is loaded when it is asked for.
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Dataset, layers, optimizers, sequential} from 'chainrule';

async function main() {
  const inputs = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ];
  const model = sequential([
    layers.dense({units: 8, activation: 'tanh', inputShape: [2]}),
    layers.dense({units: 1, activation: 'sigmoid'}),
  ]);
  model.compile({optimizer: optimizers.adam({learningRate: 0.05}), loss: 'binaryCrossentropy'});
  await model.fit(inputs, [[0], [1], [1], [0]], {epochs: 500, batchSize: 4, seed: 7});
  const {data} = await model.predict(inputs);
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-bundled-'));
  writeFileSync(join(folder, 'a.csv'), 'a,b\n1,2\n');
  const rows = await Dataset.fromCsv(join(folder, 'a.csv')).toArray();
  rmSync(folder, {recursive: true});
  console.log(`${Array.from(data, value => Math.round(value)).join(' ')}, ${rows.length} row`);
}

main().catch(error => console.log(error.message));
