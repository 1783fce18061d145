// What the compiler made of the sources: one exported table per instruction set, no VEX instruction where
// every processor passes, nothing that runs at the end of the process.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {root} from '../bootstrap.mjs';
import type {Violation} from './files.ts';

const folder = path.join(root, 'build/Release/obj.target');

/** Object files of the targets whose name begins so, each with the source it came from. */
function objects(prefix: string): {object: string; source: string}[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, {recursive: true, encoding: 'utf8'})
    .filter(name => name.startsWith(prefix) && name.endsWith('.o'))
    .map(name => ({
      object: path.join(folder, name),
      source: name.replace(/^.*?\/(?=native\/)/, '').replace(/\.o$/, '.cc'),
    }));
}

function output(command: string, args: readonly string[]): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Returns what is wrong, or a sentence saying why nothing could be looked at. */
export function checkObjects(): Violation[] | string {
  if (!fs.existsSync(folder)) return 'objects not checked: nothing is built';
  try {
    output('nm', ['--version']);
    output('objdump', ['--version']);
  } catch {
    return 'objects not checked: nm or objdump (binutils) not found';
  }
  return [
    ...objects('isa_').flatMap(({object, source}) => checkTable(object, source)),
    ...[...objects('isa_'), ...objects('runtime/'), ...objects('chainrule/')].flatMap(checkDestructors),
    ...[...objects('isa_scalar/'), ...objects('runtime/'), ...objects('chainrule/')].flatMap(checkVex),
  ];
}

function checkTable(object: string, source: string): Violation[] {
  const symbols = output('nm', ['--extern-only', '--defined-only', '--demangle', object])
    .trim()
    .split('\n')
    .filter(Boolean);
  const weak = symbols.filter(line => /^\S* +[WwVvu] /.test(line));
  const strong = symbols.filter(line => !weak.includes(line));
  const found = weak.map(
    line => `shares a weak symbol with other objects: ${line.replace(/^\S* +\S +/, '')}`,
  );
  if (strong.length !== 1) {
    const names = strong.map(line => line.replace(/^\S* +\S +/, '')).join(', ');
    found.push(`exports ${strong.length} symbols instead of its one table: ${names}`);
  }
  return found.map(what => ({file: source, line: 1, what}));
}

function checkDestructors({object, source}: {object: string; source: string}): Violation[] {
  if (!/\b(__cxa_atexit|atexit|__cxa_thread_atexit)\b/.test(output('nm', ['--undefined-only', object])))
    return [];
  return [
    {file: source, line: 1, what: 'a static object has a destructor, which would run under live threads'},
  ];
}

/** A mnemonic with a v in front is VEX or EVEX, but for the old verr and verw. */
function checkVex({object, source}: {object: string; source: string}): Violation[] {
  if (process.arch !== 'x64') return [];
  const listing = output('objdump', ['--disassemble', '--no-show-raw-insn', object]);
  const match = /^\s*[0-9a-f]+:\s+(v(?!err\b|erw\b)[a-z0-9]+)|%[yz]mm\d/m.exec(listing);
  if (!match) return [];
  return [{file: source, line: 1, what: `holds a VEX instruction: ${match[0].trim()}`}];
}
