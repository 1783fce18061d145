// Running sums and products, and the recurrence y[k] = decay[k] · y[k - 1] + x[k]. Twin of
// lib/ops/cumulate.ts.
//
// Each line along the axis is one chain, in its order. Sixteen lines advance together: neighbours where they
// lie side by side, else blocks of sixteen lines that are transposed.
#pragma once

#include "reduce.h"

namespace chainrule {
namespace {

struct RunningSum {
  static constexpr float kStart = 0.0f;
  static constexpr int kOperands = 1;
  template <class Number>
  static VEC_INLINE Number step(Number so_far, Number x, Number) { return so_far + x; }
};
struct RunningProduct {
  static constexpr float kStart = 1.0f;
  static constexpr int kOperands = 1;
  template <class Number>
  static VEC_INLINE Number step(Number so_far, Number x, Number) { return so_far * x; }
};
struct Recurrence {
  static constexpr float kStart = 0.0f;
  static constexpr int kOperands = 2;
  template <class Number>
  static VEC_INLINE Number step(Number so_far, Number x, Number decay) { return decay * so_far + x; }
};

// A product in the order in which sums are added.
struct ProductOf {
  static constexpr float kIdentity = 1.0f;
  static VEC_INLINE Vec join(Vec a, Vec b) { return a * b; }
  static VEC_INLINE float join(float a, float b) { return a * b; }
  static VEC_INLINE float over_lanes(Vec x) {
    float lanes[kLanes];
    store(lanes, x);
    for (int half = kLanes / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] = lanes[i] * lanes[i + half];
    }
    return lanes[0];
  }
};

// x as [outer, n, inner]; `exclusive` leaves out an element's own term.
struct Lines {
  int64_t outer, n, inner;
  bool exclusive, reverse;
  const float* x;
  const float* decay;
  float* y;

  // Position k of the chain: counted from the end where it runs backwards.
  VEC_INLINE int64_t place(int64_t k) const { return reverse ? n - 1 - k : k; }
};

template <class Of>
VEC_INLINE Lines lines_of(const Args& args) {
  const Tensor& x = args.inputs[Of::kOperands - 1];
  int32_t axis = args.attributes[0];
  bool exclusive = Of::kOperands == 1 && args.attributes[1] != 0;
  bool reverse = args.attributes[Of::kOperands == 1 ? 2 : 1] != 0;
  return {extent(x, 0, axis), x.dims[axis], extent(x, axis + 1, x.rank), exclusive, reverse,
          input<float>(args, Of::kOperands - 1), input<float>(args, 0), output<float>(args, 0)};
}

const char* check_cumulate(const Args& args) {
  const Tensor& x = args.inputs[args.inputCount - 1];
  if (!same_dims(x, args.outputs[0]) || !same_dims(x, args.inputs[0])) return "the dims do not fit";
  return args.attributes[0] >= 0 && args.attributes[0] < x.rank ? nullptr : "the axis is outside the operand";
}

// A group of lines: columns side by side, or sixteen rows.
VEC_INLINE int64_t line_groups(const Lines& lines) {
  return lines.inner > 1 ? lines.outer * ceil_div(lines.inner, kStrip) : ceil_div(lines.outer, kLanes);
}
VEC_INLINE int64_t group_elements(const Lines& lines) {
  return lines.n * (lines.inner > 1 ? min(lines.inner, kStrip) : kLanes);
}

template <class Of>
int64_t cumulate_tasks(const Args& args) {
  if (args.outputs[0].count == 0) return 1;
  Lines lines = lines_of<Of>(args);
  return tasks_of(line_groups(lines), group_elements(lines));
}

double cumulate_cost(const Args& args) { return 40.0 + 0.4 * static_cast<double>(args.outputs[0].count); }

// A line of its own, or the part of one from position k on, whose chain has come to `so_far`.
template <class Of>
VEC_INLINE void cumulate_line(const Lines& lines, int64_t from, int64_t first, int64_t last, float* so_far) {
  float chain = *so_far;
  for (int64_t k = first; k < last; ++k) {
    int64_t at = from + lines.place(k) * lines.inner;
    float next = Of::step(chain, lines.x[at], lines.decay[at]);
    lines.y[at] = lines.exclusive ? chain : next;
    chain = next;
  }
  *so_far = chain;
}

// Up to 64 lines side by side.
template <class Of, int kCount>
VEC_INLINE void cumulate_columns(const Lines& lines, int64_t from, int64_t width) {
  Vec chain[kCount];
  for (int v = 0; v < kCount; ++v) chain[v] = splat(Of::kStart);
  for (int64_t k = 0; k < lines.n; ++k) {
    int64_t at = from + lines.place(k) * lines.inner;
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      int64_t own = at + v * kLanes, left = width - v * kLanes;
      Vec x = kCount > 1 ? load(lines.x + own) : load_upto(lines.x + own, left);
      Vec decay = Of::kOperands == 1 ? x : load_upto(lines.decay + own, left);
      Vec next = Of::step(chain[v], x, decay);
      store_upto(lines.y + own, lines.exclusive ? chain[v] : next, left);
      chain[v] = next;
    }
  }
}

