// The graph of a two-layer network and what differentiation adds to it, drawn from the symbolic tensors
// themselves: forward from top to bottom on the left, backward from bottom to top on the right.
import {gradients, ops} from 'chainrule';
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import {formatAttribute, Names} from '../../lib/graph/print.ts';
import {callsOf} from '../../lib/graph/walk.ts';
import {blue, green, inks, orange, picture, px, text} from './svg.ts';

const [boxWidth, boxHeight, rowHeight, columnWidth] = [164, 38, 64, 184];
const [forwardX, backwardX, top] = [16, 240, 70];

interface Box {
  readonly call: Call;
  readonly x: number;
  readonly y: number;
  readonly colour: string;
  /** `∂L/∂W1` where it is what was asked for. */
  readonly result?: string | undefined;
}

/** A two-layer network on four rows: its loss, and the gradient for each of its weights. */
function twoLayers(): {loss: Tensor; results: Map<Tensor, string>} {
  const x = ops.input({name: 'x', shape: [4, 2]});
  const y = ops.input({name: 'y', shape: [4, 1]});
  const shapes = {W1: [2, 2], b1: [2], W2: [2, 1], b2: [1]};
  const weights = Object.entries(shapes).map(([name, shape]) => ops.variable({name, shape}));
  const [w1, b1, w2, b2] = weights.map(({tensor}) => tensor) as [Tensor, Tensor, Tensor, Tensor];
  const hidden = ops.sigmoid(ops.add(ops.matmul(x, w1), b1));
  const output = ops.add(ops.matmul(hidden, w2), b2);
  const loss = ops.mean(ops.square(ops.sub(output, y)));
  const found = gradients(loss, [w1, b1, w2, b2]);
  return {loss, results: new Map(found.map((each, index) => [each, `∂L/∂${weights[index]?.name}`]))};
}

/** For each backward call how many stand below it: as near to those that read it as may be. */
function levelsOf(calls: readonly Call[]): Map<Call, number> {
  const levels = new Map<Call, number>();
  const inputsOf = (call: Call): Call[] =>
    call.inputs.map(({call: from}) => from).filter(from => levels.has(from));
  for (const call of calls) levels.set(call, 0);
  for (const call of calls) {
    const below = inputsOf(call).map(from => levels.get(from) as number);
    levels.set(call, below.length === 0 ? 0 : Math.max(...below) + 1);
  }
  // What reads nothing of the backward pass moves up to its reader.
  for (const call of [...calls].reverse()) {
    const readers = calls.filter(other => inputsOf(other).includes(call));
    if (readers.length === 0) continue;
    levels.set(call, Math.min(...readers.map(reader => levels.get(reader) as number)) - 1);
  }
  return levels;
}

function place(forward: readonly Call[], backward: readonly Call[], results: Map<Tensor, string>): Box[] {
  const boxes: Box[] = forward.map((call, row) => ({
    call,
    x: forwardX,
    y: top + row * rowHeight,
    colour: blue,
  }));
  const levels = levelsOf(backward);
  const bottom = top + (forward.length - 1) * rowHeight;
  const columns = new Map<number, number>();
  const named = (call: Call): string | undefined => results.get(call.outputs[0] as Tensor);
  // The chain stands on the left, the gradients asked for on the right of their level.
  const ordered = [...backward].sort(
    (a, b) => Number(named(a) !== undefined) - Number(named(b) !== undefined),
  );
  for (const call of ordered) {
    const level = levels.get(call) as number;
    const column = columns.get(level) ?? 0;
    columns.set(level, column + 1);
    const result = named(call);
    const [x, y] = [backwardX + column * columnWidth, bottom - level * rowHeight];
    boxes.push({call, x, y, colour: result === undefined ? orange : green, result});
  }
  return boxes;
}

