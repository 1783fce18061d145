// The formulas of the optimizers, as in lib/ops/optimizer.ts, for sixteen elements. A rule says how many
// operands a segment has (parameter, gradient, moments …) and how many hyperparameters it reads; called with
// the operands, it returns the new parameter and the new moments. "B" are the bytes read and written per
// parameter.
#pragma once

#include "map.h"
#include "operands.h"

namespace chainrule {
namespace {

// Moments that decay would become denormal and stay so, and arithmetic with denormals is slow.
VEC_INLINE Vec flush_denormals(Vec x) { return select(less(abs(x), splat(0x1p-126f)), zero(), x); }

// The moving average of x and of its square.
VEC_INLINE Vec decayed(Vec keep, Vec before, Vec rest, Vec x) {
  return flush_denormals(fma(keep, before, rest * x));
}
VEC_INLINE Vec decayed_square(Vec keep, Vec before, Vec rest, Vec x) {
  return flush_denormals(fma(keep, before, (rest * x) * x));
}

// 12 B.
struct Sgd {
  static constexpr int kWidth = 2, kHypers = 1;
  Vec rate;
  explicit Sgd(const float* hyper) : rate(splat(hyper[0])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const { out[0] = fnma(rate, in[1], in[0]); }
};

// 20 B.
template <bool kNesterov>
struct Momentum {
  static constexpr int kWidth = 3, kHypers = 2;
  Vec rate, momentum;
  explicit Momentum(const float* hyper) : rate(splat(hyper[0])), momentum(splat(hyper[1])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec velocity = flush_denormals(fma(momentum, in[2], in[1]));
    Vec step = kNesterov ? fma(momentum, velocity, in[1]) : velocity;
    out[0] = fnma(rate, step, in[0]);
    out[1] = velocity;
  }
};

// 20 B, and 8 B more for each of mean and velocity.
template <bool kCentered, bool kMomentum>
struct Rmsprop {
  static constexpr int kWidth = 3 + kCentered + kMomentum, kHypers = 4 + kMomentum;
  Vec rate, rho, rest, epsilon, momentum;
  explicit Rmsprop(const float* hyper)
      : rate(splat(hyper[0])), rho(splat(hyper[1])), rest(splat(hyper[2])), epsilon(splat(hyper[3])),
        momentum(splat(kMomentum ? hyper[4] : 0.0f)) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec g = in[1], square = decayed_square(rho, in[2], rest, g), variance = square;
    out[1] = square;
    if (kCentered) {
      Vec mean = decayed(rho, in[3], rest, g);
      variance = at_least(fnma(mean, mean, square), zero());  // rounding may make it negative
      out[2] = mean;
    }
    Vec root = sqrt(variance) + epsilon;
    if (kMomentum) {
      Vec velocity = flush_denormals(fma(momentum, in[kWidth - 1], g / root));
      out[0] = fnma(rate, velocity, in[0]);
      out[kWidth - 2] = velocity;
    } else {
      out[0] = in[0] - (rate * g) / root;
    }
  }
};

// 20 B.
struct Adagrad {
  static constexpr int kWidth = 3, kHypers = 3;
  Vec rate, initial, epsilon;
  explicit Adagrad(const float* hyper)
      : rate(splat(hyper[0])), initial(splat(hyper[1])), epsilon(splat(hyper[2])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec sum = flush_denormals(fma(in[1], in[1], in[2]));
    out[0] = in[0] - (rate * in[1]) / (sqrt(sum + initial) + epsilon);
    out[1] = sum;
  }
};

// 28 B.
struct Adadelta {
  static constexpr int kWidth = 4, kHypers = 4;
  Vec rate, rho, rest, epsilon;
  explicit Adadelta(const float* hyper)
      : rate(splat(hyper[0])), rho(splat(hyper[1])), rest(splat(hyper[2])), epsilon(splat(hyper[3])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec square = decayed_square(rho, in[2], rest, in[1]);
    Vec step = (sqrt(in[3] + epsilon) / sqrt(square + epsilon)) * in[1];
    out[0] = fnma(rate, step, in[0]);
    out[1] = square;
    out[2] = decayed_square(rho, in[3], rest, step);
  }
};

// 28 B; 36 B with the largest second moment.
template <bool kAmsgrad>
struct Adam {
  static constexpr int kWidth = 4 + kAmsgrad, kHypers = 7;
  Vec rate, beta1, rest1, beta2, rest2, correction, epsilon;
  explicit Adam(const float* hyper)
      : rate(splat(hyper[0])), beta1(splat(hyper[1])), rest1(splat(hyper[2])), beta2(splat(hyper[3])),
        rest2(splat(hyper[4])), correction(splat(hyper[5])), epsilon(splat(hyper[6])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec m = decayed(beta1, in[2], rest1, in[1]), v = decayed_square(beta2, in[3], rest2, in[1]);
    Vec largest = v;
    if (kAmsgrad) out[3] = largest = max(in[kWidth - 1], v);
    out[0] = in[0] - (rate * m) / fma(sqrt(largest), correction, epsilon);
    out[1] = m;
    out[2] = v;
  }
};

// 28 B.
struct Nadam {
  static constexpr int kWidth = 4, kHypers = 8;
  Vec rate, next_rate, beta1, rest1, beta2, rest2, correction, epsilon;
  explicit Nadam(const float* hyper)
      : rate(splat(hyper[0])), next_rate(splat(hyper[1])), beta1(splat(hyper[2])), rest1(splat(hyper[3])),
        beta2(splat(hyper[4])), rest2(splat(hyper[5])), correction(splat(hyper[6])),
        epsilon(splat(hyper[7])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec m = decayed(beta1, in[2], rest1, in[1]), v = decayed_square(beta2, in[3], rest2, in[1]);
    out[0] = in[0] - fma(next_rate, m, rate * in[1]) / fma(sqrt(v), correction, epsilon);
    out[1] = m;
    out[2] = v;
  }
};

// 28 B.
struct Adamax {
  static constexpr int kWidth = 4, kHypers = 5;
  Vec rate, beta1, rest1, beta2, epsilon;
  explicit Adamax(const float* hyper)
      : rate(splat(hyper[0])), beta1(splat(hyper[1])), rest1(splat(hyper[2])), beta2(splat(hyper[3])),
        epsilon(splat(hyper[4])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec m = decayed(beta1, in[2], rest1, in[1]);
    Vec largest = max(beta2 * in[3], abs(in[1]) + epsilon);
    out[0] = in[0] - (rate * m) / largest;
    out[1] = m;
    out[2] = largest;
  }
};

// 20 B.
struct Lion {
  static constexpr int kWidth = 3, kHypers = 5;
  Vec rate, beta1, rest1, beta2, rest2;
  explicit Lion(const float* hyper)
      : rate(splat(hyper[0])), beta1(splat(hyper[1])), rest1(splat(hyper[2])), beta2(splat(hyper[3])),
        rest2(splat(hyper[4])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    out[0] = fnma(rate, sign(fma(beta1, in[2], rest1 * in[1])), in[0]);
    out[1] = decayed(beta2, in[2], rest2, in[1]);
  }
};

// Sums of gradients; keep = 0 resets the sum. 12 B.
struct Accumulate {
  static constexpr int kWidth = 2, kHypers = 1;
  Vec keep;
  explicit Accumulate(const float* hyper) : keep(splat(hyper[0])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const { out[0] = keep * (in[0] + in[1]); }
};

}  // namespace
}  // namespace chainrule
