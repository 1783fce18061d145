// Powers and logarithms beyond math.h, and the hyperbolic functions. See math.h for what the bounds mean.
#pragma once

#include "math.h"
#include "remainder.h"

namespace chainrule {
namespace {

// log(1 + x) from the rounded sum u = 1 + x and what rounding lost: 2 ULP; -0 stays -0, NaN below -1.
VEC_INLINE Vec log1p(Vec x) {
  Vec u = x + splat(1.0f);
  Vec y = log(u) + (x - (u - splat(1.0f))) / u;
  y = select(equal(u, zero()), splat(-kInfinity), y);
  y = select(equal(x, splat(kInfinity)), x, y);
  return select(equal(x, zero()), x, y);
}

// 1.5 ULP, exact for powers of two; the arguments of log are its own.
VEC_INLINE Vec log2(Vec x) {
  Scaled s = split_power(x);
  Vec f = s.mantissa - splat(1.0f);
  Logarithm l = split_logarithm(f);
  Vec rest = l.square * l.factor;
  // log2(e) in two parts: the first has few enough bits that the product with f is nearly exact.
  Vec small = fma(f, splat(0x1.1d94aep-14f), rest * splat(kLog2OfE));
  return logarithm_at(x, s.power + fma(f, splat(0x1.715000p+0f), small));
}

// 1.5 ULP.
VEC_INLINE Vec rsqrt(Vec x) { return splat(1.0f) / sqrt(x); }

// log2 of positive finite floats in doubles, off by 2^-48 of the result.
VEC_INLINE DoubleVec wide_log2(Vec x) {
  Scaled scaled = split_power(x);
  DoubleVec m = to_double(scaled.mantissa), n = to_double(scaled.power);
  const DoubleVec one = splat_double(1);
  DoubleVec s = (m - one) / (m + one);
  DoubleVec t = s * s;
  DoubleVec p = splat_double(0x1.f0fe97745f347p-3);
  p = fma(p, t, splat_double(0x1.0bbe374ec47abp-2));
  p = fma(p, t, splat_double(0x1.484f6ebd5d423p-2));
  p = fma(p, t, splat_double(0x1.a617578d8e5fdp-2));
  p = fma(p, t, splat_double(0x1.2776c515783a3p-1));
  p = fma(p, t, splat_double(0x1.ec709dc39db8fp-1));
  p = fma(p, t, splat_double(0x1.71547652b82fep+1));
  return fma(p, s, n);
}

// 2^x for x from -160 to 140: 0.51 ULP, denormal results 1.
VEC_INLINE Vec wide_exp2(DoubleVec x) {
  const DoubleVec shift = splat_double(0x1.8p+52);
  DoubleVec n = (x + shift) - shift;
  DoubleVec f = x - n;
  DoubleVec q = splat_double(0x1.61c4d54b14fafp-20);
  q = fma(q, f, splat_double(0x1.00d86bd299e5fp-16));
  q = fma(q, f, splat_double(0x1.430aa8d754b61p-13));
  q = fma(q, f, splat_double(0x1.5d874ce3216dbp-10));
  q = fma(q, f, splat_double(0x1.3b2ab5ed1c139p-7));
  q = fma(q, f, splat_double(0x1.c6b08dceefdbap-5));
  q = fma(q, f, splat_double(0x1.ebfbdff8ee37dp-3));
  q = fma(q, f, splat_double(0x1.62e42fef89c7ap-1));
  return times_power_of_two(to_float(fma(q, f, splat_double(1))), to_float(n));
}

// a to the power of b, as in C: 1 ULP. A negative base has powers of integers only.
VEC_INLINE Vec pow(Vec a, Vec b) {
  const Vec one = splat(1.0f), infinity = splat(kInfinity);
  Vec base = abs(a);
  DoubleVec bounded = to_double(at_most(at_least(b, splat(-0x1p+40f)), splat(0x1p+40f)));
  DoubleVec product = bounded * wide_log2(base);
  Vec rough = to_float(product);
  Mask over = less(splat(140.0f), rough), under = less(rough, splat(-160.0f));
  Vec y = wide_exp2(product * to_double(select(mask_or(over, under), zero(), one)));
  y = select(over, infinity, select(under, zero(), y));
  const Mask is_plain = mask_and(less(zero(), a), mask_and(less(a, infinity), less(abs(b), infinity)));
  if (!any(mask_not(is_plain))) return y;
  // Of a base that is 0 or infinite, only the sign of b counts.
  Mask rises = less(zero(), b);
  y = select(equal(base, zero()), select(rises, zero(), infinity), y);
  y = select(equal(base, infinity), select(rises, infinity, zero()), y);
  Mask is_integer = equal(round(b), b);
  Vec half = b * splat(0.5f);
  Mask is_odd = mask_and(is_integer, not_equal(round(half), half));
  Mask negative = less_int(as_int(a), splat_int(0));
  y = select(mask_and(negative, is_odd), neg(y), y);
  Mask no_root = mask_and(mask_and(less(a, zero()), less(base, infinity)), mask_not(is_integer));
  y = select(no_root, splat(__builtin_nanf("")), y);
  y = select(mask_and(equal(base, one), equal(abs(b), infinity)), one, y);
  y = select(mask_or(not_equal(a, a), not_equal(b, b)), a + b, y);
  return select(mask_or(equal(b, zero()), equal(a, one)), one, y);
}

// From here on exp(-size) is nothing beside exp(size), which is infinite before its half is.
constexpr float kHalvedFrom = 40.0f;

// exp(size) / 2 for large sizes.
VEC_INLINE Vec half_exponential(Vec size) {
  Vec root = exp(size * splat(0.5f));
  return (root * splat(0.5f)) * root;
}

// 3 ULP; -0 stays -0.
VEC_INLINE Vec sinh(Vec x) {
  Vec size = abs(x);
  Vec rise = expm1(at_most(size, splat(kHalvedFrom)));
  Vec near = (rise + rise / (rise + splat(1.0f))) * splat(0.5f);
  return with_sign_of(select(less(splat(kHalvedFrom), size), half_exponential(size), near), x);
}
VEC_INLINE Vec cosh(Vec x) {
  Vec size = abs(x);
  Vec e = exp(at_most(size, splat(kHalvedFrom)));
  Vec near = fma(e, splat(0.5f), splat(0.5f) / e);
  return select(less(splat(kHalvedFrom), size), half_exponential(size), near);
}

// Beyond this, 1 is nothing beside the square.
constexpr float kFar = 4096.0f;

// log(x + sqrt(x^2 + 1)): 2.5 ULP; -0 stays -0.
VEC_INLINE Vec asinh(Vec x) {
  Vec size = abs(x);
  Vec t = at_most(size, splat(kFar));
  Vec square = t * t;
  Vec near = log1p(t + square / (splat(1.0f) + sqrt(square + splat(1.0f))));
  Vec far = log(size) + splat(kLn2);
  return with_sign_of(select(less(splat(kFar), size), far, near), x);
}
// log(x + sqrt(x^2 - 1)): 2.5 ULP; NaN below 1.
VEC_INLINE Vec acosh(Vec x) {
  Vec t = at_most(x, splat(kFar)) - splat(1.0f);
  Vec near = log1p(t + sqrt(t * (t + splat(2.0f))));
  Vec y = select(less(splat(kFar), x), log(x) + splat(kLn2), near);
  return select(less(x, splat(1.0f)), splat(__builtin_nanf("")), y);
}
// log((1 + x) / (1 - x)) / 2: 2.5 ULP; NaN beyond 1, and -0 stays -0.
VEC_INLINE Vec atanh(Vec x) {
  Vec size = abs(x);
  Vec y = log1p((size + size) / (splat(1.0f) - size)) * splat(0.5f);
  return with_sign_of(y, x);
}

}  // namespace
}  // namespace chainrule
