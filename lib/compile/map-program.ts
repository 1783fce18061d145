// Turns a group of elementwise calls into the program of one map, whose registers are reused after the last
// read, within the limits of native/kernels/program.h.
import {type ComputedType, type DType, dtypes, numbersOf} from '../core/dtype.ts';
import {match} from '../core/operands.ts';
import {registerOf, rowOf, rowOfCall} from '../core/registers.ts';
import {type Call, constantOp, type Tensor} from '../core/tensor.ts';
import type {MapProgram, MapStep} from '../ops/program.ts';

/** Twin of the limits in native/kernels/program.h: a block of all registers fits in the L1 cache. */
export const mapLimits = {inputs: 12, constants: 16, tiles: 8, steps: 64} as const;

/** Types that store every number of another, as which a register therefore holds it just as well. */
const holding: Readonly<Record<DType, readonly DType[]>> = {
  bool: ['uint8', 'float16', 'bfloat16', 'int32', 'int64', 'float32', 'float64'],
  uint8: ['float16', 'bfloat16', 'int32', 'int64', 'float32', 'float64'],
  float16: ['float32', 'float64'],
  bfloat16: ['float32', 'float64'],
  int32: ['int64'],
  int64: ['int32'],
  float32: ['float64'],
  float64: ['float32'],
};

/** A register of bools holds 1.0 and 0.0: the numbers of one of floats. */
const sameRegister = (from: ComputedType, to: ComputedType): boolean =>
  from === to || (from === 'bool' && to === 'float32');

const isStored = ({dtype}: Tensor): boolean => dtypes[dtype].computed !== dtype;

/**
 * How a conversion is done: not at all, by a step between registers, or only by a store. Loading converts
 * between integers and floats, and bools to integers.
 */
function conversion({operand, result}: Call): 'none' | 'step' | 'store' {
  const isHeld = operand.dtype === result.dtype || holding[operand.dtype].includes(result.dtype);
  if (isHeld) return sameRegister(registerOf(operand), registerOf(result)) ? 'none' : 'step';
  return isStored(result) ? 'store' : 'step';
}

/** What a load makes integers of, besides integers themselves. */
const integersLoaded: readonly DType[] = ['bool', 'uint8', 'float64'];

const isLoadable = ({operand, result}: Call): boolean =>
  sameRegister(registerOf(operand), registerOf(result)) ||
  (registerOf(operand) === 'int32' && registerOf(result) === 'float32') ||
  (integersLoaded.includes(operand.dtype) && registerOf(result) === 'int32');

/** Every load broadcasts and converts, so such a call needs no step of its own where it reads an operand. */
export function isIdentity(call: Call): boolean {
  return call.op.converts && conversion(call) !== 'store' && isLoadable(call);
}

/** What only a store can do can only be the last. */
const mustBeLast = (call: Call): boolean => call.op.converts && conversion(call) === 'store';

/** The number of a constant tensor of one element, as a register holds it. */
function scalarOf(tensor: Tensor, register: ComputedType): number | undefined {
  const data = match(tensor, constantOp)?.data;
  if (data?.length !== 1) return undefined;
  const value = numbersOf(data, tensor.dtype)[0] as number;
  if (tensor.dtype === 'bool') return Number(value !== 0);
  return register === 'int32' ? value | 0 : Math.fround(value);
}

/** Where a value comes from, before registers are assigned. */
type Place = {kind: 'input' | 'constant' | 'step'; index: number};

interface DraftStep {
  /** The signature of its row. */
  readonly op: string;
  readonly operands: readonly Place[];
}

interface Loaded {
  readonly tensor: Tensor;
  readonly isInteger: boolean;
}

interface Constant {
  readonly value: number;
  readonly isInteger: boolean;
}

class Draft {
  readonly inputs: Loaded[] = [];
  readonly constants: Constant[] = [];
  readonly steps: DraftStep[] = [];
  private readonly computed = new Map<Tensor, Place>();

