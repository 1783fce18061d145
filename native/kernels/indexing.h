// Reading and writing at positions that are data: int32 indices, each of which is read once, checked, and
// only then used. Twin of lib/ops/indexing.ts.
//
// What several indices add to is added in the order of the indices: work is cut so that one task writes it
// all.
#pragma once

#include "axis_runs.h"
#include "scatter_join.h"

namespace chainrule {
namespace {

// Numbers of a guard. Each is what one task found, so that the guard is as long for any number of indices.
constexpr int64_t kIndexTasks = 32;

// Whether it is a position below `size`, in one comparison.
VEC_INLINE bool is_inside(int32_t index, int64_t size) {
  return static_cast<int64_t>(static_cast<uint32_t>(index)) < size;
}

// -1 for a position below `size`; else the index, and of one below 0, the number before it.
VEC_INLINE int32_t index_guard(int32_t index, int64_t size) {
  if (index >= 0) return index < size ? -1 : index;
  return index == INT32_MIN ? index : index - 1;
}

// Calls work(first item, last item) for each task, and keeps what it found as the number of the guard.
template <class Work>
VEC_INLINE void for_index_tasks(const Args& args, int64_t items, int64_t first, int64_t last, Work work) {
  for (int64_t task = first; task < last; ++task) {
    output<int32_t>(args, 1)[task] = work(task * items / kIndexTasks, (task + 1) * items / kIndexTasks);
  }
}

// x as [batch, outer, n, inner] and indices as [batch, count]: the result is [batch, outer, count, inner].
struct Gathered {
  int64_t batch, outer, n, inner, count;
};

VEC_INLINE Gathered gathered(const Tensor& x, const Tensor& indices, int32_t axis, int32_t batch_dims) {
  return {extent(x, 0, batch_dims), extent(x, batch_dims, axis), x.dims[axis],
          extent(x, axis + 1, x.rank), extent(indices, batch_dims, indices.rank)};
}

// The axis, and how many axes x and the indices have in common, are the first two attributes.
const char* check_indexed(const Args& args, const Tensor& x, const Tensor& indices, const Tensor& y) {
  int32_t axis = args.attributes[0], batch = args.attributes[1];
  if (axis < 0 || axis >= x.rank || batch < 0 || batch > axis || batch > indices.rank) {
    return "the axis is outside the operand";
  }
  if (y.rank != x.rank - 1 + indices.rank - batch) return "the dims of the result do not fit";
  for (int32_t i = 0; i < batch; ++i) {
    if (indices.dims[i] != x.dims[i]) return "the indices have other batch axes";
  }
  for (int32_t i = 0; i < y.rank; ++i) {
    int32_t behind = i - (indices.rank - batch) + 1;
    int64_t size = i < axis ? x.dims[i] : behind > axis ? x.dims[behind] : indices.dims[batch + i - axis];
    if (y.dims[i] != size) return "the dims of the result do not fit";
  }
  return nullptr;
}

const char* check_gather_axis(const Args& args) {
  if (!is_vector(args.outputs[1], kIndexTasks)) return "the guard must have 32 numbers";
  return check_indexed(args, args.inputs[0], args.inputs[1], args.outputs[0]);
}

int64_t index_tasks(const Args&) { return kIndexTasks; }

double gather_axis_cost(const Args& args) {
  return 60.0 + static_cast<double>(args.inputs[1].count) + 0.15 * static_cast<double>(args.outputs[0].count);
}

// How many rows to prefetch from what is indexed; 0 where all of it is in the caches next to the core.
constexpr int64_t kFarTableBytes = int64_t{1} << 20;
VEC_INLINE int64_t gathered_ahead(const Gathered& of, int64_t element_bytes) {
  const int64_t bytes = of.inner * element_bytes;
  return of.n * bytes >= kFarTableBytes ? rows_ahead(bytes) : 0;
}

// n elements that read the same block: y[i] = x[indices[i] * inner + i * kStep]. Returns the first guard that
// is not -1, or `found`.
template <int64_t kStep, class Element>
VEC_INLINE int32_t take_from_block(Element* y, const Element* x, const int32_t* indices, int64_t n,
                                   int64_t size, int64_t inner, int32_t found) {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t index = read_once(indices + i);
    if (__builtin_expect(is_inside(index, size), true)) {
      y[i] = kStep == 0 ? x[index] : x[index * inner + i];
      continue;
    }
    y[i] = Element{0};
    if (found == -1) found = index_guard(index, size);
  }
  return found;
}

// Rows [first, last) of the result, of `inner` elements each. Returns the first guard that is not -1.
template <class Element>
VEC_INLINE int32_t gather_axis_rows(const Gathered& of, Element* y, const Element* x, const int32_t* indices,
                                    int64_t first, int64_t last) {
  constexpr int64_t kBytes = sizeof(Element);
  const int64_t ahead = gathered_ahead(of, kBytes);
  int32_t found = -1;
  while (first < last) {
    int64_t block = first / of.count, column = first - block * of.count;
    int64_t end = min(of.count, column + last - first);
    const int32_t* own = indices + block / of.outer * of.count;
    const Element* from = x + block * of.n * of.inner;
    Element* to = y + block * of.count * of.inner;
    first += end - column;
    if (of.inner == 1) {
      found = take_from_block<0>(to + column, from, own + column, end - column, of.n, 1, found);
      continue;
    }
    for (; column < end; ++column) {
      if (ahead > 0 && column + ahead < end) {
        int32_t later = read_once(own + column + ahead);
        if (is_inside(later, of.n)) prefetch_row(from + later * of.inner, of.inner * kBytes);
      }
      int32_t index = read_once(own + column), guard = index_guard(index, of.n);
      if (guard != -1) {
        fill_elements(to + column * of.inner, Element{0}, of.inner);
        if (found == -1) found = guard;
      } else {
        copy_elements(to + column * of.inner, from + index * of.inner, of.inner);
      }
    }
  }
  return found;
}

void run_gather_axis(const Args& args, int64_t first, int64_t last) {
  Gathered of = {0, 0, 0, 0, 0};
  if (args.outputs[0].count > 0) {
    of = gathered(args.inputs[0], args.inputs[1], args.attributes[0], args.attributes[1]);
  }
  with_width(args.inputs[0].dtype, [&](auto element) __attribute__((always_inline)) {
    using Element = decltype(element);
    for_index_tasks(args, of.batch * of.outer * of.count, first, last, [&](int64_t from, int64_t to) {
      return gather_axis_rows(of, output<Element>(args, 0), input<Element>(args, 0), input<int32_t>(args, 1),
                              from, to);
    });
  });
}

// Scattering is cut by what is written: each index of the axes before, and strips of the elements of a row,
// which are long enough that each row is more than a few cache lines, and of an even number. Rows too short
// for two of those are halved as long as a half has some vectors.
constexpr int64_t kScatterStrip = 8 * kLanes;
constexpr int64_t kMostStrips = 16;
constexpr int64_t kHalvedRow = 4 * kLanes;
constexpr int64_t kAlongStrip = 2 * kLanes;

VEC_INLINE int64_t strips_of_row(int64_t inner) {
  int64_t strips = min(inner / kScatterStrip, kMostStrips);
  if (strips < 2) return inner < kHalvedRow ? 1 : 2;
  return strips / 2 * 2;
}

const char* check_scatter(const Args& args) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  if (!same_dims(x, y)) return "the dims of the result do not fit";
  return check_indexed(args, x, args.inputs[1], args.inputs[2]);
}

