// A picture of a model's graph: a box for each input and each call of a layer, in rows from input to output.

import {writeFile} from 'node:fs/promises';
import {checkOptions} from '../../core/errors.ts';
import {toPath} from '../../core/path.ts';
import {fileError} from '../../io/model-file.ts';
import {formatInput} from '../../nn/any-length.ts';
import type {SymbolicTensor} from '../../nn/symbolic.ts';
import type {Network, NetworkLayer} from '../network/network.ts';
import {openShapes} from '../network/open-shapes.ts';
import {type Box, layOut, type Picture} from './diagram.ts';

export interface PlotOptions {
  /** File to write. */
  readonly path?: string | URL;
}

const family = 'system-ui, "Segoe UI", Helvetica, Arial, sans-serif';
const [lineHeight, padding, titleWidth, letterWidth] = [17, 10, 7.9, 6.4];

type Style = 'input' | 'trained' | 'frozen' | 'plain' | 'output';
const colors: Record<Style, readonly [fill: string, edge: string]> = {
  input: ['#eef4ff', '#4f74b8'],
  output: ['#eef7ee', '#4b8f53'],
  trained: ['#fff7e8', '#b98127'],
  frozen: ['#f1f1f1', '#8a8a8a'],
  plain: ['#ffffff', '#8a93a3'],
};

interface Node extends Box {
  readonly lines: readonly string[];
  readonly style: Style;
}

const escapeXml = (text: string): string => text.replace(/[&<>"]/g, letter => `&#${letter.charCodeAt(0)};`);

function node(id: number, lines: readonly string[], style: Style, reads: readonly number[]): Node {
  const longest = Math.max(...lines.map(({length}, at) => length * (at === 0 ? titleWidth : letterWidth)));
  const width = Math.round(longest + 2 * padding);
  return {id, lines, style, reads, width, height: lines.length * lineHeight + 2 * padding - 4};
}

function describeWeights({weights, layer}: NetworkLayer): string | undefined {
  if (weights.length === 0) return undefined;
  const count = weights.reduce((sum, {variable}) => sum + variable.tensor.size, 0);
  return `${count.toLocaleString('en-US')} parameters${layer.trainable ? '' : ', frozen'}`;
}

/** A box for each input, call and output. */
function nodesOf(network: Network): Node[] {
  const makers = new Map<SymbolicTensor, number>();
  const shapeOf = openShapes(network);
  const shapeLine = (tensors: readonly SymbolicTensor[]): string =>
    tensors.map(tensor => formatInput(shapeOf(tensor))).join(' and ');
  const nodes: Node[] = network.inputs.map(({name, tensor}, id) => {
    makers.set(tensor, id);
    return node(id, [network.isChain ? 'input' : name, shapeLine([tensor])], 'input', []);
  });
  const shared = (layer: NetworkLayer['layer']): boolean =>
    network.calls.filter(call => call.layer === layer).length > 1;
  for (const {layer, inputs, outputs} of network.calls) {
    const own = network.layers.find(each => each.layer === layer) as NetworkLayer;
    const id = nodes.length;
    const {kind} = layer;
    const named = own.name.replace(/_\d+$/, '') === kind;
    const notes = [named ? '' : kind, shared(layer) ? 'shared' : ''].filter(text => text !== '');
    const weights = describeWeights(own);
    const lines = [
      own.name + (notes.length > 0 ? ` (${notes.join(', ')})` : ''),
      shapeLine(outputs),
      ...(weights === undefined ? [] : [weights]),
    ];
    const style = weights === undefined ? 'plain' : layer.trainable ? 'trained' : 'frozen';
    nodes.push(
      node(
        id,
        lines,
        style,
        inputs.map(tensor => makers.get(tensor) as number),
      ),
    );
    for (const tensor of outputs) makers.set(tensor, id);
  }
  for (const {name, tensor} of network.outputs) {
    if (network.outputs.length === 1) break;
    nodes.push(node(nodes.length, [`output ${name}`], 'output', [makers.get(tensor) as number]));
  }
  return nodes;
}

function drawBox({lines, style, width, height}: Node, x: number, y: number): string {
  const [fill, edge] = colors[style];
  const texts = lines.map((line, at) => {
    const [size, color] = at === 0 ? ['13', '#1d2430'] : ['11.5', '#5a6474'];
    const weight = at === 0 ? ' font-weight="600"' : '';
    const baseline = y + padding + 11 + at * lineHeight;
    const font = `font-size="${size}" fill="${color}"${weight}`;
    return `<text x="${x + width / 2}" y="${baseline}" ${font}>${escapeXml(line)}</text>`;
  });
  const place = `x="${x}" y="${y}" width="${width}" height="${height}"`;
  return `<rect ${place} rx="7" fill="${fill}" stroke="${edge}"/>${texts.join('')}`;
}

/** A smooth line through the points, each piece from straight down to straight down. */
function drawEdge(points: readonly (readonly [number, number])[]): string {
  const [first, ...rest] = points;
  let [x, y] = first as readonly [number, number];
  const pieces = rest.map(([toX, toY]) => {
    const middle = (y + toY) / 2;
    const piece = `C${x},${middle} ${toX},${middle} ${toX},${toY}`;
    [x, y] = [toX, toY];
    return piece;
  });
  return `<path d="M${first?.join()}${pieces.join('')}" marker-end="url(#tip)"/>`;
}

function draw({width, height, boxes, edges}: Picture<Node>): string {
  const tip =
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">' +
    '<path d="M0,0L8,4L0,8z" fill="#6b7480" stroke="none"/></marker>';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" font-family='${family}' text-anchor="middle">`,
    `<defs>${tip}</defs><rect width="100%" height="100%" fill="#fff"/>`,
    `<g fill="none" stroke="#6b7480" stroke-width="1.3">${edges.map(drawEdge).join('')}</g>`,
    ...boxes.map(({box, x, y}) => drawBox(box, x, y)),
    '</svg>',
    '',
  ].join('\n');
}

/** The picture as SVG; written to `path` where one is given. @throws ERR_FILE */
export async function plot(network: Network, options: PlotOptions): Promise<string> {
  checkOptions('plot', options, ['path']);
  const file = options.path === undefined ? undefined : toPath('plot: path', options.path);
  const svg = draw(layOut(nodesOf(network)));
  if (file !== undefined) {
    try {
      await writeFile(file, svg);
    } catch (error) {
      throw fileError('plot', file, error);
    }
  }
  return svg;
}
