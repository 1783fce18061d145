// Parts, padding, rolling, tiling, repeating and reversing, each of which copies runs of rows, and the sums
// that are the gradient of a padding. Twin of lib/ops/pad.ts.
#pragma once

#include "axis_runs.h"
#include "reduce.h"

namespace chainrule {
namespace {

constexpr const char* kNoSuchDims = "the dims of the result do not fit";

VEC_INLINE AxisMap unmoved(const Args& args, int32_t axis) {
  return {Along::constant, args.inputs[0].dims[axis], args.outputs[0].dims[axis], 0};
}

int64_t run_result_tasks(const Args& args) { return run_tasks(args.outputs[0].count); }

const char* check_slice(const Args& args) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  if (x.rank != y.rank || args.attributeCount != x.rank) return kNoSuchDims;
  for (int32_t i = 0; i < x.rank; ++i) {
    int32_t begin = args.attributes[i];
    bool inside = begin >= 0 && begin <= x.dims[i] && y.dims[i] <= x.dims[i] - begin;
    if (!inside) return "the part reaches beyond an axis";
  }
  return nullptr;
}

void run_slice(const Args& args, int64_t first, int64_t last) {
  AxisMap maps[kMaxRank];
  for (int32_t i = 0; i < args.outputs[0].rank; ++i) {
    int64_t begin = args.attributes[i];
    maps[i] = {Along::constant, args.inputs[0].dims[i], args.outputs[0].dims[i], -begin};
  }
  run_maps(args, maps, 0.0f, first, last);
}

// Attributes: mode, value, then what comes before each axis: less than 0 where its first elements are left
// out. `inner` and `outer` are its operand and result, or, for the gradient, the other way round.
const char* check_padding(const Args& args, const Tensor& inner, const Tensor& outer, int32_t first) {
  int32_t mode = args.attributes[0];
  if (mode < 0 || mode > static_cast<int32_t>(Along::edge)) return "there is no such mode";
  if (inner.rank != outer.rank || args.attributeCount != first + inner.rank) return kNoSuchDims;
  for (int32_t i = 0; i < inner.rank; ++i) {
    int64_t size = inner.dims[i], before = args.attributes[first + i];
    int64_t after = outer.dims[i] - size - before;
    if (mode == static_cast<int32_t>(Along::constant)) continue;
    if (before < 0 || after < 0) return "a padding is negative";
    int64_t most = max(before, after);
    if (most == 0) continue;
    if (size == 0) return "an axis without elements cannot be padded with them";
    if (mode == static_cast<int32_t>(Along::reflect) && most > size - 1) return "a reflection is too long";
    if (mode == static_cast<int32_t>(Along::symmetric) && most > size) return "a reflection is too long";
  }
  return nullptr;
}

const char* check_pad(const Args& args) {
  if (args.attributeCount < 2) return kNoSuchDims;
  float value = float_attribute(args, 1);
  Dtype dtype = args.inputs[0].dtype;
  bool in_range = dtype == Dtype::float32 || dtype == Dtype::float64 || value == 0.0f;
  if (dtype == Dtype::int32) in_range = value >= -2147483648.0f && value < 2147483648.0f;
  if (dtype == Dtype::uint8) in_range = value >= 0.0f && value <= 255.0f;
  if (dtype == Dtype::boolean) in_range = value == 0.0f || value == 1.0f;
  if (!in_range) return "the value is none of the operand's type";
  return check_padding(args, args.inputs[0], args.outputs[0], 2);
}

void run_pad(const Args& args, int64_t first, int64_t last) {
  AxisMap maps[kMaxRank];
  for (int32_t i = 0; i < args.outputs[0].rank; ++i) {
    maps[i] = unmoved(args, i);
    maps[i].along = static_cast<Along>(args.attributes[0]);
    maps[i].before = args.attributes[2 + i];
  }
  run_maps(args, maps, float_attribute(args, 1), first, last);
}

const char* check_roll(const Args& args) {
  const Tensor& x = args.inputs[0];
  if (!same_dims(x, args.outputs[0]) || args.attributeCount != x.rank) return kNoSuchDims;
  for (int32_t i = 0; i < x.rank; ++i) {
    int32_t shift = args.attributes[i];
    if (shift < 0 || shift >= max(x.dims[i], 1)) return "a shift is outside its axis";
  }
  return nullptr;
}

void run_roll(const Args& args, int64_t first, int64_t last) {
  AxisMap maps[kMaxRank];
  for (int32_t i = 0; i < args.outputs[0].rank; ++i) {
    maps[i] = unmoved(args, i);
    maps[i].along = Along::wrap;
    maps[i].before = args.attributes[i];
  }
  run_maps(args, maps, 0.0f, first, last);
}

// Whether the axis of the result is that of the operand a whole number of times.
VEC_INLINE bool is_multiple(int64_t to, int64_t from) { return from == 0 ? to == 0 : to % from == 0; }

const char* check_tile(const Args& args) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  if (x.rank != y.rank) return kNoSuchDims;
  for (int32_t i = 0; i < x.rank; ++i) {
    if (!is_multiple(y.dims[i], x.dims[i])) return kNoSuchDims;
  }
  return nullptr;
}