function drawBox({call, x, y, colour, result}: Box, names: Names): string[] {
  const output = call.outputs[0] as Tensor;
  const shown = Object.entries(call.attributes)
    .filter(([name]) => name !== 'shape' && name !== 'dtype')
    .flatMap(([name, value]) => formatAttribute(name, value) ?? []);
  const title = `${call.op.name} ${call.inputs.map(input => names.of(input)).join(', ')}`;
  const detail = [`${names.of(output)} [${output.shape}]`, ...shown].join(' ');
  return [
    `<rect x="${px(x)}" y="${px(y)}" width="${boxWidth}" height="${boxHeight}" rx="5" fill="white" ` +
      `stroke="${colour}" stroke-width="${result === undefined ? 1.5 : 3}"/>`,
    text(x + 8, y + 16, result === undefined ? title : `${result} = ${title}`, {bold: true, size: 12}),
    text(x + 8, y + 31, detail, {size: 11, colour: inks.grey}),
  ];
}

const line = (path: string, colour: string, more = ''): string =>
  `<path d="${path}" fill="none" stroke="${colour}"${more} marker-end="url(#arrow)"/>`;

/** Within a pass, from the short side of a box to that of the next. */
function drawEdge(from: Box, to: Box): string {
  const upward = from.y > to.y;
  const [x1, x2] = [from.x + boxWidth / 2, to.x + boxWidth / 2];
  const [y1, y2] = upward ? [from.y, to.y + boxHeight] : [from.y + boxHeight, to.y];
  const half = (y2 - y1) / 2;
  const bend = `${px(x1)} ${px(y1 + half)} ${px(x2)} ${px(y2 - half)}`;
  return line(`M${px(x1)} ${px(y1)}C${bend} ${px(x2)} ${px(y2)}`, from.colour);
}

/** A value of the forward pass: through the gap between two rows, into the box from below. */
function drawUse(from: Box, to: Box, lane: number): string {
  const [x1, y1] = [from.x + boxWidth, from.y + boxHeight / 2];
  const gap = to.y + boxHeight + 7 + lane * 5;
  const [turn, end] = [backwardX - 16, to.x + 14];
  const half = (turn - x1) / 2;
  const bend = `${px(x1 + half)} ${px(y1)} ${px(turn - half)} ${px(gap)}`;
  const path = `M${px(x1)} ${px(y1)}C${bend} ${px(turn)} ${px(gap)}H${px(end)}V${px(to.y + boxHeight)}`;
  return line(path, blue, ' stroke-dasharray="4 3"');
}

export function drawGradientGraph(): string {
  const {loss, results} = twoLayers();
  const names = new Names();
  const computes = ({op}: Call): boolean => op.kind !== 'leaf';
  const forward = callsOf([loss]).filter(computes);
  const all = callsOf([loss, ...results.keys()]).filter(computes);
  for (const call of all) names.of(call.outputs[0] as Tensor);
  const boxes = place(
    forward,
    all.filter(call => !forward.includes(call)),
    results,
  );
  const boxOf = new Map(boxes.map(box => [box.call, box]));
  const lanes = new Map<number, number>();
  const edges = boxes.flatMap(to =>
    to.call.inputs.flatMap(({call}) => {
      const from = boxOf.get(call);
      if (!from) return [];
      if (from.colour !== blue || to.colour === blue) return [drawEdge(from, to)];
      const lane = lanes.get(to.y) ?? 0;
      lanes.set(to.y, lane + 1);
      return [drawUse(from, to, lane)];
    }),
  );
  const width = Math.max(...boxes.map(({x}) => x)) + boxWidth + 20;
  const height = top + forward.length * rowHeight + 6;
  const marker =
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" ' +
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="#888"/></marker></defs>';
  return picture('A two-layer network, and what differentiation adds to it', width, height, [
    marker,
    text(forwardX, 54, 'forward: from x to the loss', {colour: inks.blue}),
    text(backwardX, 54, 'backward: from ∂L/∂L = 1 to the weights; dashed: values of the forward pass', {
      colour: inks.orange,
    }),
    ...edges,
    ...boxes.flatMap(box => drawBox(box, names)),
  ]);
}
