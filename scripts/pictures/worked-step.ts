// One step of gradient descent in a network of two inputs, two hidden units and one output: every number of
// it, as the library gives them.
import {layers, optimizers, sequential} from 'chainrule';
import {inks, picture, px, text} from './svg.ts';

const {blue, green, orange} = inks;
const x = [[1, 0.5]];
const y = [[1]];
const rate = 0.1;

/** The numbers of the step, in the order in which they come about. */
async function step() {
  const model = sequential([
    layers.dense({units: 2, activation: 'sigmoid', inputShape: [2], name: 'hidden'}),
    layers.dense({units: 1, name: 'output'}),
  ]);
  model.compile({optimizer: optimizers.sgd({learningRate: rate}), loss: 'meanSquaredError'});
  model.setWeights([
    {name: 'hidden/kernel', data: [0.2, -0.4, 0.6, 0.8]},
    {name: 'hidden/bias', data: [0, -0.2]},
    {name: 'output/kernel', data: [0.5, -1]},
    {name: 'output/bias', data: [0.1]},
  ]);
  const before = new Map(model.getWeights().map(({name, data}) => [name, data]));
  const {loss, gradients, layers: records} = await model.gradients(x, y, {record: true});
  await model.trainOnBatch(x, y);
  const after = new Map(model.getWeights().map(({name, data}) => [name, data]));
  const lossAfter = (await model.evaluate(x, y)).loss as number;
  return {loss, lossAfter, gradients, records, before, after};
}

type Step = Awaited<ReturnType<typeof step>>;

const format = (value: number | undefined): string => (value as number).toFixed(4).replace('-', '−');

interface Unit {
  readonly x: number;
  readonly y: number;
}

const inputs: readonly Unit[] = [
  {x: 90, y: 190},
  {x: 90, y: 430},
];
const hidden: readonly Unit[] = [
  {x: 430, y: 190},
  {x: 430, y: 430},
];
const output: Unit = {x: 770, y: 310};
const radius = 34;

function circle({x: cx, y: cy}: Unit, label: string): string[] {
  return [
    `<circle cx="${cx}" cy="${cy}" r="${radius}" fill="white" stroke="#222" stroke-width="1.5"/>`,
    text(cx, cy + 5, label, {anchor: 'middle', bold: true}),
  ];
}

/** A weight's line, with the weight, its gradient and the weight after the step at `share` of its way. */
function wire(from: Unit, to: Unit, share: number, lines: readonly [string, string, string]): string[] {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const [x1, y1] = [from.x + dx * radius, from.y + dy * radius];
  const [x2, y2] = [to.x - dx * radius, to.y - dy * radius];
  const [cx, cy] = [x1 + (x2 - x1) * share, y1 + (y2 - y1) * share];
  const colours = [blue, orange, green];
  return [
    `<path d="M${px(x1)} ${px(y1)}L${px(x2)} ${px(y2)}" stroke="#999" stroke-width="1.5"/>`,
    `<rect x="${px(cx - 64)}" y="${px(cy - 28)}" width="128" height="54" rx="4" fill="white" stroke="#ddd"/>`,
    ...lines.map((line, index) =>
      text(cx, cy - 12 + index * 16, line, {anchor: 'middle', colour: colours[index], size: 12}),
    ),
  ];
}

/** The three lines of a weight. */
function lines(numbers: Step, name: string, at: number, symbol: string): [string, string, string] {
  return [
    `${symbol} = ${format(numbers.before.get(name)?.[at])}`,
    `∂L/∂${symbol} = ${format(numbers.gradients[name]?.data[at])}`,
    `${symbol}′ = ${format(numbers.after.get(name)?.[at])}`,
  ];
}

/** What a unit computes and hears back, and its bias, below or above it. */
function notes(unit: Unit, numbers: Step, layer: number, at: number, name: string, below: boolean): string[] {
  const record = numbers.records[layer];
  const own = (values: {data: ArrayLike<number>} | undefined) => format(values?.data[at]);
  const bias = lines(numbers, `${name}/bias`, at, layer === 0 ? `b${at + 1}` : 'c');
  const linear = layer === 1;
  const rows: [string, string][] = [
    [`z = ${own(record?.preActivation)}`, blue],
    [linear ? `ŷ = z` : `a = σ(z) = ${own(record?.activation)}`, blue],
    [`δ = ∂L/∂z = ${own(record?.errorSignal)}`, orange],
    [bias[0], blue],
    [bias[1], orange],
    [bias[2], green],
  ];
  const first = below ? unit.y + radius + 18 : unit.y - radius - 8 - (rows.length - 1) * 16;
  return rows.map(([line, colour], index) =>
    text(unit.x, first + index * 16, line, {anchor: 'middle', colour, size: 12}),
  );
}

export async function drawWorkedStep(): Promise<string> {
  const numbers = await step();
  const [x1, x2] = inputs as [Unit, Unit];
  const [h1, h2] = hidden as [Unit, Unit];
  const parts = [
    ...wire(x1, h1, 0.5, lines(numbers, 'hidden/kernel', 0, 'w11')),
    ...wire(x1, h2, 0.28, lines(numbers, 'hidden/kernel', 1, 'w12')),
    ...wire(x2, h1, 0.28, lines(numbers, 'hidden/kernel', 2, 'w21')),
    ...wire(x2, h2, 0.5, lines(numbers, 'hidden/kernel', 3, 'w22')),
    ...wire(h1, output, 0.5, lines(numbers, 'output/kernel', 0, 'v1')),
    ...wire(h2, output, 0.5, lines(numbers, 'output/kernel', 1, 'v2')),
    ...circle(x1, `x1 = ${x[0]?.[0]}`),
    ...circle(x2, `x2 = ${x[0]?.[1]}`),
    ...circle(h1, 'a1'),
    ...circle(h2, 'a2'),
    ...circle(output, 'ŷ'),
    ...notes(h1, numbers, 0, 0, 'hidden', false),
    ...notes(h2, numbers, 0, 1, 'hidden', true),
    ...notes(output, numbers, 1, 0, 'output', true),
    text(output.x, output.y - 66, `L = (ŷ − ${y[0]?.[0]})² = ${format(numbers.loss)}`, {
      anchor: 'middle',
      colour: blue,
    }),
    text(output.x, output.y - 48, `after the step ${format(numbers.lossAfter)}`, {
      anchor: 'middle',
      colour: green,
    }),
    text(16, 52, 'forward', {colour: blue}),
    text(80, 52, 'backward', {colour: orange}),
    text(155, 52, `after the step: w′ = w − ${rate} · ∂L/∂w`, {colour: green}),
  ];
  return picture('One step, every number of it', 900, 590, parts);
}
