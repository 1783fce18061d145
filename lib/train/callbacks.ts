// The namespace `callbacks`: every export is a member.
export {earlyStopping} from './callbacks/early-stopping.ts';
export {lambda} from './callbacks/lambda.ts';
export {progress} from './callbacks/progress.ts';
