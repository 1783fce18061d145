// Programs that give what layers compute on the way, kept with the recorder that names their results.
import type {CompiledProgram} from '../../session/compile.ts';
import type {Graph} from '../step/graphs.ts';
import {Recorder} from '../step/recorder.ts';
import type {Engine} from './engine.ts';

const recorders = new WeakMap<CompiledProgram, Recorder>();

/** A program that is kept, with the recorder of its graph. */
export function recordedProgram(
  engine: Engine,
  key: string,
  record: boolean,
  graph: (recorder: Recorder | undefined) => Graph,
): {program: CompiledProgram; recorder: Recorder | undefined} {
  if (!record) return {program: engine.program(key, () => graph(undefined)), recorder: undefined};
  let made: Recorder | undefined;
  const program = engine.program(`${key} recorded`, () => {
    made = new Recorder();
    return graph(made);
  });
  if (made) recorders.set(program, made);
  return {program, recorder: recorders.get(program)};
}
