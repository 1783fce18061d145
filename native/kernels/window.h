// Windows whose place is a number of the run, and the numbers of iterations. Twin of lib/ops/window.ts.
#pragma once

#include "move.h"

namespace chainrule {
namespace {

const char* check_iterations(const Args& args) {
  if (!is_vector(args.outputs[0], args.attributes[0])) return "the dims of the result do not fit";
  return args.inputCount == 0 || args.inputs[0].count == 1 ? nullptr : "the outer number must be one";
}

int64_t iterations_tasks(const Args&) { return 1; }

double iterations_cost(const Args& args) { return 10.0 + 0.3 * static_cast<double>(args.outputs[0].count); }

// Numbers wrap around.
void run_iterations(const Args& args, int64_t first_task, int64_t last_task) {
  if (first_task >= last_task) return;
  const int64_t count = args.outputs[0].count;
  const uint32_t outer = args.inputCount == 0 ? 0 : static_cast<uint32_t>(*input<int32_t>(args, 0));
  const uint32_t first = outer * static_cast<uint32_t>(count);
  for (int64_t i = 0; i < count; ++i) {
    output<int32_t>(args, 0)[i] = static_cast<int32_t>(first + static_cast<uint32_t>(i));
  }
}

// Rows of a window: how many, of how many bytes, and where they lie in the whole. Trailing axes that the
// window has whole are part of a row.
struct Window {
  int32_t rank;  // axes that tell rows apart
  int64_t rows, bytes, first_byte;
  int64_t size[kMaxRank], stride[kMaxRank];

