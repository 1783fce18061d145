// Sums of what is scattered, zero where nothing arrives. Zeros are not written first: what arrives at a row
// first makes it. The op is in lib/ops/indexing.ts.
#pragma once

#include "indexing.h"

namespace chainrule {
namespace {

// At which rows of a strip something has arrived: a bit for each, so many in a word.
constexpr int64_t kRowsOfWord = 64;
// Narrower rows, which are one strip, become zeros first: a bit takes longer than some elements.
VEC_INLINE bool marks_rows(int64_t inner) { return inner >= kLanes; }

VEC_INLINE Gathered summed(const Args& args) {
  return gathered(args.outputs[0], args.inputs[0], args.attributes[0], args.attributes[1]);
}

const char* check_scatter_sum(const Args& args) {
  return check_indexed(args, args.outputs[0], args.inputs[0], args.inputs[1]);
}

int64_t scatter_sum_tasks(const Args& args) {
  if (args.outputs[0].count == 0) return 1;
  const Gathered of = summed(args);
  return of.batch * of.outer * strips_of_row(of.inner);
}

double scatter_sum_cost(const Args& args) {
  return 60.0 + static_cast<double>(args.inputs[0].count) + 0.2 * static_cast<double>(args.inputs[1].count) +
         0.05 * static_cast<double>(args.outputs[0].count);
}

size_t scatter_sum_scratch(const Args& args) {
  if (args.outputs[0].count == 0) return 0;
  const Gathered of = summed(args);
  return marks_rows(of.inner) ? static_cast<size_t>(ceil_div(of.n, kRowsOfWord)) * sizeof(uint64_t) : 0;
}

// A row at which something arrives first: added to zero, because the sum of 0 and -0 is 0.
VEC_INLINE void begin_row(float* to, const float* from, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store_upto(to + i, zero() + load_upto(from + i, n - i), n - i);
}

// A block of columns too few to be marked.
void add_to_zeros(const Gathered& of, float* y, const int32_t* indices, const float* updates) {
  fill_elements(y, 0.0f, of.n * of.inner);
  for (int64_t i = 0; i < of.count; ++i) {
    const int32_t index = read_once(indices + i);
    if (is_inside(index, of.n)) AddTo::join(y + index * of.inner, updates + i * of.inner, of.inner);
  }
}

// Columns of a block from `y` on, as many as `width`.
void sum_rows(const Gathered& of, float* y, const int32_t* indices, const float* updates, int64_t width,
              uint64_t* marks) {
  for (int64_t i = 0; i < ceil_div(of.n, kRowsOfWord); ++i) marks[i] = 0;
  for (int64_t i = 0; i < of.count; ++i) {
    const int32_t index = read_once(indices + i);
    if (!is_inside(index, of.n)) continue;
    uint64_t* word = marks + index / kRowsOfWord;
    const uint64_t mark = uint64_t{1} << (index % kRowsOfWord);
    if ((*word & mark) != 0) {
      AddTo::join(y + index * of.inner, updates + i * of.inner, width);
    } else {
      begin_row(y + index * of.inner, updates + i * of.inner, width);
    }
    *word |= mark;
  }
  for (int64_t i = 0; i < of.n; ++i) {
    const uint64_t word = marks[i / kRowsOfWord] >> (i % kRowsOfWord);
    if ((word & 1) == 0) fill_elements(y + i * of.inner, 0.0f, width);
  }
}

void run_scatter_sum(const Args& args, int64_t first, int64_t last) {
  if (args.outputs[0].count == 0) return;
  const Gathered of = summed(args);
  for_strips(of, first, last, [&](int64_t block, int64_t from, int64_t to) {
    float* y = output<float>(args, 0) + block * of.n * of.inner;
    const int32_t* indices = input<int32_t>(args, 0) + block / of.outer * of.count;
    const float* updates = input<float>(args, 1) + block * of.count * of.inner;
    if (!marks_rows(of.inner)) return add_to_zeros(of, y, indices, updates);
    sum_rows(of, y + from, indices, updates + from, to - from, static_cast<uint64_t*>(args.scratch));
  });
}

constexpr Kernel kScatterSumKernels[] = {
    {"scatterSum(indices: i32, updates: f32) -> y: f32 {axis: i32, batchDims: i32}", check_scatter_sum,
     scatter_sum_tasks, scatter_sum_cost, scatter_sum_scratch, run_scatter_sum, 0},
};

}  // namespace
}  // namespace chainrule
