import type {Named} from '../core/named.ts';

/** The learning rate of a step, counted from 0. */
export type Schedule = ((step: number) => number) & Named;
