// Fourier transforms of complex numbers, whose parts are the operands and the results.
import * as ops from '../../ops/index.ts';
import {type Rules, rule} from '../rule.ts';

export const fourier: Rules = {
  FFT: rule('real imag', ({real, imag}) => (real.size === 0 ? 'not yet' : ops.fft([real, imag]))),
  IFFT: rule('real imag', ({real, imag}) => (real.size === 0 ? 'not yet' : ops.ifft([real, imag]))),
};
