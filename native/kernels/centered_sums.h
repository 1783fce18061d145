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

// Both sums down the columns of kCount vectors.
template <int kCount>
struct ColumnSums {
  Vec total[kCount], along[kCount];
};

// Adds those of kChunks chunks, each of so many rows.
template <int kCount, int kChunks>
VEC_INLINE void add_centered_chunks(ColumnSums<kCount>* all, const float* dy, const float* x,
                                    const Vec (&center)[kCount], int64_t rows, int64_t stride,
                                    int64_t width) {
  Vec sums[kChunks][kCount], products[kChunks][kCount];
  for (int c = 0; c < kChunks; ++c) {
    for (int v = 0; v < kCount; ++v) sums[c][v] = products[c][v] = zero();
  }
  for (int64_t row = 0; row < rows; ++row) {
#pragma GCC unroll 4
    for (int c = 0; c < kChunks; ++c) {
      const int64_t at = (c * kRowChunk + row) * stride;
#pragma GCC unroll 4
      for (int v = 0; v < kCount; ++v) {
        const Vec d = kCount > 1 ? load(dy + at + v * kLanes) : load_upto(dy + at, width);
        const Vec here = kCount > 1 ? load(x + at + v * kLanes) : load_upto(x + at, width);
        sums[c][v] = sums[c][v] + d;
        products[c][v] = products[c][v] + d * (here - center[v]);
      }
    }
  }
  for (int c = 0; c < kChunks; ++c) {
    for (int v = 0; v < kCount; ++v) {
      all->total[v] = all->total[v] + sums[c][v];
      all->along[v] = all->along[v] + products[c][v];
    }
  }
}

template <int kCount>
VEC_INLINE void centered_sums_of_columns(float* total, float* along, const float* dy, const float* x,
                                         const float* mean, int64_t n, int64_t stride, int64_t width) {
  constexpr int kChunks = kChunksAbreast<kCount>;
  Vec center[kCount];
  ColumnSums<kCount> all;
  for (int v = 0; v < kCount; ++v) {
    center[v] = load_upto(mean + v * kLanes, width - v * kLanes);
    all.total[v] = all.along[v] = zero();
  }
  int64_t row = 0;
  for (; kChunks > 1 && row + kChunks * kRowChunk <= n; row += kChunks * kRowChunk) {
    const int64_t at = row * stride;
    add_centered_chunks<kCount, kChunks>(&all, dy + at, x + at, center, kRowChunk, stride, width);
  }
  for (; row < n; row += kRowChunk) {
    const int64_t at = row * stride, rows = min(n - row, kRowChunk);
    add_centered_chunks<kCount, 1>(&all, dy + at, x + at, center, rows, stride, width);
  }
  for (int v = 0; v < kCount; ++v) {
    store_upto(total + v * kLanes, all.total[v], width - v * kLanes);
    store_upto(along + v * kLanes, all.along[v], width - v * kLanes);
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
