// Examples of sequences, tables of ids and actions: on small settings, and in the deep run as they are.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {deep} from '../support/child.ts';
import {Examples} from './programs.ts';

const examples = new Examples('births', 'dates', 'recommender', 'deep-q');
beforeAll(() => examples.build());
afterAll(() => examples.remove());

/** Of what the deep run trains in full. */
const timeout = 3_600_000;

const picture = (name: string): string => path.join(examples.folder, name);
const svgOf = (file: string): string => readFileSync(file, 'utf8');

it('births: both forecasts are nearer than last week', {timeout}, async () => {
  const file = picture('births.svg');
  const {code, stdout, stderr} = await examples.run('births', [deep ? '40' : '6', file]);
  expect(code, stderr).toBe(0);
  // What needs no training is known: the births of 1987 and 1988 are what they are.
  expect(stdout).toMatch(/^as a week before: off by 312 births a day/m);
  expect(stdout).toMatch(/^as 52 weeks before: off by 329 births a day/m);
  for (const name of ['GRU', 'temporal convolution']) {
    const off = new RegExp(`^${name}: off by (\\d+) births a day`, 'm').exec(stdout)?.[1];
    // A fifth less than last week.
    expect(Number(off), stdout).toBeLessThan(deep ? 0.8 * 312 : 270);
  }
  // Four lines of births, three of errors.
  expect(svgOf(file).match(/fill="none"/g)).toHaveLength(7);
});

it('dates: most are right after little training, and attention weights add up', {timeout}, async () => {
  const file = picture('dates.svg');
  const {code, stdout, stderr} = await examples.run('dates', [
    ...(deep ? ['10', '20000'] : ['6', '6000']),
    file,
  ]);
  expect(code, stderr).toBe(0);
  const [, right, all] = /^(\d+) of (\d+) days never seen are right/m.exec(stdout) ?? [];
  expect(Number(right) / Number(all), stdout).toBeGreaterThan(deep ? 0.99 : 0.5);
  // Squares of one letter written: their shades are the weights of the attention.
  const shades = [...svgOf(file).matchAll(/y="72" .*fill-opacity="([\d.]+)"/g)].map(([, shade]) =>
    Number(shade),
  );
  expect(shades.length).toBeGreaterThan(5);
  expect(shades.reduce((sum, shade) => sum + shade, 0)).toBeGreaterThan(0.9);
});

it('recommender: finds most of what everybody likes best', {timeout}, async () => {
  const {code, stdout, stderr} = await examples.run('recommender', deep ? [] : ['2000', '200', '30']);
  expect(code, stderr).toBe(0);
  const size = deep ? '1,000,000 rows of embeddings, 19,800,000' : '2,200 rows of embeddings, 40,000';
  expect(stdout).toMatch(new RegExp(`^${size} ratings$`, 'm'));
  const [, recall, chance] = /^recall@10 ([\d.]+); by chance ([\d.]+)$/m.exec(stdout) ?? [];
  expect(Number(chance)).toBeCloseTo(deep ? 10 / 10_000 : 10 / 200, 3);
  expect(Number(recall), stdout).toBeGreaterThan(deep ? 0.75 : 0.7);
});

it('deep-q: the pole stands longer and longer', {timeout}, async () => {
  const file = picture('deep-q.svg');
  const {code, stdout, stderr} = await examples.run('deep-q', [deep ? '60000' : '12000', file]);
  expect(code, stderr).toBe(0);
  // Pushed at random, it stands for some 22 steps.
  expect(Number(/^afterwards 100 games last ([\d.]+) steps/m.exec(stdout)?.[1]), stdout).toBeGreaterThan(
    deep ? 450 : 80,
  );
  expect(stdout).toMatch(/^[\d,]+ steps a second, learning included$/m);
  expect(svgOf(file).match(/fill="none"/g)).toHaveLength(2);
});
