// Arithmetic of int32 under the names of that of floats, so that one formula serves both. Overflow wraps
// around, and a division by zero gives zero, as in NumPy and TensorFlow.js.
#pragma once

#include "vec.h"

namespace chainrule {
namespace {

VEC_INLINE Mask less(IntVec a, IntVec b) { return less_int(a, b); }
VEC_INLINE Mask less_equal(IntVec a, IntVec b) { return mask_not(less_int(b, a)); }
VEC_INLINE Mask equal(IntVec a, IntVec b) { return equal_int(a, b); }
VEC_INLINE Mask not_equal(IntVec a, IntVec b) { return mask_not(equal_int(a, b)); }

VEC_INLINE IntVec neg(IntVec x) { return splat_int(0) - x; }
VEC_INLINE IntVec abs(IntVec x) {
  IntVec sign = shift_right_arithmetic(x, 31);
  return (x ^ sign) - sign;
}
VEC_INLINE IntVec min(IntVec a, IntVec b) { return select(less(a, b), a, b); }
VEC_INLINE IntVec max(IntVec a, IntVec b) { return select(less(b, a), a, b); }
VEC_INLINE IntVec sign(IntVec x) {
  return select(less(splat_int(0), x), splat_int(1), shift_right_arithmetic(x, 31));
}
VEC_INLINE IntVec floor(IntVec x) { return x; }

// Rounded down. A double holds the quotient closely enough: it is off by less than what a true quotient
// can be below an integer.
VEC_INLINE IntVec operator/(IntVec a, IntVec b) {
  const IntVec zero = splat_int(0), one = splat_int(1);
  Mask has_none = equal(b, zero);
  IntVec divisor = select(has_none, one, b);
  IntVec toward_zero = to_int_wrapping(to_double(a) / to_double(divisor));
  IntVec rest = a - toward_zero * divisor;
  Mask is_above = mask_and(not_equal(rest, zero), less(rest ^ divisor, zero));
  return select(has_none, zero, select(is_above, toward_zero - one, toward_zero));
}
// The remainder with the sign of the divisor.
VEC_INLINE IntVec mod(IntVec a, IntVec b) {
  return select(equal(b, splat_int(0)), splat_int(0), a - a / b * b);
}

// By squaring. What a negative exponent gives is truncated: only 1 and -1 have a reciprocal.
VEC_INLINE IntVec pow(IntVec a, IntVec b) {
  const IntVec zero = splat_int(0), one = splat_int(1);
  Mask is_unit = equal(abs(a), one), is_negative = less(b, zero);
  IntVec left = select(is_negative, select(is_unit, b & one, zero), b);
  IntVec result = select(is_negative, select(is_unit, one, zero), one), power = a;
  while (any(not_equal(left, zero))) {
    result = select(equal(left & one, one), result * power, result);
    power = power * power;
    left = shift_right_arithmetic(left, 1);
  }
  return result;
}

// By a count outside of 0 to 31 all bits are shifted out, as in NumPy.
VEC_INLINE Mask is_count(IntVec n) { return equal(n & splat_int(~31), splat_int(0)); }
VEC_INLINE IntVec shifted_left(IntVec x, IntVec n) {
  return select(is_count(n), shift_left(x, n & splat_int(31)), splat_int(0));
}
VEC_INLINE IntVec shifted_right(IntVec x, IntVec n) {
  return shift_right_arithmetic(x, select(is_count(n), n & splat_int(31), splat_int(31)));
}

}  // namespace
}  // namespace chainrule
