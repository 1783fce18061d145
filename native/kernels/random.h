// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011). Twin of lib/ops/random.ts.
//
// Element i is word i % 64 / 16 of block b = 16 (i / 64) + i % 16. Block b is the cipher of (b low, b high,
// step, stream) under the key seed[0], seed[1]. So sixteen blocks fill 64 consecutive elements. In a loop,
// elements count from 0 for each iteration, and its number is part of the block's high word.
#pragma once

#include "../simd/math.h"
#include "operands.h"

namespace chainrule {
namespace {

constexpr int64_t kGroup = 64;  // elements that sixteen blocks fill
constexpr int64_t kRandomElements = 8;  // a random number costs about as much as eight additions

// No tensor has 2^46 elements.
constexpr int kIterationShift = 10;

struct RandomKey {
  uint32_t seed0, seed1, step, stream;
  uint32_t iteration = 0;  // from 1; 0 outside of loops
};

VEC_INLINE IntVec splat_word(uint32_t word) { return splat_int(static_cast<int32_t>(word)); }

// The four words of the blocks 16 group … 16 group + 15.
VEC_INLINE void philox(const RandomKey& key, int64_t group, IntVec words[4]) {
  uint64_t block = static_cast<uint64_t>(group) * 16;
  IntVec a = splat_word(static_cast<uint32_t>(block)) + lane_index();
  IntVec b = splat_word(static_cast<uint32_t>(block >> 32) ^ key.iteration << kIterationShift);
  IntVec c = splat_word(key.step), d = splat_word(key.stream);
  uint32_t key0 = key.seed0, key1 = key.seed1;
  for (int round = 0; round < 10; ++round) {
    IntVec high0, high1;
    IntVec low0 = mul_wide(a, splat_word(0xd2511f53u), &high0);
    IntVec low1 = mul_wide(c, splat_word(0xcd9e8d57u), &high1);
    a = high1 ^ b ^ splat_word(key0);
    b = low1;
    c = high0 ^ d ^ splat_word(key1);
    d = low0;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  words[0] = a;
  words[1] = b;
  words[2] = c;
  words[3] = d;
}

constexpr float kUnit = 0x1p-24f;

// bits / 2^8 rounded down, an integer below 2^24.
VEC_INLINE IntVec draw(IntVec bits) { return shift_right_logical(bits, 8); }

// In [0, 1), every multiple of 2^-24.
VEC_INLINE Vec unit_interval(IntVec bits) { return to_float(draw(bits)) * splat(kUnit); }

// The quantile of q + 1/2, for multiples q of 2^-25 with |q| < 1/2.
VEC_INLINE Vec centred_quantile(Vec q) { return normal_quantile(q, splat(0.5f) - abs(q)); }

struct Uniform {
  Vec low, span;
  explicit Uniform(const Args& args)
      : low(splat(float_attribute(args, 1))), span(splat(float_attribute(args, 2)) - low) {}
  VEC_INLINE Vec operator()(IntVec bits) const { return fma(unit_interval(bits), span, low); }
};

// The quantile of u + 2^-25. It is computed from the distance to 1/2, which is exact; the sum itself is not.
struct Normal {
  Vec mean, deviation;
  explicit Normal(const Args& args)
      : mean(splat(float_attribute(args, 1))), deviation(splat(float_attribute(args, 2))) {}
  VEC_INLINE Vec operator()(IntVec bits) const {
    IntVec twice = shift_left(draw(bits), 1) - splat_int((1 << 24) - 1);
    Vec centred = to_float(twice) * splat(0x1p-25f);
    return fma(centred_quantile(centred), deviation, mean);
  }
};

// The quantile of Phi(-2) + u (Phi(2) - Phi(-2)), whose distance to 1/2 is (u - 1/2) (Phi(2) - Phi(-2)).
struct TruncatedNormal {
  Vec mean, deviation;
  explicit TruncatedNormal(const Args& args)
      : mean(splat(float_attribute(args, 1))), deviation(splat(float_attribute(args, 2))) {}
  VEC_INLINE Vec operator()(IntVec bits) const {
    Vec centred = (unit_interval(bits) - splat(0.5f)) * splat(0.954499736f);
    Vec cut = min(max(centred_quantile(centred), splat(-2.0f)), splat(2.0f));
    return fma(cut, deviation, mean);
  }
};

const char* check_random(const Args& args) {
  if (!is_vector(args.inputs[0], 2)) return "the seed must be two numbers";
  if (args.inputs[1].count != 1) return "the step must be one number";
  if (args.inputCount < 3) return nullptr;
  int64_t iterations = args.inputs[2].count;
  if (iterations == 0) return args.outputs[0].count == 0 ? nullptr : "there is no iteration";
  return args.outputs[0].count % iterations == 0 ? nullptr : "iterations must have as many numbers each";
}

// Of one iteration, or of all where there are none.
VEC_INLINE int64_t numbers_each(const Args& args) {
  int64_t n = args.outputs[0].count;
  return args.inputCount < 3 || n == 0 ? n : n / args.inputs[2].count;
}

VEC_INLINE int64_t groups_of(const Args& args) {
  int64_t groups = ceil_div(numbers_each(args), kGroup);
  return args.inputCount < 3 ? groups : groups * args.inputs[2].count;
}

int64_t random_tasks(const Args& args) { return tasks_of(groups_of(args), kGroup * kRandomElements); }

double random_cost(const Args& args) { return 50.0 + 0.7 * static_cast<double>(args.outputs[0].count); }

VEC_INLINE RandomKey random_key(const Args& args) {
  const int32_t* seed = input<int32_t>(args, 0);
  return {static_cast<uint32_t>(seed[0]), static_cast<uint32_t>(seed[1]),
          static_cast<uint32_t>(input<int32_t>(args, 1)[0]), static_cast<uint32_t>(args.attributes[0]), 0};
}

// Calls write(first element, how many of sixteen, bits) for all elements of the tasks.
template <class Write>
VEC_INLINE void for_random_bits(const Args& args, int64_t first_task, int64_t last_task, Write write) {
  RandomKey key = random_key(args);
  const bool iterates = args.inputCount > 2;
  int64_t n = numbers_each(args), per_task = items_per_task(kGroup * kRandomElements);
  int64_t each = ceil_div(n, kGroup), last = min(last_task * per_task, groups_of(args));
  for (int64_t item = first_task * per_task; item < last; ++item) {
    int64_t iteration = iterates ? item / each : 0, group = item - iteration * each;
    if (iterates) key.iteration = static_cast<uint32_t>(input<int32_t>(args, 2)[iteration]) + 1;
    IntVec words[4];
    philox(key, group, words);
    for (int word = 0; word < 4; ++word) {
      int64_t start = group * kGroup + word * kLanes;
      if (start < n) write(iteration * n + start, min(n - start, kLanes), words[word]);
    }
  }
}

template <class Distribution>
void run_random(const Args& args, int64_t first_task, int64_t last_task) {
  Distribution distribution(args);
  float* y = output<float>(args, 0);
  for_random_bits(args, first_task, last_task, [&](int64_t start, int64_t count, IntVec bits) {
    store_upto(y + start, distribution(bits), count);
  });
}

void run_bernoulli(const Args& args, int64_t first_task, int64_t last_task) {
  Vec probability = splat(float_attribute(args, 1));
  uint8_t* y = output<uint8_t>(args, 0);
  for_random_bits(args, first_task, last_task, [&](int64_t start, int64_t count, IntVec bits) {
    IntVec drawn = select(less(unit_interval(bits), probability), splat_int(1), splat_int(0));
    if (count == kLanes) {
      store_u8(y + start, drawn);
    } else {
      store_u8_tail(y + start, drawn, count);
    }
  });
}

#define DRAWN "(seed: i32, step: i32, iteration?: i32) -> y: "

constexpr Kernel kRandomKernels[] = {
    {"randomUniform" DRAWN "f32 {stream: i32, low: f32, high: f32}", check_random, random_tasks, random_cost,
     nullptr, run_random<Uniform>, 0},
    {"randomNormal" DRAWN "f32 {stream: i32, mean: f32, deviation: f32}", check_random, random_tasks,
     random_cost, nullptr, run_random<Normal>, 0},
    {"randomTruncatedNormal" DRAWN "f32 {stream: i32, mean: f32, deviation: f32}", check_random,
     random_tasks, random_cost, nullptr, run_random<TruncatedNormal>, 0},
    {"randomBernoulli" DRAWN "bool {stream: i32, probability: f32}", check_random, random_tasks, random_cost,
     nullptr, run_bernoulli, 0},
};

#undef DRAWN

}  // namespace
}  // namespace chainrule