int64_t scatter_axis_tasks(const Args& args) {
  if (args.outputs[0].count == 0) return 1;
  Gathered of = gathered(args.outputs[0], args.inputs[1], args.attributes[0], args.attributes[1]);
  return of.batch * of.outer * strips_of_row(of.inner);
}

double scatter_axis_cost(const Args& args) {
  return 60.0 + static_cast<double>(args.inputs[1].count) + 0.3 * static_cast<double>(args.inputs[2].count) +
         0.1 * static_cast<double>(args.outputs[0].count);
}

// Columns [from, to) of a block of rows: those of x, then what the updates of the indices make of them.
// Indices outside change nothing.
template <class How, class Element>
VEC_INLINE void scatter_block(const Gathered& of, Element* y, const Element* x, const int32_t* indices,
                              const Element* updates, int64_t from, int64_t to) {
  int64_t width = to - from;
  if (y != x && width == of.inner) {
    copy_elements(y, x, of.n * of.inner);
  } else if (y != x) {
    for (int64_t row = 0; row < of.n; ++row) {
      copy_elements(y + row * of.inner + from, x + row * of.inner + from, width);
    }
  }
  for (int64_t i = 0; i < of.count; ++i) {
    int32_t index = read_once(indices + i);
    if (index < 0 || index >= of.n) continue;
    How::join(y + index * of.inner + from, updates + i * of.inner + from, width);
  }
}

