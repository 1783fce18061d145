import {fail} from './errors.ts';

/**
 * A signature is the name, operands and attributes of an op, in the spelling that stands beside its kernel:
 * `slice(x: f32) -> y: f32 {axis: i32, start: i32}`. It is read twice: by `parseSignature`, and by the types
 * of signature-types.ts, so that rules get operands by name.
 *
 * Operand types: f32, i32, … as in the table of dtypes; T, the same type wherever it stands; N, float32 or
 * int32 wherever it stands, with a kernel for each; or `any`. In elementwise ops T is one of the types that
 * they compute in.
 * `name?: f32` may be left out, operand or result; `...name: f32` stands for any number of them, last only.
 * Attribute types: bool, i32, f32, op (an elementwise op by its signature; -1 for none) and words (any
 * number of them, last only).
 */
export interface Operand {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
  readonly variadic: boolean;
}

export type AttributeType = 'bool' | 'i32' | 'f32' | 'op' | 'words';

export interface Signature<Text extends string = string> {
  readonly text: Text;
  readonly name: string;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly attributes: readonly {readonly name: string; readonly type: AttributeType}[];
  /** How many operands a call has at least, and at most. */
  readonly fewest: number;
  readonly most: number;
}

const signaturePattern = /^(\w+)\(([^)]*)\) -> ([^{]*?)(?: \{([^}]*)\})?$/;
const operandPattern = /^(\.\.\.)?(\w+)(\?)?: (\w+)$/;

function parseOperands(text: string, list: string): Operand[] {
  if (list.trim() === '') return [];
  return list.split(',').map(part => {
    const match = operandPattern.exec(part.trim());
    if (!match) fail('ERR_GRAPH', `signature ${JSON.stringify(text)}: cannot read operand ${part}.`);
    return {
      name: match[2] as string,
      type: match[4] as string,
      optional: match[3] === '?',
      variadic: match[1] === '...',
    };
  });
}

export function parseSignature<Text extends string>(text: Text): Signature<Text> {
  const match = signaturePattern.exec(text);
  if (!match) fail('ERR_GRAPH', `cannot read the signature ${JSON.stringify(text)}.`);
  const [, name, list, outputs, attributes] = match;
  const inputs = parseOperands(text, list as string);
  return {
    text,
    name: name as string,
    inputs,
    fewest: inputs.filter(({optional, variadic}) => !optional && !variadic).length,
    most: inputs.at(-1)?.variadic ? Number.POSITIVE_INFINITY : inputs.length,
    outputs: parseOperands(text, outputs as string),
    attributes: parseOperands(text, attributes ?? '').map(attribute => ({
      name: attribute.name,
      type: attribute.type as AttributeType,
    })),
  };
}
