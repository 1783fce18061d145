import {fail} from '../../core/errors.ts';
import type {BaseModel} from '../actions/base-model.ts';

/** The learning rate that stands until it is assigned. @throws ERR_OPTION where it is a schedule. */
export function rateOf(where: string, {optimizer}: BaseModel): number {
  const {learningRate} = optimizer;
  if (typeof learningRate === 'number') return learningRate;
  return fail('ERR_OPTION', `${where}: the optimizer has a schedule; give it a number as its learning rate.`);
}
