// x times the probability that a standard normal number is below x, its form by tanh (Hendrycks and Gimpel
// 2016), and the gradients of both. Errors are a few 2^-24 of |x|, or of |dy|: the probability of a small
// number cancels.
#pragma once

#include "math.h"

namespace chainrule {
namespace {

// Beyond this all derivatives are those of 0 or x, and no square of it overflows.
VEC_INLINE Vec within_gelu(Vec x) { return at_most(at_least(x, splat(-16.0f)), splat(16.0f)); }

VEC_INLINE Vec gelu(Vec x) {
  return x * splat(0.5f) * (erf(x * splat(0x1.6a09e6p-1f)) + splat(1.0f));
}

// dy times the probability and x times the density.
VEC_INLINE Vec gelu_grad(Vec dy, Vec x) {
  const Vec t = within_gelu(x);
  const Vec below = fma(erf(t * splat(0x1.6a09e6p-1f)), splat(0.5f), splat(0.5f));
  const Vec density = exp(t * t * splat(-0.5f)) * splat(0x1.988454p-2f);
  return dy * fma(t, density, below);
}

// 2 sqrt(2 / pi) and 0.044715 of it.
constexpr float kGeluLinear = 0x1.988454p+0f, kGeluCubic = 0x1.2444f2p-4f;

// x / (1 + exp(-u)) for u = x (linear + cubic x^2).
VEC_INLINE Vec gelu_tanh(Vec x) {
  const Vec u = x * fma(x * x, splat(kGeluCubic), splat(kGeluLinear));
  const Vec e = exp_minus_abs(u);
  return x * select(less(x, zero()), e, splat(1.0f)) / (e + splat(1.0f));
}

// dy times s + x s (1 - s) u', where s = 1 / (1 + exp(-u)).
VEC_INLINE Vec gelu_tanh_grad(Vec dy, Vec x) {
  const Vec t = within_gelu(x), square = t * t;
  const Vec e = exp_minus_abs(t * fma(square, splat(kGeluCubic), splat(kGeluLinear)));
  const Vec part = splat(1.0f) / (e + splat(1.0f)), other = e * part;
  const Vec slope = fma(square, splat(3 * kGeluCubic), splat(kGeluLinear));
  return dy * fma(t * slope, part * other, select(less(x, zero()), other, part));
}

}  // namespace
}  // namespace chainrule
