// The namespace `optimizers`: every export is a member.
export {grouped} from './grouped.ts';
export * from './single.ts';
