// The comparison with other libraries in README.md is that of the run in docs/speed.json, and of no other.
import fs from 'node:fs';
import {describe, expect, test} from 'vitest';
import {type Speed, speedChart, speedOf, speedTable, tableMarks, withTable} from '../../bench/speed.ts';

const readme = fs.readFileSync('README.md', 'utf8');
const speed = JSON.parse(fs.readFileSync('docs/speed.json', 'utf8')) as Speed;

describe('the comparison in README.md', () => {
  test('has the figures of docs/speed.json in its table and its chart', () => {
    expect(withTable(readme, speed)).toBe(readme);
    expect(fs.readFileSync('docs/speed.svg', 'utf8')).toBe(speedChart(speed));
  });

  test('names the machine by its CPU alone', () => {
    expect(Object.keys(speed).sort()).toEqual(['cpu', 'peakGflops', 'rows', 'threads', 'versions']);
    expect(readme).toContain(speed.cpu);
  });
});

describe('a table of speeds', () => {
  const machine = {cpu: 'A CPU', threads: 2, peakGflops: 500};
  const results = [
    {
      workload: 'small',
      shape: '4-16-3',
      batch: 32,
      entries: [
        {peer: 'chainrule', microseconds: 2},
        {peer: 'chainrule, shuffled', microseconds: 1},
        {peer: 'torch', microseconds: 120, version: '2'},
        {peer: 'torch-compile', microseconds: 80, version: '2'},
        {peer: 'jax-loop', microseconds: 5, version: '0.1'},
        {peer: 'tf-xla'},
      ],
    },
  ];

  test('takes the fastest way of each library and leaves out those that are missing', () => {
    const {rows, versions} = speedOf(results, machine);
    expect(rows[0]?.microseconds).toEqual({chainrule: 2, PyTorch: 80, JAX: 5});
    expect(versions).toEqual({PyTorch: '2', JAX: '0.1'});
  });

  test('ends with the best of the others ÷ chainrule', () => {
    const lines = speedTable(speedOf(results, machine)).split('\n');
    expect(lines[0]).toBe('| µs per training step | chainrule | PyTorch 2 | JAX 0.1 | best of them ÷ ours |');
    expect(lines[2]).toBe('| small: 4-16-3, batch 32 | 2.00 | 80.0 | 5.00 | 2.50 |');
  });

  test('stands between its marks and nowhere else', () => {
    const [begin, end] = tableMarks;
    const page = withTable(`before\n${begin}\nold\n${end}\nafter`, speedOf(results, machine));
    expect(page).toMatch(/^before\n/);
    expect(page).toMatch(/\nafter$/);
    expect(page).not.toContain('old');
    expect(() => withTable('no marks', speedOf(results, machine))).toThrow('no place for the table');
  });
});
