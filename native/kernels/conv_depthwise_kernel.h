// The gradient of the kernel of a convolution of single channels: each tap is a chain over pixels, and the
// chains of several taps run at once, so that x and dy are read once.
#pragma once

#include "conv_lines.h"

namespace chainrule {
namespace {

constexpr int kVectorsAtOnce = 4;
constexpr int64_t kStripChannels = kVectorsAtOnce * kLanes;
// Lines of the kernel whose chains run at once, where each has up to three taps.
#if defined(__AVX512F__) && !defined(CHAINRULE_SCALAR)
constexpr int kLinesAtOnce = 3;
#else
constexpr int kLinesAtOnce = 2;
#endif
// Taps of a line whose chains run at once, and pixels of a row, which stay in the L1 cache.
constexpr int64_t kMostTaps = 5, kPixelsOfChain = 64;
// Chains that a strip of channels has room for.
constexpr int64_t kMostChains = kPackedRows / kStripChannels;

int64_t depthwise_kernel_tasks(const ConvShape& s, int64_t parts) {
  return max(parts * ceil_div(s.channels, kStripChannels), 1);
}

// Pixels of dy in one row, and what they meet.
struct TapRow {
  const float* dy;
  int64_t count, dy_step;
  int64_t x_step, tap_step;  // floats from one pixel to the next, and from one tap to the next
  int64_t low, high;         // pixels of which all taps lie in the line
  int64_t at, x_size;        // the position of the first tap of the first pixel, and those that exist
  int64_t stride, dilation;
  int64_t next_dy, next_x;  // floats to what later rows read
};

// One vector of channels: pixels [first, end) of the row, some of whose taps lie beside the line.
template <int kTaps, int kLines>
VEC_INLINE void accumulate_edge(const TapRow& r, const float* const* x, int64_t channel, int64_t n,
                                int64_t first, int64_t end, Vec (&sums)[kLines][kTaps]) {
  for (int64_t q = first; q < end; ++q) {
    const Vec dy = load_upto(r.dy + q * r.dy_step + channel, n);
#pragma GCC unroll 3
    for (int line = 0; line < kLines; ++line) {
#pragma GCC unroll 5
      for (int t = 0; t < kTaps; ++t) {
        const int64_t position = r.at + q * r.stride + t * r.dilation;
        Vec own = zero();
        if (x[line] != nullptr && position >= 0 && position < r.x_size) {
          own = load_upto(x[line] + q * r.x_step + t * r.tap_step + channel, n);
        }
        sums[line][t] = fma(own, dy, sums[line][t]);
      }
    }
  }
}

// The same where all of them lie in the line.
template <int kTaps, int kLines, bool kWhole>
VEC_INLINE void accumulate_inside(const TapRow& r, const float* const* x, int64_t channel, int64_t n,
                                  Vec (&sums)[kLines][kTaps]) {
  const float *dy = r.dy + r.low * r.dy_step + channel, *own[kLines];
#pragma GCC unroll 3
  for (int line = 0; line < kLines; ++line) own[line] = x[line] + r.low * r.x_step + channel;
  for (int64_t q = r.low; q < r.high; ++q) {
    const Vec d = kWhole ? load(dy) : load_upto(dy, n);
    __builtin_prefetch(dy + r.next_dy, 0, 2);
    __builtin_prefetch(own[kLines - 1] + r.next_x, 0, 2);
    dy += r.dy_step;
#pragma GCC unroll 3
    for (int line = 0; line < kLines; ++line) {
#pragma GCC unroll 5
      for (int t = 0; t < kTaps; ++t) {
        const float* at = own[line] + t * r.tap_step;
        sums[line][t] = fma(kWhole ? load(at) : load_upto(at, n), d, sums[line][t]);
      }
      own[line] += r.x_step;
    }
  }
}

// Three taps, where registers hold what the next pixel reads again.
constexpr bool kSlides = kLinesAtOnce == 3;

// The same, of lines that may lie outside, for pixels whose neighbours share what they read of a line.
template <int kLines, int kStride>
VEC_INLINE void accumulate_sliding(const TapRow& r, const float* const* x, int64_t channel, int64_t n,
                                   Vec (&sums)[kLines][3]) {
  constexpr int kKept = 3 - kStride;
  const float *dy = r.dy + channel, *from[kLines];
  int64_t step[kLines];
  Vec kept[kLines][kKept];
#pragma GCC unroll 3
  for (int line = 0; line < kLines; ++line) {
    from[line] = x[line] == nullptr ? kNoPixel : x[line] + channel;
    step[line] = x[line] == nullptr ? 0 : r.tap_step;
#pragma GCC unroll 2
    for (int t = 0; t < kKept; ++t, from[line] += step[line]) {
      const bool within = r.at + t >= 0 && r.at + t < r.x_size;
      kept[line][t] = within ? load_upto(from[line], n) : zero();
    }
  }
  const int64_t room = r.x_size - 3 - r.at, whole = room < 0 ? 0 : min(room / kStride + 1, r.count);
  const auto accumulate = [&](int64_t q, bool inside) __attribute__((always_inline)) {
    const Vec d = load_upto(dy, n);
    __builtin_prefetch(dy + r.next_dy, 0, 2);
    dy += r.dy_step;
#pragma GCC unroll 3
    for (int line = 0; line < kLines; ++line) {
      Vec taps[3];
#pragma GCC unroll 3
      for (int t = 0; t < 3; ++t) {
        if (t < kKept) {
          taps[t] = kept[line][t];
          continue;
        }
        taps[t] = inside || r.at + q * kStride + t < r.x_size ? load_upto(from[line], n) : zero();
        if (line >= kLines - kStride) __builtin_prefetch(from[line] + r.next_x, 0, 2);
        from[line] += step[line];
      }
#pragma GCC unroll 3
      for (int t = 0; t < 3; ++t) sums[line][t] = fma(taps[t], d, sums[line][t]);
#pragma GCC unroll 2
      for (int t = 0; t < kKept; ++t) kept[line][t] = taps[t + kStride];
    }
  };
  int64_t q = 0;
  for (; q < whole; ++q) accumulate(q, true);
  for (; q < r.count; ++q) accumulate(q, false);
}

// Adds a row of pixels to the chains of three lines of three taps.
template <int kStride>
void slide_row(const TapRow& r, const float* const* x, int64_t channels, float* chains) {
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    const int64_t n = channels - channel;
    float* own = chains + channel;
    Vec sums[3][3];
#pragma GCC unroll 9
    for (int i = 0; i < 9; ++i) sums[i / 3][i % 3] = load(own + i * kStripChannels);
    if (n >= kLanes) accumulate_sliding<3, kStride>(r, x, channel, kLanes, sums);
    else accumulate_sliding<3, kStride>(r, x, channel, n, sums);
#pragma GCC unroll 9
    for (int i = 0; i < 9; ++i) store(own + i * kStripChannels, sums[i / 3][i % 3]);
  }
}

// Whether a row may slide: nothing that it reads but what is kept lies before the line.
VEC_INLINE bool slides(const TapRow& r, int64_t taps) {
  return kSlides && taps == 3 && r.dilation == 1 && r.stride <= 2 && r.at >= r.stride - 3;
}

// Adds a row of pixels to the chains of these lines, which lie kStripChannels apart, tap by tap. The pointers
// of lines outside are nullptr.
template <int kTaps, int kLines>
void accumulate_row(const TapRow& r, const float* const* x, int64_t channels, float* chains) {
  bool inside = true;
  for (int line = 0; line < kLines; ++line) inside = inside && x[line] != nullptr;
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    const int64_t n = channels - channel;
    float* own = chains + channel;
    Vec sums[kLines][kTaps];
#pragma GCC unroll 3
    for (int line = 0; line < kLines; ++line) {
#pragma GCC unroll 5
      for (int t = 0; t < kTaps; ++t) sums[line][t] = load(own + (line * kTaps + t) * kStripChannels);
    }
    if (!inside) {
      accumulate_edge<kTaps, kLines>(r, x, channel, n, 0, r.count, sums);
    } else {
      accumulate_edge<kTaps, kLines>(r, x, channel, n, 0, r.low, sums);
      if (n >= kLanes) accumulate_inside<kTaps, kLines, true>(r, x, channel, n, sums);
      else accumulate_inside<kTaps, kLines, false>(r, x, channel, n, sums);
      accumulate_edge<kTaps, kLines>(r, x, channel, n, r.high, r.count, sums);
    }
#pragma GCC unroll 3
    for (int line = 0; line < kLines; ++line) {
#pragma GCC unroll 5
      for (int t = 0; t < kTaps; ++t) store(own + (line * kTaps + t) * kStripChannels, sums[line][t]);
    }
  }
}

