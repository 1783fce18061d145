// The files that tidy looks at, and how it says what is wrong.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {root} from '../bootstrap.mjs';

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

const binary = /\.(png|jpg|gif|ico|bin|npy|npz|gz|tgz|safetensors|chainrule)$/;

/** Every text file that is committed or would be. */
export function listFiles(): SourceFile[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const names = execFileSync('git', args, {cwd: root, encoding: 'utf8', maxBuffer: 1 << 26}).split('\0');
  return [...new Set(names)]
    .filter(name => name !== '' && name !== 'package-lock.json' && !binary.test(name))
    .filter(name => fs.existsSync(path.join(root, name)))
    .map(name => ({path: name, text: fs.readFileSync(path.join(root, name), 'utf8')}));
}

/** The line, from 1, of a position in a text. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < position; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
