// A tile whose k is a list of segments: within one, rows of a lie at an affine distance; b goes on from one
// segment to the next. The chains are those of a tile with one segment.
#pragma once

#include "gemm_tile.h"

namespace chainrule {
namespace {

struct Segment {
  const float* first;
  int64_t row, step;  // floats from one row to the next, and from one k to the next
  int64_t length;
};

// Rows begin `start` rows after those that the segments begin with. Aligned, so that the speed of short loops
// does not depend on what else is compiled.
template <class Number, int kRows, int kVectors>
__attribute__((aligned(64))) void multiply_segments(const TileArgs& t, const Segment* segments,
                                                    int64_t count, int64_t start) {
  Vec sums[kRows][kVectors];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[i][v] = zero();
  }
  const float* b = t.b;
  const int64_t b_step = t.b_step;
  for (int64_t s = 0; s < count; ++s) {
    const Segment& segment = segments[s];
    AffineRows a = {segment.first + start * segment.row, segment.row, segment.step};
    for (int64_t k = segment.length; k > 0; --k) {
      Vec row[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 12
      for (int i = 0; i < kRows; ++i) {
        Vec x = splat(*a.at(i, 0));
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[i][v] = Number::accumulate(x, row[v], sums[i][v]);
      }
      a = a.from(0, 1);
      b += b_step;
    }
  }
  finish_tile(t, sums);
}

using SegmentTileFunction = void (*)(const TileArgs&, const Segment*, int64_t, int64_t);
struct SegmentTileTable {
  SegmentTileFunction of[kTileVectors][kMaxTileRows];  // [vectors - 1][rows - 1]
};

template <class Number, int kRows, int kVectors>
constexpr void enter_segment_tiles(SegmentTileTable* table) {
  table->of[kVectors - 1][kRows - 1] = multiply_segments<Number, kRows, kVectors>;
  if constexpr (kRows > 1) {
    enter_segment_tiles<Number, kRows - 1, kVectors>(table);
  } else if constexpr (kVectors > 1) {
    enter_segment_tiles<Number, rows_of_tile(kVectors - 1), kVectors - 1>(table);
  }
}
template <class Number>
constexpr SegmentTileTable make_segment_tiles() {
  SegmentTileTable table = {};
  enter_segment_tiles<Number, rows_of_tile(kTileVectors), kTileVectors>(&table);
  return table;
}
template <class Number>
constexpr SegmentTileTable kSegmentTiles = make_segment_tiles<Number>();

}  // namespace
}  // namespace chainrule
