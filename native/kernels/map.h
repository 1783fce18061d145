// Elementwise ops: one function for each line of map.def, over up to kTile elements.
#pragma once

#include "../plan.h"
#include "../simd/math.h"
#include "../simd/powers.h"
#include "../simd/trigonometry.h"

namespace chainrule {
namespace {

// In registers a bool is 1 or 0.
VEC_INLINE Vec from_mask(Mask m) { return select(m, splat(1.0f), zero()); }
VEC_INLINE Mask to_mask(Vec x) { return not_equal(x, zero()); }
// 0 for both zeros; NaN stays NaN.
VEC_INLINE Vec sign(Vec x) {
  return select(equal(x, x), from_mask(less(zero(), x)) - from_mask(less(x, zero())), x);
}

template <int kArity, class Function>
VEC_INLINE void map_lanes(float* out, const float* a, const float* b, const float* c, int64_t n, Function f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Vec x = load(a + i);
    Vec y = kArity > 1 ? load(b + i) : x;
    Vec z = kArity > 2 ? load(c + i) : x;
    store(out + i, f(x, y, z));
  }
  if (i == n) return;
  Vec x = load_tail(a + i, n - i);
  Vec y = kArity > 1 ? load_tail(b + i, n - i) : x;
  Vec z = kArity > 2 ? load_tail(c + i, n - i) : x;
  store_tail(out + i, f(x, y, z), n - i);
}

// The same for functions of many instructions, of which one copy is enough.
template <int kArity, class Function>
VEC_INLINE void map_long(float* out, const float* a, const float* b, const float* c, int64_t n, Function f) {
  for (int64_t i = 0; i < n; i += kLanes) {
    Vec x = load_upto(a + i, n - i);
    Vec y = kArity > 1 ? load_upto(b + i, n - i) : x;
    Vec z = kArity > 2 ? load_upto(c + i, n - i) : x;
    store_upto(out + i, f(x, y, z), n - i);
  }
}

// Rough ns for 16 elements from which a function is long.
constexpr double kLongFromNs = 5.5;

#define MAP_OP(name, arity, signature, cost, result)                                          \
  void map_##name(float* out, const float* pa, const float* pb, const float* pc, int64_t n) { \
    auto f = []([[maybe_unused]] Vec a, [[maybe_unused]] Vec b, [[maybe_unused]] Vec c)       \
                 __attribute__((always_inline)) { return result; };                           \
    if constexpr (cost < kLongFromNs) {                                                       \
      map_lanes<arity>(out, pa, pb, pc, n, f);                                                \
    } else {                                                                                  \
      map_long<arity>(out, pa, pb, pc, n, f);                                                 \
    }                                                                                         \
  }
#include "map.def"
#undef MAP_OP

// The same over rows that are `row` floats apart: one call for a tile of a matrix product. Products take no
// ops of three operands; these would read b in place of c.
#define MAP_OP(name, arity, signature, cost, result)                                                         \
  void map_rows_##name(float* out, const float* pa, const float* pb, int64_t row, int64_t rows, int64_t n) { \
    [[maybe_unused]] auto f = []([[maybe_unused]] Vec a, [[maybe_unused]] Vec b, [[maybe_unused]] Vec c)     \
                                  __attribute__((always_inline)) { return result; };                         \
    for (int64_t i = 0; i < rows; ++i) {                                                                     \
      const float* b = arity > 1 ? pb + i * row : nullptr;                                                   \
      if constexpr (cost < kLongFromNs) {                                                                    \
        map_lanes<arity>(out + i * row, pa + i * row, b, b, n, f);                                           \
      } else {                                                                                               \
        map_##name(out + i * row, pa + i * row, b, b, n);                                                    \
      }                                                                                                      \
    }                                                                                                        \
  }
#include "map.def"
#undef MAP_OP

#define MAP_OP(name, arity, signature, cost, result) {signature, arity, map_##name, map_rows_##name},
constexpr MapOp kMapOps[] = {
#include "map.def"
};
#undef MAP_OP

#define MAP_OP(name, arity, signature, cost, result) cost,
constexpr double kMapCostsNs[] = {
#include "map.def"
};
#undef MAP_OP

constexpr int32_t kMapOpCount = sizeof(kMapOps) / sizeof(kMapOps[0]);

}  // namespace
}  // namespace chainrule
