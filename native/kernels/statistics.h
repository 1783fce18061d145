// Mean with variance, the Euclidean norm and log Σ exp along an axis, read from memory once: a second pass
// over a row or a strip of columns finds it in the cache. Twin of lib/ops/statistics.ts.
//
// Sums are in the order of reduce.h.
#pragma once

#include "softmax.h"

namespace chainrule {
namespace {

// Σ take(x) over a contiguous row.
template <class Take>
VEC_INLINE float sum_chunk_of(const float* x, int64_t n, Take take) {
  Vec all = zero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) all = all + take(load(x + i));
  if (i < n) all = all + select(mask_below(n - i), take(load_tail(x + i, n - i)), zero());
  return reduce_add(all);
}

template <class Take>
VEC_INLINE float sum_row_of(const float* x, int64_t n, Take take) {
  if (n <= kElementChunk) return sum_chunk_of(x, n, take);
  return join_pairwise<float>(
      ceil_div(n, kElementChunk),
      [=](int64_t i) {
        int64_t start = i * kElementChunk;
        return sum_chunk_of(x + start, min(kElementChunk, n - start), take);
      },
      [](float a, float b) { return a + b; });
}

// Chunks of so few vectors that are summed side by side: the chain of one would wait for itself.
template <int kCount>
constexpr int kChunksAbreast = kCount == 1 ? 4 : kCount == 2 ? 2 : 1;

// Adds Σ take(x, v) of kChunks chunks, each of so many rows, down the columns of vectors v.
template <int kCount, int kChunks, class Take>
VEC_INLINE void add_chunks(Vec (&all)[kCount], const float* x, int64_t rows, int64_t stride, int64_t width,
                           Take take) {
  Vec sums[kChunks][kCount];
  for (int c = 0; c < kChunks; ++c) {
    for (int v = 0; v < kCount; ++v) sums[c][v] = zero();
  }
  for (int64_t row = 0; row < rows; ++row) {
#pragma GCC unroll 4
    for (int c = 0; c < kChunks; ++c) {
      const float* at = x + (c * kRowChunk + row) * stride;
#pragma GCC unroll 4
      for (int v = 0; v < kCount; ++v) {
        const Vec here = kCount > 1 ? load(at + v * kLanes) : load_upto(at, width);
        sums[c][v] = sums[c][v] + take(here, v);
      }
    }
  }
  for (int c = 0; c < kChunks; ++c) {
    for (int v = 0; v < kCount; ++v) all[v] = all[v] + sums[c][v];
  }
}

// Σ take(x, v) down the columns of vectors v.
template <int kCount, class Take>
VEC_INLINE void sum_columns_of(Vec (&all)[kCount], const float* x, int64_t n, int64_t stride, int64_t width,
                               Take take) {
  constexpr int kChunks = kChunksAbreast<kCount>;
  for (int v = 0; v < kCount; ++v) all[v] = zero();
  int64_t row = 0;
  for (; kChunks > 1 && row + kChunks * kRowChunk <= n; row += kChunks * kRowChunk) {
    add_chunks<kCount, kChunks>(all, x + row * stride, kRowChunk, stride, width, take);
  }
  for (; row < n; row += kRowChunk) {
    add_chunks<kCount, 1>(all, x + row * stride, min(n - row, kRowChunk), stride, width, take);
  }
}

struct Four { static constexpr int kCount = 4; };
struct Two { static constexpr int kCount = 2; };
struct One { static constexpr int kCount = 1; };

// Calls work(vectors as a constant, first column, columns) for a strip: at once where it is whole, or half.
template <class Work>
VEC_INLINE void for_vectors(int64_t width, Work work) {
  if (width == kStrip) return work(Four{}, 0, width);
  if (width == kStrip / 2) return work(Two{}, 0, width);
  for (int64_t column = 0; column < width; column += kLanes) work(One{}, column, width - column);
}

VEC_INLINE Vec squared(Vec x) { return x * x; }

VEC_INLINE float first_lane(Vec x) {
  float lanes[kLanes];
  store(lanes, x);
  return lanes[0];
}

const char* check_moments(const Args& args) {
  if (const char* wrong = check_reduce(args)) return wrong;
  bool fits = same_dims(args.outputs[0], args.outputs[1]);
  return fits ? nullptr : "the variance must have the dims of the mean";
}

VEC_INLINE void moments_of_row(float* mean, float* variance, const float* x, int64_t n) {
  float count = static_cast<float>(n), center = reduce_row<SumOf<float>>(x, n) / count;
  *mean = center;
  *variance = sum_row_of(x, n, [=](Vec here) { return squared(here - splat(center)); }) / count;
}

template <int kCount>
VEC_INLINE void moments_of_columns(float* mean, float* variance, const float* x, int64_t n, int64_t stride,
                                   int64_t width) {
  Vec center[kCount], squares[kCount], count = splat(static_cast<float>(n));
  sum_columns_of<kCount>(center, x, n, stride, width, [](Vec here, int) { return here; });
  for (int v = 0; v < kCount; ++v) center[v] = center[v] / count;
  sum_columns_of<kCount>(squares, x, n, stride, width,
                         [&](Vec here, int v) { return squared(here - center[v]); });
  for (int v = 0; v < kCount; ++v) {
    store_upto(mean + v * kLanes, center[v], width - v * kLanes);
    store_upto(variance + v * kLanes, squares[v] / count, width - v * kLanes);
  }
}

void run_moments(const Args& args, int64_t first_task, int64_t last_task) {
  AxisView view = axis_view(args);
  const float* x = input<float>(args, 0);
  float *mean = output<float>(args, 0), *variance = output<float>(args, 1);
  for_items(view, first_task, last_task, [=](int64_t to, int64_t from, int64_t width) {
    if (view.inner == 1) return moments_of_row(mean + to, variance + to, x + from, view.n);
    for_vectors(width, [=](auto count, int64_t column, int64_t left) {
      moments_of_columns<decltype(count)::kCount>(mean + to + column, variance + to + column,
                                                    x + from + column, view.n, view.inner, left);
    });
  });
}

template <int kCount>
VEC_INLINE void norm_of_columns(float* y, const float* x, int64_t n, int64_t stride, int64_t width) {
  Vec squares[kCount];
  sum_columns_of<kCount>(squares, x, n, stride, width, [](Vec here, int) { return squared(here); });
  for (int v = 0; v < kCount; ++v) store_upto(y + v * kLanes, sqrt(squares[v]), width - v * kLanes);
}

void run_norm(const Args& args, int64_t first_task, int64_t last_task) {
  AxisView view = axis_view(args);
  const float* x = input<float>(args, 0);
  float* y = output<float>(args, 0);
  for_items(view, first_task, last_task, [=](int64_t to, int64_t from, int64_t width) {
    if (view.inner == 1) {
      y[to] = first_lane(sqrt(splat(sum_row_of(x + from, view.n, squared))));
      return;
    }
    for_vectors(width, [=](auto count, int64_t column, int64_t left) {
      norm_of_columns<decltype(count)::kCount>(y + to + column, x + from + column, view.n, view.inner, left);
    });
  });
}

double log_sum_exp_cost(const Args& args) {
  double results = static_cast<double>(args.outputs[0].count);
  return 40.0 + 0.6 * static_cast<double>(args.inputs[0].count) + 15.0 * results;
}

int64_t log_sum_exp_tasks(const Args& args) {
  AxisView view = axis_view(args);
  return tasks_of(view_items(view), 8 * item_elements(view));
}

// What is subtracted from all: the largest, unless that is infinite.
VEC_INLINE Vec shift_of(Vec largest) {
  return select(less(abs(largest), splat(__builtin_inff())), largest, zero());
}

template <int kCount>
VEC_INLINE void log_sum_exp_of_columns(float* y, const float* x, int64_t n, int64_t stride, int64_t width) {
  Vec shift[kCount], sums[kCount];
  for (int v = 0; v < kCount; ++v) shift[v] = splat(MaxOf<float>::kIdentity);
  for (int64_t row = 0; row < n; ++row) {
    for (int v = 0; v < kCount; ++v) {
      shift[v] = max(shift[v], load_upto(x + row * stride + v * kLanes, width - v * kLanes));
    }
  }
  for (int v = 0; v < kCount; ++v) shift[v] = shift_of(shift[v]);
  sum_columns_of<kCount>(sums, x, n, stride, width, [&](Vec here, int v) { return exp(here - shift[v]); });
  for (int v = 0; v < kCount; ++v) store_upto(y + v * kLanes, shift[v] + log(sums[v]), width - v * kLanes);
}

// Work is cut for exponentials, which take as long as eight additions.
template <class Work>
VEC_INLINE void for_exponentials(const AxisView& view, int64_t first_task, int64_t last_task, Work work) {
  int64_t per_task = items_per_task(8 * item_elements(view)), strips = ceil_div(view.inner, kStrip);
  int64_t last = min(last_task * per_task, view_items(view));
  for (int64_t item = first_task * per_task; item < last; ++item) {
    int64_t outer = item / strips, column = item % strips * kStrip;
    work(outer * view.inner + column, outer * view.n * view.inner + column,
         min(kStrip, view.inner - column));
  }
}

void run_log_sum_exp(const Args& args, int64_t first_task, int64_t last_task) {
  AxisView view = axis_view(args);
  const float* x = input<float>(args, 0);
  float* y = output<float>(args, 0);
  for_exponentials(view, first_task, last_task, [=](int64_t to, int64_t from, int64_t width) {
    if (view.inner == 1) {
      Vec shift = shift_of(splat(reduce_row<MaxOf<float>>(x + from, view.n)));
      float sum = sum_row_of(x + from, view.n, [=](Vec here) { return exp(here - shift); });
      y[to] = first_lane(shift + log(splat(sum)));
      return;
    }
    for_vectors(width, [=](auto count, int64_t column, int64_t left) {
      log_sum_exp_of_columns<decltype(count)::kCount>(y + to + column, x + from + column, view.n, view.inner,
                                                        left);
    });
  });
}

constexpr Kernel kStatisticsKernels[] = {
    {"moments(x: f32) -> mean: f32, variance: f32 {axis: i32}", check_moments, reduce_tasks, reduce_cost,
     nullptr, run_moments, 0},
    {"norm(x: f32) -> y: f32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr, run_norm, 0},
    {"logSumExp(x: f32) -> y: f32 {axis: i32}", check_reduce, log_sum_exp_tasks, log_sum_exp_cost, nullptr,
     run_log_sum_exp, 0},
};

}  // namespace
}  // namespace chainrule
