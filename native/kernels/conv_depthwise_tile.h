// Several rows of a convolution of single channels at once: a line of the image is read for all rows that it
// belongs to. Kernels of 3x3 without strides, where registers are many. The chains are those of
// conv_depthwise.h.
#pragma once

#include "conv_depthwise_rows.h"

namespace chainrule {
namespace {

// Rows of a tile, its pixels along each, the lines that it reads, and the positions of each line.
constexpr int kTileRows = 4, kTilePixels = 4, kTileTaps = 3;
constexpr int kTileLines = kTileRows + kTileTaps - 1, kTilePositions = kTilePixels + kTileTaps - 1;
#if defined(__AVX512F__) && !defined(CHAINRULE_SCALAR)
constexpr bool kHasRowGroups = true;
#else
constexpr bool kHasRowGroups = false;
#endif
// How far ahead memory is asked for at most, in floats.
constexpr int64_t kMostAhead = 8192;

// What the tiles of a group of rows have in common.
struct RowGroup {
  const float* x[kTileLines];  // lines of the image, at position 0; nullptr outside
  const float* w[kTileTaps];   // lines of the kernel
  int64_t pitch, width, shift;
  int64_t w_step;  // from one tap of a line to the next
  const float* bias;
  const Epilogue* map;  // is made in registers; nullptr where none is
  OtherResult other;
  int64_t y_row;  // from one row of the result to the next
  int64_t ahead_x, ahead_y;
};

// Sixteen channels from `channel` on, or `n`, of the tile that begins with window `window` of each row.
template <class Place>
VEC_INLINE void convolve_square(const RowGroup& g, int64_t window, int64_t channel, int64_t n, float* to,
                                int64_t to_step) {
  constexpr bool kKnown = Place::kKnown;
  const int64_t at = window + g.shift;
  Vec w[kTileTaps][kTileTaps], sums[kTileRows][kTilePixels];
#pragma GCC unroll 9
  for (int t = 0; t < kTileTaps * kTileTaps; ++t) {
    const float* tap = g.w[t / kTileTaps] + t % kTileTaps * g.w_step + channel;
    w[t / kTileTaps][t % kTileTaps] = kKnown ? load(tap) : load_upto(tap, n);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows * kTilePixels; ++i) sums[i / kTilePixels][i % kTilePixels] = zero();
#pragma GCC unroll 4
  for (int row = 0; row < kTileRows; ++row) {
    fetch_other<kTilePixels>(g.other, to + row * g.y_row + g.ahead_y, to_step);
  }
#pragma GCC unroll 6
  for (int line = 0; line < kTileLines; ++line) {
    const bool exists = g.x[line] != nullptr;
    const float* from = exists ? g.x[line] + at * g.pitch + channel : kNoPixel;
    const int64_t step = exists ? g.pitch : 0;
#pragma GCC unroll 6
    for (int j = 0; j < kTilePositions; ++j, from += step) {
      Vec x;
      if (j < Place::kBefore || j >= kTilePositions - Place::kBehind) x = zero();
      else if (kKnown) x = load(from);
      else x = at + j >= 0 && at + j < g.width ? load_upto(from, n) : zero();
      // The lines above are those of the rows before.
      if (line >= kTileTaps - 1 && j < kTilePixels) __builtin_prefetch(from + g.ahead_x, 0, 2);
#pragma GCC unroll 4
      for (int row = 0; row < kTileRows; ++row) {
        if (line < row || line - row >= kTileTaps) continue;
#pragma GCC unroll 3
        for (int t = 0; t < kTileTaps; ++t) {
          if (j < t || j - t >= kTilePixels) continue;
          sums[row][j - t] = fma(x, w[line - row][t], sums[row][j - t]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows * kTilePixels; ++i) {
    Vec& sum = sums[i / kTilePixels][i % kTilePixels];
    if (g.bias != nullptr) sum = sum + load_upto(g.bias + channel, kKnown ? kLanes : n);
    float* own = to + i / kTilePixels * g.y_row + i % kTilePixels * to_step;
    if (g.map != nullptr) sum = mapped(*g.map, sum, other_at(g.other, own), kKnown ? kLanes : n);
    store_upto(own, sum, kKnown ? kLanes : n);
  }
}

// Channels [channel, last) of a tile.
template <class Place>
void convolve_squares(const RowGroup& g, int64_t window, int64_t channel, int64_t last, float* to,
                      int64_t to_step) {
  if constexpr (Place::kKnown) {
    for (; channel + kLanes <= last; channel += kLanes) {
      convolve_square<Place>(g, window, channel, kLanes, to + channel, to_step);
    }
  }
  for (; channel < last; channel += kLanes) {
    const int64_t n = min(last - channel, kLanes);
    convolve_square<Anywhere>(g, window, channel, n, to + channel, to_step);
  }
}

using SquareChannels = void (*)(const RowGroup&, int64_t, int64_t, int64_t, float*, int64_t);

SquareChannels square_at(const RowGroup& g, int64_t window) {
  const int64_t before = -(window + g.shift), behind = kTilePositions - before - g.width;
  if (before <= 0 && behind <= 0) return convolve_squares<Inside>;
  if (before == 1 && behind <= 0) return convolve_squares<BeginsBefore<1>>;
  if (before <= 0 && behind == 1) return convolve_squares<EndsBehind<1>>;
  return convolve_squares<Anywhere>;
}

// `count` windows of each row; `to` is where the first of them goes. The last tile may make pixels once more.
void convolve_group(const RowGroup& g, int64_t count, int64_t channels, float* to, int64_t to_step) {
  for (int64_t channel = 0; channel < channels; channel += kRowStrip) {
    const int64_t last = min(channel + kRowStrip, channels);
    for (int64_t done = 0; done < count; done += kTilePixels) {
      const int64_t q = min(done, count - kTilePixels);
      square_at(g, q)(g, q, channel, last, to + q * to_step, to_step);
    }
  }
}

bool suits_row_groups(const Windows& w) {
  const WindowAxis &a0 = w.axes[0], &a1 = w.axes[1], &a2 = w.axes[2];
  const bool is_square = a0.taps == 1 && a1.taps == kTileTaps && a2.taps == kTileTaps;
  const bool is_plain = a1.stride == 1 && a1.dilation == 1 && a2.stride == 1 && a2.dilation == 1;
  return is_square && is_plain && a2.windows >= kTilePixels;
}

}  // namespace
}  // namespace chainrule
