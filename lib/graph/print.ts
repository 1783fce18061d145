// Listings of graphs: one line per call, with leaves by their names.
//
//   t0 f32[4,8] = matmul(x, dense/kernel)  in dense
import {dtypes} from '../core/dtype.ts';
import {isObject} from '../core/kinds.ts';
import {at} from '../core/lists.ts';
import {type Loop, loopOf, partsOf} from '../core/region.ts';
import {formatShape} from '../core/shape.ts';
import {type Call, type Tensor, variableOf} from '../core/tensor.ts';
import {callsOf} from '../core/walk.ts';

const formatNumber = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** The shortest decimal of a float32: 0.1, not 0.10000000149011612. */
function formatFloat(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) <= 2 ** 31) return formatNumber(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return formatNumber(short);
  }
  return formatNumber(value);
}

const nameOfOp = (signature: string): string => signature.slice(0, signature.indexOf('('));

/** The program of a map, as far as listings show it. */
interface Program {
  readonly constants: readonly number[];
  readonly steps: readonly {
    readonly op: string;
    readonly tile: number;
    readonly operands: readonly number[];
  }[];
}

const isProgram = (value: unknown): value is Program => isObject(value) && 'steps' in value;

/** `%0 = greater(i0, 0); %0 = select(%0, i1, 0)`, where `i0` is an operand and `%0` a tile. */
function formatProgram({constants, steps}: Program, inputCount: number): string {
  const register = (number: number): string => {
    if (number < inputCount) return `i${number}`;
    const constant = constants[number - inputCount];
    return constant === undefined ? `%${number - inputCount - constants.length}` : formatFloat(constant);
  };
  return steps
    .map(({op, tile, operands}) => `%${tile} = ${nameOfOp(op)}(${operands.map(register).join(', ')})`)
    .join('; ');
}

/** `transposeA`, `axis: 1`, `activation: relu`; undefined for an attribute that is off. */
export function formatAttribute(name: string, value: unknown, inputCount = 0): string | undefined {
  if (value === false || value === null || value === undefined) return undefined;
  if (value === true) return name;
  if (isProgram(value)) return formatProgram(value, inputCount);
  if (Array.isArray(value)) return `${name}: [${value.join(',')}]`;
  if (typeof value === 'string') return `${name}: ${value.includes('(') ? nameOfOp(value) : value}`;
  return `${name}: ${typeof value === 'number' ? formatFloat(value) : String(value)}`;
}

export const formatType = ({dtype, shape}: Pick<Tensor, 'dtype' | 'shape'>): string =>
  `${dtypes[dtype].short}${formatShape(shape)}`;

function nameOfLeaf(tensor: Tensor): string {
  const variable = variableOf(tensor);
  if (variable) return variable.name;
  const {name, data} = tensor.call.attributes as {name?: string; data?: ArrayLike<number>};
  if (name !== undefined) return name;
  return data?.length === 1 ? formatFloat(data[0] as number) : `constant ${formatType(tensor)}`;
}

/** Names tensors in the order in which they are first printed. */
export class Names {
  private readonly names = new Map<Tensor, string>();

  /** What stands for an operand of a loop has its name. */
  give(tensor: Tensor, name: string): void {
    this.names.set(tensor, name);
  }

  of(tensor: Tensor): string {
    let name = this.names.get(tensor);
    if (name === undefined && tensor.call.op.kind === 'leaf') return nameOfLeaf(tensor);
    if (name === undefined) {
      name = `t${this.names.size}`;
      this.names.set(tensor, name);
    }
    return name;
  }
}

function formatCall(call: Call, names: Names, used: ReadonlySet<Tensor>): string {
  const {op, inputs, outputs, attributes, scope} = call;
  const loop = loopOf(call);
  const shown = Object.entries(attributes).filter(([name]) => !hidden.includes(name));
  const results = loop ? outputs.filter(output => used.has(output)) : outputs;
  const line = formatLine({
    results: results.map(output => `${names.of(output)} ${formatType(output)}`),
    name: op.name,
    operands: inputs.map(input => names.of(input)),
    attributes: shown
      .flatMap(([name, value]) => formatAttribute(name, value, inputs.length) ?? [])
      .join(', '),
    scope,
  });
  return loop ? `${line}\n${formatBody(call, loop, used, names)}` : line;
}

/** What does not tell more than the types of results do, or is told in another way. */
const hidden = ['shape', 'dtype', 'region', 'carries', 'sequences'];

/** The body of a loop, indented: what it reads, its calls, what it gives. */
function formatBody(call: Call, loop: Loop, used: ReadonlySet<Tensor>, names: Names): string {
  const {region, carries} = loop;
  const {parameters, results} = region;
  const parts = partsOf(parameters, loop);
  parts.carries.forEach((parameter, index) => {
    names.give(parameter, `carry${index}`);
  });
  parts.sequences.forEach((parameter, index) => {
    names.give(parameter, `${names.of(at(call.inputs, carries + index))}[i]`);
  });
  parts.outside.forEach((parameter, index) => {
    names.give(parameter, names.of(at(call.inputs, carries + loop.sequences + index)));
  });
  const asked = results.filter((_, index) => index < carries || used.has(at(call.outputs, index)));
  const calls = callsOf(asked, new Set(parameters));
  const inside = new Set([...calls.flatMap(({inputs}) => inputs), ...asked]);
  const gives = results.flatMap((result, index) => {
    if (index < carries) return [`carry${index} = ${names.of(result)}`];
    const stack = at(call.outputs, index);
    return used.has(stack) ? [`${names.of(stack)}[i] = ${names.of(result)}`] : [];
  });
  return [printCalls(calls, names, inside), ...gives]
    .filter(text => text !== '')
    .map(text => `    ${text.replaceAll('\n', '\n    ')}`)
    .join('\n');
}

/** Leaves room for what a listing puts before each line. */
const lineWidth = 96;

/** Breaks a line that is too long after commas and semicolons. */
function wrap(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const part of text.split(/(?<=[,;] )/)) {
    if (line !== '' && line.length + part.trimEnd().length > lineWidth) {
      lines.push(line.trimEnd());
      line = '    ';
    }
    line += part;
  }
  return [...lines, line].join('\n');
}

/** `results = name(operands) {attributes}  in scope`, on several lines if it is long. */
export function formatLine(line: {
  readonly results: readonly string[];
  readonly name: string;
  readonly operands: readonly string[];
  readonly attributes: string;
  readonly scope: string;
}): string {
  const {results, name, operands, attributes, scope} = line;
  const call = `${results.join(', ')} = ${name}(${operands.join(', ')})`;
  const given = attributes === '' ? '' : ` {${attributes}}`;
  return wrap(`${call}${given}${scope === '' ? '' : `  in ${scope}`}`);
}

/** Rows of cells as aligned columns. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ');
  return rows.map(row => line(row).trimEnd()).join('\n');
}

/** One line per call that computes something; of a loop, with its body and the results that are used. */
export function printCalls(
  calls: readonly Call[],
  names = new Names(),
  used: ReadonlySet<Tensor> = new Set(calls.flatMap(({inputs}) => inputs)),
): string {
  const computed = calls.filter(({op}) => op.kind !== 'leaf');
  return computed.map(call => formatCall(call, names, used)).join('\n');
}