using TapRowFunction = void (*)(const TapRow&, const float* const*, int64_t, float*);

// As many taps of a line at once as there are, of up to five, and so many lines.
TapRowFunction tap_row_function(int64_t taps, int64_t lines) {
  if (lines >= kLinesAtOnce && taps == 3) return accumulate_row<3, kLinesAtOnce>;
  switch (taps) {
    case 1: return accumulate_row<1, 1>;
    case 2: return accumulate_row<2, 1>;
    case 3: return accumulate_row<3, 1>;
    case 4: return accumulate_row<4, 1>;
    default: return accumulate_row<5, 1>;
  }
}

// A line of the image that line `number` of the kernel reads at a place, at position 0; nullptr outside.
VEC_INLINE const float* line_of(const Windows& w, const WindowPlace& place, int64_t number) {
  const WindowAxis &a0 = w.axes[0], &a1 = w.axes[1];
  const int64_t p0 = place.at[0] * a0.stride + a0.shift + number / a1.taps * a0.dilation;
  const int64_t p1 = place.at[1] * a1.stride + a1.shift + number % a1.taps * a1.dilation;
  if (!is_within(p0, a0) || !is_within(p1, a1)) return nullptr;
  return w.images + place.image * w.image_floats() + (p0 * a1.size + p1) * w.axes[2].size * w.pitch;
}

