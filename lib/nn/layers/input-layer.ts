import {fail, requireOptions} from '../../core/errors.ts';
import {registerOf} from '../../core/registers.ts';
import type {AnyRows} from '../../data/text.ts';
import type {AheadOfPlan, SampleType} from '../ahead.ts';
import type {Forward} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';
import {checkInputType, type InputOptions} from '../symbolic.ts';

export interface InputLayerOptions extends LayerOptions {
  /** What the data are, as in `input`; float32 by default. */
  readonly dtype?: InputOptions['dtype'];
}

/** Gives its input, also to layers ahead of the plan, for which it is not there. */
class InputLayer extends MadeLayer {
  override build(): Forward {
    return x => x;
  }

  override aheadOfPlan(): AheadOfPlan {
    return asItIs;
  }

  get inputType(): InputLayerOptions['dtype'] {
    return this.config.dtype as InputLayerOptions['dtype'];
  }
}

const asItIs: AheadOfPlan = {
  isInput: true,
  firstInput: {dtype: 'float32'},
  sampleOf(_, [given]) {
    const {shape, dtype} = given as SampleType;
    return {shape, dtype: dtype === 'string' ? dtype : registerOf({dtype})};
  },
  rowsOf: (_, [rows]) => rows as AnyRows,
};

/** Says the shape of one sample, `inputShape`, as the first layer of a sequential model; gives its input. */
export function inputLayer(options: InputLayerOptions): Layer {
  requireOptions('layers.inputLayer', options, [...layerOptions, 'dtype']);
  checkInputType('layers.inputLayer', options.dtype);
  if ((options.inputShape ?? options.batchInputShape) === undefined) {
    fail('ERR_OPTION', 'layers.inputLayer: inputShape is missing, the shape of one sample: [784].');
  }
  const made = new InputLayer('inputLayer', options, () => ({dtype: options.dtype}), true);
  Object.freeze(made);
  return made;
}
