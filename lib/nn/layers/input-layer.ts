import {fail, requireOptions} from '../../core/errors.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {checkInputType, type InputOptions} from '../symbolic.ts';

export interface InputLayerOptions extends LayerOptions {
  /** What the data are, as in `input`; float32 by default. */
  readonly dtype?: InputOptions['dtype'];
}

/** Says the shape of one sample, `inputShape`, as the first layer of a sequential model; gives its input. */
export function inputLayer(options: InputLayerOptions): Layer {
  requireOptions('layers.inputLayer', options, [...layerOptions, 'dtype']);
  checkInputType('layers.inputLayer', options.dtype);
  if ((options.inputShape ?? options.batchInputShape) === undefined) {
    fail('ERR_OPTION', 'layers.inputLayer: inputShape is missing, the shape of one sample: [784].');
  }
  return makeLayer(
    'inputLayer',
    options,
    () => ({dtype: options.dtype}),
    () => x => x,
    true,
  );
}
