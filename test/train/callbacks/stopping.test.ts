// Ends that are instructions of the plan, against a line fitted in float64: exact to the step.
import {describe, expect, it} from 'vitest';
import {type Callback, callbacks, type FitOptions, ops} from '../../../lib/index.ts';
import {build, dataOf, PlainLine, range, rows, x, y} from '../plain-line.ts';

const order = range(0, rows);
const batchSize = 6;
const batches = [0, 6, 12, 18].map(first => order.slice(first, first + batchSize));
const most = 40;

/** Loss and gradient norm before each step of the plain line, and its weights there. */
function plainSteps(list: readonly number[][]): {loss: number; norm: number; weights: number[]}[] {
  const line = new PlainLine(build());
  return range(0, most).map(step => {
    const batch = list[step % list.length] as number[];
    const norm = line.gradientNorm(batch);
    const weights = [...line.weights];
    return {loss: line.step(batch), norm, weights};
  });
}

async function steps(stop: Callback | Callback[], options: FitOptions = {}) {
  const model = build();
  let stoppedBy: string | undefined;
  const watch: Callback = {
    onTrainEnd(_, context) {
      ({stoppedBy} = context);
    },
  };
  const all = [watch, ...(Array.isArray(stop) ? stop : [stop])];
  const {epoch} = await model.fit(x, y, {batchSize, epochs: 10, shuffle: false, callbacks: all, ...options});
  return {iterations: model.iterations, epoch, weights: dataOf(model), stoppedBy};
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  actual.forEach((value, at) => {
    expect(value).toBeCloseTo(expected[at] as number, 5);
  });
}

describe('stopAtTarget', () => {
  it('ends before the commit of the first step whose loss is as small', async () => {
    const plain = plainSteps(batches);
    const losses = plain.map(({loss}) => loss);
    let tried = 0;
    for (const at of [1, 3, 4, 5, 9]) {
      const target = (losses[at] as number) * 1.0001;
      const first = losses.findIndex(loss => loss <= target);
      const ended = await steps(callbacks.stopAtTarget({target}));
      expect(ended.iterations).toBe(first);
      expectClose(ended.weights, plain[first]?.weights as number[]);
      // An epoch of which no step was committed is none.
      expect(ended.epoch).toHaveLength(Math.ceil(first / 4));
      expect(ended.stoppedBy).toBe('stopAtTarget');
      tried = Math.max(tried, first);
    }
    expect(tried).toBeGreaterThan(1);
  });

  it('or whose gradient is as short', async () => {
    const whole = {batchSize: rows};
    const plain = plainSteps([order]);
    for (const at of [0, 1, 4, 8]) {
      const target = (plain[at]?.norm as number) * 1.0001;
      const first = plain.findIndex(({norm}) => norm <= target);
      const ended = await steps(callbacks.stopAtTarget({monitor: 'gradientNorm', target}), whole);
      expect(ended.iterations).toBe(first);
      expectClose(ended.weights, plain[first]?.weights as number[]);
    }
    const more = callbacks.stopAtTarget({monitor: 'gradientNorm', mode: 'max', target: 0});
    expect((await steps(more, whole)).iterations).toBe(0);
  });

  it('looks at other numbers of the logs after each epoch', async () => {
    const told = (values: number[]): Callback => ({
      onEpochEnd(epoch, logs) {
        Object.assign(logs, {score: values[epoch], val_accuracy: values[epoch]});
      },
    });
    const ends = async (options: object) =>
      (await steps([told([0.5, 0.4, 0.6, 0.2]), callbacks.stopAtTarget({target: 0.55, ...options})])).epoch;
    expect(await ends({monitor: 'val_accuracy'})).toEqual([0, 1, 2]);
    expect(await ends({monitor: 'score', target: 0.4})).toEqual([0, 1]);
    expect(await ends({monitor: 'score', mode: 'max'})).toEqual([0, 1, 2]);
    await expect(ends({monitor: 'val_los'})).rejects.toThrow(
      /^callbacks\.stopAtTarget: monitor: the logs have no val_los\./,
    );
  });

  it('leaves the bits of the training before its end', async () => {
    const {weights, iterations} = await steps(callbacks.stopAtTarget({target: 1e-9}));
    expect(iterations).toBe(40);
    expect(weights).toEqual((await steps([])).weights);
  });
});

