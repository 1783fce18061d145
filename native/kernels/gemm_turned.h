// Few rows of C and a b that lies transposed: the time is that of reading b. Sixteen of its rows are turned
// in registers and multiplied at once, the next sixteen numbers of each row after it, as memory likes it.
#pragma once

#include "gemm_block.h"

namespace chainrule {
namespace {

// Rows up to which this beats a copy of b, and groups of sixteen columns that make enough independent chains.
#if defined(__AVX512F__) && !defined(CHAINRULE_SCALAR)
constexpr int kTurnedRows = 10;
constexpr int groups_of_rows(int rows) { return rows <= 5 ? 2 : 1; }
#else
constexpr int kTurnedRows = 6;
constexpr int groups_of_rows(int) { return 1; }
#endif

// The next `steps` links of all chains of a group; `depth` of them in a whole block.
template <int kRows, int kGroups>
VEC_INLINE void extend_turned(const float* a, int64_t a_row, const Vec (&turned)[kLanes], int64_t steps,
                              Vec (&sums)[kRows][kGroups], int group) {
#pragma GCC unroll 16
  for (int u = 0; u < kLanes; ++u) {
    if (u >= steps) break;
#pragma GCC unroll 10
    for (int i = 0; i < kRows; ++i) {
      sums[i][group] = fma_splat(a + i * a_row + u, turned[u], sums[i][group]);
    }
  }
}

// b(k, j) = t.b[j * t.b_step + k], a(i, k) = t.a[i * t.a_row + k], whole groups of columns.
template <int kRows, int kGroups>
void multiply_turned(const TileArgs& t) {
  Vec sums[kRows][kGroups];
#pragma GCC unroll 10
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) sums[i][g] = zero();
  }
  Vec turned[kLanes];
  int64_t k = 0;
  for (; k + kLanes <= t.depth; k += kLanes) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      load_turned(t.b + g * kLanes * t.b_step + k, t.b_step, turned);
      extend_turned(t.a + k, t.a_row, turned, kLanes, sums, g);
    }
  }
  if (k < t.depth) {
    alignas(64) float corner[kLanes * kLanes];
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      for (int i = 0; i < kLanes; ++i) {
        store(corner + i * kLanes, load_tail(t.b + (g * kLanes + i) * t.b_step + k, t.depth - k));
      }
      load_turned(corner, kLanes, turned);
      extend_turned(t.a + k, t.a_row, turned, t.depth - k, sums, g);
    }
  }
  finish_tile(t, sums);
}

struct TurnedTable {
  TileFunction of[2][kTurnedRows];  // [groups - 1][rows - 1]
};

template <int kRows>
constexpr void enter_turned(TurnedTable* table) {
  table->of[0][kRows - 1] = multiply_turned<kRows, 1>;
  if constexpr (groups_of_rows(kRows) == 2) table->of[1][kRows - 1] = multiply_turned<kRows, 2>;
  if constexpr (kRows > 1) enter_turned<kRows - 1>(table);
}
constexpr TurnedTable make_turned() {
  TurnedTable table = {};
  enter_turned<kTurnedRows>(&table);
  return table;
}
constexpr TurnedTable kTurned = make_turned();

bool turns_rows(const Product& p, int64_t rows) {
  return rows <= kTurnedRows && p.b_transposed && p.a_step == 1 && !p.c_turned;
}

// Rows [row, row + rows) of the columns of one block column, where turns_rows says so.
void multiply_turned_block(const Product& p, const Desk& desk, int64_t row, int64_t rows, int64_t column,
                           int64_t columns) {
  TileArgs t = {};
  t.a_row = p.a_row;
  t.b_step = p.b_row;
  t.c_row = p.c_row;
  t.last_columns = kLanes;
  int64_t whole = columns / kLanes, wanted = groups_of_rows(static_cast<int>(rows));
  for (int64_t done = 0, groups; done < whole; done += groups) {
    groups = smaller_of(whole - done, wanted);
    int64_t at = column + done * kLanes;
    t.c = p.c + row * p.c_row + at;
    for (int64_t k = 0; k == 0 || k < p.k; k += kBlockDepth) {
      t.depth = smaller_of(p.k - k, kBlockDepth);
      t.a = p.a + row * p.a_row + k;
      t.b = p.b + at * p.b_row + k;
      t.accumulate = k > 0;
      t.bias = k + t.depth == p.k && p.bias != nullptr ? p.bias + at * p.bias_step : nullptr;
      kTurned.of[groups - 1][rows - 1](t);
    }
  }
  finish_rows(p, desk, row, rows, column, whole * kLanes);
  if (columns % kLanes != 0) {
    multiply_block<Float32>(p, desk, row, rows, column + whole * kLanes, columns % kLanes);
  }
}

}  // namespace
}  // namespace chainrule