// Calls work(block, first column, end) for tasks [first, last): whole vectors, but for the last strip. Strips
// of a block that follow one another are made as one.
template <class Work>
VEC_INLINE void for_strips(const Gathered& of, int64_t first, int64_t last, Work work) {
  const int64_t strips = strips_of_row(of.inner);
  for (int64_t task = first, count; task < last; task += count) {
    const int64_t strip = task % strips;
    count = min(strips - strip, last - task);
    const int64_t width = strips == 1 ? of.inner : of.inner / strips / kLanes * kLanes;
    work(task / strips, strip * width, strip + count == strips ? of.inner : (strip + count) * width);
  }
}

template <class How, class Element>
VEC_INLINE void scatter_blocks(const Args& args, int64_t first, int64_t last) {
  const Gathered of = gathered(args.outputs[0], args.inputs[1], args.attributes[0], args.attributes[1]);
  const int64_t size = of.n * of.inner;
  for_strips(of, first, last, [&](int64_t block, int64_t from, int64_t to) {
    scatter_block<How>(of, output<Element>(args, 0) + block * size, input<Element>(args, 0) + block * size,
                       input<int32_t>(args, 1) + block / of.outer * of.count,
                       input<Element>(args, 2) + block * of.count * of.inner, from, to);
  });
}

template <class Number>
void run_scatter_add(const Args& args, int64_t first, int64_t last) {
  if (args.outputs[0].count > 0) scatter_blocks<AddTo, Number>(args, first, last);
}

void run_scatter_update(const Args& args, int64_t first, int64_t last) {
  if (args.outputs[0].count == 0) return;
  with_width(args.outputs[0].dtype, [&](auto element) __attribute__((always_inline)) {
    scatter_blocks<Replace, decltype(element)>(args, first, last);
  });
}

// One index for each element: x as [outer, n, inner], indices and result as [outer, count, inner].
struct TakenAlong {
  int64_t outer, n, inner, count;
};

VEC_INLINE TakenAlong along_axis(const Tensor& x, const Tensor& indices, int32_t axis) {
  return {extent(x, 0, axis), x.dims[axis], extent(x, axis + 1, x.rank), indices.dims[axis]};
}

const char* check_along(const Tensor& x, const Tensor& indices, const Tensor& values, int32_t axis) {
  if (axis < 0 || axis >= x.rank) return "the axis is outside the operand";
  if (x.rank != indices.rank || !same_dims(indices, values)) return "the dims of the indices do not fit";
  for (int32_t i = 0; i < x.rank; ++i) {
    if (i != axis && x.dims[i] != indices.dims[i]) return "the dims of the indices do not fit";
  }
  return nullptr;
}

