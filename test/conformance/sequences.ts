// Samples of what nets over sequences are made of: cells, attention, tables that are updated by rows; and of
// what holds parts apart that are made again.
import {attentionSamples} from './attention.ts';
import {correctlyRounded} from './bounds.ts';
import {integers, reals} from './data.ts';
import {recurrentSamples} from './recurrent.ts';
import {rowUpdateSamples} from './row-updates.ts';

export const sequenceSamples = () => ({
  ...recurrentSamples(),
  ...attentionSamples(),
  ...rowUpdateSamples(),
  barrier: {
    bound: correctlyRounded,
    values: [{operands: [reals([7, 3])]}, {operands: [integers([5], 0, 9), reals([2])]}],
    smooth: [{operands: [reals([2, 3])]}],
  },
});