// Sixteen rows from `row` on: blocks of sixteen positions, then the positions that are left, row by row.
template <class Of>
VEC_INLINE void cumulate_rows(const Lines& lines, int64_t row) {
  alignas(64) float block[kLanes * kLanes], chains[kLanes];
  Vec x[kLanes], decay[kLanes], chain = splat(Of::kStart);
  int64_t from = row * lines.n, whole = lines.n / kLanes * kLanes;
  for (int64_t k = 0; k < whole; k += kLanes) {
    int64_t at = from + (lines.reverse ? lines.n - kLanes - k : k);
    load_transposed(lines.x + at, lines.n, x);
    if (Of::kOperands > 1) load_transposed(lines.decay + at, lines.n, decay);
    for (int i = 0; i < kLanes; ++i) {
      int own = lines.reverse ? kLanes - 1 - i : i;
      Vec next = Of::step(chain, x[own], Of::kOperands > 1 ? decay[own] : x[own]);
      store(block + own * kLanes, lines.exclusive ? chain : next);
      chain = next;
    }
    transpose_16x16(block, kLanes, lines.y + at, lines.n);
  }
  store(chains, chain);
  for (int64_t i = 0; i < kLanes; ++i) {
    cumulate_line<Of>(lines, from + i * lines.n, whole, lines.n, chains + i);
  }
}

template <class Of>
VEC_INLINE void cumulate_group(const Lines& lines, int64_t group) {
  if (lines.inner > 1) {
    int64_t strips = ceil_div(lines.inner, kStrip), column = group % strips * kStrip;
    int64_t from = group / strips * lines.n * lines.inner + column, width = min(kStrip, lines.inner - column);
    if (width == kStrip) return cumulate_columns<Of, 4>(lines, from, width);
    for (int64_t v = 0; v < width; v += kLanes) cumulate_columns<Of, 1>(lines, from + v, width - v);
    return;
  }
  int64_t row = group * kLanes, rows = min(kLanes, lines.outer - row);
  if (rows == kLanes) return cumulate_rows<Of>(lines, row);
  for (int64_t i = row; i < row + rows; ++i) {
    float chain = Of::kStart;
    cumulate_line<Of>(lines, i * lines.n, 0, lines.n, &chain);
  }
}

template <class Of>
void run_cumulate(const Args& args, int64_t first_task, int64_t last_task) {
  if (args.outputs[0].count == 0) return;
  Lines lines = lines_of<Of>(args);
  int64_t per_task = items_per_task(group_elements(lines));
  int64_t last = min(last_task * per_task, line_groups(lines));
  for (int64_t group = first_task * per_task; group < last; ++group) cumulate_group<Of>(lines, group);
}

constexpr Kernel kCumulateKernels[] = {
    {"prod(x: f32) -> y: f32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<ProductOf>, 0},
    {"cumsum(x: f32) -> y: f32 {axis: i32, exclusive: bool, reverse: bool}", check_cumulate,
     cumulate_tasks<RunningSum>, cumulate_cost, nullptr, run_cumulate<RunningSum>, 0},
    {"cumprod(x: f32) -> y: f32 {axis: i32, exclusive: bool, reverse: bool}", check_cumulate,
     cumulate_tasks<RunningProduct>, cumulate_cost, nullptr, run_cumulate<RunningProduct>, 0},
    {"linearRecurrence(decay: f32, x: f32) -> y: f32 {axis: i32, reverse: bool}", check_cumulate,
     cumulate_tasks<Recurrence>, cumulate_cost, nullptr, run_cumulate<Recurrence>, 0},
};

}  // namespace
}  // namespace chainrule
