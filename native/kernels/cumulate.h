// Running sums and products, and the recurrence y[k] = decay[k] · y[k - 1] + x[k]. Twin of
// lib/ops/cumulate.ts.
//
// Each line along the axis is one chain, in its order. Sixteen lines advance together: neighbours where they
// lie side by side, else blocks of sixteen lines that are transposed.
#pragma once

#include "reduce.h"

namespace chainrule {
namespace {

VEC_INLINE float product_of(float a, float b) { return a * b; }
VEC_INLINE int32_t product_of(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
}
VEC_INLINE Vec product_of(Vec a, Vec b) { return a * b; }
VEC_INLINE IntVec product_of(IntVec a, IntVec b) { return a * b; }

// Of int32 both wrap around.
template <class Number>
struct RunningSum : SumOf<Number> {
  static constexpr int kOperands = 1;
  template <class Register>
  static VEC_INLINE Register step(Register so_far, Register x, Register) {
    return SumOf<Number>::join(so_far, x);
  }
};
template <class Number>
struct RunningProduct {
  using Element = Number;
  static constexpr Number kIdentity = 1;
  static constexpr int kOperands = 1;
  template <class Register>
  static VEC_INLINE Register step(Register so_far, Register x, Register) { return product_of(so_far, x); }
};
struct Recurrence {
  using Element = float;
  static constexpr float kIdentity = 0.0f;
  static constexpr int kOperands = 2;
  template <class Register>
  static VEC_INLINE Register step(Register so_far, Register x, Register decay) { return decay * so_far + x; }
};

// A product in the order in which sums are added.
template <class Number>
struct ProductOf {
  using Element = Number;
  static constexpr Number kIdentity = 1;
  static constexpr bool kAnyOrder = sums_in_any_order(Number{});
  template <class Register>
  static VEC_INLINE Register join(Register a, Register b) { return product_of(a, b); }
  template <class Register>
  static VEC_INLINE Number over_lanes(Register x) {
    Number lanes[kLanes];
    write(lanes, x, kLanes);
    for (int half = kLanes / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] = product_of(lanes[i], lanes[i + half]);
    }
    return lanes[0];
  }
};

// x as [outer, n, inner]; `exclusive` leaves out an element's own term.
template <class Number>
struct Lines {
  int64_t outer, n, inner;
  bool exclusive, reverse;
  const Number* x;
  const Number* decay;
  Number* y;

  // Position k of the chain: counted from the end where it runs backwards.
  VEC_INLINE int64_t place(int64_t k) const { return reverse ? n - 1 - k : k; }
};

template <class Of>
using LinesOf = Lines<typename Of::Element>;

template <class Of>
VEC_INLINE LinesOf<Of> lines_of(const Args& args) {
  const Tensor& x = args.inputs[Of::kOperands - 1];
  int32_t axis = args.attributes[0];
  bool exclusive = Of::kOperands == 1 && args.attributes[1] != 0;
  bool reverse = args.attributes[Of::kOperands == 1 ? 2 : 1] != 0;
  return {extent(x, 0, axis), x.dims[axis], extent(x, axis + 1, x.rank), exclusive, reverse,
          input<typename Of::Element>(args, Of::kOperands - 1), input<typename Of::Element>(args, 0),
          output<typename Of::Element>(args, 0)};
}

const char* check_cumulate(const Args& args) {
  const Tensor& x = args.inputs[args.inputCount - 1];
  if (!same_dims(x, args.outputs[0]) || !same_dims(x, args.inputs[0])) return "the dims do not fit";
  return args.attributes[0] >= 0 && args.attributes[0] < x.rank ? nullptr : "the axis is outside the operand";
}

// A group of lines: columns side by side, or sixteen rows.
template <class Number>
VEC_INLINE int64_t line_groups(const Lines<Number>& lines) {
  return lines.inner > 1 ? lines.outer * ceil_div(lines.inner, kStrip) : ceil_div(lines.outer, kLanes);
}
template <class Number>
VEC_INLINE int64_t group_elements(const Lines<Number>& lines) {
  return lines.n * (lines.inner > 1 ? min(lines.inner, kStrip) : kLanes);
}

template <class Of>
int64_t cumulate_tasks(const Args& args) {
  if (args.outputs[0].count == 0) return 1;
  LinesOf<Of> lines = lines_of<Of>(args);
  return tasks_of(line_groups(lines), group_elements(lines));
}

double cumulate_cost(const Args& args) { return 40.0 + 0.4 * static_cast<double>(args.outputs[0].count); }

// A line of its own, or the part of one from position k on, whose chain has come to `so_far`.
template <class Of>
VEC_INLINE void cumulate_line(const LinesOf<Of>& lines, int64_t from, int64_t first, int64_t last,
                              typename Of::Element* so_far) {
  typename Of::Element chain = *so_far;
  for (int64_t k = first; k < last; ++k) {
    int64_t at = from + lines.place(k) * lines.inner;
    typename Of::Element next = Of::step(chain, lines.x[at], lines.decay[at]);
    lines.y[at] = lines.exclusive ? chain : next;
    chain = next;
  }
  *so_far = chain;
}

// Up to 64 lines side by side.
template <class Of, int kCount>
VEC_INLINE void cumulate_columns(const LinesOf<Of>& lines, int64_t from, int64_t width) {
  RegisterFor<Of> chain[kCount];
  for (int v = 0; v < kCount; ++v) chain[v] = splat_number(Of::kIdentity);
  for (int64_t k = 0; k < lines.n; ++k) {
    int64_t at = from + lines.place(k) * lines.inner;
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      int64_t own = at + v * kLanes, left = width - v * kLanes;
      auto x = kCount > 1 ? read_numbers(lines.x + own) : read_numbers(lines.x + own, min(left, kLanes));
      auto decay = Of::kOperands == 1 ? x : read_numbers(lines.decay + own, min(left, kLanes));
      auto next = Of::step(chain[v], x, decay);
      write(lines.y + own, lines.exclusive ? chain[v] : next, min(left, kLanes));
      chain[v] = next;
    }
  }
}

