// An axis made longer or shorter: each position of the result is a sum of neighbours of the operand, with
// weights of its own. Twin of lib/ops/resample.ts.
//
// Terms are added in ascending order. What lies outside of the operand, or has the weight 0, is not read.
#pragma once

#include "operands.h"

namespace chainrule {
namespace {

// x is [outer, from, inner], the result [outer, to, inner].
struct Resampling {
  int64_t outer, from, to, inner, taps;
};

Resampling resampling_of(const Args& args) {
  const Tensor &x = args.inputs[0], &weights = args.inputs[2];
  const int32_t axis = args.attributes[0];
  if (args.outputs[0].count == 0) return {0, 0, 0, 0, 0};
  return {extent(x, 0, axis), x.dims[axis], weights.dims[0], extent(x, axis + 1, x.rank), weights.dims[1]};
}

const char* check_resample(const Args& args) {
  const Tensor &x = args.inputs[0], &starts = args.inputs[1], &weights = args.inputs[2];
  const Tensor& y = args.outputs[0];
  const int32_t axis = args.attributes[0];
  if (axis < 0 || axis >= x.rank) return "the axis is outside the operand";
  if (weights.rank != 2 || !is_vector(starts, weights.dims[0])) return "each start needs a row of weights";
  if (y.rank != x.rank) return "the result has another rank";
  for (int32_t i = 0; i < y.rank; ++i) {
    if (y.dims[i] != (i == axis ? weights.dims[0] : x.dims[i])) return "the dims of the result do not fit";
  }
  return nullptr;
}

int64_t resample_tasks(const Args& args) {
  const Resampling of = resampling_of(args);
  return tasks_of(of.outer * of.to, of.inner * max(of.taps, 1));
}

double resample_cost(const Args& args) {
  const double elements = static_cast<double>(args.outputs[0].count);
  return 50.0 + 0.1 * elements * static_cast<double>(args.inputs[2].dims[1] + 1);
}

// Sums of the rows [first, last) of `from`, which are `stride` apart, by their weights: kCount vectors.
template <int kCount>
VEC_INLINE void sum_weighted(float* to, const float* from, const float* weights, int64_t first, int64_t last,
                             int64_t stride, int64_t width) {
  Vec sums[kCount];
  for (int v = 0; v < kCount; ++v) sums[v] = zero();
  for (int64_t tap = first; tap < last; ++tap) {
    if (weights[tap] == 0) continue;
    const Vec weight = splat(weights[tap]);
    for (int v = 0; v < kCount; ++v) {
      sums[v] = fma(weight, load_upto(from + tap * stride + v * kLanes, width - v * kLanes), sums[v]);
    }
  }
  for (int v = 0; v < kCount; ++v) store_upto(to + v * kLanes, sums[v], width - v * kLanes);
}

void run_resample(const Args& args, int64_t first_task, int64_t last_task) {
  const Resampling of = resampling_of(args);
  if (of.outer == 0) return;
  const float *x = input<float>(args, 0), *weights = input<float>(args, 2);
  const int32_t* starts = input<int32_t>(args, 1);
  float* y = output<float>(args, 0);
  const int64_t per_task = items_per_task(of.inner * max(of.taps, 1));
  const int64_t end = min(last_task * per_task, of.outer * of.to);
  constexpr int64_t kWide = 4 * kLanes;
  for (int64_t row = first_task * per_task; row < end; ++row) {
    const int64_t outer = row / of.to, at = row - outer * of.to, start = read_once(starts + at);
    const int64_t first = min(max(-start, 0), of.taps), last = max(min(of.taps, of.from - start), first);
    const float* own = weights + at * of.taps;
    const float* from = x + (outer * of.from + start) * of.inner;
    float* to = y + row * of.inner;
    int64_t column = 0;
    for (; of.inner - column >= kWide; column += kWide) {
      sum_weighted<4>(to + column, from + column, own, first, last, of.inner, kWide);
    }
    for (; column < of.inner; column += kLanes) {
      sum_weighted<1>(to + column, from + column, own, first, last, of.inner, of.inner - column);
    }
  }
}

constexpr Kernel kResampleKernels[] = {
    {"resample(x: f32, starts: i32, weights: f32) -> y: f32 {axis: i32}", check_resample, resample_tasks,
     resample_cost, nullptr, run_resample, 0},
};

}  // namespace
}  // namespace chainrule
