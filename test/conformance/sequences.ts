// Samples of what nets over sequences are made of: cells, attention, tables that are updated by rows.
import {attentionSamples} from './attention.ts';
import {recurrentSamples} from './recurrent.ts';
import {rowUpdateSamples} from './row-updates.ts';

export const sequenceSamples = () => ({
  ...recurrentSamples(),
  ...attentionSamples(),
  ...rowUpdateSamples(),
});