const char* check_take_along(const Args& args) {
  if (!is_vector(args.outputs[1], kIndexTasks)) return "the guard must have 32 numbers";
  return check_along(args.inputs[0], args.inputs[1], args.outputs[0], args.attributes[0]);
}

double take_along_cost(const Args& args) { return 60.0 + static_cast<double>(args.inputs[1].count); }

// Elements [first, last) of the result. Returns the first guard that is not -1.
template <class Element>
VEC_INLINE int32_t take_along_elements(const TakenAlong& of, Element* y, const Element* x,
                                       const int32_t* indices, int64_t first, int64_t last) {
  int32_t found = -1;
  while (first < last) {
    const int64_t row = first / of.inner, column = first - row * of.inner, block = row / of.count;
    // Neighbours read the same block: all that is left of it where nothing follows the axis, else of a row.
    const int64_t left = of.inner == 1 ? (block + 1) * of.count - first : of.inner - column;
    const int64_t n = min(left, last - first);
    const Element* from = x + block * of.n * of.inner + column;
    found = of.inner == 1 ? take_from_block<0>(y + first, from, indices + first, n, of.n, 1, found)
                          : take_from_block<1>(y + first, from, indices + first, n, of.n, of.inner, found);
    first += n;
  }
  return found;
}

void run_take_along(const Args& args, int64_t first, int64_t last) {
  const Tensor& y = args.outputs[0];
  TakenAlong of = {0, 0, 0, 0};
  if (y.count > 0) of = along_axis(args.inputs[0], args.inputs[1], args.attributes[0]);
  with_width(y.dtype, [&](auto element) __attribute__((always_inline)) {
    using Element = decltype(element);
    for_index_tasks(args, y.count, first, last, [&](int64_t from, int64_t to) {
      return take_along_elements(of, output<Element>(args, 0), input<Element>(args, 0),
                                 input<int32_t>(args, 1), from, to);
    });
  });
}

const char* check_add_along(const Args& args) {
  if (!same_dims(args.inputs[0], args.outputs[0])) return "the dims of the result do not fit";
  return check_along(args.inputs[0], args.inputs[1], args.inputs[2], args.attributes[0]);
}

// A task takes whole columns: an index of the axes before, and a strip of the elements behind the axis.
int64_t add_along_tasks(const Args& args) {
  if (args.outputs[0].count == 0) return 1;
  TakenAlong of = along_axis(args.outputs[0], args.inputs[1], args.attributes[0]);
  return of.outer * ceil_div(of.inner, kAlongStrip);
}

double add_along_cost(const Args& args) {
  return 60.0 + 1.5 * static_cast<double>(args.inputs[1].count) +
         0.1 * static_cast<double>(args.outputs[0].count);
}

void run_add_along(const Args& args, int64_t first, int64_t last) {
  if (args.outputs[0].count == 0) return;
  TakenAlong of = along_axis(args.outputs[0], args.inputs[1], args.attributes[0]);
  int64_t strips = ceil_div(of.inner, kAlongStrip);
  for (int64_t task = first; task < last; ++task) {
    int64_t block = task / strips, begin = task % strips * kAlongStrip;
    int64_t width = min(kAlongStrip, of.inner - begin);
    float* y = output<float>(args, 0) + block * of.n * of.inner + begin;
    const float* x = input<float>(args, 0) + block * of.n * of.inner + begin;
    for (int64_t row = 0; y != x && row < of.n; ++row) {
      copy_elements(y + row * of.inner, x + row * of.inner, width);
    }
    for (int64_t k = 0; k < of.count; ++k) {
      int64_t from = (block * of.count + k) * of.inner + begin;
      for (int64_t i = 0; i < width; ++i) {
        int32_t index = read_once(input<int32_t>(args, 1) + from + i);
        if (index >= 0 && index < of.n) y[index * of.inner + i] += input<float>(args, 2)[from + i];
      }
    }
  }
}

