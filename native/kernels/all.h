// Table of contents: every kernel. The files in isa/ compile this once for each instruction set.
#pragma once

#include "attention_grad.h"
#include "centered_sums.h"
#include "check.h"
#include "conv.h"
#include "cumulate.h"
#include "detection.h"
#include "gather.h"
#include "gemm.h"
#include "gemm_integers.h"
#include "indexing.h"
#include "join.h"
#include "kernel_list.h"
#include "map.h"
#include "move.h"
#include "normalize.h"
#include "optimizer.h"
#include "pad.h"
#include "pool.h"
#include "program.h"
#include "random.h"
#include "recurrent_step.h"
#include "reduce.h"
#include "resample.h"
#include "row_updates.h"
#include "scatter_sum.h"
#include "softmax.h"
#include "sort.h"
#include "statistics.h"
#include "window.h"

namespace chainrule {
namespace {

constexpr auto kKernels =
    list_of(kGemmKernels, kProgramKernels, kReduceKernels, kGemmIntegersKernels, kSoftmaxKernels,
         kGatherKernels, kCheckKernels, kRandomKernels, kMoveKernels, kOptimizerKernels, kJoinKernels,
         kPadKernels, kIndexingKernels, kCumulateKernels, kStatisticsKernels, kCenteredSumsKernels,
         kLayerNormKernels, kSortKernels, kWindowKernels, kConvKernels, kPoolKernels, kResampleKernels,
         kDetectionKernels, kRecurrentKernels, kRecurrentStepKernels, kAttentionKernels, kRowUpdateKernels,
         kScatterSumKernels);

constexpr int32_t kKernelCount = sizeof(kKernels.kernels) / sizeof(Kernel);
constexpr KernelTable kTable = {kIsaName, kKernels.kernels, kKernelCount, kMapOps, kMapOpCount};

}  // namespace
}  // namespace chainrule
