// Makes docs/coming-from-keras.md and docs/coming-from-tensorflow-js.md of the table in scripts/familiar.ts;
// what else they say stands beside this file.
import fs from 'node:fs';
import path from 'node:path';
import {lossAliases, metricAliases, otherNames, withoutOption} from '../lib/core/familiar.ts';
import {absentArguments, absentLayers} from './absent.ts';
import {familiar} from './familiar.ts';

const code = (names: string): string =>
  names
    .split(', ')
    .map(name => `\`${name}\``)
    .join(', ');
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');

interface Page {
  readonly title: string;
  readonly library: 'keras' | 'tfjs';
  readonly before: readonly string[];
  readonly after?: readonly string[];
}

function page({title, library, before, after = []}: Page): string {
  const topics = [...new Set(familiar.map(({topic}) => topic))];
  const sections = topics.map(topic => {
    const rows = familiar.flatMap(each => {
      const theirs = each[library];
      return each.topic === topic && theirs !== undefined ? [[code(theirs), code(each.here)]] : [];
    });
    return `## ${topic}\n\n${table([title, 'here'], rows)}\n`;
  });
  const short = (aliases: Readonly<Record<string, string>>): string =>
    table(
      ['short', 'name'],
      Object.entries(aliases).map(([alias, name]) => [code(alias), code(name)]),
    );
  const suggested = table(
    ['typed', 'here'],
    Object.entries(otherNames).map(([typed, here]) => [code(typed), code(here)]),
  );
  const without = table(
    ['typed', 'why'],
    Object.entries(withoutOption).map(([typed, why]) => [code(typed), why]),
  );
  return [
    `# Coming from ${title}\n`,
    '<!-- Made by `npm run names` of scripts/familiar.ts and lib/core/familiar.ts. -->\n',
    ...before.map(text => `${text}\n`),
    ...sections,
    `## Losses by short names\n\n${short(lossAliases)}\n`,
    `## Metrics by short names\n\n${short(metricAliases)}\n`,
    `## Options with another name\n\nThe error that refuses one of these says ours.\n\n${suggested}\n`,
    `## Options that there are none for\n\n${without}\n`,
    ...after.map(text => `${text}\n`),
  ].join('\n');
}

/** What a page says besides. */
const beside = (name: string): string =>
  fs.readFileSync(path.join(import.meta.dirname, name), 'utf8').trimEnd();

const listed = (names: readonly string[]): string => code(names.join(', '));

/** What of Keras is not here. */
const absent = (): readonly string[] => [
  `## Layers that are not here\n\n${table(
    ['Keras', 'why, or what instead'],
    absentLayers.map(({names, why}) => [listed(names), why]),
  )}`,
  `## Arguments that are not here\n\n${table(
    ['of', 'argument', 'why, or what instead'],
    absentArguments.map(({of, names, why}) => [of ? listed(of) : 'all', listed(names), why]),
  )}`,
];

/** Both pages, by file name. */
export function makePages(): ReadonlyMap<string, string> {
  const same = 'Names are the same wherever both have one, in camelCase; options are one object.';
  return new Map([
    [
      'coming-from-keras.md',
      page({
        ...{title: 'Keras', library: 'keras'},
        before: [`${same} What runs a model for long gives a promise.`, beside('coming-from-keras.md')],
        after: absent(),
      }),
    ],
    [
      'coming-from-tensorflow-js.md',
      page({
        ...{title: 'TensorFlow.js', library: 'tfjs'},
        before: [
          `${same} There are no tensors to dispose: data are typed arrays or nested arrays.`,
          beside('coming-from-tensorflow-js.md'),
        ],
      }),
    ],
  ]);
}

if (process.argv[1] === import.meta.filename) {
  for (const [name, text] of makePages()) {
    fs.writeFileSync(path.resolve(import.meta.dirname, '../docs', name), text);
  }
}
