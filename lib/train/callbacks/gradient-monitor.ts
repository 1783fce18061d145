import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import type {Callback} from './callback.ts';
import {conclude, type Examination, examine, type LayerHealth} from './layer-health.ts';

export interface GradientMonitorOptions {
  /** Steps from one look to the next, the first at step 0. 200 by default. */
  readonly every?: number;
  /**
   * A layer vanishes where the norm of its gradient is less than this share of the largest of all layers.
   * 1e-4 by default.
   */
  readonly vanishing?: number;
  /** A layer explodes where the norm of its gradient is more than this. 100 by default. */
  readonly exploding?: number;
  /** A layer is named where more than this share of its units is dead or saturated. 0.5 by default. */
  readonly share?: number;
  /** Called with each report. */
  onReport?(report: HealthReport): void;
  /** Say in a warning of the process what is wrong and what to try, once for each. True by default. */
  readonly warn?: boolean;
}

export interface HealthReport {
  readonly epoch: number;
  /** Number of the step that was looked at, from 0. */
  readonly step: number;
  readonly layers: readonly LayerHealth[];
  /** Names of layers. */
  readonly vanishing: readonly string[];
  readonly exploding: readonly string[];
  readonly dead: readonly string[];
  readonly saturated: readonly string[];
  /** What to try, a sentence for each kind of trouble. */
  readonly advice: readonly string[];
}

export interface GradientMonitor extends Callback {
  /** Those of the last training. */
  readonly reports: readonly HealthReport[];
}

const troubles = ['vanishing', 'exploding', 'dead', 'saturated'] as const;
type Trouble = (typeof troubles)[number];

const advice: Readonly<Record<Trouble, string>> = {
  vanishing:
    'Try relu with kernelInitializer heNormal instead of sigmoid or tanh, batchNormalization or ' +
    'layerNormalization, or residual connections by layers.add.',
  exploding:
    'Try clipping (globalClipNorm: 1 of the optimizer), a smaller learning rate, glorot or he weights, ' +
    'or normalization.',
  dead: 'Try leakyRelu or elu, a smaller learning rate, or kernelInitializer heNormal.',
  saturated: 'Try inputs scaled to about −1…1, glorotUniform, normalization before the activation, or relu.',
};

const what: Readonly<Record<Trouble, string>> = {
  vanishing: 'the gradient vanishes in',
  exploding: 'the gradient explodes in',
  dead: 'units are dead in',
  saturated: 'units are saturated in',
};

const known = ['every', 'vanishing', 'exploding', 'share', 'onReport', 'warn'];

/**
 * Looks at a step in every so many: for each layer the norms of its gradient and its weights, their ratio to
 * the update, the shares of dead and of saturated units; and names the layers that are in trouble, with what
 * to try. Each look costs about a step more; those between cost nothing, and results stay the same bits.
 *
 * What vanishes and explodes: Glorot and Bengio 2010; Pascanu, Mikolov and Bengio 2013.
 */
export function gradientMonitor(options: GradientMonitorOptions = {}): GradientMonitor {
  const where = 'callbacks.gradientMonitor';
  checkOptions(where, options, known);
  const {every = 200, vanishing = 1e-4, exploding = 100, share = 0.5, onReport, warn = true} = options;
  checkNumber(`${where}: every`, every, {integer: true, min: 1});
  checkNumber(`${where}: vanishing`, vanishing, {min: 0});
  checkNumber(`${where}: exploding`, exploding, {above: 0});
  checkNumber(`${where}: share`, share, {min: 0, max: 1});
  if (typeof warn !== 'boolean')
    fail('ERR_OPTION', `${where}: warn: expected true or false. Received ${show(warn)}.`);
  if (onReport !== undefined && typeof onReport !== 'function') {
    fail('ERR_OPTION', `${where}: onReport: expected a function. Received ${show(onReport)}.`);
  }
  let reports: HealthReport[] = [];
  let said = new Set<string>();
  let open: Examination | undefined;

  function judge(layers: readonly LayerHealth[]): Record<Trouble, string[]> {
    const most = Math.max(...layers.map(({gradientNorm}) => gradientNorm));
    const named = (test: (layer: LayerHealth) => boolean): string[] =>
      layers.filter(test).map(({name}) => name);
    return {
      vanishing: named(({gradientNorm, weightNorm}) => weightNorm > 0 && gradientNorm < vanishing * most),
      exploding: named(({gradientNorm}) => gradientNorm > exploding),
      dead: named(({dead = 0}) => dead > share),
      saturated: named(({saturated = 0}) => saturated > share),
    };
  }

  function warnOf(named: Record<Trouble, string[]>, step: number): void {
    for (const trouble of troubles) {
      const fresh = named[trouble].filter(name => !said.has(`${trouble} ${name}`));
      if (fresh.length === 0) continue;
      for (const name of fresh) said.add(`${trouble} ${name}`);
      const found = `at step ${step} ${what[trouble]} ${fresh.join(', ')}`;
      const text = `gradientMonitor: ${found}. ${advice[trouble]}`;
      process.emitWarning(text, {type: 'ChainruleWarning', code: 'CHAINRULE_GRADIENTS'});
    }
  }

  return {
    get reports() {
      return reports;
    },
    onTrainBegin() {
      reports = [];
      said = new Set();
      open = undefined;
    },
    probe: {
      every,
      async before(engine, run, seed) {
        open = await examine(engine, run, seed);
      },
      after(engine, epoch, step) {
        if (!open) return;
        const layers = conclude(engine, open);
        open = undefined;
        const found = judge(layers);
        const tried = troubles.filter(trouble => found[trouble].length > 0).map(trouble => advice[trouble]);
        const report = {epoch, step, layers, ...found, advice: tried};
        reports.push(report);
        onReport?.(report);
        if (warn) warnOf(found, step);
      },
    },
  };
}
