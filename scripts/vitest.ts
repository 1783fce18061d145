// Runs the TypeScript tests and counts them, with the reasons of those that were skipped.
import fs from 'node:fs';
import path from 'node:path';
import {root} from './bootstrap.mjs';
import {type Outcome, one, spawnBeside} from './steps.ts';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly meta: {readonly skipped?: string};
    }[];
  }[];
}

/** A test that did not run, and why. */
function skippedOf({testResults}: Report): string[] {
  return testResults.flatMap(({name, assertionResults}) =>
    assertionResults
      .filter(({status}) => status !== 'passed' && status !== 'failed')
      .map(({fullName, meta}) => `${path.relative(root, name)}: ${fullName}: ${meta.skipped ?? 'no reason'}`),
  );
}

/** `reportName` keeps two runs apart. */
export async function vitestSuite(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  reportName = 'vitest',
): Promise<Outcome> {
  const file = path.join(root, `build/${reportName}.json`);
  fs.rmSync(file, {force: true});
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const {ok} = await spawnBeside(process.execPath, [vitest, 'run', ...reporters, ...args], env);
  if (!fs.existsSync(file)) return one(false);
  const report = JSON.parse(fs.readFileSync(file, 'utf8')) as Report;
  const {numPassedTests: passed, numFailedTests} = report;
  const failed = ok ? numFailedTests : Math.max(numFailedTests, 1);
  return {passed, failed, skipped: skippedOf(report)};
}
