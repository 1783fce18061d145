// The chart of TensorFlow.js in README.md is that of the figures in docs/tfjs-speed.json, and of no others.
import fs from 'node:fs';
import {describe, expect, test} from 'vitest';
import {merged, names, rowsOf, type TfjsSpeed, tfjsChart, workloads} from '../../bench/tfjs-speed.ts';

const speed = JSON.parse(fs.readFileSync('docs/tfjs-speed.json', 'utf8')) as TfjsSpeed;

describe('the chart of TensorFlow.js', () => {
  test('has the figures of docs/tfjs-speed.json', () => {
    expect(fs.readFileSync('docs/tfjs-speed.svg', 'utf8')).toBe(tfjsChart(speed));
    expect(fs.readFileSync('README.md', 'utf8')).toContain('docs/tfjs-speed.svg');
    expect(fs.readFileSync('docs/coming-from-tensorflow-js.md', 'utf8')).toContain('tfjs-speed.svg');
  });

  test('has each training of the benches, and names the machine by its CPU alone', () => {
    expect(Object.keys(speed).sort()).toEqual(['cpu', 'rows', 'threads']);
    expect(Object.keys(speed.rows)).toEqual(Object.values(workloads));
    for (const [label, microseconds] of Object.entries(speed.rows)) {
      // The wasm backend has no gradients of convolutions, which the bench of images trains, and of rows.
      const others = {
        [workloads['fit cnn-mnist'] as string]: ['cpu'],
        [workloads.embedding as string]: ['cpu', 'own'],
      }[label] ?? ['wasm', 'own'];
      for (const program of ['chainrule', ...others]) {
        expect(microseconds[names[program] as string], `${label}: ${program}`).toBeGreaterThan(0);
      }
    }
  });
});

describe('figures of TensorFlow.js', () => {
  const times = new Map([
    ['mlp-tiny', new Map(Object.entries({chainrule: 200, wasm: 501.23, cpu: 428, torch: 90}))],
    ['add 100', new Map([['chainrule', 3]])],
  ]);
  const machine = {cpu: 'A CPU', threads: 2};

  test('are those of trainings and of programs in JavaScript', () => {
    expect(rowsOf(times)).toEqual({
      'mlp 4-16-3, batch 32': {
        ...{'TensorFlow.js, cpu': 428, 'TensorFlow.js, wasm': 501.2},
        'the same program with chainrule/tfjs': 200,
      },
    });
    expect(tfjsChart({...machine, rows: rowsOf(times)})).toContain('(2.1 ×)');
  });

  test('of two benches go together, but not those of two machines', () => {
    const images = {'convolutions, MNIST, batch 64': {'TensorFlow.js, cpu': 9}};
    const before = {...machine, rows: images};
    const both = merged(before, {...machine, rows: rowsOf(times)});
    expect(Object.keys(both.rows)).toEqual(['mlp 4-16-3, batch 32', 'convolutions, MNIST, batch 64']);
    const other = merged({...before, cpu: 'Another'}, {...machine, rows: rowsOf(times)});
    expect(Object.keys(other.rows)).toEqual(['mlp 4-16-3, batch 32']);
  });
});
