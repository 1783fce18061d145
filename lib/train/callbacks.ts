// The namespace `callbacks`: every export is a member.
export {backupAndRestore} from './callbacks/backup-and-restore.ts';
export {csvLogger} from './callbacks/csv-logger.ts';
export {earlyStopping} from './callbacks/early-stopping.ts';
export {gradientMonitor} from './callbacks/gradient-monitor.ts';
export {lambda} from './callbacks/lambda.ts';
export {learningRateScheduler} from './callbacks/learning-rate-scheduler.ts';
export {modelCheckpoint} from './callbacks/model-checkpoint.ts';
export {progress} from './callbacks/progress.ts';
export {reduceLROnPlateau} from './callbacks/reduce-lr-on-plateau.ts';
export {stopAfter} from './callbacks/stop-after.ts';
export {stopAtTarget, stopOnPlateau, stopWhen} from './callbacks/stopping.ts';
export {terminateOnNaN} from './callbacks/terminate-on-nan.ts';