void run_tile_axes(const Args& args, int64_t first, int64_t last) {
  AxisMap maps[kMaxRank];
  for (int32_t i = 0; i < args.outputs[0].rank; ++i) {
    maps[i] = unmoved(args, i);
    maps[i].along = Along::wrap;
  }
  run_maps(args, maps, 0.0f, first, last);
}

const char* check_repeat(const Args& args) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  int32_t axis = args.attributes[0];
  if (x.rank != y.rank || axis < 0 || axis >= x.rank) return kNoSuchDims;
  for (int32_t i = 0; i < x.rank; ++i) {
    if (i == axis ? !is_multiple(y.dims[i], x.dims[i]) : y.dims[i] != x.dims[i]) return kNoSuchDims;
  }
  return nullptr;
}

void run_repeat(const Args& args, int64_t first, int64_t last) {
  AxisMap maps[kMaxRank];
  for (int32_t i = 0; i < args.outputs[0].rank; ++i) {
    maps[i] = unmoved(args, i);
    if (i == args.attributes[0]) maps[i].along = Along::repeat;
  }
  run_maps(args, maps, 0.0f, first, last);
}

const char* check_reverse(const Args& args) {
  const Tensor& x = args.inputs[0];
  if (!same_dims(x, args.outputs[0]) || args.attributeCount != x.rank) return kNoSuchDims;
  for (int32_t i = 0; i < x.rank; ++i) {
    if (args.attributes[i] != 0 && args.attributes[i] != 1) return "an axis is reversed or not";
  }
  return nullptr;
}

void run_reverse(const Args& args, int64_t first, int64_t last) {
  AxisMap maps[kMaxRank];
  for (int32_t i = 0; i < args.outputs[0].rank; ++i) {
    maps[i] = unmoved(args, i);
    if (args.attributes[i] == 1) maps[i] = {Along::reverse, maps[i].from, maps[i].to, 1};
  }
  run_maps(args, maps, 0.0f, first, last);
}

// Where a position of an axis is read: up to three stretches of the padded axis, in ascending order.
struct Copies {
  int32_t stretches;
  int64_t first[3], last[3];

  VEC_INLINE void add(int64_t from, int64_t to) {
    if (from >= to) return;
    first[stretches] = from;
    last[stretches++] = to;
  }
};

VEC_INLINE Copies copies_of(const AxisMap& axis, int64_t at) {
  Copies copies = {0, {}, {}};
  int64_t own = at + axis.before;
  if (stays(axis)) {
    copies.add(at, at + 1);
  } else if (axis.along == Along::edge) {
    copies.add(at == 0 ? 0 : own, at == axis.from - 1 ? axis.to : own + 1);
  } else {
    int64_t twice = axis.along == Along::symmetric ? 1 : 0;
    int64_t low = axis.before - at - twice, high = axis.before + 2 * axis.from - 2 + twice - at;
    if (low >= 0 && low != own) copies.add(low, low + 1);
    copies.add(own, own + 1);
    if (high < axis.to && high != own) copies.add(high, high + 1);
  }
  return copies;
}

VEC_INLINE void add_elements(float* to, const float* from, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    store_upto(to + i, load_upto(to + i, n - i) + load_upto(from + i, n - i), n - i);
  }
}

