// The namespace `callbacks`: every export is a member.
export {earlyStopping} from './early-stopping.ts';
export {lambda} from './lambda.ts';
export {progress} from './progress.ts';
