// The public API: re-exports only.
export type {DType, TypedArray} from './core/dtype.ts';
export {ChainruleError, type ErrorCode} from './core/errors.ts';
export type {Float16Numbers, NumericArray} from './core/kinds.ts';
export type {Config, Json, Named} from './core/named.ts';
export type {CustomObjects} from './core/resolve.ts';
export type {Shape} from './core/shape.ts';
export type {
  Call,
  Gradients,
  Op,
  RandomSource,
  Rounding,
  Tensor,
  TensorLike,
  Variable,
} from './core/tensor.ts';
export type {DataInput, NestedArray, NumberArray, ShapedArray, ShapedInput} from './data/arrays.ts';
export type {BucketOptions} from './data/buckets.ts';
export type {Batched, BatchedNumbers} from './data/collate.ts';
export type {ColumnConfig, CsvOptions, CsvRow, CsvValue} from './data/csv.ts';
export {Dataset, type Datasets, type ElementOf} from './data/dataset.ts';
export type {ImageFolder, ImageFolderOptions, LabelledImage} from './data/image-folder.ts';
export * as data from './data/index.ts';
export type {MixOptions} from './data/mixing.ts';
export type {PadSequencesOptions, TimeseriesBatch, TimeseriesOptions} from './data/sequences.ts';
export type {SplitOptions, TrainTestSplit} from './data/split.ts';
export type {Standardization} from './data/standardize.ts';
export type {RowOf, Tables} from './data/table-types.ts';
export type {AnyInput, NestedText, ShapedText, TextInput} from './data/text.ts';
export {gradients, hessianVectorProduct} from './graph/autodiff.ts';
export type {ModelSource} from './io/model-file.ts';
export type {FileTensor} from './io/safetensors.ts';
export type {Activation} from './nn/activations.ts';
export * as activations from './nn/activations.ts';
export type {ValueType} from './nn/ahead.ts';
export type {AheadLayer, CallResult} from './nn/ahead-layer.ts';
export type {InputShape} from './nn/any-length.ts';
export type {WeightOptions} from './nn/call-context.ts';
export type {Constraint, NormOptions} from './nn/constraints.ts';
export * as constraints from './nn/constraints.ts';
export type {Salt} from './nn/hashes.ts';
export type {Initializer} from './nn/initializers.ts';
export * as initializers from './nn/initializers.ts';
export {
  type CallContext,
  type Forward,
  type ForwardAll,
  Layer,
  type LayerOptions,
  type LayerWeight,
  type MakeWeight,
  type Masks,
  type Observe,
  type StepStream,
} from './nn/layer.ts';
export type {ActivationOptions, SoftmaxOptions} from './nn/layers/activation.ts';
export type {AdaptBatches} from './nn/layers/adapt.ts';
export type {AdditiveAttentionOptions, AttentionLayerOptions} from './nn/layers/attention.ts';
export type {AugmentationOptions, ColorOptions, Range} from './nn/layers/augmentation.ts';
export type {BidirectionalOptions, MergeMode} from './nn/layers/bidirectional.ts';
export type {CategoryEncodingLayer, CategoryEncodingOptions} from './nn/layers/category-encoding.ts';
export type {CategoryMode} from './nn/layers/category-modes.ts';
export type {CellLayer, StackedCellsOptions, StateSizes} from './nn/layers/cell-layers.ts';
export type {CheckpointLayerOptions} from './nn/layers/checkpoint.ts';
export type {ConcatenateOptions} from './nn/layers/concatenate.ts';
export type {ConvLstmOptions} from './nn/layers/conv-lstm.ts';
export type {
  Conv1dOptions,
  ConvLayerOptions,
  ConvTransposeLayerOptions,
  DepthwiseConvLayerOptions,
  SeparableConv1dOptions,
  SeparableConvOptions,
} from './nn/layers/convolution.ts';
export type {DenseOptions} from './nn/layers/dense.ts';
export type {DiscretizationLayer, DiscretizationOptions} from './nn/layers/discretization.ts';
export type {DotOptions} from './nn/layers/dot.ts';
export type {DropoutOptions, ImageDropoutOptions, SpatialDropoutOptions} from './nn/layers/dropout.ts';
export type {EmbeddingBagOptions, EmbeddingOptions} from './nn/layers/embedding.ts';
export type {NormalizationLayer, NormalizationOptions} from './nn/layers/feature-normalization.ts';
export type {
  GroupNormalizationOptions,
  RmsNormalizationOptions,
  UnitNormalizationOptions,
} from './nn/layers/group-normalization.ts';
export type {HashingOptions} from './nn/layers/hashing.ts';
export * as layers from './nn/layers/index.ts';
export type {InputLayerOptions} from './nn/layers/input-layer.ts';
export type {LambdaOptions} from './nn/layers/lambda.ts';
export type {CategoryBatches, VocabularyLayer, VocabularyOptions} from './nn/layers/learned-vocabulary.ts';
export type {IntegerLookupOptions, LookupLayer, StringLookupOptions} from './nn/layers/lookup.ts';
export type {MaskingOptions} from './nn/layers/masking.ts';
export type {
  GroupQueryAttentionOptions,
  HeadOptions,
  MultiHeadAttentionOptions,
} from './nn/layers/multi-head-attention.ts';
export type {
  ActivityRegularizationOptions,
  AlphaDropoutOptions,
  GaussianNoiseOptions,
  RateOptions,
} from './nn/layers/noise.ts';
export type {BatchNormalizationOptions, LayerNormalizationOptions} from './nn/layers/normalization.ts';
export type {PixelShuffleOptions} from './nn/layers/pixel-shuffle.ts';
export type {
  AdaptivePoolingOptions,
  GlobalPoolingOptions,
  PoolingOptions,
} from './nn/layers/pooling.ts';
export type {
  AlibiBiasOptions,
  PositionEmbeddingOptions,
  RotaryEmbeddingOptions,
  SinePositionOptions,
} from './nn/layers/positions.ts';
export type {PreluOptions} from './nn/layers/prelu.ts';
export type {ImageSizeOptions, RescalingOptions, ResizingOptions} from './nn/layers/preprocessing.ts';
export type {
  ColorFactorOptions,
  RandomErasingOptions,
  RandomGrayscaleOptions,
} from './nn/layers/random-color.ts';
export type {
  RandomFlipOptions,
  RandomRotationOptions,
  RandomShearOptions,
  RandomTranslationOptions,
  RandomZoomOptions,
} from './nn/layers/random-geometry.ts';
export type {ReLUOptions, ThresholdedReLUOptions} from './nn/layers/rectifiers.ts';
export type {
  GruCellOptions,
  GruOptions,
  LstmCellOptions,
  LstmOptions,
  SequenceOptions,
  SimpleRnnCellOptions,
  SimpleRnnOptions,
} from './nn/layers/recurrent-options.ts';
export type {PermuteOptions, RepeatVectorOptions, ReshapeOptions} from './nn/layers/reshape.ts';
export type {
  CroppingOptions,
  UpSampling2dOptions,
  UpSamplingOptions,
  ZeroPaddingOptions,
} from './nn/layers/resizing.ts';
export type {CellFunction, RnnOptions} from './nn/layers/rnn.ts';
export type {DataFormat, Sides} from './nn/layers/spatial-options.ts';
export type {SpectralNormalizationOptions} from './nn/layers/spectral-normalization.ts';
export type {TextVectorizationLayer, TextVectorizationOptions} from './nn/layers/text-vectorization.ts';
export type {TimeDistributedOptions} from './nn/layers/time-distributed.ts';
export type {
  BytePairTokenizerOptions,
  TokenizerLayer,
  TokenizerLayerOptions,
  TokenizerOptions,
  WordPieceTokenizerOptions,
} from './nn/layers/tokenizer.ts';
export type {TransformerOptions} from './nn/layers/transformer.ts';
export type {CrossentropyOptions, SparseCrossentropyOptions} from './nn/losses/crossentropy.ts';
export type {CtcOptions} from './nn/losses/ctc.ts';
export type {BinaryFocalOptions, FocalOptions} from './nn/losses/focal.ts';
export type {OverlapOptions, TverskyOptions} from './nn/losses/overlap.ts';
export type {InBatchNegativesOptions, MarginOptions, TripletOptions} from './nn/losses/pairs.ts';
export type {Loss} from './nn/losses.ts';
export * as losses from './nn/losses.ts';
export type {TopKOptions} from './nn/metrics/accuracy.ts';
export type {
  AtThresholdOptions,
  PrecisionAtRecallOptions,
  RecallAtPrecisionOptions,
  SensitivityAtSpecificityOptions,
  SpecificityAtSensitivityOptions,
} from './nn/metrics/at-threshold.ts';
export type {AucOptions} from './nn/metrics/auc.ts';
export type {ClassificationOptions, CountOptions, FBetaOptions} from './nn/metrics/classification.ts';
export type {IoUOptions} from './nn/metrics/confusion.ts';
export type {DecisionOptions} from './nn/metrics/decision.ts';
export type {EditDistanceOptions, PerplexityOptions} from './nn/metrics/text.ts';
export type {CustomMetric, Metric, MetricContext} from './nn/metrics.ts';
export * as metrics from './nn/metrics.ts';
export type {Regularizer} from './nn/regularizers.ts';
export * as regularizers from './nn/regularizers.ts';
export type {
  ActivationLike,
  ConstraintLike,
  InitializerLike,
  LossLike,
  MetricLike,
  RegularizerLike,
} from './nn/resolve.ts';
export {type InputOptions, input, type LayerCall, type SymbolicTensor} from './nn/symbolic.ts';
export type {Token} from './nn/token-counts.ts';
export type {SetWeightsOptions, WeightData, WeightNumbers, WeightsSet, WeightValue} from './nn/weights.ts';
export type {MatmulAttributes} from './ops/gemm.ts';
export * as ops from './ops/index.ts';
export type {UpdateAttributes} from './ops/optimizer.ts';
export type {AdamOptions, BetaOptions} from './optim/adam.ts';
export type {AdadeltaOptions, AdagradOptions, LionOptions, NadamOptions} from './optim/adaptive.ts';
export type {
  CosineDecayOptions,
  CosineDecayRestartsOptions,
  OneCycleOptions,
} from './optim/cosine-schedules.ts';
export type {OwnOptimizer, UpdateFunction, UpdateStep} from './optim/custom.ts';
export type {FtrlOptions} from './optim/ftrl.ts';
export type {GroupedOptions, OptimizerGroup, SingleOptimizer} from './optim/grouped.ts';
export * as optimizers from './optim/index.ts';
export type {AdafactorOptions} from './optim/layerwise.ts';
export type {MuonOptions} from './optim/muon.ts';
export type {Optimizer, Slot, Updates, WeightStep} from './optim/optimizer.ts';
export type {CommonOptions} from './optim/options.ts';
export type {OptimizerInput} from './optim/own.ts';
export type {OptimizerLike} from './optim/resolve.ts';
export type {RmspropOptions} from './optim/rmsprop.ts';
export type {LearningRate, Schedule} from './optim/schedule.ts';
export * as schedules from './optim/schedules.ts';
export type {SgdOptions} from './optim/sgd.ts';
export {getThreads, nativeInfo, setThreads} from './runtime/program.ts';
export {evaluate, evaluateSync} from './session/evaluate.ts';
export {type CompiledFunction, compile, type FunctionOptions, type RunOptions} from './session/function.ts';
export type {InputValue, InputValues} from './session/inputs.ts';
export {VariableStore} from './session/store.ts';
export type {OutputTensors, Results, TensorValue} from './session/structure.ts';
export type {GradientValues} from './train/actions/apply-gradients.ts';
export type {Parameter, Predicted} from './train/actions/base-model.ts';
export type {CallOptions} from './train/actions/call.ts';
export type {EvaluateOptions} from './train/actions/evaluate.ts';
export type {ForwardOptions, ForwardResult} from './train/actions/forward.ts';
export type {GenerateOptions, Generation} from './train/actions/generate.ts';
export type {GradientsOptions, GradientsResult} from './train/actions/gradients.ts';
export {type Minimization, minimize} from './train/actions/minimize.ts';
export type {ModelOptimizer, OptimizerWeight} from './train/actions/model-optimizer.ts';
export type {PlotOptions} from './train/actions/plot.ts';
export type {Inputs} from './train/actions/predict.ts';
export type {SaveOptions} from './train/actions/save.ts';
export type {SummaryOptions} from './train/actions/summary.ts';
export type {BackupAndRestoreOptions} from './train/callbacks/backup-and-restore.ts';
export type {CallbackLike, CallbackState, Checkpoint} from './train/callbacks/callback.ts';
export type {CsvLoggerOptions} from './train/callbacks/csv-logger.ts';
export type {EarlyStoppingOptions} from './train/callbacks/early-stopping.ts';
export type {
  GradientMonitor,
  GradientMonitorOptions,
  HealthReport,
} from './train/callbacks/gradient-monitor.ts';
export * as callbacks from './train/callbacks/index.ts';
export type {LayerHealth} from './train/callbacks/layer-health.ts';
export type {LearningRateSchedulerOptions} from './train/callbacks/learning-rate-scheduler.ts';
export type {ModelCheckpointOptions} from './train/callbacks/model-checkpoint.ts';
export type {ProgressOptions, ProgressStream} from './train/callbacks/progress.ts';
export type {ReduceLROnPlateauOptions} from './train/callbacks/reduce-lr-on-plateau.ts';
export type {SaveFreq} from './train/callbacks/saving.ts';
export type {StopAfterOptions} from './train/callbacks/stop-after.ts';
export type {StopAtTargetOptions, StopOnPlateauOptions, StopWhenOptions} from './train/callbacks/stopping.ts';
export type {Batch, Batches} from './train/feed/batches.ts';
export type {ClassWeight, EachOutput, Weighting} from './train/feed/sample-weights.ts';
export {foldBatchNormalization} from './train/fold-batch-normalization.ts';
export {type LoadOptions, load} from './train/load.ts';
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
  type SequentialOptions,
  sequential,
} from './train/model.ts';
export type {LayerLike} from './train/network/chain.ts';
export type {SymbolicTensors} from './train/network/network.ts';
export type {PortData} from './train/network/ports.ts';
export type {Prediction, ShapedResult} from './train/network/results.ts';
export type {History, Logs} from './train/run/logs.ts';
export type {CompileOptions, PerOutput} from './train/step/compile-options.ts';
export type {Criterion, StepValues} from './train/step/criterion.ts';
export type {LayerGradientRecord, LayerRecord} from './train/step/recorder.ts';