  /** The register that holds a tensor; one that is read from memory is loaded as asked for. */
  placeOf(tensor: Tensor, register = registerOf(tensor)): Place {
    const computed = this.computed.get(tensor);
    if (computed) return computed;
    const isInteger = register === 'int32';
    const value = scalarOf(tensor, register);
    if (value === undefined) {
      const known = this.inputs.findIndex(input => input.tensor === tensor && input.isInteger === isInteger);
      return {kind: 'input', index: known >= 0 ? known : this.inputs.push({tensor, isInteger}) - 1};
    }
    const known = this.constants.findIndex(
      constant => Object.is(constant.value, value) && constant.isInteger === isInteger,
    );
    return {kind: 'constant', index: known >= 0 ? known : this.constants.push({value, isInteger}) - 1};
  }

  add(call: Call, isLast: boolean): void {
    if (!call.op.converts) {
      this.push(
        call,
        rowOfCall(call),
        call.inputs.map(input => this.placeOf(input)),
      );
      return;
    }
    const {operand, result, op} = call;
    const [from, to] = [registerOf(operand), registerOf(result)];
    const isRead = !this.computed.has(operand);
    // Only from a register of integers are large ones stored as float64.
    const isLoaded = isRead && isLoadable(call) && !(from === 'int32' && result.dtype === 'float64');
    const source = this.placeOf(operand, isLoaded ? to : from);
    const isStep = !isLoaded && conversion(call) === 'step' && !isLast;
    // The last call is done by the store and needs a step only where nothing before it has one.
    if (isStep) this.push(call, rowOfCall(call), [source]);
    else if (isLast && source.kind !== 'step') {
      const held = isLoaded ? to : from;
      this.push(call, rowOf(op.signature, [held, held]), [source]);
    } else this.computed.set(result, source);
  }

  private push({result}: Call, op: string, operands: readonly Place[]): void {
    this.computed.set(result, {kind: 'step', index: this.steps.push({op, operands}) - 1});
  }

  /** Of inputs and constants, the registers that hold int32, as bits. */
  get integers(): number {
    const bits = [...this.inputs, ...this.constants].map(({isInteger}, at) => (isInteger ? 1 << at : 0));
    return bits.reduce((all, bit) => all | bit, 0);
  }
}

/** Gives each step a tile: a free one, which may be that of an operand it reads for the last time. */
function assignTiles({inputs, constants, steps}: Draft): {steps: MapStep[]; tiles: number} {
  const lastUse = new Map<number, number>();
  steps.forEach(({operands}, at) => {
    for (const place of operands) if (place.kind === 'step') lastUse.set(place.index, at);
  });
  const tileOf: number[] = [];
  const free: number[] = [];
  let tiles = 0;
  const registerOf = ({kind, index}: Place): number => {
    if (kind === 'input') return index;
    const base = inputs.length;
    return kind === 'constant' ? base + index : base + constants.length + (tileOf[index] as number);
  };
  const numbered = steps.map(({op, operands}, at): MapStep => {
    const registers = operands.map(registerOf);
    const freed = operands.filter(({kind, index}) => kind === 'step' && lastUse.get(index) === at);
    free.push(...new Set(freed.map(({index}) => tileOf[index] as number)));
    free.sort((a, b) => b - a);
    const tile = free.pop() ?? tiles++;
    tileOf.push(tile);
    return {op, tile, operands: registers};
  });
  return {steps: numbered, tiles};
}

/**
 * The program of `members`, which are in order and end with the result; undefined where it would exceed the
 * limits or have a conversion in the middle.
 */
export function makeProgram(
  members: readonly Call[],
): {readonly inputs: readonly Tensor[]; readonly program: MapProgram} | undefined {
  const draft = new Draft();
  for (const [position, call] of members.entries()) {
    const isLast = position === members.length - 1;
    if (mustBeLast(call) && !isLast) return undefined;
    draft.add(call, isLast);
  }
  const {inputs, constants, integers} = draft;
  if (inputs.length > mapLimits.inputs || constants.length > mapLimits.constants) return undefined;
  if (draft.steps.length > mapLimits.steps) return undefined;
  const {steps, tiles} = assignTiles(draft);
  if (tiles > mapLimits.tiles) return undefined;
  const program = {constants: constants.map(({value}) => value), integers, tiles, steps};
  return {inputs: inputs.map(({tensor}) => tensor), program};
}
