// Sine and its kin, their inverses. See math.h for what the bounds mean; coefficients from
// scripts/polynomials.py.
#pragma once

#include "math.h"
#include "remainder.h"

namespace chainrule {
namespace {

// x = quadrant * pi / 2 + r with |r| <= pi / 4 and a little more; of the quadrant, the last two bits count.
// `excess` is what rounding added to r.
struct Angle {
  Vec r, excess;
  IntVec quadrant;
};

constexpr float kLargeAngle = 0x1p+23f;

// Payne and Hanek (1983): of 1 / (2 pi) only those bits matter that give less than a whole turn. An argument
// from 2^23 on is an integer of 24 bits times 2^shift; 96 bits from `shift` on are enough for the float that
// is nearest to a multiple of pi / 2.
__attribute__((noinline)) void reduce_large(Vec x, Angle* angle) {
  static constexpr uint32_t kTurns[] = {0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770,
                                        0x36d8a566, 0x4f10e410, 0x7f9458ea};
  constexpr double kHalfPiOverTwoTo62 = 0x1.921fb54442d18p-62;
  float of_x[kLanes], r[kLanes], excess_of_r[kLanes];
  int32_t quadrant[kLanes];
  store(of_x, x);
  store(r, angle->r);
  store(excess_of_r, angle->excess);
  store_int(quadrant, angle->quadrant);
  for (int i = 0; i < kLanes; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, &of_x[i], sizeof bits);
    const uint32_t exponent = bits >> 23 & 255;
    if (exponent < 150 || exponent == 255) continue;
    const uint32_t shift = exponent - 150, word = shift / 32, within = shift % 32;
    const uint64_t mantissa = (bits & 0x7fffff) | 0x800000;
    uint64_t window[3];
    for (uint32_t k = 0; k < 3; ++k) {
      const uint64_t pair = uint64_t{kTurns[word + k]} << 32 | kTurns[word + k + 1];
      window[k] = pair >> (32 - within) & 0xffffffff;
    }
    const uint64_t turn = mantissa * (window[0] << 32 | window[1]) + (mantissa * window[2] >> 32);
    const uint64_t nearest = (turn + (uint64_t{1} << 61)) >> 62;
    const auto rest = static_cast<int64_t>(turn - (nearest << 62));
    const double exact = static_cast<double>(rest) * kHalfPiOverTwoTo62;
    const auto size = static_cast<float>(exact);
    const auto excess_of_size = static_cast<float>(size - exact);
    const bool negative = bits >> 31;
    r[i] = negative ? -size : size;
    excess_of_r[i] = negative ? -excess_of_size : excess_of_size;
    quadrant[i] = negative ? -static_cast<int32_t>(nearest) : static_cast<int32_t>(nearest);
  }
  *angle = {load(r), load(excess_of_r), load_int(quadrant)};
}

VEC_INLINE Angle reduce_angle(Vec x) {
  const DoubleVec shift = splat_double(0x1.8p+52);  // adding it rounds to an integer
  DoubleVec wide = to_double(x);
  DoubleVec turns = fma(wide, splat_double(0x1.45f306dc9c883p-1), shift) - shift;
  DoubleVec r = fnma(turns, splat_double(0x1.921fb54442d18p+0), wide);
  r = fnma(turns, splat_double(0x1.1a62633145c07p-54), r);
  Vec rounded = to_float(r);
  Angle angle = {rounded, to_float(to_double(rounded) - r), to_int_nearest(to_float(turns))};
  if (any(less_equal(splat(kLargeAngle), abs(x)))) reduce_large(x, &angle);
  return angle;
}

// Of an angle up to pi / 4.
VEC_INLINE Vec sine_of(Vec r) {
  Vec s = r * r;
  Vec p = splat(0x1.6ccf5ep-19f);
  p = fma(p, s, splat(-0x1.a00f74p-13f));
  p = fma(p, s, splat(0x1.111108p-7f));
  p = fma(p, s, splat(-0x1.555556p-3f));
  return with_sign_of(fma(abs(r) * s, p, abs(r)), r);
}
VEC_INLINE Vec cosine_of(Vec r) {
  Vec s = r * r;
  Vec q = splat(-0x1.24290ap-22f);
  q = fma(q, s, splat(0x1.a01118p-16f));
  q = fma(q, s, splat(-0x1.6c16b8p-10f));
  q = fma(q, s, splat(0x1.555556p-5f));
  q = fma(q, s, splat(-0.5f));
  return fma(q, s, splat(1.0f));
}

VEC_INLINE Mask has_bit(IntVec x, int32_t bit) { return equal_int(x & splat_int(bit), splat_int(bit)); }
VEC_INLINE Vec flip_sign(Mask where, Vec x) { return select(where, neg(x), x); }

// 1.6 ULP for any argument; infinity gives NaN, and -0 stays -0.
VEC_INLINE Vec sin(Vec x) {
  Angle angle = reduce_angle(x);
  Vec y = select(has_bit(angle.quadrant, 1), cosine_of(angle.r), sine_of(angle.r));
  return flip_sign(has_bit(angle.quadrant, 2), y);
}
VEC_INLINE Vec cos(Vec x) {
  Angle angle = reduce_angle(x);
  Vec y = select(has_bit(angle.quadrant, 1), sine_of(angle.r), cosine_of(angle.r));
  return flip_sign(has_bit(angle.quadrant + splat_int(1), 2), y);
}
// 0.51 ULP: sine by cosine in doubles, for near a pole the last bits of the angle count.
VEC_INLINE Vec tan(Vec x) {
  Angle angle = reduce_angle(x);
  const DoubleVec one = splat_double(1);
  DoubleVec r = to_double(angle.r) - to_double(angle.excess), s = r * r;
  DoubleVec p = splat_double(0x1.6ccf5da4d826ap-19);
  p = fma(p, s, splat_double(-0x1.a00f745d9ac0ap-13));
  p = fma(p, s, splat_double(0x1.1111085d03465p-7));
  p = fma(p, s, splat_double(-0x1.5555554c5f730p-3));
  DoubleVec sine = r * fma(p, s, one);
  DoubleVec q = splat_double(0x1.9912fe1e92c53p-16);
  q = fma(q, s, splat_double(-0x1.6c07e1fa6ed80p-10));
  q = fma(q, s, splat_double(0x1.55553c5187452p-5));
  q = fma(q, s, splat_double(-0x1.ffffffcb143d2p-2));
  DoubleVec cosine = fma(q, s, one);
  // In an odd quadrant -cosine / sine.
  DoubleVec odd = to_double(angle.quadrant & splat_int(1)), even = one - odd;
  return to_float(fnma(odd, cosine, even * sine) / fma(odd, sine, even * cosine));
}

// pi / 2 and pi in two floats each.
constexpr float kHalfPi = 0x1.921fb6p+0f, kHalfPiRest = -0x1.777a5cp-25f;
constexpr float kPi = 0x1.921fb6p+1f, kPiRest = -0x1.777a5cp-24f;

// Of a tangent from 0 to 1.
VEC_INLINE Vec arctangent_of(Vec t) {
  Vec s = t * t;
  Vec p = splat(0x1.23f918p-10f);
  p = fma(p, s, splat(-0x1.df96eep-8f));
  p = fma(p, s, splat(0x1.714b0cp-6f));
  p = fma(p, s, splat(-0x1.6e1998p-5f));
  p = fma(p, s, splat(0x1.1422c4p-4f));
  p = fma(p, s, splat(-0x1.68e6fcp-4f));
  p = fma(p, s, splat(0x1.c4f1e0p-4f));
  p = fma(p, s, splat(-0x1.247374p-3f));
  p = fma(p, s, splat(0x1.9997e0p-3f));
  p = fma(p, s, splat(-0x1.555552p-2f));
  return fma(t * s, p, t);
}

// 1.6 ULP; -0 stays -0.
VEC_INLINE Vec atan(Vec x) {
  Vec size = abs(x);
  Mask steep = less(splat(1.0f), size);
  Vec y = arctangent_of(select(steep, splat(1.0f) / size, size));
  y = select(steep, (splat(kHalfPi) - y) + splat(kHalfPiRest), y);
  return with_sign_of(y, x);
}

// The angle of the point (x, y), as in C: 2 ULP.
VEC_INLINE Vec atan2(Vec y, Vec x) {
  Vec ax = abs(x), ay = abs(y);
  Vec small = min(ax, ay), large = max(ax, ay);
  Vec ratio = select(equal(small, large), splat(1.0f), small / large);
  ratio = select(equal(large, zero()), zero(), ratio);
  Vec angle = arctangent_of(ratio);
  angle = select(less(ax, ay), (splat(kHalfPi) - angle) + splat(kHalfPiRest), angle);
  Mask left = less_int(as_int(x), splat_int(0));
  angle = select(left, (splat(kPi) - angle) + splat(kPiRest), angle);
  angle = select(mask_or(not_equal(x, x), not_equal(y, y)), x + y, angle);
  return with_sign_of(angle, y);
}

// For |x| <= 1/2: its arcsine. Above: half of its arccosine, so that both follow by one subtraction.
VEC_INLINE Vec arcsine_part(Vec size, Mask above) {
  Vec s = select(above, fnma(size, splat(0.5f), splat(0.5f)), size * size);
  Vec z = select(above, sqrt(s), size);
  Vec p = splat(0x1.3355bep-5f);
  p = fma(p, s, splat(0x1.d91facp-7f));
  p = fma(p, s, splat(0x1.0491a0p-5f));
  p = fma(p, s, splat(0x1.6caed2p-5f));
  p = fma(p, s, splat(0x1.33387cp-4f));
  p = fma(p, s, splat(0x1.55554cp-3f));
  return fma(z * s, p, z);
}

// 2 ULP; NaN beyond 1, and -0 stays -0.
VEC_INLINE Vec asin(Vec x) {
  Vec size = abs(x);
  Mask above = less(splat(0.5f), size);
  Vec part = arcsine_part(size, above);
  Vec y = select(above, (splat(kHalfPi) - (part + part)) + splat(kHalfPiRest), part);
  return select(less(splat(1.0f), size), splat(__builtin_nanf("")), with_sign_of(y, x));
}
// 1.5 ULP; NaN beyond 1.
VEC_INLINE Vec acos(Vec x) {
  Vec size = abs(x);
  Mask above = less(splat(0.5f), size), negative = less(x, zero());
  Vec part = arcsine_part(size, above);
  Vec twice = part + part;
  Vec far = select(negative, (splat(kPi) - twice) + splat(kPiRest), twice);
  Vec near = (splat(kHalfPi) - with_sign_of(part, x)) + splat(kHalfPiRest);
  return select(less(splat(1.0f), size), splat(__builtin_nanf("")), select(above, far, near));
}

}  // namespace
}  // namespace chainrule
