// What the tiles of a large product fetch while they multiply: what comes next of a and b, what they write,
// and what they add.
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

// Steps of k before its end at which a tile has fetched all that its end reads.
constexpr int64_t kFetchedBefore = 2 * kPrefetchSteps;

// Rows up to a strip wide, as strips; whole rows lie one after another.
struct LineStrips {
  int64_t count, step;
};
VEC_INLINE LineStrips line_strips_of(int64_t rows, int64_t row_stride, int64_t columns) {
  if (columns < row_stride) return {rows, row_stride};
  return {ceil_div(rows * columns, kStripNumbers), kStripNumbers};
}

// Which results of a part of a product are fetched while its tiles multiply, and how many strips at a time.
struct Fetches {
  bool written, other;
  int64_t each;
};
VEC_INLINE Fetches fetches_of(const Product& p, const Part& part, int64_t rows_of_tile, int64_t depth) {
  const bool large = p.m * p.n >= kFetchedFrom;
  const int64_t strips = line_strips_of(rows_of_tile, p.c_row, part.columns).count;
  const int64_t each = strips_at_a_time(strips, depth - kFetchedBefore);
  return {large, p.epilogue.other != nullptr && (large || part.depth >= kDeepTile), each};
}

VEC_INLINE void add_result(const Product& p, const Fetches& fetches, const Block& tile, Prefetches* to) {
  const int64_t at = tile.row * p.c_row + tile.column;
  const LineStrips strips = line_strips_of(tile.rows, p.c_row, tile.columns);
  if (fetches.other) to->add(p.epilogue.other + at, strips.count, strips.step, fetches.each);
  if (fetches.written) to->add(p.c + at, strips.count, strips.step, fetches.each, true);
}

// Rows in memory that come next, which some tiles share.
struct NextRows {
  // So many numbers of each row.
  static NextRows of(const float* from, int64_t rows, int64_t row_stride, int64_t numbers) {
    if (numbers < row_stride) return {from, rows, row_stride, ceil_div(numbers, kLanes), 0, 0, 0, 0};
    return {from, line_strips_of(rows, row_stride, numbers).count, kStripNumbers, kStripLines, 0, 0, 0, 0};
  }

  const float* from;
  int64_t rows, row_stride, lines;
  int64_t each, at_a_time;  // of a tile, in strips of a few lines
  int64_t row, line;        // the first that is not fetched yet

  // Among so many tiles of `depth` steps.
  void divide(int64_t tiles, int64_t depth) {
    each = ceil_div(rows * ceil_div(lines, kStripLines), max(tiles, 1));
    at_a_time = strips_at_a_time(each, depth);
  }

  // The share of a tile.
  VEC_INLINE void take(Prefetches* to) {
    for (int64_t left = each; left > 0 && line < lines;) {
      const int64_t some = min(left, rows - row);
      to->add(from + row * row_stride + line * kLanes, some, row_stride, at_a_time);
      left -= some;
      row += some;
      if (row < rows) return;
      row = 0;
      line += kStripLines;
    }
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
  if (p.a.lie_along_k()) return NextRows::of(from, rows, p.a.row, depth);
  return NextRows::of(from, depth, p.a.step, rows);
}

// The panel of b after that of `part`, so many columns wide: the next columns, which the first group of rows
// reads, or after all of the block the first ones of the next block of k.
NextRows panel_after(const Product& p, const Part& part, const Block& block, int64_t width,
                     int64_t max_depth) {
  int64_t k = part.k, column = part.column + width;
  const bool first = part.row == block.row, last = part.row + part.rows == block.row + block.rows;
  if (column >= block.column + block.columns) {
    if (!last) return {};
    column = block.column;
    k += part.depth;
  } else if (!first) {
    return {};
  }
  if (k >= p.k || p.b_transposed) return {};
  const int64_t columns = min(block.column + block.columns - column, width);
  return NextRows::of(p.b + k * p.b_row + column, min(p.k - k, max_depth), p.b_row, columns);
}

}  // namespace
}  // namespace chainrule
