// Optimizers of the user's own: functions of ops and objects of classes.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {load, type Optimizer, ops, optimizers, type UpdateStep} from '../../lib/index.ts';
import {build, gradientsAt, type Numbers, steps, weightsOf} from './given.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-custom-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));
const file = path.join(folder, 'model.chainrule');

/** Gradient descent whose rate falls as one over the number of the step. */
function slowing({parameter, gradient, learningRate, step}: UpdateStep) {
  return ops.sub(parameter, ops.mul(ops.div(learningRate, ops.add(step, 1)), gradient));
}

class Heavy {
  readonly slots = ['velocity'];
  readonly config: {momentum: number; [option: string]: unknown};

  constructor(config: Heavy['config']) {
    this.config = config;
  }

  call({parameter, gradient, slots: [velocity], learningRate}: UpdateStep) {
    const next = ops.add(ops.mul(velocity as UpdateStep['parameter'], this.config.momentum), gradient);
    return [ops.sub(parameter, ops.mul(learningRate, next)), next];
  }
}

const untyped = (value: unknown) => value as Optimizer;

function expectNear(actual: Numbers, expected: Numbers): void {
  for (const [name, values] of Object.entries(expected)) {
    values.forEach((value, i) => {
      expect(Math.abs((actual[name]?.[i] as number) - value)).toBeLessThan(2e-6);
    });
  }
}

describe('an optimizer of one’s own', () => {
  it('is a function of ops that knows rate and step', async () => {
    const learningRate = (step: number): number => 0.01 / (step + 1);
    const found = await steps(untyped(slowing), 6);
    const expected = await steps(optimizers.sgd({learningRate}), 6);
    found.forEach((weights, step) => {
      expectNear(weights, expected[step] as Numbers);
    });
  });

  const extras = {
    'nothing more': {},
    decay: {weightDecay: 0.3, excludeFromWeightDecay: ['bias']},
    'decay in the gradient, clipping': {weightDecay: 0.3, decoupledWeightDecay: false, globalClipNorm: 0.5},
    averages: {useEma: true, emaMomentum: 0.6, emaOverwriteFrequency: 2},
    accumulation: {gradientAccumulationSteps: 2},
    everything: {
      weightDecay: 0.3,
      clipValue: 0.4,
      useEma: true,
      emaOverwriteFrequency: 2,
      gradientAccumulationSteps: 2,
    },
  };
  it.each(Object.entries(extras))('or an object of a class, with %s', async (_, options) => {
    const all = {momentum: 0.8, learningRate: 0.1, ...options};
    const found = await steps(untyped(new Heavy(all)), 7);
    const expected = await steps(optimizers.sgd(all), 7);
    found.forEach((weights, step) => {
      expectNear(weights, expected[step] as Numbers);
    });
  });

  it('goes on from a file that names it', async () => {
    const heavy = {momentum: 0.8, learningRate: 0.1, gradientAccumulationSteps: 2, weightDecay: 0.1};
    for (const own of [slowing, new Heavy(heavy)]) {
      const model = build(untyped(own));
      model.optimizer.learningRate = 0.07;
      for (let step = 0; step < 3; step++) await model.applyGradients(gradientsAt(step));
      await model.save(file);
      const again = await load(file, {customObjects: {slowing, Heavy}});
      expect(again.optimizer.learningRate).toBe(0.07);
      expect(again.iterations).toBe(3);
      for (let step = 3; step < 6; step++) {
        await model.applyGradients(gradientsAt(step));
        await again.applyGradients(gradientsAt(step));
      }
      expect(weightsOf(again)).toEqual(weightsOf(model));
      await expect(load(file)).rejects.toMatchObject({code: 'ERR_FILE'});
    }
  });

  it('is told what it forgot', async () => {
    const refuse = (own: unknown, code: string, text: RegExp): Promise<void> =>
      expect((async () => build(untyped(own)).applyGradients(gradientsAt(0)))()).rejects.toMatchObject({
        code,
        message: expect.stringMatching(text),
      });
    await refuse(Heavy, 'ERR_OPTION', /expected an object of the class: new Heavy/);
    await refuse(
      () => 3,
      'ERR_SHAPE',
      /expected the new parameter and 0 slots, each float32\[2,3\], for dense/,
    );
    await refuse(({gradient}: UpdateStep) => ops.sum(gradient), 'ERR_SHAPE', /Received float32\[\]/);
    class Short extends Heavy {
      override call(step: UpdateStep) {
        return super.call(step).slice(1);
      }
    }
    await refuse(new Short({momentum: 1}), 'ERR_SHAPE', /optimizers.Short: expected .* and 1 slots/);
    class Twice extends Heavy {
      override readonly slots = ['v', 'v'];
    }
    await refuse(
      new Twice({momentum: 1}),
      'ERR_OPTION',
      /Twice: slots: expected different names.*\["v","v"\]/,
    );
    const wrong = new Heavy({momentum: 1, clipNorm: -1});
    await refuse(wrong, 'ERR_OPTION', /optimizers.Heavy: clipNorm: expected a finite number/);
  });
});
