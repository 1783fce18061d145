// Regions: graphs within a call, which run many times. A loop's region is built like any other graph, and may
// read whatever was built before it.
import {currentScope} from './scope.ts';
import {Call, constantOp, type Op, type Tensor} from './tensor.ts';
import {callsOf} from './walk.ts';

/** What runs in each iteration. */
export class Region {
  /**
   * For each operand of the call, the tensor that stands for it, or for its slice, in the region: where the
   * region ends.
   */
  readonly parameters: readonly Tensor[];
  /** For each result of the call, what each iteration gives. */
  readonly results: readonly Tensor[];

  constructor(parameters: readonly Tensor[], results: readonly Tensor[]) {
    this.parameters = parameters;
    this.results = results;
  }

  /** What runs in each iteration, operands first. */
  calls(): Call[] {
    return callsOf(this.results, new Set(this.parameters));
  }
}

/** The attributes of a call with a region. */
export interface Loop {
  readonly region: Region;
  /** Iterations. */
  readonly count: number;
  /**
   * So many operands are values before the first iteration, and as many results those after the last: each
   * iteration gives the value for the next.
   */
  readonly carries: number;
  /**
   * The next operands have a leading axis, of which each iteration reads a slice; those after them are read
   * as they are. The results after the carries have what each iteration gives along a leading axis.
   */
  readonly sequences: number;
  /** From the last slice to the first. */
  readonly reverse: boolean;
}

export function loopOf({op, attributes}: Call): Loop | undefined {
  return op.kind === 'loop' ? (attributes as Loop) : undefined;
}

/** Parts of a list of operands, parameters or results of a loop. */
export function partsOf<Item>(
  list: readonly Item[],
  {carries, sequences}: Pick<Loop, 'carries' | 'sequences'>,
): {
  readonly carries: readonly Item[];
  readonly sequences: readonly Item[];
  readonly outside: readonly Item[];
} {
  return {
    carries: list.slice(0, carries),
    sequences: list.slice(carries, carries + sequences),
    outside: list.slice(carries + sequences),
  };
}

/** What a graph reads of the tensors that it may, and what else. */
export interface Closure {
  /** The calls that depend on what is local, operands first. */
  readonly calls: readonly Call[];
  readonly locals: readonly Tensor[];
  /** What depends on nothing local, and so is the same in every iteration. */
  readonly outside: readonly Tensor[];
}

/** Numbers that all elements share cost nothing to make again. */
function isUniform({call}: Tensor): boolean {
  let next = call;
  while (next.op !== constantOp) {
    const {op, inputs} = next;
    if (!(op.view || op.converts) || inputs.length !== 1) return false;
    next = next.operand.call;
  }
  return true;
}

/**
 * What lies between `results` and `locals`. What was made before the first of these cannot depend on them,
 * and is not looked through.
 */
export function closeOver(results: readonly Tensor[], locals: ReadonlySet<Tensor>): Closure {
  const first = Math.min(...[...locals].map(({id}) => id));
  const ends = new Set(locals);
  const open = [...results];
  const seen = new Set<Tensor>(open);
  // Ends the walk at tensors that are older.
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (locals.has(tensor)) continue;
    if (tensor.id < first) ends.add(tensor);
    else {
      for (const input of tensor.call.inputs) {
        if (seen.has(input)) continue;
        seen.add(input);
        open.push(input);
      }
    }
  }
  const made = new Set<Tensor>();
  const calls = callsOf(results, ends).filter(call => {
    const depends = call.inputs.some(input => locals.has(input) || made.has(input));
    if (depends) for (const output of call.outputs) made.add(output);
    return depends;
  });
  const read = new Set([...calls.flatMap(({inputs}) => inputs), ...results]);
  const free = [...read].filter(tensor => !made.has(tensor));
  return {
    calls,
    locals: free.filter(tensor => locals.has(tensor)),
    outside: free.filter(tensor => !locals.has(tensor) && !isUniform(tensor)),
  };
}

/** A loop to be made. */
export interface LoopParts {
  /** What there is before the first iteration, what stands for it in the body, and what is next. */
  readonly carries: readonly (readonly [operand: Tensor, parameter: Tensor, next: Tensor])[];
  /** Sequences, and what stands for a slice: those that the body reads become operands. */
  readonly sequences: readonly (readonly [operand: Tensor, parameter: Tensor])[];
  readonly outputs: readonly Tensor[];
  readonly count: number;
  readonly reverse: boolean;
}

/**
 * The results of a loop: carries, outputs, and then everything else that its iterations have and make, also
 * stacked, because gradients may need it. The compiler leaves out what nobody asks for.
 */
export function loopCall(op: Op<Loop>, parts: LoopParts): readonly Tensor[] {
  const {carries, outputs, count, reverse} = parts;
  const before = carries.map(([, parameter]) => parameter);
  const next = carries.map(([, , value]) => value);
  const locals = new Set([...before, ...parts.sequences.map(([, parameter]) => parameter)]);
  const closure = closeOver([...next, ...outputs], locals);
  const read = new Set(closure.locals);
  const sequences = parts.sequences.filter(([, parameter]) => read.has(parameter));
  const given = new Set(outputs);
  const made = closure.calls.flatMap(call => call.outputs);
  const others = [...before, ...made].filter(tensor => !given.has(tensor));
  const parameters = [...before, ...sequences.map(([, parameter]) => parameter), ...closure.outside];
  const region = new Region(parameters, [...next, ...outputs, ...others]);
  const operands = [...carries, ...sequences].map(([operand]) => operand);
  const loop = {region, count, carries: carries.length, sequences: sequences.length, reverse};
  return new Call(op, [...operands, ...closure.outside], loop, currentScope()).outputs;
}
