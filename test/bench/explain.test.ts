// `npm run explain`, from end to end.
import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {beforeAll, expect, test} from 'vitest';
import {build} from '../../scripts/bootstrap.mjs';

const root = path.join(import.meta.dirname, '../..');

beforeAll(() => build(['ceiling']), 300_000);

test('an example is explained in all its stages', {timeout: 300_000}, () => {
  const args = ['--import', 'tsx', 'scripts/explain.ts', 'examples/xor.ts'];
  const text = execFileSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: {...process.env, CHAINRULE_CEILING_SECONDS: '0.01'},
  });
  const titles = [...text.matchAll(/^== (.+?)(?: of this machine.*)?$/gm)].map(
    ([, title]) => title as string,
  );
  expect(titles.slice(0, 2)).toEqual(['output of examples/xor.ts', 'ceiling']);
  const count = Number(/^program \d+ of (\d+)/.exec(titles[2] ?? '')?.[1]);
  expect(count).toBeGreaterThanOrEqual(2);
  // Of the first, a training step; a prediction has no gradients.
  const stages = ['graph', 'gradient graph', 'fused graph', 'plan', 'time'];
  const of = (number: number) => {
    const name = `program ${number} of ${count}: `;
    return titles.flatMap(title => (title.startsWith(name) ? title.slice(name.length) : []));
  };
  expect(of(1)).toEqual(stages);
  for (let number = 1; number <= count; number++) expect(stages).toEqual(expect.arrayContaining(of(number)));
  expect(text).toMatch(/us a step over \d+ steps/);
  expect(text).toMatch(/^1 xor 0 = /m);
});
