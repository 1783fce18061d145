// Reductions along one axis, and the sum of everything in float64. Twin of lib/ops/reduce.ts.
//
// The order of operations of a result depends on the shape alone. Down columns (inner > 1): one chain in each
// chunk of 256 rows, the chunks added in ascending order. Along contiguous elements: sixteen lanes in each
// chunk of 4096, a fixed tree over the lanes, then the chunks joined pairwise in the order of their numbers.
#pragma once

#include "reduce_columns.h"

namespace chainrule {
namespace {

constexpr int64_t kElementChunk = 4096;

// x as [outer, n, inner], reduced over n.
struct AxisView {
  int64_t outer, n, inner;
};

VEC_INLINE AxisView axis_view(const Args& args) {
  const Tensor& x = args.inputs[0];
  int32_t axis = args.attributes[0];
  if (args.outputs[0].count == 0) return {0, x.dims[axis], 1};
  return {extent(x, 0, axis), x.dims[axis], extent(x, axis + 1, x.rank)};
}

VEC_INLINE int64_t view_items(const AxisView& view) { return view.outer * ceil_div(view.inner, kStrip); }
VEC_INLINE int64_t item_elements(const AxisView& view) { return view.n * min(view.inner, kStrip); }

const char* check_reduce(const Args& args) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  int32_t axis = args.attributes[0];
  if (axis < 0 || axis >= x.rank) return "the axis is outside the operand";
  if (y.rank != x.rank - 1) return "the result must have one axis less";
  for (int32_t i = 0; i < y.rank; ++i) {
    if (y.dims[i] != x.dims[i < axis ? i : i + 1]) return "the dims of the result do not fit";
  }
  return nullptr;
}

const char* check_position(const Args& args) {
  const char* wrong = check_reduce(args);
  if (wrong == nullptr && args.inputs[0].dims[args.attributes[0]] == 0) return "the axis is empty";
  return wrong;
}

const char* check_total(const Args& args) {
  return args.outputs[0].count == 1 ? nullptr : "the result must be one number";
}

int64_t reduce_tasks(const Args& args) {
  AxisView view = axis_view(args);
  return tasks_of(view_items(view), item_elements(view));
}

double reduce_cost(const Args& args) {
  double results = static_cast<double>(args.outputs[0].count);
  return 40.0 + 0.05 * static_cast<double>(args.inputs[0].count) + 5.0 * results;
}

// Joins part(0) … part(count - 1) in pairs, then pairs of pairs and so on; an odd one out moves up a level.
template <class Number, class Part, class Join>
VEC_INLINE Number join_pairwise(int64_t count, Part part, Join join) {
  Number waiting[64];
  int levels = 0;
  for (int64_t i = 0; i < count; ++i) {
    Number joined = part(i);
    for (int64_t full = i; full & 1; full >>= 1) joined = join(waiting[--levels], joined);
    waiting[levels++] = joined;
  }
  Number joined = waiting[--levels];
  while (levels > 0) joined = join(waiting[--levels], joined);
  return joined;
}

template <class Of, class Register>
VEC_INLINE auto finish_chunk(Register all, const typename Of::Element* x, int64_t i, int64_t n) {
  for (; i + kLanes <= n; i += kLanes) all = Of::join(all, read_numbers(x + i));
  if (i < n) {
    all = Of::join(all, select(mask_below(n - i), read_tail(x + i, n - i), splat_number(Of::kIdentity)));
  }
  return Of::over_lanes(all);
}

// Chains that are begun at once where the order makes no difference: one alone waits for itself.
constexpr int kFreeChains = 4;

template <class Of>
COMPILED_ONCE auto reduce_in_chains(const typename Of::Element* x, int64_t n) {
  RegisterFor<Of> chains[kFreeChains];
  for (auto& chain : chains) chain = splat_number(Of::kIdentity);
  int64_t i = 0;
  for (; i + kFreeChains * kLanes <= n; i += kFreeChains * kLanes) {
#pragma GCC unroll 4
    for (int c = 0; c < kFreeChains; ++c) chains[c] = Of::join(chains[c], read_numbers(x + i + c * kLanes));
  }
  RegisterFor<Of> all = chains[0];
  for (int c = 1; c < kFreeChains; ++c) all = Of::join(all, chains[c]);
  return finish_chunk<Of>(all, x, i, n);
}

template <class Of>
VEC_INLINE auto reduce_chunk(const typename Of::Element* x, int64_t n) {
  if (Of::kAnyOrder && n >= 2 * kFreeChains * kLanes) return reduce_in_chains<Of>(x, n);
  return finish_chunk<Of>(splat_number(Of::kIdentity), x, 0, n);
}

template <class Of>
VEC_INLINE auto reduce_row(const typename Of::Element* x, int64_t n) {
  if (n <= kElementChunk) return reduce_chunk<Of>(x, n);
  using Number = decltype(reduce_chunk<Of>(x, n));
  return join_pairwise<Number>(
      ceil_div(n, kElementChunk),
      [=](int64_t i) {
        int64_t start = i * kElementChunk;
        return reduce_chunk<Of>(x + start, min(kElementChunk, n - start));
      },
      [](Number a, Number b) { return Of::join(a, b); });
}

// Calls work(position in y, position in x, columns) for every item of the tasks.
template <class Work>
VEC_INLINE void for_items(const AxisView& view, int64_t first_task, int64_t last_task, Work work) {
  int64_t per_task = items_per_task(item_elements(view));
  int64_t last = min(last_task * per_task, view_items(view));
  int64_t strips = ceil_div(view.inner, kStrip);
  for (int64_t item = first_task * per_task; item < last; ++item) {
    int64_t outer = item / strips, column = item % strips * kStrip;
    int64_t width = min(kStrip, view.inner - column);
    work(outer * view.inner + column, outer * view.n * view.inner + column, width);
  }
}

// Calls work(position in y, position in x, columns) for items that lie side by side as one.
template <class Work>
VEC_INLINE void for_columns(const AxisView& view, int64_t first_task, int64_t last_task, Work work) {
  const int64_t per_task = items_per_task(item_elements(view)), strips = ceil_div(view.inner, kStrip);
  const int64_t last = min(last_task * per_task, view_items(view));
  for (int64_t item = first_task * per_task, count; item < last; item += count) {
    const int64_t outer = item / strips, strip = item % strips, column = strip * kStrip;
    count = min(strips - strip, last - item);
    const int64_t width = min(count * kStrip, view.inner - column);
    work(outer * view.inner + column, outer * view.n * view.inner + column, width);
  }
}

template <class Of>
void run_reduce(const Args& args, int64_t first_task, int64_t last_task) {
  AxisView view = axis_view(args);
  const auto* x = input<typename Of::Element>(args, 0);
  using Number = decltype(reduce_row<Of>(x, 0));
  Number* y = output<Number>(args, 0);
  if (view.inner == 1) {
    for_items(view, first_task, last_task,
              [=](int64_t to, int64_t from, int64_t) { y[to] = reduce_row<Of>(x + from, view.n); });
    return;
  }
  for_columns(view, first_task, last_task, [=](int64_t to, int64_t from, int64_t width) {
    reduce_columns<Of>(y + to, x + from, view.n, view.inner, width);
  });
}

VEC_INLINE Mask both_nan(Vec a, Vec b) { return mask_and(not_equal(a, a), not_equal(b, b)); }
VEC_INLINE Mask both_nan(IntVec, IntVec) { return mask_below(0); }
VEC_INLINE Mask becomes_nan(Vec largest, Vec here) {
  return mask_and(not_equal(here, here), equal(largest, largest));
}
VEC_INLINE Mask becomes_nan(IntVec, IntVec) { return mask_below(0); }

// The first NaN if there is one, else the first of the largest or smallest, like NumPy. n >= 1.
template <class Of>
VEC_INLINE int32_t position_in_row(const typename Of::Element* x, int64_t n) {
  auto best = splat_number(reduce_row<Of>(x, n));
  for (int64_t i = 0; i < n; i += kLanes) {
    auto here = read_numbers(x + i, n - i);
    Mask found = mask_or(equal(here, best), both_nan(here, best));
    if (!any(mask_and(found, mask_below(min(n - i, kLanes))))) continue;
    Vec position = select(found, neg(to_float(lane_index())), splat(-16.0f));
    return static_cast<int32_t>(i) - static_cast<int32_t>(reduce_max(position));
  }
  return 0;
}

template <class Of>
VEC_INLINE void position_in_columns(int32_t* y, const typename Of::Element* x, int64_t n, int64_t stride,
                                    int64_t width) {
  auto best = read_numbers(x, width);
  IntVec position = splat_int(0);
  for (int64_t row = 1; row < n; ++row) {
    auto here = read_numbers(x + row * stride, width);
    Mask better = mask_or(Of::beats(here, best), becomes_nan(best, here));
    best = select(better, here, best);
    position = select(better, splat_int(static_cast<int32_t>(row)), position);
  }
  store_int_tail(y, position, min(width, kLanes));
}

template <class Of>
void run_position(const Args& args, int64_t first_task, int64_t last_task) {
  AxisView view = axis_view(args);
  const auto* x = input<typename Of::Element>(args, 0);
  int32_t* y = output<int32_t>(args, 0);
  for_items(view, first_task, last_task, [=](int64_t to, int64_t from, int64_t width) {
    if (view.inner == 1) {
      y[to] = position_in_row<Of>(x + from, view.n);
      return;
    }
    for (int64_t column = 0; column < width; column += kLanes) {
      position_in_columns<Of>(y + to + column, x + from + column, view.n, view.inner, width - column);
    }
  });
}

// Bytes are 0 or not: joined sixteen or more at a time, as the compiler finds best.
struct AnyOf {
  static constexpr uint8_t kIdentity = 0;
  static VEC_INLINE uint8_t join(uint8_t a, uint8_t b) { return a | (b != 0); }
};
struct AllOf {
  static constexpr uint8_t kIdentity = 1;
  static VEC_INLINE uint8_t join(uint8_t a, uint8_t b) { return a & (b != 0); }
};

template <class Of>
void run_logical(const Args& args, int64_t first_task, int64_t last_task) {
  AxisView view = axis_view(args);
  const uint8_t* x = input<uint8_t>(args, 0);
  uint8_t* y = output<uint8_t>(args, 0);
  for_items(view, first_task, last_task, [=](int64_t to, int64_t from, int64_t width) {
    uint8_t joined[kStrip];
    for (int64_t i = 0; i < kStrip; ++i) joined[i] = Of::kIdentity;
    if (view.inner == 1) {
      uint8_t all = Of::kIdentity;
      for (int64_t i = 0; i < view.n; ++i) all = Of::join(all, x[from + i]);
      joined[0] = all;
    }
    for (int64_t row = 0; view.inner > 1 && row < view.n; ++row) {
      const uint8_t* own = x + from + row * view.inner;
      for (int64_t i = 0; i < width; ++i) joined[i] = Of::join(joined[i], own[i]);
    }
    for (int64_t i = 0; i < width; ++i) y[to + i] = joined[i];
  });
}

template <class Number>
VEC_INLINE double total_chunk(const Number* x, int64_t n) {
  DoubleVec sum = to_double(zero());
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) sum = sum + to_double(read_numbers(x + i));
  if (i < n) sum = sum + to_double(read_tail(x + i, n - i));
  return reduce_add(sum);
}

