// Below the layers: a training step written by hand with symbolic tensors, ops and gradients.
import {compile, gradients, ops} from 'chainrule';

const rows = 64;
const x = ops.input({name: 'x', shape: [rows, 1]});
const y = ops.input({name: 'y', shape: [rows, 1]});
const slope = ops.variable({name: 'slope', shape: [1, 1]});
const offset = ops.variable({name: 'offset', shape: [1]});

// loss = mean((x·slope + offset − y)²), and one step of gradient descent.
const error = ops.sub(ops.add(ops.matmul(x, slope.tensor), offset.tensor), y);
const loss = ops.mean(ops.square(error));
const [slopeGradient, offsetGradient] = gradients(loss, [slope.tensor, offset.tensor]);
const learningRate = 0.1;
const step = compile(
  {loss},
  {
    updates: [
      [slope, ops.sub(slope.tensor, ops.mul(slopeGradient!, learningRate))],
      [offset, ops.sub(offset.tensor, ops.mul(offsetGradient!, learningRate))],
    ],
  },
);

// Points on the line y = 3x − 1.
const points = Float32Array.from({length: rows}, (_, row) => (2 * row) / (rows - 1) - 1);
const values = points.map(point => 3 * point - 1);
for (let count = 0; count < 200; count++) {
  const result = await step.run({x: points, y: values});
  if (count % 50 === 0) console.log(`step ${count}: loss ${(result.loss.data[0] as number).toFixed(6)}`);
}
const [fittedSlope] = step.store.read(slope);
const [fittedOffset] = step.store.read(offset);
console.log(`y = ${fittedSlope?.toFixed(3)} x + ${fittedOffset?.toFixed(3)}`);
