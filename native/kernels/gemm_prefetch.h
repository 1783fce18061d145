// What the tiles of a large product prefetch while they multiply: the rows of a that come next.
#pragma once

#include "gemm_pack.h"

namespace chainrule {
namespace {

// From this many bytes on, what a tile reads next is not in the L2 cache, and prefetching gains more than it
// costs: of all operands, or of a alone, whose rows are what is prefetched.
constexpr int64_t kPrefetchFromBytes = int64_t{2} << 20, kPrefetchFromBytesOfA = int64_t{1} << 19;

// Counts what is read, which includes c where blocks of k are added to it.
bool is_worth_prefetching(const Product& p) {
  const int64_t number = static_cast<int64_t>(sizeof(float));
  const int64_t numbers = (p.m + p.n) * p.k + (p.k > kBlockDepth ? p.m * p.n : 0);
  return numbers * number >= kPrefetchFromBytes || p.m * p.k * number >= kPrefetchFromBytesOfA;
}

// From this many numbers on, what a tile writes is in no cache near by.
constexpr int64_t kFetchedFrom = int64_t{1} << 18;
// A tile of this depth takes long enough to fetch what its epilogue reads: its rows lie apart, and the
// processor does not fetch them by itself.
constexpr int64_t kDeepTile = 64;

// Which results of a part of a product are fetched while its tiles multiply.
struct Fetches {
  bool written, other;
};
VEC_INLINE Fetches fetches_of(const Product& p, int64_t depth) {
  const bool large = p.m * p.n >= kFetchedFrom;
  return {large, p.epilogue.other != nullptr && (large || depth >= kDeepTile)};
}

VEC_INLINE void fetch_result(const Product& p, const Fetches& fetches, const Block& tile) {
  for (int64_t i = tile.row; i < tile.row + tile.rows; ++i) {
    const int64_t at = i * p.c_row + tile.column;
    for (int64_t j = 0; j < tile.columns; j += kLanes) {
      if (fetches.written) __builtin_prefetch(p.c + at + j, 1);
      if (fetches.other) __builtin_prefetch(p.epilogue.other + at + j);
    }
  }
}

// What the next group of rows will read of a, as rows in memory; the tiles of this group prefetch it.
struct NextRows {
  const float* from;
  int64_t rows, row_stride, lines;
  int64_t row, line;  // the first that is not prefetched yet

  // The share of a tile of `depth` steps.
  Prefetch take(int64_t depth) {
    if (row >= rows || line >= lines) return {};
    const float* at = from + row * row_stride + line * kLanes;
    row += ceil_div(depth, kPrefetchSteps);
    if (row >= rows) {
      row = 0;
      line += kPrefetchLines;
    }
    return {at, kLanes, row_stride};
  }
};

// The group of rows after `part` in its block; after the last group, the first one of the next block of k,
// which is at most `max_depth` deep.
NextRows rows_after(const Product& p, const Part& part, const Block& block, int64_t max_depth) {
  int64_t row = part.row + part.rows, end = block.row + block.rows, k = part.k;
  if (row >= end) {
    row = block.row;
    k += part.depth;
  }
  if (k >= p.k) return {};
  int64_t rows = min(end - row, kRowsAtOnce), depth = min(p.k - k, max_depth);
  const float* from = p.a.at(row, k);
  if (p.a.lie_along_k()) return {from, rows, p.a.row, ceil_div(depth, kLanes), 0, 0};
  return {from, depth, p.a.step, ceil_div(rows, kLanes), 0, 0};
}

}  // namespace
}  // namespace chainrule
