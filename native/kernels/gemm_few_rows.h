// Few rows of C and a b that lies as it is read: the time is that of reading b, which is read once. If b lies
// in a cache, a strip of its columns at a time, while the sums stay in registers; else row after row, as
// memory gives most, while they stay in the L1 cache.
#pragma once

#include "gemm_epilogue.h"

namespace chainrule {
namespace {

// Vectors of the widest strip, and numbers of a b that lies in a cache.
#if defined(__AVX512F__) && !defined(CHAINRULE_SCALAR)
constexpr int kStripVectors = 8;
#else
constexpr int kStripVectors = 4;
#endif
constexpr int64_t kNearNumbers = int64_t{1} << 21;

// The chains of kVectors vectors of columns over one block of k.
template <int kRows, int kVectors>
VEC_INLINE void sum_strip(const TileArgs& t, int64_t column, float* to, int64_t width) {
  Vec sums[kRows][kVectors];
#pragma GCC unroll 2
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[i][v] = zero();
  }
  AffineRows a = t.a;
  const float* b = t.b + column;
  for (int64_t k = t.depth; k > 0; --k) {
    Vec x[kRows];
#pragma GCC unroll 2
    for (int i = 0; i < kRows; ++i) x[i] = splat(*a.at(i, 0));
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const Vec row = load(b + v * kLanes);
#pragma GCC unroll 2
      for (int i = 0; i < kRows; ++i) sums[i][v] = fma(x[i], row, sums[i][v]);
    }
    a = a.from(0, 1);
    b += t.b_step;
  }
#pragma GCC unroll 2
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(to + i * width + column + v * kLanes, sums[i][v]);
  }
}

// All whole vectors from `column` on, in strips of kVectors and narrower ones. Returns the columns done.
template <int kRows, int kVectors>
VEC_INLINE int64_t sum_strips(const TileArgs& t, int64_t column, int64_t n, float* to, int64_t width) {
  for (; column + kVectors * kLanes <= n; column += kVectors * kLanes) {
    sum_strip<kRows, kVectors>(t, column, to, width);
  }
  if constexpr (kVectors > 1) return sum_strips<kRows, kVectors / 2>(t, column, n, to, width);
  return column;
}

// Adds the next kSteps products to each chain in `sums`, from that many rows of b at a time.
template <int kSteps>
VEC_INLINE void accumulate_rows(float* sums, const float* a, int64_t a_step, const float* b, int64_t b_step,
                                int64_t n) {
  Vec x[kSteps];
#pragma GCC unroll 8
  for (int u = 0; u < kSteps; ++u) x[u] = splat(a[u * a_step]);
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    Vec sum = load(sums + j);
#pragma GCC unroll 8
    for (int u = 0; u < kSteps; ++u) sum = fma(x[u], load(b + u * b_step + j), sum);
    store(sums + j, sum);
  }
  if (j == n) return;
  Vec sum = load(sums + j);
#pragma GCC unroll 8
  for (int u = 0; u < kSteps; ++u) sum = fma(x[u], load_tail(b + u * b_step + j, n - j), sum);
  store(sums + j, sum);
}

// The same for columns [first, n), row after row of b.
VEC_INLINE void sum_rows(const TileArgs& t, int64_t rows, int64_t first, int64_t n, float* sums,
                         int64_t width) {
  constexpr int kSteps = 8;
  const float* b = t.b + first;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = first; j < n; j += kLanes) store(sums + i * width + j, zero());
  }
  int64_t k = 0;
  for (; k + kSteps <= t.depth; k += kSteps, b += kSteps * t.b_step) {
    for (int64_t i = 0; i < rows; ++i) {
      float* own = sums + i * width + first;
      accumulate_rows<kSteps>(own, t.a.at(i, k), t.a.step, b, t.b_step, n - first);
    }
  }
  for (; k < t.depth; ++k, b += t.b_step) {
    for (int64_t i = 0; i < rows; ++i) {
      accumulate_rows<1>(sums + i * width + first, t.a.at(i, k), t.a.step, b, t.b_step, n - first);
    }
  }
}

// n columns of C over one block of k. `sums` has rows x width floats. t.last_columns is not used.
COMPILED_ONCE void multiply_few_rows(TileArgs t, int64_t rows, int64_t n, bool near, float* sums,
                                     int64_t width, int64_t bias_step) {
  int64_t done = 0;
  if (near && rows == 1) done = sum_strips<1, kStripVectors>(t, 0, n, sums, width);
  else if (near) done = sum_strips<kFewRows, kStripVectors / 2>(t, 0, n, sums, width);
  if (done < n) sum_rows(t, rows, done, n, sums, width);
  for (int64_t j = 0; j < n; j += kLanes) {
    t.last_columns = min(n - j, kLanes);
    for (int64_t i = 0; i < rows; ++i) {
      Vec sum[1][1] = {{load(sums + i * width + j)}};
      TileArgs one = t;
      one.c += i * t.c_row + j;
      if (t.bias != nullptr) one.bias += j * bias_step;
      finish_tile(one, sum);
    }
  }
}
static_assert(kFewRows == 2, "strips are of one row or of two");

bool has_few_rows(const Product& p, int64_t rows) {
  return rows <= kFewRows && !p.b_transposed && !p.c_transposed;
}

// A block where has_few_rows holds.
void multiply_thin_block(const Product& p, const Workspace& workspace, const Block& block) {
  const bool near = p.k * p.b_row <= kNearNumbers;
  TileArgs t = {};
  t.b_step = p.b_row;
  t.c = p.c + block.row * p.c_row + block.column;
  t.c_row = p.c_row;
  int64_t k = 0;
  do {
    t.depth = min(p.k - k, kBlockDepth);
    t.a = p.a.from(block.row, k);
    t.b = p.b + k * p.b_row + block.column;
    bool last = k + t.depth == p.k;
    t.bias = last ? bias_at(p.epilogue, block.column) : nullptr;
    multiply_few_rows(t, block.rows, block.columns, near, workspace.packed_b, kMaxBlockColumns,
                      p.epilogue.bias_step);
    t.accumulate = true;
    k += t.depth;
  } while (k < p.k);
  finish_rows(p, workspace, block);
}

}  // namespace
}  // namespace chainrule
