// CSV files as data sets.
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {afterAll, describe, expect, it} from 'vitest';
import {Dataset} from '../../lib/index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-csv-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

let written = 0;
function file(text: string): string {
  const name = path.join(folder, `${written++}.csv`);
  writeFileSync(name, text);
  return name;
}

const cars = file('\ufeffname,power,weight,new\r\n"Fiat, ""500""",69,,true\r\n\r\nT,20,540.5,false\r\n');

it('reads records by column name', async () => {
  const rows = await Dataset.fromCsv(cars).toArray();
  expect(rows).toEqual([
    {name: 'Fiat, "500"', power: 69, weight: undefined, new: 'true'},
    {name: 'T', power: 20, weight: 540.5, new: 'false'},
  ]);
  expect(await Dataset.fromCsv(pathToFileURL(cars)).take(1).toArray()).toEqual(rows.slice(0, 1));
});

it('gives types, defaults and labels as it is told', async () => {
  const dataset = Dataset.fromCsv(cars, {
    columnConfigs: {
      power: {dtype: 'int32', isLabel: true},
      weight: {dtype: 'float32', default: 1000},
      new: {dtype: 'bool', required: true},
    },
    configuredColumnsOnly: true,
  });
  const rows = await dataset.toArray();
  expect(rows).toEqual([
    {xs: {weight: 1000, new: 1}, ys: {power: 69}},
    {xs: {weight: 540.5, new: 0}, ys: {power: 20}},
  ]);
  const [batch] = await dataset
    .map(({xs, ys}) => ({xs: [xs.weight satisfies number, xs.new], ys: ys.power ?? 0}))
    .batch(2)
    .toArray();
  expect(batch?.xs).toEqual({data: Float32Array.of(1000, 1, 540.5, 0), shape: [2, 2]});
  expect(batch?.ys).toEqual({data: Float32Array.of(69, 20), shape: [2]});
});

it('takes names and delimiters that the file does not say', async () => {
  const plain = file('1;x\n2;\n');
  const options = {hasHeader: false, columnNames: ['id', 'kind'], delimiter: ';'};
  expect(await Dataset.fromCsv(plain, options).toArray()).toEqual([
    {id: 1, kind: 'x'},
    {id: 2, kind: undefined},
  ]);
  const renamed = Dataset.fromCsv(file('a,b\n1,2\n'), {columnNames: ['x', 'y']});
  expect(await renamed.toArray()).toEqual([{x: 1, y: 2}]);
  const texts = Dataset.fromCsv(file('zip\n00501\n'), {columnConfigs: {zip: {dtype: 'string'}}});
  expect(await texts.toArray()).toEqual([{zip: '00501'}]);
});

it('reads the file anew in each pass, and closes it when a walk ends early', async () => {
  const lines = Array.from({length: 50_000}, (_, index) => `${index}`);
  const long = Dataset.fromCsv(file(`n\n${lines.join('\n')}\n`));
  expect(await long.repeat(2).skip(49_999).take(2).toArray()).toEqual([{n: 49_999}, {n: 0}]);
  expect(await long.map(({n}) => n).toArray()).toEqual(lines.map(Number));
});

describe('refuses', () => {
  const load = (text: string, options: object = {}) => Dataset.fromCsv(file(text), options).toArray();
  it.each([
    ['a missing file', () => Dataset.fromCsv(path.join(folder, 'none.csv')).toArray(), /none.csv: ENOENT/],
    [
      'lines of another length',
      () => load('a,b\n1,2\n3\n'),
      /Invalid Record Length: expect 2, got 1 on line 3/,
    ],
    ['quotes left open', () => load('a\n"1\n'), /Quote Not Closed/],
    [
      'text in a column of numbers',
      () => load('a,b\n1,2\n\n1,x\n', {columnConfigs: {b: {dtype: 'float32'}}}),
      /csv, line 4, column b: expected a number. Received "x"/,
    ],
    [
      'a fraction in a column of integers',
      () => load('a\n2.5\n', {columnConfigs: {a: {dtype: 'int32'}}}),
      /line 2, column a: expected an integer. Received "2.5"/,
    ],
    [
      'what is no boolean',
      () => load('a\nmaybe\n', {columnConfigs: {a: {dtype: 'bool'}}}),
      /expected true, false, 1 or 0. Received "maybe"/,
    ],
    [
      'nothing where something is required',
      () => load('a,b\n1,\n', {columnConfigs: {b: {required: true}}}),
      /line 2, column b is empty, but required/,
    ],
    ['names that do not fit', () => load('a,b\n', {columnNames: ['x']}), /has 2 columns, columnNames 1/],
  ])('%s', async (_, call, message) => {
    await expect(call()).rejects.toMatchObject({code: 'ERR_FILE', message: expect.stringMatching(message)});
  });

  it('a column that is not there', async () => {
    const call = load('power\n1\n', {columnConfigs: {powr: {isLabel: true}}});
    await expect(call).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_NAME',
      message: expect.stringMatching(/unknown column of the file "powr". Did you mean "power"/),
    });
  });

  it.each<[string, unknown, object, RegExp]>([
    ['no path', 7, {}, /expected a path or a file: URL. Received 7/],
    ['an unknown option', cars, {hasHeaders: true}, /unknown option "hasHeaders". Did you mean "hasHeader"/],
    ['no names', cars, {hasHeader: false}, /columnNames are needed where the file has no header/],
    ['odd names', cars, {columnNames: 'ab'}, /columnNames: expected an array of names. Received ab/],
    ['no delimiter', cars, {delimiter: ''}, /delimiter: expected text such as ","/],
    [
      'odd configurations',
      cars,
      {columnConfigs: {a: {labels: 1}}},
      /columnConfigs: a: unknown option "labels"/,
    ],
    ['an odd type', cars, {columnConfigs: {a: {dtype: 'float'}}}, /unknown dtype of the column a "float"/],
    ['no object', cars, {columnConfigs: [1]}, /columnConfigs: expected an object of options/],
  ])('%s', (_, name, options, message) => {
    expect(() => Dataset.fromCsv(name as string, options)).toThrow(message);
  });
});
