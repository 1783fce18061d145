// What a reduction joins its elements by: a sum, a count, the largest, the smallest.
#pragma once

#include "../simd/integers.h"
#include "convert.h"

namespace chainrule {
namespace {

// What a result is computed in: sixteen floats or sixteen int32, read from memory and written to it.
VEC_INLINE Vec splat_number(float x) { return splat(x); }
VEC_INLINE IntVec splat_number(int32_t x) { return splat_int(x); }
VEC_INLINE Vec read_numbers(const float* p) { return load(p); }
VEC_INLINE Vec read_numbers(const float* p, int64_t n) { return load_upto(p, n); }
VEC_INLINE IntVec read_numbers(const int32_t* p, int64_t n = kLanes) { return read_integers(p, n); }
VEC_INLINE IntVec read_numbers(const BoolByte* p, int64_t n = kLanes) { return read_integers(p, n); }
VEC_INLINE Vec read_tail(const float* p, int64_t n) { return load_tail(p, n); }
template <class Element>
VEC_INLINE IntVec read_tail(const Element* p, int64_t n) {
  return read_integers(p, n);
}
VEC_INLINE int32_t wrapped_sum(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
constexpr bool sums_in_any_order(float) { return false; }
constexpr bool sums_in_any_order(int32_t) { return true; }
constexpr float least_of(float) { return -__builtin_inff(); }
constexpr int32_t least_of(int32_t) { return INT32_MIN; }
constexpr float greatest_of(float) { return __builtin_inff(); }
constexpr int32_t greatest_of(int32_t) { return INT32_MAX; }

VEC_INLINE int32_t reduce_add(IntVec x) {
  int32_t lanes[kLanes], sum = 0;
  store_int(lanes, x);
  for (int32_t lane : lanes) sum = wrapped_sum(sum, lane);
  return sum;
}
VEC_INLINE int32_t reduce_max(IntVec x) {
  int32_t lanes[kLanes], most = INT32_MIN;
  store_int(lanes, x);
  for (int32_t lane : lanes) most = lane > most ? lane : most;
  return most;
}

// Sums of int32 wrap around, in whatever order. Bools are counted.
template <class Number>
struct SumOf {
  using Element = Number;
  static constexpr Number kIdentity = 0;
  static constexpr bool kAnyOrder = sums_in_any_order(Number{});
  template <class Register>
  static VEC_INLINE Register join(Register a, Register b) { return a + b; }
  static VEC_INLINE float over_lanes(Vec x) { return reduce_add(x); }
  static VEC_INLINE int32_t over_lanes(IntVec x) { return reduce_add(x); }
  static VEC_INLINE float join(float a, float b) { return a + b; }
  static VEC_INLINE int32_t join(int32_t a, int32_t b) { return wrapped_sum(a, b); }
};
struct CountOf : SumOf<int32_t> {
  using Element = BoolByte;
};

// NaN if any element is NaN; the least number if there is no element.
template <class Number>
struct MaxOf {
  using Element = Number;
  static constexpr Number kIdentity = least_of(Number{});
  static constexpr bool kAnyOrder = true;
  template <class Register>
  static VEC_INLINE Register join(Register a, Register b) { return max(a, b); }
  static VEC_INLINE float over_lanes(Vec x) { return reduce_max(x); }
  static VEC_INLINE int32_t over_lanes(IntVec x) { return reduce_max(x); }
  static VEC_INLINE float join(float a, float b) { return a > b || a != a ? a : b; }
  static VEC_INLINE int32_t join(int32_t a, int32_t b) { return a > b ? a : b; }
  template <class Register>
  static VEC_INLINE Mask beats(Register a, Register b) { return less(b, a); }
};

// NaN if any element is NaN; the greatest number if there is no element.
template <class Number>
struct MinOf {
  using Element = Number;
  static constexpr Number kIdentity = greatest_of(Number{});
  static constexpr bool kAnyOrder = true;
  template <class Register>
  static VEC_INLINE Register join(Register a, Register b) { return min(a, b); }
  static VEC_INLINE float over_lanes(Vec x) { return -reduce_max(neg(x)); }
  static VEC_INLINE int32_t over_lanes(IntVec x) { return ~reduce_max(x ^ splat_int(-1)); }
  static VEC_INLINE float join(float a, float b) { return a < b || a != a ? a : b; }
  static VEC_INLINE int32_t join(int32_t a, int32_t b) { return a < b ? a : b; }
  template <class Register>
  static VEC_INLINE Mask beats(Register a, Register b) { return less(a, b); }
};

}  // namespace
}  // namespace chainrule
