// The public API: re-exports only.
export type {DType, TypedArray} from './core/dtype.ts';
export {ChainruleError, type ErrorCode} from './core/errors.ts';
export type {CustomObjects} from './core/resolve.ts';
export type {Shape} from './core/shape.ts';
export type {RandomSource, Tensor, TensorLike, Variable} from './core/tensor.ts';
export type {DataInput, NestedArray, ShapedArray} from './data/arrays.ts';
export type {CsvOptions} from './data/csv.ts';
export {Dataset} from './data/dataset.ts';
export * as data from './data/index.ts';
export {gradients, hessianVectorProduct} from './graph/autodiff.ts';
export type {Activation} from './nn/activations.ts';
export * as activations from './nn/activations.ts';
export type {Constraint} from './nn/constraints.ts';
export * as constraints from './nn/constraints.ts';
export type {Initializer} from './nn/initializers.ts';
export * as initializers from './nn/initializers.ts';
export {
  type CallContext,
  type Forward,
  type ForwardAll,
  Layer,
  type LayerOptions,
  type MakeWeight,
} from './nn/layer.ts';
export * as layers from './nn/layers/index.ts';
export type {Loss} from './nn/losses.ts';
export * as losses from './nn/losses.ts';
export type {CustomMetric, Metric, MetricContext} from './nn/metrics.ts';
export * as metrics from './nn/metrics.ts';
export type {Regularizer} from './nn/regularizers.ts';
export * as regularizers from './nn/regularizers.ts';
export {type InputOptions, input, type SymbolicTensor} from './nn/symbolic.ts';
export type {SetWeightsOptions, WeightData, WeightNumbers, WeightsSet, WeightValue} from './nn/weights.ts';
export * as ops from './ops/index.ts';
export type {OwnOptimizer, UpdateFunction, UpdateStep} from './optim/custom.ts';
export * as optimizers from './optim/index.ts';
export type {Optimizer} from './optim/optimizer.ts';
export type {LearningRate, Schedule} from './optim/schedule.ts';
export * as schedules from './optim/schedules.ts';
export {getThreads, nativeInfo, setThreads} from './runtime/program.ts';
export {type CompiledFunction, compile, type TensorValue} from './session/function.ts';
export {VariableStore} from './session/store.ts';
export type {GradientValues} from './train/actions/apply-gradients.ts';
export type {ForwardResult} from './train/actions/forward.ts';
export type {GradientsResult} from './train/actions/gradients.ts';
export {type Minimization, minimize} from './train/actions/minimize.ts';
export type {CallbackState, Checkpoint} from './train/callbacks/callback.ts';
export type {GradientMonitor, HealthReport} from './train/callbacks/gradient-monitor.ts';
export * as callbacks from './train/callbacks/index.ts';
export type {Batch, Batches} from './train/feed/dataset-source.ts';
export {load} from './train/load.ts';
export {
  type Callback,
  type CallbackContext,
  type FitBatchesOptions,
  type FitOptions,
  type Model,
  type ModelOptions,
  model,
  modelFromJSON,
  type Sequential,
  sequential,
} from './train/model.ts';
export type {PortData} from './train/network/ports.ts';
export type {ShapedResult} from './train/network/results.ts';
export type {History, Logs} from './train/run/logs.ts';
export type {CompileOptions} from './train/step/compile-options.ts';
export type {LayerGradientRecord, LayerRecord} from './train/step/recorder.ts';
