// Writes what README.md shows of a run: docs/speed.json, docs/speed.svg and the table.
import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {type Ceiling, peakOf} from './ceiling.ts';
import {machine} from './report.ts';
import {speedChart, speedOf, type TrainResult, withTable} from './speed.ts';

export function writeSpeed(results: readonly TrainResult[], ceiling: Ceiling): void {
  const {threads} = ceiling;
  const speed = speedOf(results, {cpu: machine().cpu, threads, peakGflops: peakOf(ceiling, threads)});
  const file = (name: string): string => path.join(import.meta.dirname, '..', name);
  writeFileSync(file('docs/speed.json'), `${JSON.stringify(speed, null, 2)}\n`);
  writeFileSync(file('docs/speed.svg'), speedChart(speed));
  writeFileSync(file('README.md'), withTable(readFileSync(file('README.md'), 'utf8'), speed));
  console.log('written: docs/speed.json, docs/speed.svg and the table of README.md');
}
