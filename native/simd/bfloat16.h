// Pairs of bfloat16 numbers, which are the upper halves of floats. A 32-bit word holds the first number of a
// pair in its low half. Rounding is to nearest even; numbers smaller than FLT_MIN become a zero of their
// sign, NaN stays NaN. Sums by AVX512_BF16 and by other code have the same bits, unless they are smaller than
// FLT_MIN.
//
//   pairs_of(first, second): sixteen pairs from sixteen lanes each
//   pairs_along(p), pairs_along_upto(p, n): sixteen pairs from 32 consecutive floats, zero from n on
//   accumulate_pairs(a, b, sum) = a.first * b.first + (a.second * b.second + sum), rounded twice
#pragma once

#include "vec.h"

namespace chainrule {
namespace {

constexpr int kPairLanes = 2 * kLanes;

#if defined(__AVX512BF16__)

alignas(64) constexpr int16_t kInterleaved[kPairLanes] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                          21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                          11, 27, 12, 28, 13, 29, 14, 30, 15, 31};

VEC_INLINE Vec pairs_of(Vec first, Vec second) {
  __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(second.v, first.v);
  return {_mm512_castsi512_ps(_mm512_permutexvar_epi16(_mm512_load_si512(kInterleaved), halves))};
}
VEC_INLINE Vec pairs_along(Vec low, Vec high) {
  return {_mm512_castsi512_ps((__m512i)_mm512_cvtne2ps_pbh(high.v, low.v))};
}
VEC_INLINE Vec accumulate_pairs(Vec a, Vec b, Vec sum) {
  return {_mm512_dpbf16_ps(sum.v, (__m512bh)a.v, (__m512bh)b.v)};
}

#else

// The bfloat16 number is in the upper half of each lane; the lower half is zero.
VEC_INLINE IntVec rounded_halves(Vec x) {
  constexpr float kLeastNormal = 0x1p-126f;
  IntVec bits = as_int(x);
  IntVec odd = shift_right_logical(bits, 16) & splat_int(1);
  IntVec rounded = select(equal(x, x), bits + splat_int(0x7fff) + odd, bits | splat_int(0x00400000));
  rounded = select(less(abs(x), splat(kLeastNormal)), bits & splat_int(INT32_MIN), rounded);
  return rounded & splat_int(-0x10000);
}
VEC_INLINE Vec pairs_of(Vec first, Vec second) {
  return as_float(shift_right_logical(rounded_halves(first), 16) | rounded_halves(second));
}
VEC_INLINE Vec pairs_along(Vec low, Vec high) {
  alignas(64) float row[kPairLanes], first[kLanes], second[kLanes];
  store(row, low);
  store(row + kLanes, high);
  for (int i = 0; i < kLanes; ++i) {
    first[i] = row[2 * i];
    second[i] = row[2 * i + 1];
  }
  return pairs_of(load(first), load(second));
}
VEC_INLINE Vec first_of(Vec pairs) { return as_float(shift_left(as_int(pairs), 16)); }
VEC_INLINE Vec second_of(Vec pairs) { return as_float(as_int(pairs) & splat_int(-0x10000)); }
VEC_INLINE Vec accumulate_pairs(Vec a, Vec b, Vec sum) {
  return fma(first_of(a), first_of(b), fma(second_of(a), second_of(b), sum));
}

#endif

VEC_INLINE Vec pairs_along(const float* p) { return pairs_along(load(p), load(p + kLanes)); }
VEC_INLINE Vec pairs_along_upto(const float* p, int64_t n) {
  if (n >= kPairLanes) return pairs_along(p);
  if (n > kLanes) return pairs_along(load(p), load_tail(p + kLanes, n - kLanes));
  return pairs_along(load_upto(p, n), zero());
}

}  // namespace
}  // namespace chainrule
