// Below the layers: logistic regression as a training step of one's own. Male or female, from four measures
// of a penguin.
import {readFileSync} from 'node:fs';
import {compile, data, gradients, ops} from 'chainrule';

const file = new URL('../data/penguins.json', import.meta.resolve('vega-datasets'));
const all: Record<string, string | number | null>[] = JSON.parse(readFileSync(file, 'utf8'));
const measures = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)'];
const penguins = all.filter(
  bird => ['MALE', 'FEMALE'].includes(String(bird.Sex)) && measures.every(name => bird[name] !== null),
);
console.log(
  `${penguins.length} penguins; ${all.length - penguins.length} of unknown sex or measures left out`,
);

const inputs = penguins.map(bird => measures.map(name => bird[name] as number));
const male = penguins.map(({Sex}) => [Number(Sex === 'MALE')]);
const {xTrain, xTest, yTrain, yTest} = data.trainTestSplit(inputs, male, {testSize: 0.25, seed: 3});
const train = data.standardize(xTrain);
const test = data.standardize(xTest, {like: train});

// p = σ(x·w + b), loss = mean(−y log p − (1−y) log(1−p)) = mean(softplus(z) − y·z) of z = x·w + b.
const columns = measures.length;
const weights = ops.variable({name: 'weights', shape: [columns, 1]});
const bias = ops.variable({name: 'bias', shape: [1]});
const scores = (x: ReturnType<typeof ops.input>) => ops.add(ops.matmul(x, weights.tensor), bias.tensor);

const rows = train.shape[0] as number;
const x = ops.input({name: 'x', shape: [rows, columns]});
const y = ops.input({name: 'y', shape: [rows, 1]});
const rate = ops.input({name: 'rate', shape: []});
const z = scores(x);
const loss = ops.mean(ops.sub(ops.softplus(z), ops.mul(y, z)));
const step = compile(
  {loss},
  {
    updates: [weights, bias].map(variable => {
      const [gradient] = gradients(loss, [variable.tensor]);
      return [variable, ops.sub(variable.tensor, ops.mul(gradient!, rate))] as const;
    }),
    guards: [ops.finite(loss)],
  },
);
for (let count = 0; count <= 400; count++) {
  const result = await step.run({x: train.data, y: yTrain, rate: 0.5});
  if (count % 100 === 0) console.log(`step ${count}: loss ${(result.loss.data[0] as number).toFixed(4)}`);
}

// The same weights in another program, for other rows.
const testRows = test.shape[0] as number;
const classify = compile(
  {male: ops.sigmoid(scores(ops.input({name: 'x', shape: [testRows, columns]})))},
  {store: step.store},
);
const predicted = await classify.run({x: test.data});
const right = [...yTest.data].filter(
  (value, row) => value === Number((predicted.male.data[row] as number) > 0.5),
);
console.log(`test accuracy ${(right.length / testRows).toFixed(3)}`);
