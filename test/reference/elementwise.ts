// The oracle of elementwise ops, one element at a time: straight from their definitions.
import type {DType} from '../../lib/core/dtype.ts';
import type {MapProgram} from '../../lib/ops/program.ts';
import {erf} from './random.ts';

type ScalarRule = (a: number, b: number, c: number) => number;

const flag = (condition: boolean): number => (condition ? 1 : 0);

function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** As in C: JavaScript has 1 to the power of infinity as NaN. */
const powerOf = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;

function remainderOf(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

const sigmoid = (a: number): number => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)));
const [normalDensity, geluScale] = [1 / Math.sqrt(2 * Math.PI), 2 * Math.sqrt(2 / Math.PI)];
const geluProbability = (x: number): number => sigmoid(geluScale * (x + 0.044715 * x ** 3));

/** In float64. */
export const scalarRules: Record<string, ScalarRule> = {
  neg: a => -a,
  abs: Math.abs,
  sign: Math.sign,
  square: a => a * a,
  sqrt: Math.sqrt,
  exp: Math.exp,
  expm1: Math.expm1,
  erf,
  log: Math.log,
  softplus: a => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  sigmoid,
  tanh: Math.tanh,
  relu: a => (a <= 0 ? 0 : a),
  reluGrad: (dy, y) => (y > 0 ? dy : 0),
  relu6: a => (a <= 0 ? 0 : a >= 6 ? 6 : a),
  relu6Grad: (dy, y) => (y > 0 && y < 6 ? dy : 0),
  tanhGrad: (dy, y) => dy * (1 - y * y),
  sigmoidGrad: (dy, y) => dy * (y * (1 - y)),
  gelu: x => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  geluGrad: (dy, x) => dy * (0.5 * (1 + erf(x / Math.SQRT2)) + x * normalDensity * Math.exp(-0.5 * x * x)),
  geluTanh: x => x * geluProbability(x),
  geluTanhGrad(dy, x) {
    const s = geluProbability(x);
    const t = geluScale * (1 + 3 * 0.044715 * x * x);
    return dy * (s + (s === 0 || s === 1 ? 0 : x * s * (1 - s) * t));
  },
  log1p: Math.log1p,
  log2: Math.log2,
  rsqrt: a => 1 / Math.sqrt(a),
  reciprocal: a => 1 / a,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfToEven,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  atan2: Math.atan2,
  sinh: Math.sinh,
  cosh: Math.cosh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  pow: powerOf,
  // A quotient just below an integer may be rounded to it: the op takes the rounded one.
  floorDiv: (a, b) => Math.floor(Math.fround(a / b)),
  mod: remainderOf,
  isNaN: a => flag(Number.isNaN(a)),
  isFinite: a => flag(Number.isFinite(a)),
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  greater: (a, b) => flag(a > b),
  greaterEqual: (a, b) => flag(a >= b),
  less: (a, b) => flag(a < b),
  lessEqual: (a, b) => flag(a <= b),
  equal: (a, b) => flag(a === b),
  notEqual: (a, b) => flag(a !== b),
  logicalAnd: (a, b) => flag(a !== 0 && b !== 0),
  logicalOr: (a, b) => flag(a !== 0 || b !== 0),
  logicalXor: (a, b) => flag((a !== 0) !== (b !== 0)),
  logicalNot: a => flag(a === 0),
  select: (condition, a, b) => (condition !== 0 ? a : b),
  clip: (x, low, high) => (x < low ? low : x > high ? high : x),
  cast: a => a,
  broadcastTo: a => a,
};

/** Powers of integers by repeated products, each of which wraps. */
function integerPower(a: number, b: number): number {
  if (b < 0) return a === 1 || a === -1 ? a ** (b & 1) : 0;
  let result = 1;
  for (let power = a, left = b; left > 0; left = Math.floor(left / 2), power = Math.imul(power, power)) {
    if (left % 2 === 1) result = Math.imul(result, power);
  }
  return result;
}

const isShift = (count: number): boolean => count >= 0 && count < 32;

/** Where int32 is computed in another way than in float64 and wrapped. */
const integerRules: Record<string, ScalarRule> = {
  mul: Math.imul,
  square: a => Math.imul(a, a),
  div: (a, b) => (b === 0 ? 0 : Math.floor(a / b)),
  floorDiv: (a, b) => (b === 0 ? 0 : Math.floor(a / b)),
  mod: (a, b) => (b === 0 ? 0 : remainderOf(a, b)),
  pow: integerPower,
  bitwiseAnd: (a, b) => a & b,
  bitwiseOr: (a, b) => a | b,
  bitwiseXor: (a, b) => a ^ b,
  bitwiseNot: a => ~a,
  leftShift: (a, b) => (isShift(b) ? a << b : 0),
  rightShift: (a, b) => (isShift(b) ? a >> b : a < 0 ? -1 : 0),
};

/** To so many bits behind the first, ties to even; exponents from `least` on. */
function roundedTo(x: number, bits: number, least: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const exponent = Math.max(least, Math.floor(Math.log2(Math.abs(x))));
  const step = 2 ** (exponent - bits);
  return roundHalfToEven(x / step) * step;
}

/** What a number becomes when it is stored as another type: saturating and toward zero for integers. */
export function convert(x: number, dtype: DType): number {
  if (dtype === 'bool') return flag(x !== 0);
  if (dtype === 'float16') {
    const rounded = roundedTo(x, 10, -14);
    return Math.abs(rounded) > 65_504 ? Math.sign(x) * Infinity : rounded;
  }
  if (dtype === 'bfloat16') return Math.fround(roundedTo(Math.fround(x), 7, -126));
  if (dtype === 'float32' || dtype === 'float64') return x;
  const [low, high] = dtype === 'uint8' ? [0, 255] : [-(2 ** 31), 2 ** 31 - 1];
  // Integers have no negative zero.
  return Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x))) + 0;
}

/** An elementwise op as a function of its operands: the row of its kernel that has this signature. */
export function scalarRule(row: string): (operands: number[]) => number {
  const name = row.replace(/\(.*/, '');
  const isInteger = row.endsWith('-> y: i32') && name !== 'cast';
  const rule = (isInteger ? integerRules[name] : undefined) ?? scalarRules[name];
  if (!rule) throw new Error(`the reference has no elementwise op ${row}`);
  const finish: (x: number) => number = isInteger
    ? x => x | 0
    : name === 'cast' && !row.endsWith('f32')
      ? x => convert(x, row.endsWith('i32') ? 'int32' : 'bool')
      : x => x;
  return ([a, b, c]) => finish(rule(a as number, b as number, c as number));
}

export function runProgram({constants, integers = 0, tiles, steps}: MapProgram, inputs: number[]): number {
  const held = constants.map((value, at) =>
    (integers >>> (inputs.length + at)) & 1 ? value : Math.fround(value),
  );
  const registers = [...inputs, ...held, ...new Array<number>(tiles).fill(Number.NaN)];
  const firstTile = registers.length - tiles;
  let result = Number.NaN;
  for (const {op, tile, operands} of steps) {
    result = scalarRule(op)(operands.map(register => registers[register] as number));
    registers[firstTile + tile] = result;
  }
  return result;
}
