// The user's arrays may be taken away while native code reads them.
import {describe, expect, it} from 'vitest';
import {Program} from '../../lib/runtime/program.ts';
import {freesAtOnce} from '../support/child.ts';
import {findNodes} from '../support/nodes.ts';
import {skipFor} from '../support/skip.ts';
import {runFile} from './child.ts';
import {PlanWords, shared, signatures} from './words.ts';

function copying(output: {perStep?: boolean} = {}): Program {
  const words = new PlanWords();
  const x = words.io('x', 'float32', [4], output);
  const y = words.io('y', 'float32', [4], {output: true, ...output});
  return new Program(words.instruction(signatures.copy, [y], [x]).plan());
}

const nodes = findNodes();

it('other versions of Node pass the tests below as well', context => {
  const reason = 'none is here; get them with npx tsx scripts/install-nodes.ts, as npm run test:deep does';
  skipFor(nodes.length > 1 ? undefined : reason, context);
  expect(new Set(nodes.map(({version}) => version)).size).toBe(nodes.length);
});

describe.each(nodes)('Node $version', ({version, file: node}) => {
  const hasTransfer = Number(version.split('.')[0]) >= 21;
  const ways = ['structuredClone', 'worker', ...(hasTransfer ? ['transfer', 'grow', 'shrink', 'empty'] : [])];

  it.each(ways)('an array of 100 MB taken away in mid-run: %s', {timeout: 120_000}, async way => {
    const {code, signal, stdout, stderr} = await runFile('taken-array.ts', [way], node);
    const expected = {code: 0, signal: null, stdout: 'cancelled true ERR_DETACHED'};
    expect({code, signal, stdout}, stderr).toEqual(expected);
  });

  it('memory is not held beyond the run', {timeout: 120_000}, async () => {
    const {stdout, stderr} = await runFile('empty-arrays.ts', [], node, freesAtOnce);
    expect(Number(stdout), stderr).toBeLessThan(50);
  });

  it('memory does not grow from run to run', {timeout: 120_000}, async () => {
    const {stdout, stderr} = await runFile('many-runs.ts', [], node, freesAtOnce);
    expect(Number(stdout), stderr).toBeLessThan(1000);
  });

  it('a state that only the run still knows', {timeout: 120_000}, async () => {
    const {code, signal, stdout, stderr} = await runFile('dropped-state.ts', [], node);
    expect({code, signal, stdout}, stderr).toEqual({code: 0, signal: null, stdout: '60'});
  });
});

describe('arrays that a run refuses', () => {
  const y = shared(4);
  const x = new Float32Array(4);
  const resizable = (bytes: number, maxByteLength: number): ArrayBuffer =>
    new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(bytes, {
      maxByteLength,
    });
  const detached = new Float32Array(4);
  structuredClone(detached.buffer, {transfer: [detached.buffer]});
  it.each([
    ['missing', {y}, 'ERR_VALUE'],
    ['of another type', {x: new Int32Array(4), y}, 'ERR_DTYPE'],
    ['too short', {x: new Float32Array(3), y}, 'ERR_SHAPE'],
    ['detached', {x: detached, y}, 'ERR_DETACHED'],
    ['resizable', {x: new Float32Array(resizable(16, 64)), y}, 'ERR_DETACHED'],
    ['a result over an input', {x: y, y}, 'ERR_PLAN'],
  ])('%s', async (_, io, code) => {
    await expect(copying().run(undefined, io as never)).rejects.toMatchObject({code});
    expect(() => copying().runSync(undefined, io as never)).toThrow(expect.objectContaining({code}));
    await copying().run(undefined, {x, y});
  });

  it('too short for its steps', async () => {
    const program = copying({perStep: true});
    const io = {x: new Float32Array(11), y: shared(12)};
    await expect(program.run(undefined, io, {steps: 3})).rejects.toMatchObject({code: 'ERR_SHAPE'});
    await expect(program.run(undefined, io, {steps: -1})).rejects.toMatchObject({code: 'ERR_OPTION'});
    await expect(program.run(undefined, io, {steps: 2.5})).rejects.toMatchObject({code: 'ERR_OPTION'});
    await expect(program.run(undefined, io, {steps: 2})).resolves.toMatchObject({steps: 2});
  });

  it('a cancel flag that could be transferred away', async () => {
    const cancel = new Int32Array(1);
    await expect(copying().run(undefined, {x, y}, {cancel})).rejects.toMatchObject({code: 'ERR_OPTION'});
  });
});
