// The rows of a convolution of single channels whose kernels are common: neighbouring pixels share what they
// read of a line. The chains are those of conv_depthwise.h.
#pragma once

#include "conv_lines.h"

namespace chainrule {
namespace {

// Pixels whose chains run at once: half of the registers, or as few as there are.
#if defined(__AVX512F__) && !defined(CHAINRULE_SCALAR)
constexpr int kWidePixels = 8;
#else
constexpr int kWidePixels = 4;
#endif
constexpr int kNarrowPixels = 4;
// Channels that a tile of pixels passes over before the next tile, and how far ahead memory is asked for at
// least, in floats.
constexpr int64_t kRowStrip = 256, kAheadFloats = 2048;

// A line of the kernel as a row of windows sees it.
struct RowLine {
  const float* x;  // the line of the image; nullptr outside
  const float* w;  // its first tap
};
static_assert(sizeof(RowLine) <= sizeof(TapRun), "lines of a row take the place of runs");

// The other operand of an epilogue, which is read once a row is complete: `values` lie as the results do.
struct OtherResult {
  const float *values, *results;
};

VEC_INLINE const float* other_at(const OtherResult& other, const float* result) {
  return other.values + (result - other.results);
}

// Asks for what the epilogue reads at these pixels.
template <int kPixels>
VEC_INLINE void fetch_other(const OtherResult& other, const float* result, int64_t step) {
  if (other.values == nullptr) return;
  const float* at = other_at(other, result);
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) __builtin_prefetch(at + i * step, 0, 2);
}

// What the pixels of one row have in common.
struct RowArgs {
  const RowLine* lines;
  int64_t line_count, pitch, width, shift;
  int64_t w_step;  // from one tap of a line to the next
  const float* bias;
  const Epilogue* map;  // is made in registers; nullptr where none is
  // What rows after this one will read of x, and where they write: at the place of what is read and written
  // now. What is written whole is not asked for, which would have it read first.
  const float* next_x;
  int64_t next_line;  // floats from a line before that which is read, too; 0 for none
  int64_t next_y;
  OtherResult other;
};

// Where the positions of a tile lie: in the line, but for so many at its beginning or at its end, or
// anywhere. Only there, fewer than sixteen channels are possible.
struct Inside {
  static constexpr bool kKnown = true;
  static constexpr int kBefore = 0, kBehind = 0;
};
template <int kPositions>
struct BeginsBefore : Inside {
  static constexpr int kBefore = kPositions;
};
template <int kPositions>
struct EndsBehind : Inside {
  static constexpr int kBehind = kPositions;
};
struct Anywhere {
  static constexpr bool kKnown = false;
  static constexpr int kBefore = 0, kBehind = 0;
};

// kPixels windows from `window` on, of sixteen channels from `channel` on, or of `n`.
template <int kPixels, int kTaps, int kStride, class Place>
VEC_INLINE void convolve_tile(const RowArgs& r, int64_t window, int64_t channel, int64_t n, float* to,
                              int64_t to_step) {
  constexpr int kPositions = (kPixels - 1) * kStride + kTaps;
  constexpr bool kKnown = Place::kKnown;
  const int64_t at = window * kStride + r.shift, offset = at * r.pitch + channel;
  Vec sums[kPixels];
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) {
    sums[i] = zero();
#pragma GCC unroll 2
    for (int j = 0; j < kStride; ++j) {
      const float* next = r.next_x + offset + (i * kStride + j) * r.pitch;
      __builtin_prefetch(next, 0, 2);
      if (kStride > 1 && r.next_line > 0) __builtin_prefetch(next - r.next_line, 0, 2);
    }
  }
  fetch_other<kPixels>(r.other, to + r.next_y, to_step);
  for (int64_t line = 0; line < r.line_count; ++line) {
    const RowLine& own = r.lines[line];
    Vec w[kTaps];
#pragma GCC unroll 8
    for (int t = 0; t < kTaps; ++t) {
      const float* tap = own.w + t * r.w_step + channel;
      w[t] = kKnown ? load(tap) : load_upto(tap, n);
    }
    if (own.x == nullptr) {
#pragma GCC unroll 8
      for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 8
        for (int i = 0; i < kPixels; ++i) sums[i] = fma(zero(), w[t], sums[i]);
      }
      continue;
    }
    const float* from = own.x + offset;
#pragma GCC unroll 32
    for (int j = 0; j < kPositions; ++j, from += r.pitch) {
      Vec x;
      if (j < Place::kBefore || j >= kPositions - Place::kBehind) x = zero();
      else if (kKnown) x = load(from);
      else x = at + j >= 0 && at + j < r.width ? load_upto(from, n) : zero();
#pragma GCC unroll 8
      for (int t = 0; t < kTaps; ++t) {
        if (j < t || (j - t) % kStride != 0 || (j - t) / kStride >= kPixels) continue;
        sums[(j - t) / kStride] = fma(x, w[t], sums[(j - t) / kStride]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) {
    if (r.bias != nullptr) sums[i] = sums[i] + load_upto(r.bias + channel, kKnown ? kLanes : n);
    float* own = to + i * to_step;
    if (r.map != nullptr) {
      sums[i] = mapped(*r.map, sums[i], other_at(r.other, own), kKnown ? kLanes : n);
    }
    store_upto(own, sums[i], kKnown ? kLanes : n);
  }
}

// Windows [first, end) of a row, and those whose taps all lie in the line.
struct RowRange {
  int64_t first, end, inside, outside;
};

// Channels [channel, last) of kPixels windows.
template <int kPixels, int kTaps, int kStride, class Place>
void convolve_channels(const RowArgs& r, int64_t window, int64_t channel, int64_t last, float* to,
                       int64_t to_step) {
  if constexpr (Place::kKnown) {
    for (; channel + kLanes <= last; channel += kLanes) {
      convolve_tile<kPixels, kTaps, kStride, Place>(r, window, channel, kLanes, to + channel, to_step);
    }
  }
  for (; channel < last; channel += kLanes) {
    const int64_t n = min(last - channel, kLanes);
    convolve_tile<kPixels, kTaps, kStride, Anywhere>(r, window, channel, n, to + channel, to_step);
  }
}

using TileChannels = void (*)(const RowArgs&, int64_t, int64_t, int64_t, float*, int64_t);

// Tiles that reach half a kernel beyond the line, as those at its ends do, are known.
template <int kTaps, int kStride>
TileChannels wide_tile(const RowArgs& r, int64_t window) {
  constexpr int kPositions = (kWidePixels - 1) * kStride + kTaps;
  const int64_t before = -(window * kStride + r.shift), behind = kPositions - before - r.width;
  if (before <= 0 && behind <= 0) return convolve_channels<kWidePixels, kTaps, kStride, Inside>;
  if constexpr (kTaps > 1) {
    if (before == 1 && behind <= 0) return convolve_channels<kWidePixels, kTaps, kStride, BeginsBefore<1>>;
    if (before <= 0 && behind == 1) return convolve_channels<kWidePixels, kTaps, kStride, EndsBehind<1>>;
  }
  if constexpr (kTaps > 3) {
    if (before == 2 && behind <= 0) return convolve_channels<kWidePixels, kTaps, kStride, BeginsBefore<2>>;
    if (before <= 0 && behind == 2) return convolve_channels<kWidePixels, kTaps, kStride, EndsBehind<2>>;
  }
  return convolve_channels<kWidePixels, kTaps, kStride, Anywhere>;
}

// A row of windows; `to` is where the first of them goes. The last tile of a row may make pixels once more.
template <int kTaps, int kStride>
void convolve_row(const RowArgs& r, const RowRange& range, int64_t channels, float* to, int64_t to_step) {
  const int64_t count = range.end - range.first;
  const int64_t pixels = count >= kWidePixels ? kWidePixels : count >= kNarrowPixels ? kNarrowPixels : 1;
  for (int64_t channel = 0; channel < channels; channel += kRowStrip) {
    const int64_t last = min(channel + kRowStrip, channels);
    for (int64_t done = 0; done < count; done += pixels) {
      const int64_t q = min(range.first + done, range.end - pixels);
      float* own = to + (q - range.first) * to_step;
      if (pixels == 1) {
        convolve_channels<1, kTaps, kStride, Anywhere>(r, q, channel, last, own, to_step);
      } else if (pixels < kWidePixels) {
        convolve_channels<kNarrowPixels, kTaps, kStride, Anywhere>(r, q, channel, last, own, to_step);
      } else {
        wide_tile<kTaps, kStride>(r, q)(r, q, channel, last, own, to_step);
      }
    }
  }
}

using RowFunction = void (*)(const RowArgs&, const RowRange&, int64_t, float*, int64_t);

// nullptr where a row has no such function.
RowFunction row_function(const Windows& w) {
  const WindowAxis& axis = w.axes[2];
  const bool is_common = axis.stride <= 2 && (axis.dilation == 1 || axis.taps == 1);
  if (!is_common || w.taps() > kBlockDepth) return nullptr;
  if (axis.stride == 1) {
    switch (axis.taps) {
      case 1: return convolve_row<1, 1>;
      case 2: return convolve_row<2, 1>;
      case 3: return convolve_row<3, 1>;
      case 5: return convolve_row<5, 1>;
      default: return nullptr;
    }
  }
  return axis.taps == 3 ? convolve_row<3, 2> : axis.taps == 5 ? convolve_row<5, 2> : nullptr;
}

}  // namespace
}  // namespace chainrule
