// What the gradient of a normalization is made of: the sums of dy, and of dy times the distance of x from a
// mean, along an axis, read from memory once. Twin of lib/ops/statistics.ts. Sums are as in reduce.h.
#pragma once

#include "statistics.h"

namespace chainrule {
namespace {

const char* check_centered_sums(const Args& args) {
  if (const char* wrong = check_reduce(args)) return wrong;
  const bool fits = same_dims(args.inputs[0], args.inputs[1]) && same_dims(args.inputs[2], args.outputs[0]) &&
                    same_dims(args.outputs[0], args.outputs[1]);
  return fits ? nullptr : "the operands of centered sums do not fit";
}

double centered_sums_cost(const Args& args) { return 2 * reduce_cost(args); }

struct CenteredSums {
  float total, along;
};

VEC_INLINE CenteredSums centered_sums_of_chunk(const float* dy, const float* x, float mean, int64_t n) {
  Vec total = zero(), along = zero();
  for (int64_t i = 0; i < n; i += kLanes) {
    // Lanes that do not exist have dy = 0 and an x of 0, which no mean that is not finite meets.
    const Vec own = load_upto(dy + i, n - i), away = load_upto(x + i, n - i) - splat(mean);
    const Vec product = own * away;
    total = total + own;
    along = along + (n - i >= kLanes ? product : select(mask_below(n - i), product, zero()));
  }
  return {reduce_add(total), reduce_add(along)};
}

VEC_INLINE CenteredSums centered_sums_of_row(const float* dy, const float* x, float mean, int64_t n) {
  if (n <= kElementChunk) return centered_sums_of_chunk(dy, x, mean, n);
  return join_pairwise<CenteredSums>(
      ceil_div(n, kElementChunk),
      [=](int64_t i) {
        const int64_t start = i * kElementChunk;
        return centered_sums_of_chunk(dy + start, x + start, mean, min(kElementChunk, n - start));
      },
      [](CenteredSums a, CenteredSums b) { return CenteredSums{a.total + b.total, a.along + b.along}; });
}

// Down the columns of kCount vectors.
template <int kCount>
VEC_INLINE void centered_sums_of_columns(float* total, float* along, const float* dy, const float* x,
                                         const float* mean, int64_t n, int64_t stride, int64_t width) {
  Vec center[kCount], all[kCount], all_along[kCount];
  for (int v = 0; v < kCount; ++v) {
    center[v] = load_upto(mean + v * kLanes, width - v * kLanes);
    all[v] = all_along[v] = zero();
  }
  for (int64_t start = 0; start < n; start += kRowChunk) {
    Vec sums[kCount], products[kCount];
    for (int v = 0; v < kCount; ++v) sums[v] = products[v] = zero();
    const int64_t end = min(start + kRowChunk, n);
    for (int64_t row = start; row < end; ++row) {
      const float *own = dy + row * stride, *from = x + row * stride;
#pragma GCC unroll 4
      for (int v = 0; v < kCount; ++v) {
        const Vec d = kCount > 1 ? load(own + v * kLanes) : load_upto(own, width);
        const Vec here = kCount > 1 ? load(from + v * kLanes) : load_upto(from, width);
        sums[v] = sums[v] + d;
        products[v] = products[v] + d * (here - center[v]);
      }
    }
    for (int v = 0; v < kCount; ++v) {
      all[v] = all[v] + sums[v];
      all_along[v] = all_along[v] + products[v];
    }
  }
  for (int v = 0; v < kCount; ++v) {
    store_upto(total + v * kLanes, all[v], width - v * kLanes);
    store_upto(along + v * kLanes, all_along[v], width - v * kLanes);
  }
}

void run_centered_sums(const Args& args, int64_t first_task, int64_t last_task) {
  const AxisView view = axis_view(args);
  const float *dy = input<float>(args, 0), *x = input<float>(args, 1), *mean = input<float>(args, 2);
  float *total = output<float>(args, 0), *along = output<float>(args, 1);
  for_items(view, first_task, last_task, [=](int64_t to, int64_t from, int64_t width) {
    if (view.inner == 1) {
      const CenteredSums sums = centered_sums_of_row(dy + from, x + from, mean[to], view.n);
      total[to] = sums.total;
      along[to] = sums.along;
      return;
    }
    for_vectors(width, [=](auto count, int64_t column, int64_t left) {
      const int64_t at = to + column, at_x = from + column;
      constexpr int kCount = decltype(count)::kCount;
      centered_sums_of_columns<kCount>(total + at, along + at, dy + at_x, x + at_x, mean + at, view.n,
                                       view.inner, left);
    });
  });
}

constexpr Kernel kCenteredSumsKernels[] = {
    {"centeredSums(dy: f32, x: f32, mean: f32) -> total: f32, along: f32 {axis: i32}", check_centered_sums,
     reduce_tasks, centered_sums_cost, nullptr, run_centered_sums, 0},
};

}  // namespace
}  // namespace chainrule
