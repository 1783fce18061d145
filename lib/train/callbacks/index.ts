// The namespace `callbacks`: every export is a member.
export {backupAndRestore} from './backup-and-restore.ts';
export {csvLogger} from './csv-logger.ts';
export {earlyStopping} from './early-stopping.ts';
export {gradientMonitor} from './gradient-monitor.ts';
export {lambda} from './lambda.ts';
export {learningRateScheduler} from './learning-rate-scheduler.ts';
export {modelCheckpoint} from './model-checkpoint.ts';
export {progress} from './progress.ts';
export {reduceLROnPlateau} from './reduce-lr-on-plateau.ts';
export {stopAfter} from './stop-after.ts';
export {stopAtTarget, stopOnPlateau, stopWhen} from './stopping.ts';
export {terminateOnNaN} from './terminate-on-nan.ts';
