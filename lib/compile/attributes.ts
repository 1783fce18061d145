// Attributes as words and as text, in the order of the signature.
import {fail} from '../core/errors.ts';
import {isObject} from '../core/kinds.ts';
import type {AttributeType} from '../core/signature.ts';
import type {Op} from '../core/tensor.ts';
import {formatAttribute} from '../graph/print.ts';
import type {MapProgram} from '../ops/program.ts';

const isMapProgram = (value: unknown): value is MapProgram => isObject(value) && 'steps' in value;

const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

function bitsOf(value: number): number {
  float[0] = value;
  return bits[0] as number;
}

export class Attributes {
  private readonly signatureIndex: (text: string) => number;

  constructor(signatureIndex: (text: string) => number) {
    this.signatureIndex = signatureIndex;
  }

  words({name, signature}: Op, attributes: object, inputCount: number): number[] {
    return signature.attributes.flatMap(attribute => {
      const value = (attributes as Record<string, unknown>)[attribute.name];
      if (value === undefined) fail('ERR_GRAPH', `${name}: the attribute ${attribute.name} is missing.`);
      return this.encode(attribute.type, value, inputCount);
    });
  }

  private encode(type: AttributeType, value: unknown, inputCount: number): number[] {
    switch (type) {
      case 'f32':
        return [bitsOf(value as number)];
      case 'op':
        return [value === null ? -1 : this.signatureIndex(value as string)];
      case 'words':
        return isMapProgram(value)
          ? this.encodeProgram(value, inputCount)
          : [...(value as readonly number[])];
      default:
        return [Number(value)];
    }
  }

  /** For the layout see native/plan.h. */
  private encodeProgram({constants, integers = 0, tiles, steps}: MapProgram, inputCount: number): number[] {
    const noOperand = -1;
    const isInteger = (at: number): boolean => ((integers >>> (inputCount + at)) & 1) === 1;
    return [
      constants.length,
      ...constants.map((value, at) => (isInteger(at) ? value : bitsOf(value))),
      integers,
      tiles,
      steps.length,
      ...steps.flatMap(({op, tile, operands}) => {
        const [a = noOperand, b = noOperand, c = noOperand] = operands;
        return [this.signatureIndex(op), tile, a, b, c];
      }),
    ];
  }
}

/** `transposeB, activation: relu`: attributes that are off are left out. */
export function formatAttributes({signature}: Op, attributes: object, inputCount: number): string {
  const all = attributes as Record<string, unknown>;
  return signature.attributes
    .flatMap(({name}) => formatAttribute(name, all[name], inputCount) ?? [])
    .join(', ');
}
