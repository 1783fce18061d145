// Runs a program that takes its time and says every few seconds what it is at, in lines that a CI log can
// hold. The program's own output is shown where it fails.
//   node scripts/progress.mjs [--every=MS] WHAT command [arguments...]
import {spawn} from 'node:child_process';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const usualMs = 5000;
/** Lines of gyp's and CMake's makefiles that name the source, object or program at work. */
const gypLine = /^\s*(CXX|CC|AR|LINK|SOLINK_MODULE)\(target\) (\S+)/;
const cmakeLine = /^\[\s*\d+%\] (?:Building \w+ object|(Linking)[\w ]+) (\S+)/;
/** The compiler's own command, as makefiles of no generator print it. */
const plainLine = /\s-c \S*?(native\/\S+\.cc) /;

/** What a line of a build says: the file, and whether it is compiled or linked. */
export function readLine(line) {
  const [, step, made] = gypLine.exec(line) ?? [];
  const [, links, built] = cmakeLine.exec(line) ?? [];
  const file = made ?? built ?? plainLine.exec(line)?.[1];
  if (file === undefined) return undefined;
  const compiles = made ? step === 'CXX' || step === 'CC' : !links;
  const source = /native\/\S+?(?=(\.cc)?\.o$|\.cc$)/.exec(file)?.[0];
  return {compiles, file: source ? `${source}.cc` : file};
}

/** What there is to say of a build after these lines: make begins with two files at a time or more. */
export function summaryOf(lines) {
  const read = lines.map(readLine).filter(Boolean);
  if (read.length === 0) return '';
  const compiled = read.filter(({compiles}) => compiles).length;
  const last = read.slice(-2).map(({compiles, file}) => (compiles ? file : `linking ${file}`));
  return `: ${compiled} files begun, last ${last.join(', ')}`;
}

function main(all) {
  const own = /^--every=(\d+)$/.exec(all[0] ?? '')?.[1];
  const [what, command, ...args] = own === undefined ? all : all.slice(1);
  const started = performance.now();
  const child = spawn(command, args, {stdio: ['ignore', 'pipe', 'pipe']});
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', part => {
      text += part;
    });
  }
  const timer = setInterval(
    () => {
      const seconds = Number(((performance.now() - started) / 1000).toFixed(own ? 1 : 0));
      console.log(`chainrule: ${what}, ${seconds} s${summaryOf(text.split('\n'))}`);
    },
    Number(own ?? usualMs),
  );
  const end = code => {
    clearInterval(timer);
    if (code !== 0) process.stderr.write(text);
    process.exitCode = code;
  };
  child.on('error', error => {
    text += `${error.message}\n`;
    end(1);
  });
  child.on('close', (code, signal) => end(code ?? (signal ? 1 : 0)));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  main(process.argv.slice(2));
