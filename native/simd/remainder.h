// Remainders: exact, for any argument.
#pragma once

#include "vec.h"

namespace chainrule {
namespace {

VEC_INLINE Vec with_sign_of(Vec size, Vec x) {
  return as_float((as_int(size) & splat_int(INT32_MAX)) | (as_int(x) & splat_int(INT32_MIN)));
}

constexpr float kLargeQuotient = 0x1p+28f;

// a - b * trunc(a / b) for lanes whose quotient is large: one bit of it after another. Others stay.
__attribute__((noinline)) Vec remainders_bitwise(Vec a, Vec b, Vec rest) {
  float of_a[kLanes], of_b[kLanes], of_rest[kLanes];
  store(of_a, a);
  store(of_b, b);
  store(of_rest, rest);
  for (int i = 0; i < kLanes; ++i) {
    double left = __builtin_fabs(static_cast<double>(of_a[i]));
    const double divisor = __builtin_fabs(static_cast<double>(of_b[i]));
    const bool is_large = left < static_cast<double>(__builtin_inff()) && divisor > 0 &&
                          __builtin_fabsf(of_a[i] / of_b[i]) >= kLargeQuotient;
    if (!is_large) continue;
    double part = divisor;
    while (part <= left / 2) part *= 2;
    for (; part >= divisor; part /= 2) {
      if (left >= part) left -= part;
    }
    of_rest[i] = static_cast<float>(of_a[i] < 0 ? -left : left);
  }
  return load(of_rest);
}

// The remainder with the sign of the divisor, exact; NaN where there is none. The quotient in doubles is off
// by less than 1, so that the remainder is off by one divisor at most.
VEC_INLINE Vec mod(Vec a, Vec b) {
  Vec quotient = a / b;
  DoubleVec divisor = to_double(b);
  DoubleVec shift = splat_double(0x1.8p+52);
  DoubleVec whole = (to_double(a) / divisor + shift) - shift;
  Vec rest = to_float(fnma(whole, divisor, to_double(a)));
  const Vec infinity = splat(__builtin_inff());
  Mask is_finite = less(abs(a), infinity);
  if (any(mask_and(is_finite, less_equal(splat(kLargeQuotient), abs(quotient))))) {
    rest = remainders_bitwise(a, b, rest);
  }
  // Infinity goes into nothing.
  rest = select(mask_and(is_finite, equal(abs(b), infinity)), a, rest);
  rest = select(less(rest * with_sign_of(splat(1.0f), b), zero()), rest + b, rest);
  return select(equal(rest, zero()), with_sign_of(zero(), b), rest);
}

}  // namespace
}  // namespace chainrule