// Adds a row of the padded tensor to the row that it was made of.
VEC_INLINE void add_row(const Walk& walk, float* to, const float* from) {
  const AxisMap& axis = walk.axes[0];
  int64_t block = walk.block;
  for (int64_t at = 0; at < axis.to;) {
    Run run = run_at(axis, at);
    float* target = to + run.source * block;
    const float* own = from + at * block;
    if (run.step == 1) {
      add_elements(target, own, run.length * block);
    } else if (block == 1 && run.step == 0) {
      *target += reduce_row<SumOf>(own, run.length);
    } else {
      for (int64_t i = 0; i < run.length; ++i) {
        add_elements(target + i * run.step * block, own + i * block, block);
      }
    }
    at += run.length;
  }
}

// Adds all rows of the padded tensor in which a row, at `at`, was read, in their order.
void add_rows(const Walk& walk, const int64_t* at, int32_t axis, float* to, const float* from) {
  if (axis == 0) return add_row(walk, to, from);
  int64_t stride = walk.block;
  for (int32_t i = 0; i < axis; ++i) stride *= walk.axes[i].to;
  Copies copies = copies_of(walk.axes[axis], at[axis]);
  for (int32_t k = 0; k < copies.stretches; ++k) {
    for (int64_t i = copies.first[k]; i < copies.last[k]; ++i) {
      add_rows(walk, at, axis - 1, to, from + i * stride);
    }
  }
}

VEC_INLINE Walk padding_walk(const Args& args) {
  AxisMap maps[kMaxRank];
  const Tensor &dx = args.outputs[0], &dy = args.inputs[0];
  for (int32_t i = 0; i < dx.rank; ++i) {
    maps[i] = {static_cast<Along>(args.attributes[0]), dx.dims[i], dy.dims[i], args.attributes[1 + i]};
  }
  return walk_of(maps, dx.rank);
}

const char* check_pad_gradient(const Args& args) {
  if (args.attributeCount < 1) return kNoSuchDims;
  int32_t mode = args.attributes[0];
  bool sums = mode >= static_cast<int32_t>(Along::reflect) && mode <= static_cast<int32_t>(Along::edge);
  return sums ? check_padding(args, args.outputs[0], args.inputs[0], 1) : "there is no such mode";
}

int64_t pad_gradient_tasks(const Args& args) {
  if (args.outputs[0].count == 0) return 1;
  Walk walk = padding_walk(args);
  int64_t row = walk.axes[0].from * walk.block;
  return tasks_of(args.outputs[0].count / row, row);
}

double pad_gradient_cost(const Args& args) { return 50.0 + 0.15 * static_cast<double>(args.inputs[0].count); }

void run_pad_gradient(const Args& args, int64_t first, int64_t last) {
  const Tensor& dx = args.outputs[0];
  if (dx.count == 0) return;
  Walk walk = padding_walk(args);
  int64_t row = walk.axes[0].from * walk.block, per_task = items_per_task(row);
  int64_t stop = min(last * per_task, dx.count / row);
  for (int64_t item = first * per_task; item < stop; ++item) {
    int64_t at[kMaxRank] = {}, rest = item;
    for (int32_t i = 1; i < walk.rank; ++i) {
      at[i] = rest % walk.axes[i].from;
      rest /= walk.axes[i].from;
    }
    float* to = output<float>(args, 0) + item * row;
    fill_elements(to, 0.0f, row);
    add_rows(walk, at, walk.rank - 1, to, input<float>(args, 0));
  }
}

constexpr Kernel kPadKernels[] = {
    {"slice(x: T) -> y: T {begin: words}", check_slice, run_result_tasks, run_cost, nullptr, run_slice, 0},
    {"pad(x: T) -> y: T {mode: i32, value: f32, before: words}", check_pad, run_result_tasks, run_cost,
     nullptr, run_pad, 0},
    {"padGradient(y: f32) -> x: f32 {mode: i32, before: words}", check_pad_gradient, pad_gradient_tasks,
     pad_gradient_cost, nullptr, run_pad_gradient, 0},
    {"roll(x: T) -> y: T {shift: words}", check_roll, run_result_tasks, run_cost, nullptr, run_roll, 0},
    {"tile(x: T) -> y: T", check_tile, run_result_tasks, run_cost, nullptr, run_tile_axes, 0},
    {"repeat(x: T) -> y: T {axis: i32}", check_repeat, run_result_tasks, run_cost, nullptr, run_repeat, 0},
    {"reverse(x: T) -> y: T {reversed: words}", check_reverse, run_result_tasks, run_cost, nullptr,
     run_reverse, 0},
};

}  // namespace
}  // namespace chainrule
