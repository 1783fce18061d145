// The chart of the programs of examples/tfjs in README.md is that of docs/tfjs-programs.json, with all five.
import fs from 'node:fs';
import {expect, test} from 'vitest';
import {type ProgramTimes, programsChart, series, settings} from '../../bench/tfjs-programs.ts';

const times = JSON.parse(fs.readFileSync('docs/tfjs-programs.json', 'utf8')) as ProgramTimes;

test('the chart has the figures of docs/tfjs-programs.json', () => {
  expect(fs.readFileSync('docs/tfjs-programs.svg', 'utf8')).toBe(programsChart(times));
  expect(fs.readFileSync('README.md', 'utf8')).toContain('docs/tfjs-programs.svg');
});

test('the figures are of each program on both backends, and name the machine by its CPU alone', () => {
  expect(Object.keys(times).sort()).toEqual(['cpu', 'rows', 'threads']);
  expect(Object.keys(times.rows)).toEqual(Object.values(settings).map(({label}) => label));
  for (const [label, seconds] of Object.entries(times.rows)) {
    expect(Object.keys(seconds), label).toEqual([series.cpu, series.own]);
    for (const value of Object.values(seconds)) expect(value, label).toBeGreaterThan(0);
  }
});
