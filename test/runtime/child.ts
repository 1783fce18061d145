// Runs a file of test/runtime/children in a process of its own, on any Node.
import {execFile} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const root = path.resolve(import.meta.dirname, '../..');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function runFile(
  name: string,
  args: readonly string[] = [],
  node = process.execPath,
  extra: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const loader = pathToFileURL(path.join(root, 'node_modules/tsx/dist/loader.mjs')).href;
  const file = path.join(import.meta.dirname, 'children', name);
  const config = path.join(root, 'tsconfig.json');
  const env = {...process.env, NODE_OPTIONS: '', TSX_TSCONFIG_PATH: config, ...extra};
  return new Promise(resolve => {
    const child = execFile(
      node,
      ['--expose-gc', '--import', loader, file, ...args],
      {env, cwd: root, timeout: 120_000},
      (_, stdout, stderr) =>
        resolve({code: child.exitCode, signal: child.signalCode, stdout: stdout.trim(), stderr}),
    );
  });
}

/** Numbers of the threads of this process. */
export function threadIds(): string[] {
  return fs.readdirSync('/proc/self/task');
}
