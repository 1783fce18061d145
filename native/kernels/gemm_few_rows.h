// Few rows of C and a b that lies as it is read: the time is that of reading b, which is read once, row after
// row, while the sums stay in the L1 cache.
#pragma once

#include "gemm_epilogue.h"

namespace chainrule {
namespace {

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

// n columns of C over one block of k. `sums` has rows x width floats. t.last_columns is not used.
COMPILED_ONCE void multiply_few_rows(TileArgs t, int64_t rows, int64_t n, float* sums, int64_t width,
                                     int64_t bias_step) {
  constexpr int kSteps = 8;
  for (int64_t i = 0; i < rows * width; i += kLanes) store(sums + i, zero());
  int64_t k = 0;
  for (; k + kSteps <= t.depth; k += kSteps) {
    for (int64_t i = 0; i < rows; ++i) {
      accumulate_rows<kSteps>(sums + i * width, t.a.at(i, k), t.a.step, t.b + k * t.b_step, t.b_step, n);
    }
  }
  for (; k < t.depth; ++k) {
    for (int64_t i = 0; i < rows; ++i) {
      accumulate_rows<1>(sums + i * width, t.a.at(i, k), t.a.step, t.b + k * t.b_step, t.b_step, n);
    }
  }
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

bool has_few_rows(const Product& p, int64_t rows) {
  return rows <= kFewRows && !p.b_transposed && !p.c_transposed;
}

// A block where has_few_rows holds.
void multiply_thin_block(const Product& p, const Workspace& workspace, const Block& block) {
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
    multiply_few_rows(t, block.rows, block.columns, workspace.packed_b, kMaxBlockColumns,
                      p.epilogue.bias_step);
    t.accumulate = true;
    k += t.depth;
  } while (k < p.k);
  finish_rows(p, workspace, block);
}

}  // namespace
}  // namespace chainrule
