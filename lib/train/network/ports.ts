// Data for a model with several inputs or outputs: arrays in their order, or by their names.

import {fail, unknownName} from '../../core/errors.ts';
import {fromMap, isNumericArray, isRecord, isShaped, show} from '../../core/kinds.ts';
import {type Shape, sizeOf} from '../../core/shape.ts';
import type {AnyInput} from '../../data/text.ts';
import {isSymbolicTensor, type SymbolicTensor} from '../../nn/symbolic.ts';
import type {Port, Structure, SymbolicTensors} from './network.ts';

/**
 * Data for each input or output: in their order, or by name in an object or a Map; just the data where there
 * is one.
 */
export type PortData =
  | AnyInput
  | readonly AnyInput[]
  | Readonly<Record<string, AnyInput>>
  | ReadonlyMap<string, AnyInput>;

/** What a program calls the array of a port: `x`, or `x.left` where there are several. */
export function sourceName(what: 'x' | 'y' | 'output', ports: readonly Port[], {name}: Port): string {
  return ports.length === 1 ? what : `${what}.${name}`;
}

/** `[x]` for a model of one input, where x holds many rows; `[row]` is a list of one row. */
function isListOfOne(value: unknown, rowShape: Shape): value is readonly [AnyInput] {
  if (!Array.isArray(value) || value.length !== 1) return false;
  const [only] = value;
  return isShaped(only) || (isNumericArray(only) && only.length !== sizeOf(rowShape));
}

/**
 * The data of each port, in their order. `what` is e.g. `fit: x`.
 *
 * @throws ERR_UNKNOWN_NAME or ERR_OPTION
 */
export function dataOfPorts(
  what: string,
  ports: readonly Port[],
  given: PortData,
  rowShapes: readonly Shape[] = ports.map(({shape}) => shape),
): AnyInput[] {
  if (ports.length === 1 && isNumericArray(given)) return [given];
  const names = ports.map(({name}) => name);
  const value = fromMap(given) as Exclude<PortData, ReadonlyMap<string, AnyInput>>;
  if (isRecord(value) && Object.keys(value).length > 0) {
    for (const name of Object.keys(value)) {
      if (!names.includes(name)) unknownName(`name in ${what}:`, name, names);
    }
    return names.map(name => {
      const data = value[name] as AnyInput | undefined;
      if (data === undefined) fail('ERR_OPTION', `${what}: the array for ${name} is missing.`);
      return data;
    });
  }
  if (ports.length === 1) return [isListOfOne(value, rowShapes[0] as Shape) ? value[0] : (value as AnyInput)];
  if (Array.isArray(value) && value.length === ports.length) return [...(value as readonly AnyInput[])];
  const received = Array.isArray(value) ? `an array of ${value.length}` : show(value);
  return fail(
    'ERR_OPTION',
    `${what}: expected ${ports.length} arrays in the order ${names.join(', ')}, or by these names. ` +
      `Received ${received}.`,
  );
}

/** Symbolic tensors for each input of a model that is applied, in their order. */
export function symbolicInputs(
  what: string,
  ports: readonly Port[],
  given: SymbolicTensors,
): readonly SymbolicTensor[] {
  if (isSymbolicTensor(given) || Array.isArray(given)) return [given].flat() as SymbolicTensor[];
  const names = ports.map(({name}) => name);
  const table = given as Readonly<Record<string, SymbolicTensor>>;
  for (const name of Object.keys(table))
    if (!names.includes(name)) unknownName(`input of ${what}:`, name, names);
  return names.map(
    name => table[name] ?? fail('ERR_OPTION', `${what}: the tensor for the input ${name} is missing.`),
  );
}

/** One result for each port, in the structure in which the ports were given. */
export function inStructure<Result>(
  structure: Structure,
  ports: readonly {readonly name: string}[],
  results: readonly Result[],
): Result | Result[] | Record<string, Result> {
  if (structure === 'one') return results[0] as Result;
  if (structure === 'list') return [...results];
  return Object.fromEntries(ports.map(({name}, index) => [name, results[index] as Result]));
}
