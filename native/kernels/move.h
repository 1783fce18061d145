// Kernels that move numbers without changing them: transpose, copy. Twin of lib/ops/move.ts.
#pragma once

#include "axis_runs.h"

namespace chainrule {
namespace {

constexpr int64_t kCopyBytes = 65536;

VEC_INLINE int64_t bytes_in(const Tensor& x) { return x.count * bytes_of(x.dtype); }

const char* check_copy(const Args& args) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  return x.count == y.count && x.dtype == y.dtype ? nullptr : "the sizes differ";
}

int64_t copy_tasks(const Args& args) { return max(ceil_div(bytes_in(args.inputs[0]), kCopyBytes), 1); }

double copy_cost(const Args& args) { return 10.0 + 0.05 * static_cast<double>(bytes_in(args.inputs[0])); }

void run_copy(const Args& args, int64_t first_task, int64_t last_task) {
  int64_t start = first_task * kCopyBytes;
  int64_t bytes = min(last_task * kCopyBytes, bytes_in(args.inputs[0])) - start;
  const char* from = input<char>(args, 0);
  char* to = output<char>(args, 0);
  if (bytes > 0 && from != to) __builtin_memcpy(to + start, from + start, static_cast<size_t>(bytes));
}

// Axes of the result, outermost first: their sizes and their strides in x. Axes of size 1 are dropped, and
// axes that stay neighbours are merged.
struct Movement {
  int32_t rank;
  int64_t size[kMaxRank], stride[kMaxRank];
};

VEC_INLINE Movement movement_of(const Args& args) {
  const Tensor& x = args.inputs[0];
  int64_t strides[kMaxRank], stride = 1;
  for (int32_t i = x.rank - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= x.dims[i];
  }
  Movement move;
  move.rank = 0;
  for (int32_t i = 0; i < x.rank; ++i) {
    int32_t axis = args.attributes[i];
    if (x.dims[axis] == 1) continue;
    int32_t last = move.rank - 1;
    if (last >= 0 && move.stride[last] == strides[axis] * x.dims[axis]) {
      move.size[last] *= x.dims[axis];
      move.stride[last] = strides[axis];
    } else {
      move.size[move.rank] = x.dims[axis];
      move.stride[move.rank++] = strides[axis];
    }
  }
  if (move.rank == 0) move = {1, {1}, {1}};
  return move;
}

// The work of a transposition. For each index of the other axes, two axes are swapped: the last one of the
// result and the one that is contiguous in x, in strips of sixteen of the latter. If they are the same axis,
// rows are copied.
struct Strips {
  Movement move;
  int32_t swapped;  // the axis of the result that is contiguous in x
  int64_t strips;   // per index of the other axes; 1 if rows are copied
  int64_t items;
};

VEC_INLINE Strips strips_of(const Args& args) {
  Strips work;
  work.move = movement_of(args);
  int32_t last = work.move.rank - 1;
  work.swapped = last;
  for (int32_t i = 0; i < last; ++i) {
    if (work.move.stride[i] == 1) work.swapped = i;
  }
  work.strips = work.swapped == last ? 1 : ceil_div(work.move.size[work.swapped], kLanes);
  work.items = work.strips;
  for (int32_t i = 0; i < last; ++i) {
    if (i != work.swapped) work.items *= work.move.size[i];
  }
  return work;
}

VEC_INLINE int64_t strip_elements(const Strips& work) {
  int64_t row = work.move.size[work.move.rank - 1];
  return work.swapped == work.move.rank - 1 ? row : 2 * kLanes * row;
}

const char* check_transpose(const Args& args) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  if (x.rank != y.rank || args.attributeCount != x.rank) return "the permutation must name each axis once";
  uint32_t seen = 0;
  for (int32_t i = 0; i < x.rank; ++i) {
    int32_t axis = args.attributes[i];
    if (axis < 0 || axis >= x.rank) return "the permutation must name each axis once";
    seen |= 1u << axis;
    if (y.dims[i] != x.dims[axis]) return "the dims of the result do not fit";
  }
  return seen == (1u << x.rank) - 1u ? nullptr : "the permutation must name each axis once";
}

int64_t transpose_tasks(const Args& args) {
  if (args.inputs[0].count == 0) return 1;
  Strips work = strips_of(args);
  return tasks_of(work.items, strip_elements(work));
}

double transpose_cost(const Args& args) { return 50.0 + 0.3 * static_cast<double>(args.inputs[0].count); }

// Transposes `columns` (up to 16) contiguous numbers of each of `rows` rows.
template <class Element>
VEC_INLINE void transpose_strip(Element* to, const Element* from, int64_t rows, int64_t columns,
                                int64_t from_stride, int64_t to_stride) {
  int64_t row = 0;
  if (sizeof(Element) == sizeof(float) && columns == kLanes) {
    for (; row + kLanes <= rows; row += kLanes) {
      transpose_16x16(reinterpret_cast<const float*>(from + row * from_stride), from_stride,
                      reinterpret_cast<float*>(to + row), to_stride);
    }
  }
  int64_t block = sizeof(Element) == sizeof(float) || columns < kLanes ? max(rows, 1) : kLanes;
  for (; row < rows; row += block) {
    int64_t end = min(row + block, rows);
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t r = row; r < end; ++r) to[column * to_stride + r] = from[r * from_stride + column];
    }
  }
}

template <class Element>
VEC_INLINE void move_item(const Strips& work, Element* y, const Element* x, int64_t item) {
  const Movement& move = work.move;
  int32_t last = move.rank - 1;
  int64_t index = item / work.strips, strip = item % work.strips;
  int64_t to = 0, from = 0, to_stride = move.size[last], swapped_stride = 0;
  for (int32_t i = last - 1; i >= 0; --i) {
    if (i == work.swapped) {
      swapped_stride = to_stride;
    } else {
      int64_t at = index % move.size[i];
      index /= move.size[i];
      to += at * to_stride;
      from += at * move.stride[i];
    }
    to_stride *= move.size[i];
  }
  if (work.swapped == last) {
    copy_elements(y + to, x + from, move.size[last]);
    return;
  }
  int64_t column = strip * kLanes, columns = min(kLanes, move.size[work.swapped] - column);
  transpose_strip(y + to + column * swapped_stride, x + from + column, move.size[last], columns,
                  move.stride[last], swapped_stride);
}

void run_transpose(const Args& args, int64_t first_task, int64_t last_task) {
  if (args.inputs[0].count == 0) return;
  Strips work = strips_of(args);
  int64_t per_task = items_per_task(strip_elements(work));
  int64_t last = min(last_task * per_task, work.items);
  with_width(args.inputs[0].dtype, [&](auto element) __attribute__((always_inline)) {
    using Element = decltype(element);
    for (int64_t item = first_task * per_task; item < last; ++item) {
      move_item(work, output<Element>(args, 0), input<Element>(args, 0), item);
    }
  });
}

constexpr Kernel kMoveKernels[] = {
    {"transpose(x: T) -> y: T {permutation: words}", check_transpose, transpose_tasks, transpose_cost,
     nullptr, run_transpose, 0},
    {"copy(x: T) -> y: T", check_copy, copy_tasks, copy_cost, nullptr, run_copy, 0},
};

}  // namespace
}  // namespace chainrule
