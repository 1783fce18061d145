// Which letters a network looked at for each that it wrote: a square for each pair, the darker the more.
import {picture, text} from '../../scripts/pictures/svg.ts';

export interface AttentionMap {
  readonly read: string;
  readonly written: string;
  /** The weight of each letter that was read, for each that was written. */
  readonly weights: readonly ArrayLike<number>[];
}

const [cell, left, top, gap] = [20, 40, 72, 46];

function drawMap({read, written, weights}: AttentionMap, top: number): string[] {
  const size = `width="${read.length * cell}" height="${written.length * cell}"`;
  const frame = `<rect x="${left}" y="${top}" ${size} fill="none" stroke="#999"/>`;
  const squares = weights.flatMap((row, y) =>
    Array.from({length: read.length}, (_, x) => {
      const weight = (row[x] as number).toFixed(2);
      if (weight === '0.00') return '';
      const place = `x="${left + x * cell}" y="${top + y * cell}" width="${cell}" height="${cell}"`;
      return `<rect ${place} fill="#08306b" fill-opacity="${weight}"/>`;
    }).filter(Boolean),
  );
  const above = [...read].map((letter, x) =>
    text(left + (x + 0.5) * cell, top - 6, letter, {anchor: 'middle'}),
  );
  const before = [...written].map((letter, y) =>
    text(left - 12, top + (y + 0.7) * cell, letter, {anchor: 'middle'}),
  );
  return [frame, ...squares, ...above, ...before];
}

/** One below the other: what was read from left to right, what was written from top to bottom. */
export function drawAttention(title: string, maps: readonly AttentionMap[]): string {
  let y = top;
  const parts = maps.flatMap(map => {
    const drawn = drawMap(map, y);
    y += map.written.length * cell + gap;
    return drawn;
  });
  const longest = Math.max(...maps.map(({read}) => read.length));
  return picture(title, Math.max(600, left + longest * cell + 24), y - gap + 20, parts);
}
