// Table of contents: the kernels of TensorFlow.js that have a native rule.
import {type Rules, withGrowth} from '../rule.ts';
import {binary} from './binary.ts';
import {create} from './create.ts';
import {detection} from './detection.ts';
import {dilations} from './dilation.ts';
import {fourier} from './fourier.ts';
import {images} from './images.ts';
import {indexing} from './indexing.ts';
import {pools} from './pools.ts';
import {products} from './products.ts';
import {random} from './random.ts';
import {reduce} from './reduce.ts';
import {resizing} from './resizing.ts';
import {shape} from './shape.ts';
import {unary} from './unary.ts';
import {volumes} from './volumes.ts';
import {windows} from './windows.ts';

export const rules: Rules = {
  ...unary,
  ...binary,
  ...reduce,
  ...products,
  ...shape,
  ...indexing,
  ...create,
  ...random,
  ...withGrowth('samples', {...windows, ...volumes, ...pools, ...images, ...resizing, ...dilations}),
  ...withGrowth('none', {...detection, ...fourier}),
};
