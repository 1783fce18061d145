// A loop in a loop, written by hand: windows that move forwards and backwards, a carry with two places, and
// steps around it all.
import {afterAll, describe, expect, it} from 'vitest';
import {getThreads, Program, setThreads} from '../../lib/runtime/program.ts';
import {ops, PlanWords, shared, signatures} from './words.ts';

const rows = 4;
const columns = 3;
const width = 16;

/**
 * For x [rows·columns,width] of each step:  h = 0; for each row: for each column, last to first: h = h·½ + x;
 * history[row] = h. The history is the result.
 */
function scan(): PlanWords {
  const words = new PlanWords();
  const x = words.io('x', 'float32', [rows * columns, width], {perStep: true});
  const y = words.io('y', 'float32', [rows, width], {output: true, perStep: true});
  const all = words.place('arena', 'float32', [rows * columns, width]);
  const history = words.place('arena', 'float32', [rows, width]);
  const at = rows * columns + rows;
  words.place('arena', 'float32', [2, width]);
  const [h, next] = [0, width].map(offset => words.value('arena', at, 'float32', [width], offset)) as [
    number,
    number,
  ];
  // After an odd number of columns.
  const after = words.value('arena', at + 1, 'float32', [width]);
  // The last column of the first row: from there columns run backwards and rows forwards.
  const moving = words.value('arena', columns - 1, 'float32', [width]);
  const past = words.value('arena', rows * columns, 'float32', [width]);
  words.instruction(signatures.copy, [all], [x]).map(h, [], [0], [[ops.broadcastTo, 0, 0]]);
  const outer = [
    [moving, columns * width],
    [past, width],
  ] as const;
  words.loop(rows, outer, [], () => {
    const turns = [
      [h, width],
      [next, -width],
    ] as const;
    words.loop(columns, [[moving, -width]], turns, () => {
      words.map(
        next,
        [h, moving],
        [0.5],
        [
          [ops.mul, 0, 0, 2],
          [ops.add, 0, 3, 1],
        ],
      );
    });
    words.instruction(signatures.copy, [past], [after]).instruction(signatures.copy, [h], [after]);
  });
  return words.instruction(signatures.copy, [y], [history]);
}

function expected(x: Float32Array): Float32Array {
  const y = new Float32Array(rows * width);
  const h = new Float32Array(width);
  for (let row = 0; row < rows; row++) {
    for (let column = columns - 1; column >= 0; column--) {
      for (let i = 0; i < width; i++) {
        h[i] = (h[i] as number) * 0.5 + (x[(row * columns + column) * width + i] as number);
      }
    }
    y.set(h, row * width);
  }
  return y;
}

const threads = getThreads();
afterAll(() => setThreads(threads));

describe('a loop in a loop', () => {
  const steps = 3;
  const block = rows * columns * width;
  const x = Float32Array.from({length: steps * block}, (_, index) => Math.fround(Math.sin(index)));
  const wanted = Array.from({length: steps}, (_, step) => [
    ...expected(x.subarray(step * block, (step + 1) * block)),
  ]).flat();

  it.each([1, 2, 3])('on %i threads', async count => {
    setThreads(count);
    const y = shared(steps * rows * width);
    await new Program(scan().plan()).run(undefined, {x, y}, {steps});
    expect([...y]).toEqual(wanted);
  });

  it('on the calling thread', () => {
    const y = new Float32Array(steps * rows * width);
    new Program(scan().plan()).runSync(undefined, {x, y}, {steps});
    expect([...y]).toEqual(wanted);
  });

  it('makes each row of an array from the one before', () => {
    const words = new PlanWords();
    const y = words.io('y', 'float32', [rows, width], {output: true});
    const history = words.place('arena', 'float32', [rows, width]);
    const [before, after] = [0, 1].map(at => words.value('arena', at, 'float32', [width])) as [
      number,
      number,
    ];
    words.map(history, [], [1], [[ops.broadcastTo, 0, 0]]);
    const strides = [
      [before, width],
      [after, width],
    ] as const;
    words.loop(rows - 1, strides, [], () => words.map(after, [before], [2], [[ops.mul, 0, 0, 1]]));
    words.instruction(signatures.copy, [y], [history]);
    const result = new Float32Array(rows * width);
    new Program(words.plan()).runSync(undefined, {y: result});
    expect([...result]).toEqual(Array.from(result, (_, i) => 2 ** Math.floor(i / width)));
  });

  it('leaves a loop of no rounds out', () => {
    const words = new PlanWords();
    const y = words.io('y', 'float32', [width], {output: true});
    words.map(y, [], [1], [[ops.broadcastTo, 0, 0]]);
    words.loop(0, [], [], () => words.map(y, [], [2], [[ops.broadcastTo, 0, 0]]));
    const result = new Float32Array(width);
    new Program(words.plan()).runSync(undefined, {y: result});
    expect([...result]).toEqual(new Array(width).fill(1));
  });
});
