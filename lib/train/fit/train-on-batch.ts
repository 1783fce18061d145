// One training step on rows that are one batch.
import {checkOptions} from '../../core/errors.ts';
import {ascendingRows} from '../../data/order.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import {bindSamples} from '../feed/samples.ts';
import type {PortData} from '../network/ports.ts';
import type {Engine} from '../run/engine.ts';
import {type Logs, RunningMeans} from '../run/logs.ts';
import {StepRunner} from '../run/step-runner.ts';

/** See `Model.trainOnBatch`. */
export async function trainOnBatch(
  engine: Engine,
  x: PortData,
  y: PortData,
  options: Weighting = {},
): Promise<Logs> {
  const where = 'trainOnBatch';
  const compilation = engine.compilation(where);
  checkOptions(where, options, ['sampleWeight', 'classWeight']);
  return engine.write(where, async () => {
    const samples = bindSamples(engine, where, x, y, options);
    const batch = samples.count;
    engine.checkTrainable(where);
    const runner = new StepRunner(engine, samples, {batch, seed: engine.seed, most: 1});
    const means = new RunningMeans(compilation);
    const run = {samples, rows: ascendingRows(batch), batch, steps: 1};
    await runner.run(run, {means, where, nameOf: () => 'this batch'});
    return means.logs();
  });
}
