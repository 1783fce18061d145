// The pages on callbacks, metrics, losses and data name every member, and only options that there are.
import fs from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {callbacks, Dataset, load, losses, metrics, modelFromJSON} from '../../lib/index.ts';
import {knownIn} from '../support/known-options.ts';
import {untyped} from '../support/refusals.ts';
import {build} from '../support/small-model.ts';

const docs = path.resolve(import.meta.dirname, '../../docs');
const read = (page: string): string => fs.readFileSync(path.join(docs, page), 'utf8');

/** The names in code of each cell of a table's rows, whose header holds these words. */
function rowsOf(page: string, header: string): string[][][] {
  const lines = read(page).split('\n');
  const first = lines.findIndex(line => line.startsWith('|') && line.includes(header));
  expect(first, `${page}: a table of ${header}`).toBeGreaterThan(0);
  const rows: string[][][] = [];
  for (const line of lines.slice(first + 2)) {
    if (!line.startsWith('|')) break;
    const cells = line.split(/(?<!\\)\|/).slice(1, -1);
    rows.push(cells.map(cell => [...cell.matchAll(/`([^`]+)`/g)].map(match => match[1] as string)));
  }
  return rows;
}

/** The options that a function says it knows. */
async function knownTo(call: (options: object) => unknown): Promise<string[]> {
  const error = await Promise.resolve()
    .then(() => call({nonsense: 1}))
    .then(
      () => undefined,
      (cause: Error) => cause,
    );
  return knownIn(error?.message);
}

describe.each([
  ['callbacks.md', 'callback', callbacks],
  ['metrics.md', 'metric', metrics],
  ['losses.md', 'loss', losses],
])('%s', (page, header, members) => {
  const rows = rowsOf(page, `| ${header} |`);

  it('names every member', () => {
    expect(rows.flatMap(([names]) => names).sort()).toEqual(Object.keys(members).sort());
  });

  it.each(rows.flatMap(([names = [], , options = []]) => names.map(name => [name, options] as const)))(
    '%s has the options that stand there',
    async (name, options) => {
      const make = untyped((members as Record<string, unknown>)[name]);
      const known = await knownTo(make);
      expect(known).toEqual(expect.arrayContaining([...options]));
      if (page !== 'metrics.md' && name !== 'lambda') expect([...options].sort()).toEqual(known.sort());
    },
  );
});

describe('data.md and saving.md', () => {
  it('have all options of CSV files', async () => {
    const rows = rowsOf('data.md', '| option |').map(([names]) => names?.[0] as string);
    const known = await knownTo(options => Dataset.fromCsv('none.csv', options));
    expect(rows.sort()).toEqual(known.sort());
    const columns = ['dtype', 'default', 'required', 'isLabel'];
    expect(
      await knownTo(config => Dataset.fromCsv('none.csv', untyped({columnConfigs: {a: config}}))),
    ).toEqual(columns);
  });

  it('have all options of what saves and loads', async () => {
    const net = build();
    const calls: Record<string, (options: object) => unknown> = {
      'model.save(path)': options => net.save('none', options),
      'model.toBytes()': options => net.toBytes(options),
      'load(source)': options => load('none', options),
      'model.loadWeights(source)': options => net.loadWeights('none', options),
      'model.setWeights(weights)': options => net.setWeights([], options),
      'modelFromJSON(description)': options => modelFromJSON(net.toJSON(), options),
      'model.clone()': options => net.clone(options),
    };
    for (const [names = [], , options = []] of rowsOf('saving.md', '| method |')) {
      for (const name of names) {
        const call = calls[name];
        if (call) expect((await knownTo(call)).sort(), name).toEqual([...options].sort());
        else expect(name).toMatch(/^model\.(saveWeights|getWeights|toJSON)\(/);
      }
    }
  });
});
