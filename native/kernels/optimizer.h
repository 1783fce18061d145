// Optimizer updates: one pass over all segments of a model. Twin of lib/ops/optimizer.ts, which says how
// segments are ordered and what the columns of hyper mean; the formulas are in update_rules.h. A result may
// overwrite its operand.
#pragma once

#include "update_rules.h"

namespace chainrule {
namespace {

// There is one task for this many parameters. Each task takes the same share of every segment, as products
// cut their rows: so a thread updates with the gradients that it has computed, and all threads have equal
// work.
constexpr int64_t kTaskParameters = 512;
// Parameters of one update at most: the products below stay far below 2^63, and no memory holds more.
constexpr int64_t kMaxParameters = int64_t{1} << 37;

// What the attribute words before the groups add to a rule.
enum Extra : int32_t { kDecays, kAverages, kPauses, kExtraCount };
constexpr int kDecayHypers = 2, kAverageHypers = 3;

VEC_INLINE bool has(const Args& args, Extra extra) { return args.attributes[extra] != 0; }

// A rule with weight decay and, in the same pass, a moving average of the parameter (8 B more).
template <class Rule, bool kWithAverage>
struct WithExtras {
  static constexpr int kWidth = Rule::kWidth + kWithAverage;
  Rule rule;
  Vec kept_share, penalty, momentum, rest;
  Mask overwrites;
  // `more` are the hyperparameters after those of the rule.
  WithExtras(const float* hyper, const float* more, bool decays)
      : rule(hyper), kept_share(splat(decays ? more[0] : 1.0f)), penalty(splat(decays ? more[1] : 0.0f)) {
    const float none[kAverageHypers] = {};
    const float* average = kWithAverage ? more + (decays ? kDecayHypers : 0) : none;
    momentum = splat(average[0]);
    rest = splat(average[1]);
    overwrites = not_equal(splat(average[2]), zero());
  }
  VEC_INLINE void operator()(const Vec* in, Vec* out) const {
    Vec own[Rule::kWidth];
    for (int k = 0; k < Rule::kWidth; ++k) own[k] = in[k];
    own[0] = kept_share * in[0];
    own[1] = fma(penalty, in[0], in[1]);
    rule(own, out);
    if (kWithAverage) {
      Vec average = decayed(momentum, in[kWidth - 1], rest, out[0]);
      out[kWidth - 2] = average;
      out[0] = select(overwrites, average, out[0]);
    }
  }
};

// What a rule needs to know of its operands; all that depends on no more is compiled once for all rules.
struct RuleSize {
  int32_t width, hypers;
};
template <class Rule>
constexpr RuleSize kSizeOf = {Rule::kWidth, Rule::kHypers};
constexpr int kMaxWidth = 6;

VEC_INLINE int32_t segment_count(const Args& args) { return args.attributeCount - kExtraCount; }

VEC_INLINE int32_t width_of(const Args& args, RuleSize rule) { return rule.width + has(args, kAverages); }

VEC_INLINE int32_t columns_of(const Args& args, RuleSize rule) {
  return rule.hypers + has(args, kDecays) * kDecayHypers + has(args, kAverages) * kAverageHypers +
         has(args, kPauses);
}

const char* check_segments(const Args& args, RuleSize rule) {
  int64_t segments = segment_count(args);
  if (segments < 0) return "attributes are missing";
  int64_t width = width_of(args, rule), kept = width - 1;
  const Tensor& hyper = args.inputs[0];
  if (args.inputCount != 1 + segments * width || args.outputCount != segments * kept) {
    return "the operands do not make up the segments";
  }
  if (hyper.rank != 2 || hyper.dims[1] != columns_of(args, rule)) return "the columns of hyper do not fit";
  int64_t parameters = 0;
  for (int64_t s = 0; s < segments; ++s) {
    int32_t group = args.attributes[kExtraCount + s];
    if (group < 0 || group >= hyper.dims[0]) return "a segment's group is outside hyper";
    const Tensor* operands = args.inputs + 1 + s * width;
    const Tensor* results = args.outputs + s * kept;
    for (int i = 1; i < width; ++i) {
      if (operands[i].count != operands[0].count) return "the operands of a segment differ in size";
    }
    for (int i = 0; i < kept; ++i) {
      if (results[i].count != operands[0].count) return "the results of a segment differ from it in size";
    }
    if (operands[0].count > kMaxParameters - parameters) return "the segments have too many parameters";
    parameters += operands[0].count;
  }
  return nullptr;
}

int64_t count_tasks(const Args& args, RuleSize rule) {
  int64_t tasks = 0;
  for (int32_t s = 0; s < segment_count(args); ++s) {
    tasks += ceil_div(args.inputs[1 + s * width_of(args, rule)].count, kTaskParameters);
  }
  return max(tasks, 1);
}

double cost_of_segments(const Args& args, RuleSize rule) {
  int32_t width = width_of(args, rule);
  double elements = 0.0;
  for (int32_t s = 0; s < segment_count(args); ++s) {
    elements += static_cast<double>(args.inputs[1 + s * width].count);
  }
  return 20.0 + 5.0 * segment_count(args) + 0.06 * width * elements;
}

// How far ahead the pass prefetches. What it will write is prefetched for writing, because another core may
// hold copies of parameters that it has read. Eight lines ahead are as good; sixteen cost time if nothing is
// shared.
constexpr int64_t kPrefetchFloats = 5 * kLanes;

// `count` elements, whole vectors. `given` is the Rule; a local copy can stay in registers, because no store
// aliases it. `kGoesOn` says that what lies behind these elements will be updated, too.
template <class Rule, bool kGoesOn = true>
COMPILED_ONCE void update_vectors(const void* given, const float* const* from, float* const* to,
                                  int64_t count) {
  constexpr int kWidth = Rule::kWidth, kKept = kWidth - 1;
  const Rule rule = *static_cast<const Rule*>(given);
  const float* source[kWidth];
  float* target[kKept];
  for (int k = 0; k < kWidth; ++k) source[k] = from[k];
  for (int k = 0; k < kKept; ++k) target[k] = to[k];
  Vec in[kWidth], out[kKept];
  for (int64_t i = 0; i < count; i += kLanes) {
    if (kGoesOn || i + kPrefetchFloats < count) {
      __builtin_prefetch(source[1] + i + kPrefetchFloats);
#pragma GCC unroll 6
      for (int k = 0; k < kKept; ++k) __builtin_prefetch(target[k] + i + kPrefetchFloats, 1);
    }
#pragma GCC unroll 6
    for (int k = 0; k < kWidth; ++k) in[k] = load(source[k] + i);
    rule(in, out);
#pragma GCC unroll 6
    for (int k = 0; k < kKept; ++k) store(target[k] + i, out[k]);
  }
}

// Elements [start, end) of one segment, and the row of hyper for it.
struct Share {
  const Tensor *operands, *results;
  const float* hyper;
  bool decays, averages;
  int64_t start, end;
};

using UpdateVectors = void (*)(const void* rule, const float* const* from, float* const* to, int64_t count);

// The tail goes through a buffer.
COMPILED_ONCE void update_elements(const float* const* from, float* const* to, int64_t count,
                                   const void* rule, UpdateVectors update, int width) {
  const int kept = width - 1;
  int64_t rest = count % kLanes, whole = count - rest;
  if (whole > 0) update(rule, from, to, whole);
  if (rest == 0) return;
  float buffers[kMaxWidth][kLanes];
  const float* tail[kMaxWidth];
  float* results_tail[kMaxWidth];
  for (int k = 0; k < width; ++k) {
    store(buffers[k], load_tail(from[k] + whole, rest));
    tail[k] = results_tail[k] = buffers[k];
  }
  update(rule, tail, results_tail, kLanes);
  for (int k = 0; k < kept; ++k) store_tail(to[k] + whole, load(buffers[k]), rest);
}

COMPILED_ONCE void update_share(const Share& share, const void* rule, UpdateVectors update, int width) {
  const float* from[kMaxWidth];
  float* to[kMaxWidth];
  for (int k = 0; k < width; ++k) from[k] = static_cast<const float*>(share.operands[k].data) + share.start;
  for (int k = 0; k + 1 < width; ++k) to[k] = static_cast<float*>(share.results[k].data) + share.start;
  update_elements(from, to, share.end - share.start, rule, update, width);
}

template <class Rule>
void update_by(const Rule& rule, const Share& share) {
  static_assert(Rule::kWidth <= kMaxWidth, "a rule of so many operands needs a greater kMaxWidth");
  update_share(share, &rule, update_vectors<Rule>, Rule::kWidth);
}

template <class Rule>
void update_segment(const Share& share) {
  const float* more = share.hyper + Rule::kHypers;
  if (share.averages) {
    update_by(WithExtras<Rule, true>(share.hyper, more, share.decays), share);
  } else if (share.decays) {
    update_by(WithExtras<Rule, false>(share.hyper, more, share.decays), share);
  } else {
    update_by(Rule(share.hyper), share);
  }
}

// A step that changes nothing: a result that is not in the memory of its operand becomes a copy of it.
void keep_share(const Share& share, int32_t width) {
  for (int32_t k = 0; k < width - 1; ++k) {
    const float* from = static_cast<const float*>(share.operands[k == 0 ? 0 : k + 1].data);
    float* to = static_cast<float*>(share.results[k].data);
    if (to == from) continue;
    for (int64_t i = share.start, end = share.end; i < end; i += kLanes) {
      store_upto(to + i, load_upto(from + i, end - i), end - i);
    }
  }
}

// Where the share of a task begins in a segment: at a whole vector, so that only the last share ends within
// one.
VEC_INLINE int64_t start_of_share(int64_t count, int64_t task, int64_t tasks) {
  if (task == 0) return 0;  // no division if one thread takes all
  return task == tasks ? count : count / kLanes * task / tasks * kLanes;
}

// Calls `update` for the shares of tasks [first_task, last_task).
COMPILED_ONCE void update_segments(const Args& args, RuleSize rule, int64_t first_task, int64_t last_task,
                                   void (*update)(const Share&)) {
  const float* hyper = input<float>(args, 0);
  int64_t tasks = count_tasks(args, rule);
  int32_t width = width_of(args, rule), columns = columns_of(args, rule);
  Share share = {};
  share.decays = has(args, kDecays);
  share.averages = has(args, kAverages);
  for (int32_t s = 0; s < segment_count(args); ++s) {
    share.operands = args.inputs + 1 + s * width;
    share.results = args.outputs + s * (width - 1);
    share.start = start_of_share(share.operands[0].count, first_task, tasks);
    share.end = start_of_share(share.operands[0].count, last_task, tasks);
    if (share.start == share.end) continue;
    share.hyper = hyper + args.attributes[kExtraCount + s] * columns;
    if (has(args, kPauses) && share.hyper[columns - 1] == 0.0f) {
      keep_share(share, width);
    } else {
      update(share);
    }
  }
}

template <class Rule>
const char* check_update(const Args& args) {
  return check_segments(args, kSizeOf<Rule>);
}
template <class Rule>
int64_t update_tasks(const Args& args) {
  return count_tasks(args, kSizeOf<Rule>);
}
template <class Rule>
double update_cost(const Args& args) {
  return cost_of_segments(args, kSizeOf<Rule>);
}
template <class Rule>
void run_update(const Args& args, int64_t first_task, int64_t last_task) {
  update_segments(args, kSizeOf<Rule>, first_task, last_task, update_segment<Rule>);
}

#define UPDATE_KERNEL(name, ...)                                                                          \
  {#name "(hyper: f32, ...segments: f32) -> ...updated: f32 "                                             \
         "{decays: bool, averages: bool, pauses: bool, groups: words}",                                   \
   check_update<__VA_ARGS__>, update_tasks<__VA_ARGS__>, update_cost<__VA_ARGS__>, nullptr,               \
   run_update<__VA_ARGS__>, kUpdatesInPlace}

constexpr Kernel kOptimizerKernels[] = {
    UPDATE_KERNEL(sgd, Sgd),
    UPDATE_KERNEL(momentum, Momentum<false>),
    UPDATE_KERNEL(nesterov, Momentum<true>),
    UPDATE_KERNEL(rmsprop, Rmsprop<false, false>),
    UPDATE_KERNEL(rmspropMomentum, Rmsprop<false, true>),
    UPDATE_KERNEL(rmspropCentered, Rmsprop<true, false>),
    UPDATE_KERNEL(rmspropCenteredMomentum, Rmsprop<true, true>),
    UPDATE_KERNEL(adagrad, Adagrad),
    UPDATE_KERNEL(adadelta, Adadelta),
    UPDATE_KERNEL(adam, Adam<false>),
    UPDATE_KERNEL(amsgrad, Adam<true>),
    UPDATE_KERNEL(adamax, Adamax),
    UPDATE_KERNEL(nadam, Nadam),
    UPDATE_KERNEL(lion, Lion),
    UPDATE_KERNEL(accumulate, Accumulate),
};
#undef UPDATE_KERNEL

}  // namespace
}  // namespace chainrule
