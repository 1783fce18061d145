// Parts of a graph that are made a second time.
import {Call, constantOp, type Tensor} from './tensor.ts';
import {callsOf} from './walk.ts';

/** The attributes of a call around such a part: so many of its operands are results, the others its ends. */
export interface Checkpoint {
  readonly results: number;
}

export function checkpointOf({op, attributes}: Call): Checkpoint | undefined {
  return op.kind === 'checkpoint' ? (attributes as Checkpoint) : undefined;
}

/** What `results` are made of that is older than tensor `first`, or a leaf; constants cost nothing. */
export function endsOf(results: readonly Tensor[], first: number): Tensor[] {
  const ends = new Set<Tensor>();
  const seen = new Set(results);
  const open = [...results].reverse();
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    const {op, inputs} = tensor.call;
    if (op === constantOp) continue;
    if (tensor.id < first || op.kind === 'leaf') {
      ends.add(tensor);
      continue;
    }
    for (const input of [...inputs].reverse()) {
      if (seen.has(input)) continue;
      seen.add(input);
      open.push(input);
    }
  }
  return [...ends];
}

/** Makes what lies between `results` and the keys of `replaced` again, on what stands for these there. */
export function replay(results: readonly Tensor[], replaced: Map<Tensor, Tensor>): void {
  for (const {op, inputs, outputs, attributes, scope} of callsOf(results, new Set(replaced.keys()))) {
    if (op.kind === 'leaf') continue;
    const made = new Call(
      op,
      inputs.map(input => replaced.get(input) ?? input),
      attributes,
      scope,
    );
    for (const [index, output] of outputs.entries()) replaced.set(output, made.outputs[index] as Tensor);
  }
}
