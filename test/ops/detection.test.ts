// Suppression of boxes that overlap, against tfjs's, and what it refuses.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {beforeAll, describe, expect, it} from 'vitest';
import {compile, type ErrorCode, ops} from '../../lib/index.ts';
import type {SuppressionOptions} from '../../lib/ops/index.ts';
import {reals} from '../conformance/data.ts';

function suppressed(boxes: Float32Array, scores: Float32Array, options: SuppressionOptions) {
  const [b, s] = [
    ops.input({name: 'b', shape: [scores.length, 4]}),
    ops.input({name: 's', shape: [scores.length]}),
  ];
  const {indices, scores: kept, count} = ops.nonMaxSuppression(b, s, options);
  const found = compile({indices, kept, count}).runSync({b: boxes, s: scores});
  const rows = found.count?.data[0] as number;
  return {
    indices: [...(found.indices?.data ?? [])].slice(0, rows),
    scores: [...(found.kept?.data ?? [])],
    rows,
  };
}

describe('nonMaxSuppression', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  it.each([0, 0.4])('keeps the boxes that tfjs keeps, with sigma %f', sigma => {
    for (const count of [1, 17, 200]) {
      const corners = reals([count, 4], 0, 3).data as Float32Array;
      const boxes = corners.map((own, at) =>
        at % 4 < 2 ? own : (corners[at - 2] as number) + 0.3 + own / 4,
      );
      const scores = reals([count], 0, 1).data as Float32Array;
      const options = {maxOutputSize: 40, iouThreshold: 0.5, scoreThreshold: 0.2, softNmsSigma: sigma};
      const [b, s] = [tf.tensor2d(boxes, [count, 4]), tf.tensor1d(scores)];
      const known = tf.image.nonMaxSuppressionWithScore(b, s, 40, 0.5, 0.2, sigma);
      const own = suppressed(boxes, scores, options);
      expect(own.indices).toEqual([...(known.selectedIndices as tf.Tensor).dataSync()]);
      const wanted = [...(known.selectedScores as tf.Tensor).dataSync()];
      expect(own.rows).toBe(wanted.length);
      own.scores.forEach((score, at) => {
        expect(score).toBeCloseTo(wanted[at] ?? 0, 5);
      });
    }
  });

  it('fills up with zeros', () => {
    const found = suppressed(Float32Array.of(0, 0, 1, 1, 0, 0, 1, 1), Float32Array.of(0.5, 0.75), {
      maxOutputSize: 3,
    });
    expect(found).toEqual({indices: [1], scores: [0.75, 0, 0], rows: 1});
  });

  it.each<[string, number[], number[], SuppressionOptions, ErrorCode, RegExp]>([
    [
      'boxes of three numbers',
      [5, 3],
      [5],
      {maxOutputSize: 1},
      'ERR_SHAPE',
      /^nonMaxSuppression: expected boxes/,
    ],
    ['other numbers of scores', [5, 4], [4], {maxOutputSize: 1}, 'ERR_SHAPE', /Received \[5,4\] and \[4\]/],
    [
      'a size below 0',
      [5, 4],
      [5],
      {maxOutputSize: -1},
      'ERR_OPTION',
      /^ops\.nonMaxSuppression: maxOutputSize: expected an integer/,
    ],
    [
      'a threshold above 1',
      [5, 4],
      [5],
      {maxOutputSize: 1, iouThreshold: 2},
      'ERR_OPTION',
      /^ops\.nonMaxSuppression: iouThreshold: expected a finite number >= 0 and <= 1/,
    ],
  ])('refuses %s', (_, boxes, scores, options, code, message) => {
    const attempt = (): unknown =>
      ops.nonMaxSuppression(
        ops.input({name: 'x', shape: boxes}),
        ops.input({name: 'x', shape: scores}),
        options,
      );
    expect(attempt).toThrow(expect.objectContaining({code, message: expect.stringMatching(message)}));
  });
});
