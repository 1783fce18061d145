// A tile whose k is a list of segments: within one, rows of a lie at an affine distance; b goes on from one
// segment to the next. The chains are those of a tile with one segment.
#pragma once

#include "gemm_pack.h"

namespace chainrule {
namespace {

struct Segment {
  const float* first;
  int64_t row, step;  // floats from one row to the next, and from one k to the next
  int64_t length;
};

// Rows begin `start` rows after those that the segments begin with. A halved tile has up to eight columns in
// its last vector, all of which may be read. Aligned, so that the speed of short loops does not depend on
// what else is compiled.
template <class Number, bool kHalved, int kRows, int kVectors>
__attribute__((aligned(64))) void multiply_segments(const TileArgs& t, const Segment* segments,
                                                    int64_t count, int64_t start) {
  Vec sums[kRows][kVectors];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[i][v] = zero();
  }
  constexpr int kWhole = kHalved ? kVectors - 1 : kVectors;
  [[maybe_unused]] Half halves[kRows];
  if constexpr (kHalved) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) halves[i] = half_of(zero());
  }
  const float* b = t.b;
  const int64_t b_step = t.b_step;
  for (int64_t s = 0; s < count; ++s) {
    const Segment& segment = segments[s];
    AffineRows a = {segment.first + start * segment.row, segment.row, segment.step};
    for (int64_t k = segment.length; k > 0; --k) {
      [[maybe_unused]] Vec row[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kWhole; ++v) row[v] = load(b + v * kLanes);
      [[maybe_unused]] Half last;
      if constexpr (kHalved) last = half_of(load(b + kWhole * kLanes));
#pragma GCC unroll 12
      for (int i = 0; i < kRows; ++i) {
        [[maybe_unused]] const Vec x = splat(*a.at(i, 0));
#pragma GCC unroll 4
        for (int v = 0; v < kWhole; ++v) sums[i][v] = Number::accumulate(x, row[v], sums[i][v]);
        if constexpr (kHalved) {
          halves[i] = fma(kWhole > 0 ? half_of(x) : splat_half(*a.at(i, 0)), last, halves[i]);
        }
      }
      a = a.from(0, 1);
      b += b_step;
    }
  }
  if constexpr (kHalved) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) sums[i][kWhole] = widened(halves[i]);
  }
  finish_tile(t, sums);
}

using SegmentTileFunction = void (*)(const TileArgs&, const Segment*, int64_t, int64_t);
struct SegmentTileTable {
  SegmentTileFunction of[kTileVectors][kMaxTileRows];  // [vectors - 1][rows - 1]
};

template <class Number, bool kHalved, int kRows, int kVectors>
constexpr void enter_segment_tiles(SegmentTileTable* table) {
  table->of[kVectors - 1][kRows - 1] = multiply_segments<Number, kHalved, kRows, kVectors>;
  if constexpr (kRows > 1) {
    enter_segment_tiles<Number, kHalved, kRows - 1, kVectors>(table);
  } else if constexpr (kVectors > 1) {
    enter_segment_tiles<Number, kHalved, rows_of_tile(kVectors - 1), kVectors - 1>(table);
  }
}
// Of up to so many vectors of columns.
template <class Number, bool kHalved, int kVectors>
constexpr SegmentTileTable make_segment_tiles() {
  SegmentTileTable table = {};
  enter_segment_tiles<Number, kHalved, rows_of_tile(kVectors), kVectors>(&table);
  return table;
}
template <class Number>
constexpr SegmentTileTable kSegmentTiles = make_segment_tiles<Number, false, kTileVectors>();
// Halved ones pay where there is no other vector.
template <class Number>
constexpr SegmentTileTable kHalvedSegmentTiles = make_segment_tiles<Number, true, 1>();

}  // namespace
}  // namespace chainrule