// The bits of sixteen numbers, which lie as floats do.
VEC_INLINE Vec bits_as(float, Vec x) { return x; }
VEC_INLINE IntVec bits_as(int32_t, Vec x) { return as_int(x); }
VEC_INLINE const float* as_floats(const float* p) { return p; }
VEC_INLINE const float* as_floats(const int32_t* p) { return reinterpret_cast<const float*>(p); }

// Sixteen rows from `row` on: blocks of sixteen positions, then the positions that are left, row by row.
template <class Of>
VEC_INLINE void cumulate_rows(const LinesOf<Of>& lines, int64_t row) {
  using Number = typename Of::Element;
  alignas(64) Number block[kLanes * kLanes], chains[kLanes];
  Vec x[kLanes], decay[kLanes];
  RegisterFor<Of> chain = splat_number(Of::kIdentity);
  int64_t from = row * lines.n, whole = lines.n / kLanes * kLanes;
  for (int64_t k = 0; k < whole; k += kLanes) {
    int64_t at = from + (lines.reverse ? lines.n - kLanes - k : k);
    load_transposed(as_floats(lines.x + at), lines.n, x);
    if (Of::kOperands > 1) load_transposed(as_floats(lines.decay + at), lines.n, decay);
    for (int i = 0; i < kLanes; ++i) {
      int own = lines.reverse ? kLanes - 1 - i : i;
      auto next = Of::step(chain, bits_as(Number{}, x[own]),
                           bits_as(Number{}, Of::kOperands > 1 ? decay[own] : x[own]));
      write(block + own * kLanes, lines.exclusive ? chain : next, kLanes);
      chain = next;
    }
    transpose_16x16(as_floats(block), kLanes, const_cast<float*>(as_floats(lines.y + at)), lines.n);
  }
  write(chains, chain, kLanes);
  for (int64_t i = 0; i < kLanes; ++i) {
    cumulate_line<Of>(lines, from + i * lines.n, whole, lines.n, chains + i);
  }
}

template <class Of>
VEC_INLINE void cumulate_group(const LinesOf<Of>& lines, int64_t group) {
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
    typename Of::Element chain = Of::kIdentity;
    cumulate_line<Of>(lines, i * lines.n, 0, lines.n, &chain);
  }
}

template <class Of>
void run_cumulate(const Args& args, int64_t first_task, int64_t last_task) {
  if (args.outputs[0].count == 0) return;
  LinesOf<Of> lines = lines_of<Of>(args);
  int64_t per_task = items_per_task(group_elements(lines));
  int64_t last = min(last_task * per_task, line_groups(lines));
  for (int64_t group = first_task * per_task; group < last; ++group) cumulate_group<Of>(lines, group);
}

template <class Of>
constexpr Kernel chain_kernel(const char* signature) {
  return {signature, check_cumulate, cumulate_tasks<Of>, cumulate_cost, nullptr, run_cumulate<Of>, 0};
}

constexpr Kernel kCumulateKernels[] = {
    {"prod(x: f32) -> y: f32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<ProductOf<float>>, 0},
    {"prod(x: i32) -> y: i32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<ProductOf<int32_t>>, 0},
    chain_kernel<RunningSum<float>>("cumsum(x: f32) -> y: f32 {axis: i32, exclusive: bool, reverse: bool}"),
    chain_kernel<RunningSum<int32_t>>("cumsum(x: i32) -> y: i32 {axis: i32, exclusive: bool, reverse: bool}"),
    chain_kernel<RunningProduct<float>>(
        "cumprod(x: f32) -> y: f32 {axis: i32, exclusive: bool, reverse: bool}"),
    chain_kernel<RunningProduct<int32_t>>(
        "cumprod(x: i32) -> y: i32 {axis: i32, exclusive: bool, reverse: bool}"),
    chain_kernel<Recurrence>("linearRecurrence(decay: f32, x: f32) -> y: f32 {axis: i32, reverse: bool}"),
};

}  // namespace
}  // namespace chainrule
