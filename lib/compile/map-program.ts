// Turns a group of elementwise calls into the program of one map, whose registers are reused after the last
// read, within the limits of native/kernels/program.h.
import type {DType} from '../core/dtype.ts';
import {match} from '../core/operands.ts';
import {type Call, constantOp, type Tensor} from '../core/tensor.ts';
import type {MapProgram, MapStep} from '../ops/program.ts';

/** Twin of the limits in native/kernels/program.h: a block of all registers fits in the L1 cache. */
export const mapLimits = {inputs: 12, constants: 16, tiles: 8, steps: 64} as const;

/** Conversions that leave a number in a register as it is: these types have all values of the first. */
const widerTypes: Readonly<Record<string, readonly DType[]>> = {
  bool: ['uint8', 'int32', 'float32'],
  uint8: ['int32', 'float32'],
  int32: ['float32'],
  float32: [],
};

/** Every load broadcasts and widens, so such a call needs no step of its own. */
export function isIdentity(call: Call): boolean {
  if (!call.op.converts) return false;
  const [from, to] = [call.operand.dtype, call.result.dtype];
  return from === to || (widerTypes[from] ?? []).includes(to);
}

/** Other conversions are done by the store of the result, so such a call can only be the last. */
const mustBeLast = (call: Call): boolean => call.op.converts && !isIdentity(call);

/** The number of a constant tensor of one element. */
function scalarOf(tensor: Tensor): number | undefined {
  const data = match(tensor, constantOp)?.data;
  const [value] = data?.length === 1 ? data : [];
  if (value === undefined) return undefined;
  return tensor.dtype === 'bool' ? Number(value !== 0) : Math.fround(value);
}

/** Where a value comes from, before registers are assigned. */
type Place = {kind: 'input' | 'constant' | 'step'; index: number};

interface DraftStep {
  readonly call: Call;
  readonly operands: readonly Place[];
}

class Draft {
  readonly inputs: Tensor[] = [];
  readonly constants: number[] = [];
  readonly steps: DraftStep[] = [];
  private readonly places = new Map<Tensor, Place>();

  placeOf(tensor: Tensor): Place {
    let place = this.places.get(tensor);
    if (place) return place;
    const scalar = scalarOf(tensor);
    if (scalar === undefined) place = {kind: 'input', index: this.inputs.push(tensor) - 1};
    else {
      const known = this.constants.findIndex(constant => Object.is(constant, scalar));
      place = {kind: 'constant', index: known >= 0 ? known : this.constants.push(scalar) - 1};
    }
    this.places.set(tensor, place);
    return place;
  }

  add(call: Call, isLast: boolean): void {
    const operands = call.inputs.map(input => this.placeOf(input));
    const [first] = operands as [Place];
    const isConversion = isIdentity(call) || mustBeLast(call);
    // The last call needs a step only where nothing before it has one.
    const place: Place =
      isConversion && (!isLast || first.kind === 'step')
        ? first
        : {kind: 'step', index: this.steps.push({call, operands}) - 1};
    this.places.set(call.result, place);
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
  const numbered = steps.map(({call, operands}, at): MapStep => {
    const registers = operands.map(registerOf);
    const freed = operands.filter(({kind, index}) => kind === 'step' && lastUse.get(index) === at);
    free.push(...new Set(freed.map(({index}) => tileOf[index] as number)));
    free.sort((a, b) => b - a);
    const tile = free.pop() ?? tiles++;
    tileOf.push(tile);
    return {op: call.op.signature.text, tile, operands: registers};
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
  const {inputs, constants} = draft;
  if (inputs.length > mapLimits.inputs || constants.length > mapLimits.constants) return undefined;
  if (draft.steps.length > mapLimits.steps) return undefined;
  const {steps, tiles} = assignTiles(draft);
  return tiles > mapLimits.tiles ? undefined : {inputs, program: {constants, tiles, steps}};
}
