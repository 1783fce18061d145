// Sixteen floats at a time on every instruction set: the same lanes, the same order, the same bits, except
// those of a NaN. Kernels are written once against this; each object in isa/ compiles its own copy.
//
//   Vec 16 floats, IntVec 16 int32, DoubleVec 16 doubles, Mask 16 booleans
//   load store splat zero, *_tail(p, n): only lanes below n (0 to 16); the others are zero, or not written
//   + - * /; fma(a, b, c) = a*b + c, fnma(a, b, c) = c - a*b, rounded once; sqrt abs neg
//   fma_splat(p, b, c) = fma(splat(*p), b, c)
//   min max: NaN where either is NaN; of equal zeros the second
//   at_least(x, low), at_most(x, high): a NaN and a zero of either sign pass; low and high are no NaN
//   round (ties to even) floor ceil: what is rounded to zero keeps its sign
//   times_power_of_two(x, n): n an integer from -252 to 254; rounded once
//   less less_equal equal not_equal: as in C, so only not_equal holds for a NaN; select(m, a, b) = m ? a : b
//   mask_and mask_or mask_xor mask_not any
//   to_int_nearest (ties to even) to_int_truncate: out of range to the nearest int32, NaN to 0; to_float
//   as_int as_float: the bits. IntVec: + - * & | ^ wrap, shift_*(x, 0 to 31), equal_int less_int select;
//   shift_left and shift_right_arithmetic also by a vector of counts
//   mul_wide(a, b, &high): low halves of unsigned 32 x 32 products
//   Half: the first eight lanes, or all where there is no such register; splat_half fma, half_of(Vec),
//   widened(Half): zeros behind; halves_pay(): whether a half takes less time on this CPU
//   load_masked(p, mask) load_half_masked: only those lanes are read, the others are zero, where kMaskedLoads
//   says that it costs no more than a load; elsewhere all are
//   load_u8 -> Vec, store_u8 (IntVec, each 0 to 255); load_u16 -> IntVec, store_u16 (each 0 to 65535)
//   DoubleVec: + - * / fma fnma splat_double; to_double of either; to_float, rounded once; to_int_wrapping:
//   truncated, for numbers whose integers an int64 holds, of which the low half is taken
//   reduce_add(x): lanes i + (i+8), then + 4, + 2, + 1; reduce_max: NaN where any is NaN
//   transpose_16x16(from, from_stride, to, to_stride): strides in floats
//   transpose_16x4(from, from_stride, to, to_stride): the same of the first four numbers of each row
//   load_transposed(from, from_stride, to): lane i of to[k] is from[i * from_stride + k]
#pragma once

#include <cstddef>
#include <cstdint>

#define VEC_INLINE inline __attribute__((always_inline))
// Compiled once, and not again for each argument that is a constant where it is called.
#if defined(__clang__)
#define COMPILED_ONCE __attribute__((noinline))
#else
#define COMPILED_ONCE __attribute__((noinline, noclone))
#endif

// Define CHAINRULE_SCALAR before including for plain C++ whatever the compiler may use.
#if defined(CHAINRULE_SCALAR)
#include "vec_scalar.h"
#elif defined(__AVX512F__)
#include "vec_avx512.h"
#elif defined(__AVX2__)
#include "vec_avx2.h"
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include "vec_neon.h"
#else
#include "vec_scalar.h"
#endif

namespace chainrule {
namespace {

constexpr int kLanes = 16;

#if !defined(__AVX512F__) || defined(CHAINRULE_SCALAR)
// With two factors, because the smallest and the largest power need not be floats. The first product is
// exact.
VEC_INLINE Vec times_power_of_two(Vec x, Vec n) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: adding it leaves an integer in the low bits
  IntVec power = as_int(n + splat(kShift)) - as_int(splat(kShift));
  IntVec half = shift_right_arithmetic(power, 1);
  IntVec bias = splat_int(127);
  return x * as_float(shift_left(half + bias, 23)) * as_float(shift_left(power - half + bias, 23));
}
#endif

#if !defined(__AVX512F__) || defined(CHAINRULE_SCALAR)
using Half = Vec;
constexpr bool kMaskedLoads = false;
VEC_INLINE Vec load_masked(const float* p, Mask) { return load(p); }
VEC_INLINE Half load_half_masked(const float* p, Mask) { return load(p); }
VEC_INLINE Half splat_half(float x) { return splat(x); }
VEC_INLINE Half half_of(Vec x) { return x; }
VEC_INLINE Vec widened(Half x) { return x; }
VEC_INLINE bool halves_pay() { return false; }

VEC_INLINE Vec fma_splat(const float* p, Vec b, Vec c) { return fma(splat(*p), b, c); }

// Through memory, because there are not enough registers for sixteen vectors.
VEC_INLINE void load_transposed(const float* from, int64_t from_stride, Vec (&to)[kLanes]) {
  alignas(64) float transposed[kLanes * kLanes];
  transpose_16x16(from, from_stride, transposed, kLanes);
  for (int i = 0; i < kLanes; ++i) to[i] = load(transposed + i * kLanes);
}

VEC_INLINE void transpose_16x4(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < kLanes; ++i) to[k * to_stride + i] = from[i * from_stride + k];
  }
}

VEC_INLINE void transpose_upto_8x4(const float* from, int64_t from_stride, int64_t n, float* to,
                                   int64_t to_stride) {
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < kLanes / 2; ++i) {
      const int64_t row = i < n ? i : n > 0 ? n - 1 : 0;
      to[k * to_stride + i] = from[row * from_stride + k];
    }
  }
}
#endif

VEC_INLINE Mask mask_xor(Mask a, Mask b) {
  return mask_or(mask_and(a, mask_not(b)), mask_and(mask_not(a), b));
}
VEC_INLINE Mask greater(Vec a, Vec b) { return less(b, a); }
VEC_INLINE Mask greater_equal(Vec a, Vec b) { return less_equal(b, a); }

// Up to a whole vector; `n` may be larger.
VEC_INLINE Vec load_upto(const float* p, int64_t n) { return n >= kLanes ? load(p) : load_tail(p, n); }
VEC_INLINE void store_upto(float* p, Vec x, int64_t n) {
  if (n >= kLanes) {
    store(p, x);
  } else {
    store_tail(p, x, n);
  }
}

}  // namespace
}  // namespace chainrule
