// A model's forward pass in a graph of one's own.

import {checkBoolean, checkOptions, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {at} from '../../core/lists.ts';
import {registerOf} from '../../core/registers.ts';
import {sameShape} from '../../core/shape.ts';
import {input, isTensor, type Tensor} from '../../core/tensor.ts';
import {numericType} from '../../nn/ahead.ts';
import type {Network} from '../network/network.ts';

export interface CallOptions {
  /** Dropout and the like are on, as in `fit`. False by default. */
  readonly training?: boolean;
}

/** See `Model.call`. @throws ERR_SHAPE or ERR_OPTION */
export function callNetwork(
  network: Network,
  given: Tensor | readonly Tensor[],
  options: CallOptions,
): Tensor | Tensor[] {
  const where = 'call';
  checkOptions(where, options, ['training']);
  const {training = false} = options;
  checkBoolean(`${where}: training`, training);
  const tensors = (Array.isArray(given) ? given : [given]) as readonly Tensor[];
  const {feeds} = network;
  if (tensors.length !== feeds.length) {
    fail('ERR_OPTION', `${where}: expected ${feeds.length} tensors. Received ${tensors.length}.`);
  }
  feeds.forEach(({shape, name, tensor: own}, index) => {
    const tensor = tensors[index];
    const dtype = registerOf({dtype: numericType(own)});
    const fits = isTensor(tensor) && tensor.dtype === dtype && sameShape(tensor.shape.slice(1), shape);
    if (fits) return;
    const wanted = `${name} must be ${dtype}[batch${shape.map(size => `,${size}`).join('')}]`;
    const received = show(tensor);
    fail('ERR_SHAPE', `${where}: ${wanted}. Received ${received}.`);
  });
  const random = {
    seed: input({name: 'seed', shape: [2], dtype: 'int32'}),
    step: input({name: 'step', shape: [1], dtype: 'int32', perStep: true}),
  };
  const {outputs} = network.apply(tensors, {training, random});
  return network.outputStructure === 'one' ? at(outputs, 0) : [...outputs];
}
