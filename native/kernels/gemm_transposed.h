// Few rows of C and a b that lies transposed: the time is that of reading b. Sixteen rows of b are transposed
// in registers and multiplied at once, then the next sixteen numbers of each of them: memory is read in
// order.
#pragma once

#include "gemm_block.h"

namespace chainrule {
namespace {

// Rows of C up to which this is faster than copying b, and how many groups of sixteen columns give enough
// independent chains.
#if defined(CHAINRULE_SCALAR)
constexpr int kMaxTransposedRows = 1;
constexpr int groups_of_rows(int) { return 1; }
#elif defined(__AVX512F__)
constexpr int kMaxTransposedRows = 10;
constexpr int groups_of_rows(int rows) { return rows <= 5 ? 2 : 1; }
#else
constexpr int kMaxTransposedRows = 6;
constexpr int groups_of_rows(int) { return 1; }
#endif

// Adds the next `steps` products to all chains of a group: kLanes of them, or fewer at the end of a block of
// k.
template <int kRows, int kGroups>
VEC_INLINE void accumulate_transposed(const float* a, int64_t a_row, const Vec (&transposed)[kLanes],
                                      int64_t steps, Vec (&sums)[kRows][kGroups], int group) {
#pragma GCC unroll 16
  for (int u = 0; u < kLanes; ++u) {
    if (u >= steps) break;
#pragma GCC unroll 10
    for (int i = 0; i < kRows; ++i) {
      sums[i][group] = fma_splat(a + i * a_row + u, transposed[u], sums[i][group]);
    }
  }
}

// b(k, j) = t.b[j * t.b_step + k], rows of a that lie along k, whole groups of columns.
template <int kRows, int kGroups>
void multiply_transposed(const TileArgs& t) {
  Vec sums[kRows][kGroups];
#pragma GCC unroll 10
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) sums[i][g] = zero();
  }
  Vec transposed[kLanes];
  int64_t k = 0;
  for (; k + kLanes <= t.depth; k += kLanes) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      load_transposed(t.b + g * kLanes * t.b_step + k, t.b_step, transposed);
      accumulate_transposed(t.a.first + k, t.a.row, transposed, kLanes, sums, g);
    }
  }
  if (k < t.depth) {
    alignas(64) float corner[kLanes * kLanes];
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      for (int i = 0; i < kLanes; ++i) {
        store(corner + i * kLanes, load_tail(t.b + (g * kLanes + i) * t.b_step + k, t.depth - k));
      }
      load_transposed(corner, kLanes, transposed);
      accumulate_transposed(t.a.first + k, t.a.row, transposed, t.depth - k, sums, g);
    }
  }
  finish_tile(t, sums);
}

struct TransposedTable {
  TileFunction of[2][kMaxTransposedRows];  // [groups - 1][rows - 1]
};

template <int kRows>
constexpr void enter_transposed(TransposedTable* table) {
  table->of[0][kRows - 1] = multiply_transposed<kRows, 1>;
  if constexpr (groups_of_rows(kRows) == 2) table->of[1][kRows - 1] = multiply_transposed<kRows, 2>;
  if constexpr (kRows > 1) enter_transposed<kRows - 1>(table);
}
constexpr TransposedTable make_transposed() {
  TransposedTable table = {};
  enter_transposed<kMaxTransposedRows>(&table);
  return table;
}
constexpr TransposedTable kTransposedTiles = make_transposed();

// Not where a tile copies b while it multiplies.
bool transposes_in_registers(const Product& p, int64_t rows, int64_t columns) {
  if (rows > kMaxTransposedRows || !p.b_transposed || !p.a.lie_along_k() || p.c_transposed) return false;
  return transposing_tile(rows, min(columns, kPanelColumns), p.b_row, p.k) == nullptr;
}

// A block where transposes_in_registers holds.
void multiply_transposed_block(const Product& p, const Workspace& workspace, const Block& block) {
  TileArgs t = {};
  t.b_step = p.b_row;
  t.c_row = p.c_row;
  t.last_columns = kLanes;
  int64_t whole = block.columns / kLanes, wanted = groups_of_rows(static_cast<int>(block.rows));
  for (int64_t done = 0, groups; done < whole; done += groups) {
    groups = min(whole - done, wanted);
    int64_t at = block.column + done * kLanes;
    t.c = p.c + block.row * p.c_row + at;
    for (int64_t k = 0; k == 0 || k < p.k; k += kBlockDepth) {
      t.depth = min(p.k - k, kBlockDepth);
      t.a = p.a.from(block.row, k);
      t.b = p.b + at * p.b_row + k;
      t.accumulate = k > 0;
      t.bias = k + t.depth == p.k ? bias_at(p.epilogue, at) : nullptr;
      kTransposedTiles.of[groups - 1][block.rows - 1](t);
    }
  }
  int64_t done = whole * kLanes;
  finish_rows(p, workspace, {block.row, block.rows, block.column, done});
  if (done == block.columns) return;
  multiply_block<Float32>(p, workspace, {block.row, block.rows, block.column + done, block.columns - done});
}

}  // namespace
}  // namespace chainrule
