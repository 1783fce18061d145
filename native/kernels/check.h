// Guards. Twin of lib/ops/check.ts.
#pragma once

#include "operands.h"

namespace chainrule {
namespace {

// Elements that one number of the guard covers.
constexpr int64_t kFiniteChunk = 4096;

// The top bit is set if the exponent is all ones, that is, if x is NaN or infinite. Such words can be or-ed.
VEC_INLINE IntVec not_finite_bits(Vec x) {
  return (as_int(x) & splat_int(0x7f800000)) + splat_int(0x00800000);
}
VEC_INLINE bool has_top_bit(IntVec x) { return any(less_int(x, splat_int(0))); }

VEC_INLINE bool is_finite(float x) { return x - x == 0.0f; }

VEC_INLINE bool all_finite(const float* x, int64_t n) {
  IntVec a = splat_int(0), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    a = a | not_finite_bits(load(x + i));
    b = b | not_finite_bits(load(x + i + kLanes));
    c = c | not_finite_bits(load(x + i + 2 * kLanes));
    d = d | not_finite_bits(load(x + i + 3 * kLanes));
  }
  for (; i < n; i += kLanes) a = a | not_finite_bits(load_upto(x + i, n - i));
  return !has_top_bit((a | b) | (c | d));
}

// Position of the first number that is not finite, or -1.
VEC_INLINE int64_t first_not_finite(const float* x, int64_t n) {
  if (all_finite(x, n)) return -1;
  for (int64_t i = 0; i < n; ++i) {
    if (!is_finite(x[i])) return i;
  }
  return -1;
}

const char* check_finite(const Args& args) {
  bool fits = is_vector(args.outputs[0], ceil_div(args.inputs[0].count, kFiniteChunk));
  return fits ? nullptr : "the guard must have one number per 4096 elements";
}

int64_t finite_tasks(const Args& args) { return max(args.outputs[0].count, 1); }

double finite_cost(const Args& args) { return 30.0 + 0.05 * static_cast<double>(args.inputs[0].count); }

void run_finite(const Args& args, int64_t first_task, int64_t last_task) {
  const float* x = input<float>(args, 0);
  int32_t* guard = output<int32_t>(args, 0);
  int64_t n = args.inputs[0].count;
  int64_t last = min(last_task, args.outputs[0].count);
  for (int64_t chunk = first_task; chunk < last; ++chunk) {
    int64_t start = chunk * kFiniteChunk;
    int64_t at = first_not_finite(x + start, min(kFiniteChunk, n - start));
    guard[chunk] = at < 0 ? -1 : static_cast<int32_t>(min(start + at, INT32_MAX));
  }
}

const char* check_stop(const Args& args) {
  bool fits = args.inputs[0].count == 1 && is_vector(args.outputs[0], 1);
  return fits ? nullptr : "a condition is one value, and its guard one number";
}

int64_t stop_tasks(const Args&) { return 1; }

double stop_cost(const Args&) { return 5.0; }

void run_stop(const Args& args, int64_t first_task, int64_t last_task) {
  if (first_task < last_task) *output<int32_t>(args, 0) = *input<uint8_t>(args, 0) != 0 ? 0 : -1;
}

const char* check_finite_each(const Args& args) {
  bool fits = is_vector(args.outputs[0], args.inputCount);
  return fits ? nullptr : "the guard must have one number for each operand";
}

int64_t finite_each_tasks(const Args&) { return 1; }

double finite_each_cost(const Args& args) {
  double elements = 0;
  for (int32_t i = 0; i < args.inputCount; ++i) elements += static_cast<double>(args.inputs[i].count);
  return 20.0 + 3.0 * args.inputCount + 0.02 * elements;
}

void run_finite_each(const Args& args, int64_t, int64_t) {
  for (int32_t i = 0; i < args.inputCount; ++i) {
    int64_t at = first_not_finite(input<float>(args, i), args.inputs[i].count);
    output<int32_t>(args, 0)[i] = static_cast<int32_t>(min(at, INT32_MAX));
  }
}

constexpr Kernel kCheckKernels[] = {
    {"finiteEach(...xs: f32) -> guard: i32", check_finite_each, finite_each_tasks, finite_each_cost, nullptr,
     run_finite_each, 0},
    {"finite(x: f32) -> guard: i32", check_finite, finite_tasks, finite_cost, nullptr, run_finite, 0},
    {"stopIf(x: bool) -> guard: i32", check_stop, stop_tasks, stop_cost, nullptr, run_stop, 0},
};

}  // namespace
}  // namespace chainrule
