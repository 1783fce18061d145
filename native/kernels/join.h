// Tensors side by side along an axis. Twin of lib/ops/join.ts.
#pragma once

#include "axis_runs.h"

namespace chainrule {
namespace {

// A tensor as one row for each index of the axes before `axis`: how many, elements of a row, and of one
// position along the axis.
struct Rows {
  int64_t count, width, position;
};

VEC_INLINE Rows rows_of(const Tensor& x, int32_t axis) {
  return {extent(x, 0, axis), extent(x, axis, x.rank), extent(x, axis + 1, x.rank)};
}

VEC_INLINE bool same_but_for(const Tensor& a, const Tensor& b, int32_t axis) {
  if (a.rank != b.rank || axis < 0 || axis >= a.rank) return false;
  for (int32_t i = 0; i < a.rank; ++i) {
    if (i != axis && a.dims[i] != b.dims[i]) return false;
  }
  return true;
}

const char* check_concatenate(const Args& args) {
  const Tensor& y = args.outputs[0];
  int32_t axis = args.attributes[0];
  if (axis < 0 || axis >= y.rank) return "the axis is outside the result";
  int64_t left = y.dims[axis];
  for (int32_t i = 0; i < args.inputCount; ++i) {
    const Tensor& x = args.inputs[i];
    if (!same_but_for(x, y, axis) || x.dims[axis] > left) return "the parts do not make the result";
    left -= x.dims[axis];
  }
  return left == 0 ? nullptr : "the parts do not make the result";
}

// Long rows are cut into pieces, so that parts one after another are shared among threads as well.
VEC_INLINE int64_t row_pieces(const Rows& rows) { return max(ceil_div(rows.width, kRunTaskElements), 1); }

int64_t concatenate_tasks(const Args& args) {
  if (args.outputs[0].count == 0) return 1;
  Rows rows = rows_of(args.outputs[0], args.attributes[0]);
  int64_t pieces = row_pieces(rows);
  return pieces > 1 ? rows.count * pieces : tasks_of(rows.count, rows.width);
}

// Parts of whole rows that are so narrow on average are joined one after another, wider ones row by row,
// which writes memory in its order.
constexpr int64_t kNarrowPart = 32;

// So many columns of each row, known to the compiler.
template <int kWidth, class Element>
VEC_INLINE void join_narrow(Element* to, int64_t stride, const Element* from, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < kWidth; ++i) to[row * stride + i] = from[row * kWidth + i];
  }
}

template <class Element>
VEC_INLINE void join_part(Element* to, int64_t stride, const Element* from, int64_t width, int64_t rows) {
  switch (width) {
    case 1: return join_narrow<1>(to, stride, from, rows);
    case 2: return join_narrow<2>(to, stride, from, rows);
    case 4: return join_narrow<4>(to, stride, from, rows);
    default: break;
  }
  for (int64_t row = 0; row < rows; ++row) copy_elements(to + row * stride, from + row * width, width);
}

// Two parts of one column each.
template <class Element>
VEC_INLINE void join_pairs(Element* to, const Element* a, const Element* b, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row) {
    to[2 * row] = a[row];
    to[2 * row + 1] = b[row];
  }
}

// Elements of the result that narrow parts are joined in at a time: they stay in the L1 cache from one part
// to the next.
constexpr int64_t kJoinedElements = 2048;

// Whole rows [first, last) of the result.
template <class Element>
VEC_INLINE void join_rows(const Args& args, const Rows& rows, int64_t first, int64_t last) {
  const bool pairs = args.inputCount == 2 && rows.width == 2 && rows.position == 1;
  if (pairs && args.inputs[0].dims[args.attributes[0]] == 1) {
    return join_pairs(output<Element>(args, 0) + 2 * first, input<Element>(args, 0) + first,
                      input<Element>(args, 1) + first, last - first);
  }
  const bool narrow = rows.width < args.inputCount * kNarrowPart;
  const int64_t at_once = narrow ? max(kJoinedElements / max(rows.width, 1), 1) : 1;
  for (int64_t row = first; row < last; row += at_once) {
    const int64_t count = min(at_once, last - row);
    Element* to = output<Element>(args, 0) + row * rows.width;
    for (int32_t i = 0; i < args.inputCount; ++i) {
      int64_t width = args.inputs[i].dims[args.attributes[0]] * rows.position;
      join_part(to, rows.width, input<Element>(args, i) + row * width, width, count);
      to += width;
    }
  }
}

// Columns [from, to) of one row of the result, part by part.
template <class Element>
VEC_INLINE void join_columns(const Args& args, const Rows& rows, int64_t row, int64_t from, int64_t to) {
  int64_t column = 0;
  for (int32_t i = 0; i < args.inputCount && column < to; ++i) {
    int64_t width = args.inputs[i].dims[args.attributes[0]] * rows.position;
    int64_t begin = max(from - column, 0), end = min(to - column, width);
    if (begin < end) {
      copy_elements(output<Element>(args, 0) + row * rows.width + column + begin,
                    input<Element>(args, i) + row * width + begin, end - begin);
    }
    column += width;
  }
}

void run_concatenate(const Args& args, int64_t first_task, int64_t last_task) {
  const Tensor& y = args.outputs[0];
  if (y.count == 0) return;
  Rows rows = rows_of(y, args.attributes[0]);
  int64_t pieces = row_pieces(rows), per_task = items_per_task(rows.width);
  with_width(y.dtype, [&](auto element) __attribute__((always_inline)) {
    using Element = decltype(element);
    if (pieces == 1) {
      int64_t last = min(last_task * per_task, rows.count);
      return join_rows<Element>(args, rows, first_task * per_task, last);
    }
    for (int64_t task = first_task; task < min(last_task, rows.count * pieces); ++task) {
      int64_t row = task / pieces, from = task % pieces * kRunTaskElements;
      join_columns<Element>(args, rows, row, from, min(from + kRunTaskElements, rows.width));
    }
  });
}

constexpr Kernel kJoinKernels[] = {
    {"concatenate(...parts: T) -> y: T {axis: i32}", check_concatenate, concatenate_tasks, run_cost, nullptr,
     run_concatenate, 0},
};

}  // namespace
}  // namespace chainrule
