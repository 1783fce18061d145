import type {Named} from '../core/named.ts';

/** The learning rate of a step, counted from 0. */
export type Schedule = ((step: number) => number) & Named;

/** A fixed rate, or one for each step. A function gets the number of the step, from 0. */
export type LearningRate = number | Schedule | ((step: number) => number);
