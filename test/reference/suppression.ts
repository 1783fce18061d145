// The part of the oracle that knows boxes: the best candidate of all is looked for again and again.
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';

type Box = readonly [number, number, number, number];

const ordered = ([y1, x1, y2, x2]: Box): Box => [
  Math.min(y1, y2),
  Math.min(x1, x2),
  Math.max(y1, y2),
  Math.max(x1, x2),
];

function overlapOf(a: Box, b: Box): number {
  const [top1, left1, bottom1, right1] = ordered(a);
  const [top2, left2, bottom2, right2] = ordered(b);
  const [area1, area2] = [(bottom1 - top1) * (right1 - left1), (bottom2 - top2) * (right2 - left2)];
  if (!(area1 > 0 && area2 > 0)) return 0;
  const shared =
    Math.max(Math.min(bottom1, bottom2) - Math.max(top1, top2), 0) *
    Math.max(Math.min(right1, right2) - Math.max(left1, left2), 0);
  return shared / (area1 + area2 - shared);
}

function suppress(call: Call, [boxes, scores, limits]: Values[]): Values[] {
  const {k} = call.attributes as {k: number};
  const [iouLimit, scoreLimit, sigma] = limits as unknown as [number, number, number];
  const boxOf = (at: number): Box => [...(boxes as Values).subarray(4 * at, 4 * at + 4)] as unknown as Box;
  const left = Array.from(scores as Values, (score, box) => ({score, box, compared: 0})).filter(
    ({score}) => score > scoreLimit,
  );
  const kept: {box: number; score: number}[] = [];
  while (kept.length < k && left.length > 0) {
    left.sort((a, b) => b.score - a.score || a.box - b.box);
    const [own] = left as [(typeof left)[number]];
    const before = own.score;
    const isSame = kept
      .slice(own.compared)
      .some(({box}) => overlapOf(boxOf(box), boxOf(own.box)) >= iouLimit);
    for (const {box} of kept.slice(own.compared)) {
      if (sigma > 0) own.score *= Math.exp((-0.5 / sigma) * overlapOf(boxOf(box), boxOf(own.box)) ** 2);
    }
    own.compared = kept.length;
    if (isSame || own.score <= scoreLimit) left.shift();
    else if (own.score === before) kept.push(left.shift() as (typeof left)[number]);
  }
  const results = call.outputs.map(({size}: Tensor) => new Float64Array(size)) as [Values, Values, Values];
  kept.forEach(({box, score}, at) => {
    results[0][at] = box;
    results[1][at] = score;
  });
  results[2][0] = kept.length;
  return results;
}

export const suppressionRules: Record<string, Rule> = {nonMaxSuppression: suppress};
