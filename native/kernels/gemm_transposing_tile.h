// The first tile over a panel of b that lies transposed: it copies the panel for itself and the tiles after
// it, some steps of k ahead of its multiply-adds, which hide most of what that takes.
#pragma once

#include "gemm_tile.h"

namespace chainrule {
namespace {

// Lines of b are read a quarter at a time, so all that a panel reads at once has to stay in the L1 cache:
// rows so many numbers apart fall into too few of its sets.
constexpr int64_t kAliasingStep = 128;
// Narrower tiles have too few multiply-adds to hide a copy, as have those that are not as tall as can be.
constexpr int kLeastTransposingVectors = 3;
// Steps of k that are copied at once.
constexpr int64_t kCopiedSteps = 4;

// The last vector of a panel: all its columns, some, or so few that half of it is computed.
enum class LastVector { whole, part, half };

// Copies the next steps of sixteen columns; fetches what of four rows comes two lines later.
VEC_INLINE void copy_steps(const float* from, int64_t row, int64_t step, float* to, int64_t width) {
  const float* later = from + step / kCopiedSteps % 4 * 4 * row + 2 * kLanes;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    __builtin_prefetch(later);
    later += row;
  }
  transpose_16x4(from, row, to, width);
}

// The same of fewer columns, of which the last stands for those that do not exist. Fetching gains nothing.
template <LastVector kLast>
VEC_INLINE void copy_last_steps(const float* from, int64_t row, int64_t columns, float* to, int64_t width) {
  constexpr int64_t kHalf = kLanes / 2;
  transpose_upto_8x4(from, row, columns, to, width);
  if constexpr (kLast == LastVector::half) return;
  transpose_upto_8x4(from + min(kHalf, columns - 1) * row, row, columns - kHalf, to + kHalf, width);
}

// b(k, j) = t.b[j * t.b_step + k], at least kCopiedSteps of k.
template <int kRows, int kVectors, LastVector kLast>
void multiply_transposing_tile(const TileArgs& t) {
  constexpr bool kHalved = kLast == LastVector::half;
  constexpr int kWhole = kHalved ? kVectors - 1 : kVectors;
  constexpr int64_t kWidth = kVectors * kLanes;
  Vec sums[kRows][kVectors];
  [[maybe_unused]] Half halves[kRows];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kWhole; ++v) sums[i][v] = zero();
    if constexpr (kHalved) halves[i] = half_of(zero());
  }
  AffineRows a = t.a;
  const float* copied = t.copy;
  const int64_t last = t.depth - kCopiedSteps;
  const auto copy = [&](int64_t v, const float* from, float* to,
                        int64_t step) __attribute__((always_inline)) {
    if (kLast != LastVector::whole && v + 1 == kVectors) {
      copy_last_steps<kLast>(from, t.b_step, t.b_columns, to, kWidth);
    } else {
      copy_steps(from, t.b_step, step, to, kWidth);
    }
  };
#pragma GCC unroll 1
  for (int64_t v = 0; v < kVectors; ++v) copy(v, t.b + v * kLanes * t.b_step, t.copy + v * kLanes, 0);
  const auto multiply = [&]() __attribute__((always_inline)) {
    Vec row[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kWhole; ++v) row[v] = load(copied + v * kLanes);
    [[maybe_unused]] Half half;
    if constexpr (kHalved) half = half_of(load(copied + kWhole * kLanes));
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      const Vec x = splat(*a.at(i, 0));
#pragma GCC unroll 4
      for (int v = 0; v < kWhole; ++v) sums[i][v] = fma(x, row[v], sums[i][v]);
      if constexpr (kHalved) halves[i] = fma(half_of(x), half, halves[i]);
    }
    a = a.from(0, 1);
    copied += kWidth;
  };
  int64_t k = 0;
  for (; k <= last; k += kCopiedSteps) {
    // The last steps begin among those before, so that they are whole.
    const int64_t next = k + kCopiedSteps < last ? k + kCopiedSteps : last;
    const float* from = t.b + next;
    float* to = t.copy + next * kWidth;
#pragma GCC unroll 1
    for (int64_t v = 0; v < kCopiedSteps; ++v) {
      if (v < kVectors) copy(v, from, to, k);
      from += kLanes * t.b_step;
      to += kLanes;
      multiply();
    }
  }
  for (; k < t.depth; ++k) multiply();
  if constexpr (kHalved) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) sums[i][kWhole] = widened(halves[i]);
  }
  finish_tile(t, sums);
}

template <int kVectors>
TileFunction transposing_tile_of(int64_t columns) {
  constexpr int kRows = rows_of_tile(kVectors);
  if (columns % kLanes == 0) return multiply_transposing_tile<kRows, kVectors, LastVector::whole>;
  if (ends_in_half(columns)) return multiply_transposing_tile<kRows, kVectors, LastVector::half>;
  return multiply_transposing_tile<kRows, kVectors, LastVector::part>;
}

// The tile for so many rows and columns, of b's rows `step` numbers apart; nullptr where it is not faster
// than a copy before it.
TileFunction transposing_tile(int64_t rows, int64_t columns, int64_t step, int64_t depth) {
  if constexpr (kTileVectors > kLeastTransposingVectors) {
    const int64_t vectors = ceil_div(columns, kLanes);
    if (depth < kCopiedSteps || step % kAliasingStep == 0) return nullptr;
    if (vectors < kLeastTransposingVectors || rows < rows_of_tile(static_cast<int>(vectors))) return nullptr;
    if (vectors == kTileVectors) return transposing_tile_of<kTileVectors>(columns);
    return transposing_tile_of<kLeastTransposingVectors>(columns);
  }
  return nullptr;
}

}  // namespace
}  // namespace chainrule
