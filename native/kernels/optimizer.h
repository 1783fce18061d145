// Optimizer updates: one flat pass over the segments of a model. Twin of lib/ops/optimizer.ts, which says how
// segments are ordered and what the columns of hyper mean.
//
// A rule says how many operands a segment has (parameter, gradient, moments …) and turns sixteen elements of
// each into the new parameter and the new moments. Results may stand where their operands stood.
#pragma once

#include "operands.h"

namespace chainrule {
namespace {

// A piece of a segment is a task, and ends with the segment.
constexpr int64_t kPiece = 4096;

// Moments decay into denormals for good, where arithmetic is slow.
VEC_INLINE Vec flush_denormals(Vec x) { return select(less(abs(x), splat(0x1p-126f)), zero(), x); }

struct Sgd {
  static constexpr int kWidth = 2, kHypers = 1, kLead = 0;
  Vec rate;
  Sgd(const Args&, const float* hyper) : rate(splat(hyper[0])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const { out[0] = fnma(rate, in[1], in[0]); }
};

template <bool kNesterov>
struct Momentum {
  static constexpr int kWidth = 3, kHypers = 2, kLead = 1;
  Vec rate, momentum;
  Momentum(const Args&, const float* hyper) : rate(splat(hyper[0])), momentum(splat(hyper[1])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec velocity = flush_denormals(fma(momentum, in[2], in[1]));
    Vec step = kNesterov ? fma(momentum, velocity, in[1]) : velocity;
    out[0] = fnma(rate, step, in[0]);
    out[1] = velocity;
  }
};

struct Rmsprop {
  static constexpr int kWidth = 3, kHypers = 4, kLead = 0;
  Vec rate, rho, rest, epsilon;
  Rmsprop(const Args&, const float* hyper)
      : rate(splat(hyper[0])), rho(splat(hyper[1])), rest(splat(hyper[2])), epsilon(splat(hyper[3])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec g = in[1];
    Vec square = flush_denormals(fma(rho, in[2], (rest * g) * g));
    out[0] = in[0] - (rate * g) / (sqrt(square) + epsilon);
    out[1] = square;
  }
};

struct Adam {
  static constexpr int kWidth = 4, kHypers = 7, kLead = 0;
  Vec rate, beta1, rest1, beta2, rest2, correction, epsilon;
  Adam(const Args&, const float* hyper)
      : rate(splat(hyper[0])), beta1(splat(hyper[1])), rest1(splat(hyper[2])), beta2(splat(hyper[3])),
        rest2(splat(hyper[4])), correction(splat(hyper[5])), epsilon(splat(hyper[6])) {}
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec g = in[1];
    Vec m = flush_denormals(fma(beta1, in[2], rest1 * g));
    Vec v = flush_denormals(fma(beta2, in[3], (rest2 * g) * g));
    out[0] = in[0] - (rate * m) / fma(sqrt(v), correction, epsilon);
    out[1] = m;
    out[2] = v;
  }
};

template <class Rule>
VEC_INLINE int32_t segment_count(const Args& args) {
  return args.attributeCount - Rule::kLead;
}

template <class Rule>
const char* check_update(const Args& args) {
  constexpr int kWidth = Rule::kWidth, kKept = kWidth - 1;
  const Tensor& hyper = args.inputs[0];
  int64_t segments = segment_count<Rule>(args);
  if (segments < 0 || args.inputCount != 1 + segments * kWidth || args.outputCount != segments * kKept) {
    return "the operands do not make up the segments";
  }
  if (hyper.rank != 2 || hyper.dims[1] != Rule::kHypers) return "the columns of hyper do not fit";
  for (int64_t s = 0; s < segments; ++s) {
    int32_t group = args.attributes[Rule::kLead + s];
    if (group < 0 || group >= hyper.dims[0]) return "a segment's group is outside hyper";
    const Tensor* operands = args.inputs + 1 + s * kWidth;
    const Tensor* results = args.outputs + s * kKept;
    for (int i = 1; i < kWidth; ++i) {
      if (operands[i].count != operands[0].count) return "the operands of a segment differ in size";
    }
    for (int i = 0; i < kKept; ++i) {
      if (results[i].count != operands[0].count) return "the results of a segment differ from it in size";
    }
  }
  return nullptr;
}

template <class Rule>
int64_t update_tasks(const Args& args) {
  int64_t tasks = 0;
  for (int32_t s = 0; s < segment_count<Rule>(args); ++s) {
    tasks += pieces(args.inputs[1 + s * Rule::kWidth].count, kPiece);
  }
  return larger_of(tasks, 1);
}

template <class Rule>
double update_cost(const Args& args) {
  double elements = 0.0;
  for (int32_t s = 0; s < segment_count<Rule>(args); ++s) {
    elements += static_cast<double>(args.inputs[1 + s * Rule::kWidth].count);
  }
  return 20.0 + 5.0 * segment_count<Rule>(args) + 0.06 * Rule::kWidth * elements;
}

// Elements [start, end) of one segment.
template <class Rule>
VEC_INLINE void update_range(const Rule& rule, const Tensor* operands, const Tensor* results, int64_t start,
                             int64_t end) {
  constexpr int kWidth = Rule::kWidth, kKept = kWidth - 1;
  const float* from[kWidth];
  float* to[kKept];
  for (int k = 0; k < kWidth; ++k) from[k] = static_cast<const float*>(operands[k].data);
  for (int k = 0; k < kKept; ++k) to[k] = static_cast<float*>(results[k].data);
  Vec in[kWidth], out[kKept];
  int64_t i = start;
  for (; i + kLanes <= end; i += kLanes) {
#pragma GCC unroll 4
    for (int k = 0; k < kWidth; ++k) in[k] = load(from[k] + i);
    rule(in, out);
#pragma GCC unroll 4
    for (int k = 0; k < kKept; ++k) store(to[k] + i, out[k]);
  }
  if (i == end) return;
  for (int k = 0; k < kWidth; ++k) in[k] = load_tail(from[k] + i, end - i);
  rule(in, out);
  for (int k = 0; k < kKept; ++k) store_tail(to[k] + i, out[k], end - i);
}

template <class Rule>
VEC_INLINE void update(const Args& args, int64_t first_task, int64_t last_task) {
  const float* hyper = input<float>(args, 0);
  int64_t before = 0;  // tasks of the segments passed
  for (int32_t s = 0; s < segment_count<Rule>(args) && before < last_task; ++s) {
    const Tensor* operands = args.inputs + 1 + s * Rule::kWidth;
    const Tensor* results = args.outputs + s * (Rule::kWidth - 1);
    int64_t own = pieces(operands[0].count, kPiece);
    int64_t first = larger_of(first_task - before, 0), last = smaller_of(last_task - before, own);
    before += own;
    if (first >= last) continue;
    Rule rule(args, hyper + args.attributes[Rule::kLead + s] * Rule::kHypers);
    update_range(rule, operands, results, first * kPiece, smaller_of(last * kPiece, operands[0].count));
  }
}

template <class Rule>
void run_update(const Args& args, int64_t first_task, int64_t last_task) {
  update<Rule>(args, first_task, last_task);
}

void run_momentum(const Args& args, int64_t first_task, int64_t last_task) {
  if (args.attributes[0] != 0) {
    update<Momentum<true>>(args, first_task, last_task);
  } else {
    update<Momentum<false>>(args, first_task, last_task);
  }
}

constexpr Kernel kOptimizerKernels[] = {
    {"sgd(hyper: f32, ...segments: f32) -> ...updated: f32 {groups: words}", check_update<Sgd>,
     update_tasks<Sgd>, update_cost<Sgd>, nullptr, run_update<Sgd>, kSegmentsInPlace},
    {"momentum(hyper: f32, ...segments: f32) -> ...updated: f32 {nesterov: bool, groups: words}",
     check_update<Momentum<false>>, update_tasks<Momentum<false>>, update_cost<Momentum<false>>, nullptr,
     run_momentum, kSegmentsInPlace},
    {"rmsprop(hyper: f32, ...segments: f32) -> ...updated: f32 {groups: words}", check_update<Rmsprop>,
     update_tasks<Rmsprop>, update_cost<Rmsprop>, nullptr, run_update<Rmsprop>, kSegmentsInPlace},
    {"adam(hyper: f32, ...segments: f32) -> ...updated: f32 {groups: words}", check_update<Adam>,
     update_tasks<Adam>, update_cost<Adam>, nullptr, run_update<Adam>, kSegmentsInPlace},
};

}  // namespace
}  // namespace chainrule