int64_t one_task(const Args&) { return 1; }

template <class Number>
void run_total(const Args& args, int64_t first_task, int64_t last_task) {
  if (first_task >= last_task) return;
  const Number* x = input<Number>(args, 0);
  int64_t n = args.inputs[0].count;
  *output<double>(args, 0) = join_pairwise<double>(
      max(ceil_div(n, kElementChunk), 1),
      [=](int64_t i) {
        int64_t start = i * kElementChunk;
        return total_chunk(x + start, min(kElementChunk, n - start));
      },
      [](double a, double b) { return a + b; });
}

constexpr Kernel kReduceKernels[] = {
    {"sum(x: f32) -> y: f32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<SumOf<float>>, 0},
    {"sum(x: i32) -> y: i32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<SumOf<int32_t>>, 0},
    {"count(x: bool) -> y: i32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<CountOf>, 0},
    {"max(x: f32) -> y: f32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<MaxOf<float>>, 0},
    {"max(x: i32) -> y: i32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<MaxOf<int32_t>>, 0},
    {"argMax(x: f32) -> y: i32 {axis: i32}", check_position, reduce_tasks, reduce_cost, nullptr,
     run_position<MaxOf<float>>, 0},
    {"argMax(x: i32) -> y: i32 {axis: i32}", check_position, reduce_tasks, reduce_cost, nullptr,
     run_position<MaxOf<int32_t>>, 0},
    {"total(x: f32) -> y: f64", check_total, one_task, reduce_cost, nullptr, run_total<float>, 0},
    {"total(x: i32) -> y: f64", check_total, one_task, reduce_cost, nullptr, run_total<int32_t>, 0},
    {"min(x: f32) -> y: f32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<MinOf<float>>, 0},
    {"argMin(x: f32) -> y: i32 {axis: i32}", check_position, reduce_tasks, reduce_cost, nullptr,
     run_position<MinOf<float>>, 0},
    {"min(x: i32) -> y: i32 {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_reduce<MinOf<int32_t>>, 0},
    {"argMin(x: i32) -> y: i32 {axis: i32}", check_position, reduce_tasks, reduce_cost, nullptr,
     run_position<MinOf<int32_t>>, 0},
    {"any(x: bool) -> y: bool {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_logical<AnyOf>, 0},
    {"all(x: bool) -> y: bool {axis: i32}", check_reduce, reduce_tasks, reduce_cost, nullptr,
     run_logical<AllOf>, 0},
};

}  // namespace
}  // namespace chainrule
