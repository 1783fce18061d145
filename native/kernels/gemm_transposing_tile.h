// The first tile over a panel of b that lies transposed: it copies the panel for itself and the tiles after
// it, some steps of k ahead of its multiply-adds, which hide most of what that takes.
#pragma once

#include "gemm_tile.h"

namespace chainrule {
namespace {

// Lines of b are read a quarter at a time, so all that a panel reads at once has to stay in the L1 cache:
// rows so many numbers apart fall into too few of its sets.
constexpr int64_t kAliasingStep = 128;
// With fewer rows than these there are too few multiply-adds to hide a copy.
constexpr int kLeastTransposingRows = 5, kMostTransposingRows = 6;
// Steps of k that are copied at once.
constexpr int64_t kCopiedSteps = 4;

// Copies the next steps of sixteen columns; fetches what of four rows comes two lines later.
VEC_INLINE void copy_steps(const float* from, int64_t row, int64_t step, float* to) {
  const float* later = from + step / kCopiedSteps % 4 * 4 * row + 2 * kLanes;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    __builtin_prefetch(later);
    later += row;
  }
  transpose_16x4(from, row, to, kPanelColumns);
}

// b(k, j) = t.b[j * t.b_step + k], a whole panel of columns and at least kCopiedSteps of k.
template <int kRows>
void multiply_transposing_tile(const TileArgs& t) {
  Vec sums[kRows][kTileVectors];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) sums[i][v] = zero();
  }
  AffineRows a = t.a;
  const float* copied = t.copy;
  const int64_t last = t.depth - kCopiedSteps;
#pragma GCC unroll 1
  for (int64_t v = 0; v < kTileVectors; ++v) {
    copy_steps(t.b + v * kLanes * t.b_step, t.b_step, 0, t.copy + v * kLanes);
  }
  const auto multiply = [&]() __attribute__((always_inline)) {
    Vec row[kTileVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) row[v] = load(copied + v * kLanes);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      const Vec x = splat(*a.at(i, 0));
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) sums[i][v] = fma(x, row[v], sums[i][v]);
    }
    a = a.from(0, 1);
    copied += kPanelColumns;
  };
  int64_t k = 0;
  for (; k <= last; k += kCopiedSteps) {
    // The last steps begin among those before, so that they are whole.
    const int64_t next = k + kCopiedSteps < last ? k + kCopiedSteps : last;
    const float* from = t.b + next;
    float* to = t.copy + next * kPanelColumns;
#pragma GCC unroll 1
    for (int64_t v = 0; v < kCopiedSteps; ++v) {
      if (v < kTileVectors) copy_steps(from, t.b_step, k, to);
      from += kLanes * t.b_step;
      to += kLanes;
      multiply();
    }
  }
  for (; k < t.depth; ++k) multiply();
  finish_tile(t, sums);
}

// nullptr where such a tile is not faster than a copy before it, of rows `step` numbers apart.
TileFunction transposing_tile(int64_t rows, int64_t step, int64_t depth) {
  if constexpr (kTileVectors > 1) {
    if (depth < kCopiedSteps || step % kAliasingStep == 0) return nullptr;
    if (rows == kMostTransposingRows) return multiply_transposing_tile<kMostTransposingRows>;
    if (rows == kLeastTransposingRows) return multiply_transposing_tile<kLeastTransposingRows>;
  }
  return nullptr;
}

}  // namespace
}  // namespace chainrule