describe('stopOnPlateau', () => {
  /** Steps done before the rule of the documentation, in float64, says that it is enough. */
  function plainEnd(values: readonly number[], patience: number, minDelta: number): number {
    let best = Number.POSITIVE_INFINITY;
    let without = 0;
    for (const [step, value] of values.entries()) {
      if (value < best - minDelta) {
        best = value;
        without = 0;
      } else without++;
      if (without >= patience) return step;
    }
    return values.length;
  }

  it('ends where the norm of the gradient has not become smaller for so many steps', async () => {
    const plain = plainSteps(batches);
    const ends = new Set<number>();
    for (const patience of [1, 2, 3, 5, 9]) {
      for (const minDelta of [0, 0.05]) {
        const end = plainEnd(
          plain.map(({norm}) => norm),
          patience,
          minDelta,
        );
        const ended = await steps(callbacks.stopOnPlateau({patience, minDelta}));
        expect(ended.iterations, `${patience} ${minDelta}`).toBe(end);
        if (end < most) expectClose(ended.weights, plain[end]?.weights as number[]);
        expect(ended.stoppedBy).toBe(end < most ? 'stopOnPlateau' : undefined);
        ends.add(end);
      }
    }
    expect(ends.size).toBeGreaterThan(3);
  });

  it('watches the loss as well, begins anew with each fit, and is of one length of calls', async () => {
    const plain = plainSteps(batches);
    const patience = 6;
    const end = plainEnd(
      plain.map(({loss}) => loss),
      patience,
      0,
    );
    const stop = callbacks.stopOnPlateau({monitor: 'loss', patience});
    expect((await steps(stop)).iterations).toBe(end);
    const single: Callback = {onBatchEnd() {}};
    expect((await steps([stop, single])).iterations).toBe(end);
  });

  it('goes on counting after an interruption', async () => {
    const stop = () => callbacks.stopOnPlateau({patience: 5, minDelta: 0.05});
    const whole = await steps(stop());
    expect(whole.iterations).toBeGreaterThan(4);
    for (let broken = 2; broken <= whole.iterations; broken++) {
      let kept: Awaited<ReturnType<NonNullable<Callback['resume']>>>;
      const memory: Callback = {
        resume: async () => kept,
        onBatchEnd(_, __, context) {
          kept = context.checkpoint();
        },
      };
      let seen = 0;
      const breaks: Callback = {
        onBatchEnd() {
          if (++seen === broken) throw new Error('breakdown');
        },
      };
      await expect(steps([stop(), breaks, memory])).rejects.toThrow('breakdown');
      expect(await steps([stop(), memory])).toEqual(whole);
    }
  });
});

describe('stopWhen', () => {
  it('ends by any condition of ops', async () => {
    const plain = plainSteps(batches);
    const end = plain.findIndex(({loss, norm}) => loss < 0.3 && norm < 1);
    expect(end).toBeGreaterThan(0);
    const condition: Parameters<typeof callbacks.stopWhen>[0] = ({loss, gradientNorm}) =>
      ops.logicalAnd(ops.less(loss, 0.3), ops.less(gradientNorm(), 1));
    for (const given of [condition, {condition}]) {
      expect((await steps(callbacks.stopWhen(given))).iterations).toBe(end);
    }
  });

  it('must be one bool', async () => {
    await expect(steps(callbacks.stopWhen(({loss}) => loss))).rejects.toMatchObject({
      code: 'ERR_SHAPE',
      message: 'callbacks.stopWhen: the condition must be one bool. Received float32[].',
    });
    expect(() => ops.stopIf(ops.greater(ops.ones([2]), 0))).toThrow(
      /^stopIf: expected one condition\. Received \[2\]\.$/,
    );
  });
});

it('options are checked', () => {
  const {stopAtTarget, stopOnPlateau, stopWhen} = callbacks;
  const wrong: [() => unknown, RegExp][] = [
    [
      () => stopAtTarget({} as never),
      /^callbacks\.stopAtTarget: target: expected a finite number\. Received undefined/,
    ],
    [() => stopAtTarget({target: 1, mode: 'less' as never}), /: mode: expected 'auto', 'min' or 'max'/],
    [() => stopAtTarget({value: 1} as never), /unknown option "value"/],
    [() => stopOnPlateau({} as never), /^callbacks\.stopOnPlateau: patience: expected an integer >= 1/],
    [() => stopOnPlateau({patience: 1, minDelta: -1}), /: minDelta: expected a finite number >= 0/],
    [
      () => stopOnPlateau({patience: 1, monitor: 'val_loss' as never}),
      /: monitor: expected 'gradientNorm' or 'loss'\. Received "val_loss"\.$/,
    ],
    [
      () => stopWhen({} as never),
      /^callbacks\.stopWhen: condition: expected a function of a step\. Received undefined/,
    ],
  ];
  for (const [make, text] of wrong) expect(make).toThrow(text);
});