  VEC_INLINE int64_t place(int64_t row) const {
    int64_t at = first_byte;
    for (int32_t i = rank - 1; i >= 0; --i) {
      at += row % size[i] * stride[i];
      row /= size[i];
    }
    return at;
  }
};

VEC_INLINE int64_t element_bytes(const Tensor& x) {
  if (x.dtype == Dtype::float64) return 8;
  return x.dtype == Dtype::float32 || x.dtype == Dtype::int32 ? 4 : 1;
}

// A window begins where it is told to, or as near to that as it fits.
VEC_INLINE int64_t clamped_start(const int32_t* starts, int32_t axis, const Tensor& whole,
                                 const Tensor& part) {
  return max(min(read_once(starts + axis), whole.dims[axis] - part.dims[axis]), 0);
}

VEC_INLINE Window window_of(const Tensor& whole, const Tensor& part, const int32_t* starts) {
  Window window;
  int64_t stride = element_bytes(whole);
  window.first_byte = 0;
  int32_t axis = whole.rank - 1;
  for (; axis >= 0 && part.dims[axis] == whole.dims[axis]; --axis) stride *= whole.dims[axis];
  int64_t run = stride;
  // The first axis that is cut is part of the row as well.
  if (axis >= 0) {
    window.first_byte += clamped_start(starts, axis, whole, part) * stride;
    run = stride * part.dims[axis];
    stride *= whole.dims[axis--];
  }
  window.bytes = run;
  window.rank = axis + 1;
  window.rows = 1;
  for (; axis >= 0; --axis) {
    window.size[axis] = part.dims[axis];
    window.stride[axis] = stride;
    window.first_byte += clamped_start(starts, axis, whole, part) * stride;
    window.rows *= part.dims[axis];
    stride *= whole.dims[axis];
  }
  return window;
}

VEC_INLINE bool is_window(const Tensor& whole, const Tensor& part, const Tensor& starts) {
  if (whole.rank != part.rank || whole.dtype != part.dtype || !is_vector(starts, whole.rank)) return false;
  for (int32_t i = 0; i < whole.rank; ++i) {
    if (part.dims[i] > whole.dims[i]) return false;
  }
  return true;
}

constexpr const char* kNoWindow = "the window must fit in the whole, with a start for each axis";

const char* check_dynamic_slice(const Args& args) {
  return is_window(args.inputs[0], args.outputs[0], args.inputs[1]) ? nullptr : kNoWindow;
}

const char* check_dynamic_update(const Args& args) {
  if (!same_dims(args.inputs[0], args.outputs[0])) return "the dims of the result do not fit";
  return is_window(args.inputs[0], args.inputs[1], args.inputs[2]) ? nullptr : kNoWindow;
}

// Elements of a row of the part, which do not depend on where the window begins.
VEC_INLINE int64_t row_elements(const Tensor& whole, const Tensor& part) {
  int32_t axis = whole.rank - 1;
  while (axis > 0 && part.dims[axis] == whole.dims[axis]) --axis;
  return extent(part, max(axis, 0), part.rank);
}

VEC_INLINE int64_t rows_in(const Tensor& x, int64_t row) { return row == 0 ? 0 : x.count / row; }

int64_t dynamic_slice_tasks(const Args& args) {
  const Tensor& y = args.outputs[0];
  const int64_t row = row_elements(args.inputs[0], y);
  return tasks_of(rows_in(y, row), row);
}

double dynamic_slice_cost(const Args& args) {
  return 40.0 + 0.1 * static_cast<double>(args.outputs[0].count);
}

void run_dynamic_slice(const Args& args, int64_t first_task, int64_t last_task) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  if (y.count == 0) return;
  const Window window = window_of(x, y, input<int32_t>(args, 1));
  const int64_t per_task = items_per_task(row_elements(x, y));
  const int64_t last = min(last_task * per_task, window.rows);
  for (int64_t row = first_task * per_task; row < last; ++row) {
    __builtin_memcpy(output<char>(args, 0) + row * window.bytes, input<char>(args, 0) + window.place(row),
                     static_cast<size_t>(window.bytes));
  }
}

int64_t dynamic_update_tasks(const Args& args) {
  return max(ceil_div(bytes_in(args.outputs[0]), kCopyBytes), 1);
}

double dynamic_update_cost(const Args& args) {
  return 40.0 + 0.02 * static_cast<double>(bytes_in(args.outputs[0])) +
         0.1 * static_cast<double>(args.inputs[1].count);
}

// A task has a range of bytes of the result: it copies them, unless they are there already, and writes the
// parts of the window's rows that lie within.
void run_dynamic_update(const Args& args, int64_t first_task, int64_t last_task) {
  const Tensor &y = args.outputs[0], &part = args.inputs[1];
  const int64_t from = first_task * kCopyBytes, to = min(last_task * kCopyBytes, bytes_in(y));
  if (from >= to) return;
  char* const result = output<char>(args, 0);
  const char* const before = input<char>(args, 0);
  if (result != before) __builtin_memcpy(result + from, before + from, static_cast<size_t>(to - from));
  if (part.count == 0) return;
  const Window window = window_of(y, part, input<int32_t>(args, 2));
  for (int64_t row = 0; row < window.rows; ++row) {
    const int64_t place = window.place(row);
    if (place >= to) return;
    const int64_t first = max(place, from), last = min(place + window.bytes, to);
    if (first >= last) continue;
    __builtin_memcpy(result + first, input<char>(args, 1) + row * window.bytes + (first - place),
                     static_cast<size_t>(last - first));
  }
}

constexpr Kernel kWindowKernels[] = {
    {"iterations(outer?: i32) -> y: i32 {count: i32}", check_iterations, iterations_tasks, iterations_cost,
     nullptr, run_iterations, 0},
    {"dynamicSlice(x: T, starts: i32) -> y: T", check_dynamic_slice, dynamic_slice_tasks, dynamic_slice_cost,
     nullptr, run_dynamic_slice, 0},
    {"dynamicUpdateSlice(x: T, part: T, starts: i32) -> y: T", check_dynamic_update, dynamic_update_tasks,
     dynamic_update_cost, nullptr, run_dynamic_update, 1u},
};

}  // namespace
}  // namespace chainrule
