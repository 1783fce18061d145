// Listings of what the passes produce: graphs with their roots, and plans with offsets and bytes.
import {dtypes} from '../core/dtype.ts';
import {formatShape} from '../core/shape.ts';
import type {Call} from '../core/tensor.ts';
import {alignColumns, formatLine, Names, printCalls} from '../graph/print.ts';
import {callsOf} from '../graph/walk.ts';
import {header, type IoSlot, items, type Plan, type PlanInstruction} from '../plan.ts';
import {type Roots, tensorsOf} from './roots.ts';

/** The calls that differentiation made, and all that depend on them. */
function gradientCalls(order: readonly Call[]): ReadonlySet<Call> {
  const found = new Set<Call>();
  for (const call of order) {
    if (call.isGradient || call.inputs.some(input => found.has(input.call))) found.add(call);
  }
  return found;
}

/** The lines of the calls, and of the roots, that `belongs` selects. */
function listing(
  {outputs, guards, updates}: Roots,
  order: readonly Call[],
  names: Names,
  belongs: (call: Call) => boolean,
): string {
  const used = new Set([
    ...order.flatMap(({inputs}) => inputs),
    ...outputs.map(([, value]) => value),
    ...guards,
    ...updates.map(([, value]) => value),
  ]);
  const lines = [
    printCalls(order.filter(belongs), names, used),
    ...outputs.flatMap(([name, value]) => (belongs(value.call) ? `output ${name} = ${names.of(value)}` : [])),
    ...guards.flatMap(value => (belongs(value.call) ? `guard ${names.of(value)}` : [])),
    ...updates.flatMap(([{name}, value]) =>
      belongs(value.call) ? `update ${name} = ${names.of(value)}` : [],
    ),
  ];
  return lines.filter(line => line !== '').join('\n');
}

/** A graph and its roots. */
export function printRoots(roots: Roots): string {
  return listing(roots, callsOf(tensorsOf(roots)), new Names(), () => true);
}

/** In two parts with the same names: the graph, and what differentiation added to it. */
export function printParts(roots: Roots): {graph: string; gradients: string} {
  const order = callsOf(tensorsOf(roots));
  const backward = gradientCalls(order);
  const names = new Names();
  return {
    graph: listing(roots, order, names, call => !backward.has(call)),
    gradients: listing(roots, order, names, call => backward.has(call)),
  };
}

function ioLine({name, shape, dtype, output, perStep}: IoSlot, number: number): string[] {
  const direction = output ? 'output' : 'input';
  const type = `${dtypes[dtype].short}${formatShape(shape)}`;
  return [`io[${number}]`, direction, name, type, perStep ? 'each step' : ''];
}

function instructionLine(instruction: PlanInstruction, number: number, depth: number): string {
  const {name, inputs, outputs, attributes, scope} = instruction;
  const line = formatLine({results: outputs, name, operands: inputs, attributes, scope});
  const indent = `     ${'  '.repeat(depth)}`;
  return `${String(number).padStart(3)}${indent.slice(3)}${line.replaceAll('\n', `\n${indent}`)}`;
}

/** The lines of the body, read from the words, because `instructions` does not show the loops. */
function bodyLines({words, instructions}: Plan): string[] {
  const end = words[header.wordCount] as number;
  const start = end - (words[header.bodyWords] as number);
  const exchangeAt = start + (words[header.exchangeAt] as number);
  const commitAt = start + (words[header.commitAt] as number);
  const lines: string[] = [];
  let number = 0;
  let depth = 0;
  for (let at = start; at < end; at += words[at + 1] as number) {
    if (at === commitAt) lines.push('commit');
    else if (at === exchangeAt) lines.push('exchange');
    else if (at === start) lines.push('compute');
    if (words[at] === items.instruction) {
      lines.push(instructionLine(instructions[number] as PlanInstruction, number++, depth));
    } else if (words[at] === items.loop) {
      lines.push(`     ${'  '.repeat(depth++)}${words[at + 2]} times`);
    } else depth--;
  }
  return lines;
}

/**
 * A plan with offsets in bytes:
 *
 *     0  t0 arena+0 f32[4,8] = gemm(x io[0] f32[4,2], kernel state+0 f32[2,8]) {activation: relu}  in dense
 */
export function printPlan(plan: Plan): string {
  const {io, guards, stateBytes, arenaBytes, words} = plan;
  const literalBytes = (words[header.literalWords] as number) * 4;
  const sizes = `state ${stateBytes} bytes, arena ${arenaBytes} bytes, constants ${literalBytes} bytes`;
  const guardLines = guards.map(({kind, scope, scopes, source}) => {
    const about = source === undefined ? '' : ` of ${source}`;
    const where = scopes?.some(Boolean) ? scopes.join(', ') : scope;
    return `guard ${kind}${about}${where === '' ? '' : ` in ${where}`}`;
  });
  const body = bodyLines(plan);
  const slots = io.length === 0 ? [] : [alignColumns(io.map(ioLine))];
  const commit = body.indexOf('commit');
  const split = commit < 0 ? body.length : commit;
  return [sizes, ...slots, ...body.slice(0, split), ...guardLines, ...body.slice(split)].join('\n');
}