// Rows of indices, one for each of the leading axes of a tensor of the sizes that the attributes name, as
// positions among those axes in row-major order. A guard has one number for each task and axis.
const char* check_flatten_indices(const Args& args) {
  const Tensor &indices = args.inputs[0], &y = args.outputs[0];
  int64_t depth = args.attributeCount, size = 1;
  if (indices.rank < 1 || depth < 1 || depth > kMaxRank || indices.dims[indices.rank - 1] != depth) {
    return "the last axis must have one index for each size";
  }
  for (int32_t i = 0; i < depth; ++i) {
    if (args.attributes[i] < 0) return "a size is negative";
    size *= args.attributes[i];
    if (size > INT32_MAX) return "there are more positions than an int32 can tell";
  }
  if (y.rank != indices.rank - 1) return "the dims of the result do not fit";
  for (int32_t i = 0; i < y.rank; ++i) {
    if (y.dims[i] != indices.dims[i]) return "the dims of the result do not fit";
  }
  return is_vector(args.outputs[1], kIndexTasks * depth) ? nullptr : "the guard must have 32 numbers a size";
}

double flatten_indices_cost(const Args& args) { return 60.0 + static_cast<double>(args.inputs[0].count); }

VEC_INLINE void flatten_rows(const Args& args, int64_t first, int64_t last, int32_t* guard) {
  const int32_t* sizes = args.attributes;
  int64_t depth = args.attributeCount;
  for (int64_t i = 0; i < depth; ++i) guard[i] = -1;
  for (int64_t row = first; row < last; ++row) {
    int32_t position = 0;
    bool inside = true;
    for (int64_t i = 0; i < depth; ++i) {
      int32_t index = read_once(input<int32_t>(args, 0) + row * depth + i);
      int32_t found = index_guard(index, sizes[i]);
      if (found != -1 && guard[i] == -1) guard[i] = found;
      inside = inside && found == -1;
      position = inside ? position * sizes[i] + index : 0;
    }
    output<int32_t>(args, 0)[row] = position;
  }
}

void run_flatten_indices(const Args& args, int64_t first, int64_t last) {
  int64_t rows = args.outputs[0].count;
  for (int64_t task = first; task < last; ++task) {
    flatten_rows(args, task * rows / kIndexTasks, (task + 1) * rows / kIndexTasks,
                 output<int32_t>(args, 1) + task * args.attributeCount);
  }
}

constexpr Kernel kIndexingKernels[] = {
    {"gather(x: T, indices: i32) -> y: T, guard: i32 {axis: i32, batchDims: i32}", check_gather_axis,
     index_tasks, gather_axis_cost, nullptr, run_gather_axis, 0},
    {"scatterAdd(x: f32, indices: i32, updates: f32) -> y: f32 {axis: i32, batchDims: i32}", check_scatter,
     scatter_axis_tasks, scatter_axis_cost, nullptr, run_scatter_add<float>, 1},
    {"scatterAdd(x: i32, indices: i32, updates: i32) -> y: i32 {axis: i32, batchDims: i32}", check_scatter,
     scatter_axis_tasks, scatter_axis_cost, nullptr, run_scatter_add<int32_t>, 1},
    {"scatterUpdate(x: T, indices: i32, updates: T) -> y: T {axis: i32, batchDims: i32}", check_scatter,
     scatter_axis_tasks, scatter_axis_cost, nullptr, run_scatter_update, 1},
    {"takeAlongAxis(x: T, indices: i32) -> y: T, guard: i32 {axis: i32}", check_take_along, index_tasks,
     take_along_cost, nullptr, run_take_along, 0},
    {"addAlongAxis(x: f32, indices: i32, updates: f32) -> y: f32 {axis: i32}", check_add_along,
     add_along_tasks, add_along_cost, nullptr, run_add_along, 1},
    {"flattenIndices(indices: i32) -> positions: i32, guard: i32 {sizes: words}", check_flatten_indices,
     index_tasks, flatten_indices_cost, nullptr, run_flatten_indices, 0},
};

}  // namespace
}  // namespace chainrule