// Taps [first, end) of a kernel, and a strip of channels.
struct ChainGroup {
  int64_t first, end, channel, channels;
  float* chains;
};

// `count` pixels of one row of dy, from a place on, for all chains of a group.
void accumulate_pixels(const Windows& w, const WindowPlace& place, int64_t count, const float* dy,
                       int64_t dy_step, const ChainGroup& group) {
  const WindowAxis& axis = w.axes[2];
  const int64_t row = axis.size * w.pitch * w.axes[1].stride, x_step = axis.stride * w.pitch;
  TapRow r = {};
  r.dy = dy + group.channel;
  r.count = count;
  r.dy_step = dy_step;
  r.x_step = x_step;
  r.tap_step = axis.dilation * w.pitch;
  r.x_size = axis.size;
  r.stride = axis.stride;
  r.dilation = axis.dilation;
  r.next_dy = count * dy_step;
  r.next_x = count < axis.windows ? count * x_step : row;
  for (int64_t tap = group.first; tap < group.end;) {
    const int64_t t2 = tap % axis.taps, line = tap / axis.taps;
    const int64_t taps = min(min(axis.taps - t2, kMostTaps), group.end - tap);
    r.at = place.at[2] * axis.stride + axis.shift + t2 * axis.dilation;
    const int64_t room = axis.size - 1 - (taps - 1) * axis.dilation - r.at;
    r.low = min(r.at >= 0 ? 0 : ceil_div(-r.at, axis.stride), count);
    r.high = max(min(room < 0 ? 0 : room / axis.stride + 1, count), r.low);
    int64_t lines = t2 > 0 ? 1 : max(min((group.end - tap) / axis.taps, kLinesAtOnce), 1);
    const float* x[kLinesAtOnce];
    const bool all = lines == kLinesAtOnce && slides(r, axis.taps);
    for (int64_t i = 0; i < lines; ++i) {
      x[i] = line_of(w, place, line + i);
      if (x[i] != nullptr) x[i] += r.at * w.pitch + group.channel;
      else if (!all) lines = max(i, 1);
    }
    float* chains = group.chains + (tap - group.first) * kStripChannels;
    if constexpr (kSlides) {
      if (all) {
        (r.stride == 1 ? slide_row<1> : slide_row<2>)(r, x, group.channels, chains);
        tap += taps * lines;
        continue;
      }
    }
    if (lines < kLinesAtOnce || taps != axis.taps || taps != 3) lines = 1;
    tap_row_function(taps, lines)(r, x, group.channels, chains);
    tap += taps * lines;
  }
}

// Adds the chains of a block of pixels to the result.
void add_chains(const ChainGroup& group, float* to, int64_t to_step, bool accumulate) {
  for (int64_t tap = group.first; tap < group.end; ++tap) {
    const float* from = group.chains + (tap - group.first) * kStripChannels;
    float* own = to + tap * to_step + group.channel;
    for (int64_t i = 0; i < group.channels; i += kLanes) {
      const int64_t n = group.channels - i;
      const Vec sum = load(from + i);
      store_upto(own + i, accumulate ? load_upto(own + i, n) + sum : sum, n);
    }
  }
}

// The gradient of the kernel in a strip of channels, over the pixels of a part.
void run_depthwise_kernel(const ConvShape& s, const Convolution& c, const ConvWorkspace& workspace,
                          int64_t strip) {
  const int64_t pixels = c.product.k, row = c.windows.axes[2].windows;
  ChainGroup group = {};
  group.channel = strip * kStripChannels;
  group.channels = min(s.channels - group.channel, kStripChannels);
  group.chains = workspace.product.packed_a;
  for (; group.first < s.all_taps(); group.first = group.end) {
    group.end = min(group.first + kMostChains, s.all_taps());
    for (int64_t k = 0; k == 0 || k < pixels; k += kBlockDepth) {
      const int64_t end = min(pixels, k + kBlockDepth);
      clear_floats(group.chains, (group.end - group.first) * kStripChannels);
      WindowPlace place = {};
      if (end > k) place = WindowPlace::of(c.windows, c.first_window + k);
      for (int64_t first = k; first < end;) {
        const int64_t count = min(min(end - first, row - place.at[2]), kPixelsOfChain);
        accumulate_pixels(c.windows, place, count, c.product.b + first * s.channels, s.channels, group);
        first += count;
        place.at[2] += count - 1;
        place.next(c.windows);
      }
      add_chains(group, c.product.c, s.channels, k > 0);
      yield_to_others(workspace.product.yield_point);
    }
  }
}

}  // namespace
}  // namespace chainrule
