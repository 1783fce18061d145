// Functions of sixteen floats: the same polynomials in the same order on every instruction set, no libm. The
// coefficients come from scripts/polynomials.py. Error bounds are in units of the last place (ULP) of the
// exact result and are tested in test/math_test.cc. NaN in, NaN out.
#pragma once

#include "vec.h"

namespace chainrule {
namespace {

constexpr float kLog2OfE = 0x1.715476p+0f;
constexpr float kLn2 = 0x1.62e430p-1f;
constexpr float kLn2Rest = -0x1.05c610p-29f;
constexpr float kInfinity = __builtin_inff();

// x = power * ln 2 + r with |r| <= ln 2 / 2, and rise = exp(r) - 1. For |x| up to some thousands.
struct Exponential {
  Vec power, rise;
};
VEC_INLINE Exponential split_exponential(Vec x) {
  Vec shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  Vec power = fma(x, splat(kLog2OfE), shift) - shift;
  Vec r = fnma(power, splat(kLn2Rest), fnma(power, splat(kLn2), x));
  Vec q = splat(0x1.6c5582p-10f);
  q = fma(q, r, splat(0x1.1223eep-7f));
  q = fma(q, r, splat(0x1.5555bap-5f));
  q = fma(q, r, splat(0x1.5554b6p-3f));
  q = fma(q, r, splat(0.5f));
  return {power, fma(r * r, q, r)};
}

// 1.1 ULP, denormal results included; infinity from 88.73 on, 0 from -103.98 down.
VEC_INLINE Vec exp(Vec x) {
  Exponential e = split_exponential(at_most(at_least(x, splat(-104.0f)), splat(89.0f)));
  return times_power_of_two(e.rise + splat(1.0f), e.power);
}

// log(1 + f) = f + square * factor for 1 + f from sqrt(1/2) to sqrt(2). The caller adds, so it is rounded
// once.
struct Logarithm {
  Vec square, factor;
};
VEC_INLINE Logarithm split_logarithm(Vec f) {
  Vec q = splat(-0x1.38b576p-4f);
  q = fma(q, f, splat(0x1.055b68p-3f));
  q = fma(q, f, splat(-0x1.0d8542p-3f));
  q = fma(q, f, splat(0x1.22da1ep-3f));
  q = fma(q, f, splat(-0x1.547244p-3f));
  q = fma(q, f, splat(0x1.99a008p-3f));
  q = fma(q, f, splat(-0x1.000226p-2f));
  q = fma(q, f, splat(0x1.555554p-2f));
  return {f * f, fma(q, f, splat(-0.5f))};
}

// A positive finite float as mantissa * 2^power, the mantissa from sqrt(1/2) to sqrt(2).
struct Scaled {
  Vec mantissa, power;
};
VEC_INLINE Scaled split_power(Vec x) {
  Mask denormal = less(x, splat(0x1p-126f));
  IntVec bits = as_int(select(denormal, x * splat(0x1p23f), x));
  IntVec power = shift_right_arithmetic(bits - splat_int(0x3f3504f3), 23);  // sqrt(1/2)
  return {as_float(bits - shift_left(power, 23)),
          to_float(power) - select(denormal, splat(23.0f), zero())};
}

// A logarithm of x where x has one, else what it tends to, or NaN.
VEC_INLINE Vec logarithm_at(Vec x, Vec y) {
  y = select(less(x, splat(kInfinity)), y, x);
  y = select(equal(x, zero()), splat(-kInfinity), y);
  return select(less(x, zero()), splat(__builtin_nanf("")), y);
}

// 1 ULP, denormal arguments included; log(0) = -infinity, NaN below.
VEC_INLINE Vec log(Vec x) {
  Scaled s = split_power(x);
  Vec f = s.mantissa - splat(1.0f);
  Logarithm l = split_logarithm(f);
  Vec small = fma(l.square, l.factor, s.power * splat(kLn2Rest));
  return logarithm_at(x, fma(s.power, splat(kLn2), small + f));
}

// 2 ULP for t from 0 to 1. Below sqrt(2) - 1 the polynomial's argument is t itself, so nothing is lost by
// adding 1.
VEC_INLINE Vec log_one_plus(Vec t) {
  Mask upper = less(splat(0x1.a8279ap-2f), t);  // sqrt(2) - 1
  Vec f = select(upper, fma(t, splat(0.5f), splat(-0.5f)), t);
  Vec n = select(upper, splat(1.0f), zero());
  Logarithm l = split_logarithm(f);
  Vec small = fma(l.square, l.factor, n * splat(kLn2Rest));
  return fma(n, splat(kLn2), small + f);
}

// exp(-|x|), never above 1. Sigmoid and softplus are computed from it, so that neither overflows.
VEC_INLINE Vec exp_minus_abs(Vec x) {
  Exponential e = split_exponential(at_least(neg(abs(x)), splat(-104.0f)));
  return times_power_of_two(e.rise + splat(1.0f), e.power);
}

// 1 / (1 + exp(-x)): 2.5 ULP, denormal results included.
VEC_INLINE Vec sigmoid(Vec x) {
  Vec e = exp_minus_abs(x);
  return select(less(x, zero()), e, splat(1.0f)) / (e + splat(1.0f));
}

// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)): 2 ULP (Dugas et al. 2001).
VEC_INLINE Vec softplus(Vec x) { return at_least(x, zero()) + log_one_plus(exp_minus_abs(x)); }

// (exp(2x) - 1) / (exp(2x) + 1): 2.5 ULP; exactly 1 from 9.02 on, and -0 stays -0.
VEC_INLINE Vec tanh(Vec x) {
  Vec size = at_most(abs(x), splat(9.25f));
  Exponential e = split_exponential(size + size);
  Vec scale = times_power_of_two(splat(1.0f), e.power);
  Vec rise = fma(scale, e.rise, scale - splat(1.0f));
  Vec y = rise / (rise + splat(2.0f));
  return as_float(as_int(y) | (as_int(x) & splat_int(INT32_MIN)));
}

// exp(x) - 1, accurate near 0: 1.6 ULP; -1 from -17.4 down, infinity from 88.73 on, and -0 stays -0.
VEC_INLINE Vec expm1(Vec x) {
  Exponential e = split_exponential(at_most(at_least(x, splat(-104.0f)), splat(89.0f)));
  Vec scale = times_power_of_two(splat(1.0f), e.power);
  Vec near = fma(scale, e.rise, scale - splat(1.0f));
  // From 2^40 on the 1 makes no difference; the scale 2^128 would not be a float.
  Vec far = times_power_of_two(e.rise + splat(1.0f), e.power);
  Vec y = select(less(splat(40.0f), e.power), far, near);
  return as_float(as_int(y) | (as_int(x) & splat_int(INT32_MIN)));
}

// The error function, odd: x + x p(x^2) up to 15/16, from there 1 - exp(-t - t q(t)): 1.5 ULP; exactly 1 from
// 3.92 on, and -0 stays -0.
VEC_INLINE Vec erf(Vec x) {
  Vec t = at_most(abs(x), splat(4.0f));
  Vec s = x * x;
  Vec p = splat(-0x1.365918p-11f);
  p = fma(p, s, splat(0x1.464ff4p-8f));
  p = fma(p, s, splat(-0x1.b66324p-6f));
  p = fma(p, s, splat(0x1.ce17a6p-4f));
  p = fma(p, s, splat(-0x1.8126d4p-2f));
  p = fma(p, s, splat(0x1.06eba6p-3f));
  Vec q = splat(0x1.8ef9b4p-17f);
  q = fma(q, t, splat(-0x1.596c4cp-12f));
  q = fma(q, t, splat(0x1.e0f674p-9f));
  q = fma(q, t, splat(-0x1.8641a6p-6f));
  q = fma(q, t, splat(0x1.b36b78p-4f));
  q = fma(q, t, splat(0x1.452d3ep-1f));
  q = fma(q, t, splat(0x1.077e1ep-3f));
  Vec far = splat(1.0f) - exp(fnma(q, t, neg(t)));
  Vec y = select(less(t, splat(0.9375f)), fma(p, x, x), far);
  return as_float((as_int(y) & splat_int(INT32_MAX)) | (as_int(x) & splat_int(INT32_MIN)));
}

// The quantile of the standard normal distribution: Wichura, AS241 (1988), routine PPND7, with a relative
// error of 1e-7 in exact arithmetic; here 6 ULP. Instead of the probability p it takes q = p - 1/2 and side =
// min(p, 1 - p) > 0: if p comes from an integer, these are exact, while p near 1 is not.
VEC_INLINE Vec normal_quantile(Vec q, Vec side) {
  Vec r = fnma(q, q, splat(0.180625f));
  Vec top = fma(fma(fma(splat(59.109374720f), r, splat(159.29113202f)), r, splat(50.434271938f)), r,
                splat(3.3871327179f));
  Vec bottom = fma(fma(fma(splat(67.187563600f), r, splat(78.757757664f)), r, splat(17.895169469f)), r,
                   splat(1.0f));
  Mask tail = less(splat(0.425f), abs(q));
  if (!any(tail)) return q * top / bottom;

  Mask upper = less(zero(), q);
  Vec root = sqrt(neg(log(side)));
  Mask far = less(splat(5.0f), root);
  Vec s = root - select(far, splat(5.0f), splat(1.6f));
  Vec tail_top = select(far, splat(0.017337203997f), splat(0.17023821103f));
  tail_top = fma(tail_top, s, select(far, splat(0.42868294337f), splat(1.3067284816f)));
  tail_top = fma(tail_top, s, select(far, splat(3.0812263860f), splat(2.7568153900f)));
  tail_top = fma(tail_top, s, select(far, splat(6.6579051150f), splat(1.4234372777f)));
  Vec tail_bottom = select(far, splat(0.012258202635f), splat(0.12021132975f));
  tail_bottom = fma(tail_bottom, s, select(far, splat(0.24197894225f), splat(0.73700164250f)));
  tail_bottom = fma(tail_bottom, s, splat(1.0f));
  Vec sign = select(upper, splat(1.0f), splat(-1.0f));
  return select(tail, sign * tail_top, q * top) / select(tail, tail_bottom, bottom);
}

}  // namespace
}  // namespace chainrule
