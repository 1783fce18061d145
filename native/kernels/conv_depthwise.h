// Convolutions in which each channel has its own kernel: no product, but vectors along the channels. The
// bits are those of products of one column.
#pragma once

#include "conv_lines.h"

namespace chainrule {
namespace {

// Pixels that share the loads of a kernel, and vectors of channels whose chains run at once.
constexpr int kPixelsAtOnce = 4, kVectorsAtOnce = 4;
constexpr int64_t kStripChannels = kVectorsAtOnce * kLanes;

// A tap as a row of windows sees it.
struct RowTap {
  const float* row;  // of the image, at the first pixel; nullptr outside
  const float* w;
  int64_t shift;  // along the row
};
static_assert(sizeof(RowTap) <= sizeof(TapRun), "taps of a row take the place of runs");

struct TaskRange {
  int64_t tasks, first, last;
};

// Windows of one row that follow one another, and the pixels that they make.
struct RowPiece {
  WindowPlace place;  // of the first
  int64_t count, pixel, pixel_step;
};

int64_t depthwise_tasks(const ConvShape& s, int64_t pixels) {
  const int64_t work = pixels * s.channels * max(s.all_taps(), 1);
  return max(min(min(work / (int64_t{8} * kTaskElements), pixels), kTargetTasks), 1);
}

// The windows from `number` on that stand in one row, up to `end`.
RowPiece row_piece(const Convolution& c, int64_t number, int64_t end) {
  RowPiece piece;
  piece.place = WindowPlace::of(c.windows, number);
  piece.count = min(end - number, c.windows.axes[2].windows - piece.place.at[2]);
  piece.pixel = c.backwards == nullptr ? number : pixel_of(*c.backwards, c.phase, piece.place);
  piece.pixel_step = c.backwards == nullptr ? 1 : c.backwards->stride[2];
  return piece;
}

// Taps [first, first + count) for a row of windows.
void taps_of_row(const Convolution& c, const WindowPlace& place, int64_t first, int64_t count, RowTap* taps) {
  const Windows& w = c.windows;
  const WindowAxis &a0 = w.axes[0], &a1 = w.axes[1], &a2 = w.axes[2];
  const float* image = w.images + place.image * w.image_floats();
  int64_t t2 = first % a2.taps, t1 = first / a2.taps % a1.taps, t0 = first / a2.taps / a1.taps;
  int64_t own = c.backwards == nullptr ? first : tap_of(*c.backwards, w, c.phase, first);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t p0 = place.at[0] * a0.stride + a0.shift + t0 * a0.dilation;
    const int64_t p1 = place.at[1] * a1.stride + a1.shift + t1 * a1.dilation;
    const bool within = is_within(p0, a0) && is_within(p1, a1);
    taps[i].row = within ? image + (p0 * a1.size + p1) * a2.size * w.pitch : nullptr;
    taps[i].w = c.product.b + own * w.pitch;
    taps[i].shift = a2.shift + t2 * a2.dilation;
    own += c.backwards == nullptr ? 1 : -c.phase.tap_step[2];
    if (++t2 < a2.taps) continue;
    t2 = 0;
    if (++t1 == a1.taps) {
      t1 = 0;
      ++t0;
    }
    if (c.backwards != nullptr && i + 1 < count) own = tap_of(*c.backwards, w, c.phase, first + i + 1);
  }
}

// What the pixels of one row have in common.
struct RowArgs {
  const RowTap* taps;
  int64_t tap_count, pitch, width, stride;
  bool accumulate;
  const float* bias;
};

// kPixels windows from `window` on, of sixteen channels from `channel` on, or fewer where not kWhole.
// kInside: no tap lies beside the image.
template <int kPixels, bool kInside, bool kWhole>
VEC_INLINE void convolve_pixels(const RowArgs& r, int64_t window, int64_t channel, int64_t channels,
                                float* to, int64_t to_step) {
  const int64_t n = kWhole ? kLanes : channels, step = r.stride * r.pitch;
  Vec sums[kPixels];
#pragma GCC unroll 4
  for (int i = 0; i < kPixels; ++i) sums[i] = zero();
  for (int64_t t = 0; t < r.tap_count; ++t) {
    const RowTap& tap = r.taps[t];
    const Vec w = load_upto(tap.w + channel, n);
    const int64_t at = window * r.stride + tap.shift;
    const bool within = tap.row != nullptr && (kInside || (at >= 0 && at < r.width));
    if (!within) {
#pragma GCC unroll 4
      for (int i = 0; i < kPixels; ++i) sums[i] = fma(zero(), w, sums[i]);
      continue;
    }
    const float* x = tap.row + at * r.pitch + channel;
#pragma GCC unroll 4
    for (int i = 0; i < kPixels; ++i) sums[i] = fma(load_upto(x + i * step, n), w, sums[i]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kPixels; ++i) {
    float* own = to + i * to_step;
    if (r.accumulate) sums[i] = load_upto(own, n) + sums[i];
    if (r.bias != nullptr) sums[i] = sums[i] + load_upto(r.bias + channel, n);
    store_upto(own, sums[i], n);
  }
}

// Up to sixteen channels of a row. Windows [inside, outside) have all of their taps in the row.
template <bool kWhole>
VEC_INLINE void convolve_row(const RowArgs& r, const RowPiece& piece, int64_t inside, int64_t outside,
                             int64_t channel, int64_t channels, float* to, int64_t to_step) {
  const int64_t first = piece.place.at[2], end = first + piece.count;
  const int64_t low = min(max(inside, first), end), high = min(max(outside, low), end);
  int64_t q = first;
  for (; q < low; ++q, to += to_step) {
    convolve_pixels<1, false, kWhole>(r, q, channel, channels, to, to_step);
  }
  for (; q + kPixelsAtOnce <= high; q += kPixelsAtOnce, to += kPixelsAtOnce * to_step) {
    convolve_pixels<kPixelsAtOnce, true, kWhole>(r, q, channel, channels, to, to_step);
  }
  for (; q < end; ++q, to += to_step) {
    convolve_pixels<1, false, kWhole>(r, q, channel, channels, to, to_step);
  }
}

void convolve_piece(const Convolution& c, const RowPiece& piece, const ConvWorkspace& workspace) {
  const Product& p = c.product;
  const WindowAxis& axis = c.windows.axes[2];
  RowTap* taps = reinterpret_cast<RowTap*>(workspace.runs);
  const int64_t last_shift = axis.shift + (axis.taps - 1) * axis.dilation;
  const int64_t inside = axis.shift >= 0 ? 0 : ceil_div(-axis.shift, axis.stride);
  const int64_t room = axis.size - 1 - last_shift;
  const int64_t outside = room < 0 ? 0 : room / axis.stride + 1;
  float* to = p.c + piece.pixel * p.c_row;
  for (int64_t k = 0; k == 0 || k < p.k; k += kBlockDepth) {
    const int64_t count = min(p.k - k, kBlockDepth);
    taps_of_row(c, piece.place, k, count, taps);
    const float* bias = k + count == p.k ? p.epilogue.bias : nullptr;
    const RowArgs r = {taps, count, c.windows.pitch, axis.size, axis.stride, k > 0, bias};
    for (int64_t channel = 0; channel < p.n; channel += kLanes) {
      const int64_t channels = min(p.n - channel, kLanes), step = piece.pixel_step * p.c_row;
      const auto convolve = channels == kLanes ? convolve_row<true> : convolve_row<false>;
      convolve(r, piece, inside, outside, channel, channels, to + channel, step);
    }
  }
  if (piece.pixel_step == 1) {
    return finish_rows(p, workspace.product, {piece.pixel, piece.count, 0, p.n});
  }
  for (int64_t i = 0; i < piece.count; ++i) {
    finish_rows(p, workspace.product, {piece.pixel + i * piece.pixel_step, 1, 0, p.n});
  }
}

// The share of these tasks in a convolution of all channels.
void run_depthwise(const ConvShape& s, Convolution* c, const ConvWorkspace& workspace,
                   const TaskRange& range) {
  c->product.n = s.channels;
  const int64_t m = c->product.m, end = m * range.last / range.tasks;
  for (int64_t number = m * range.first / range.tasks; number < end;) {
    const RowPiece piece = row_piece(*c, number, end);
    convolve_piece(*c, piece, workspace);
    number += piece.count;
    yield_to_others(workspace.product.yield_point);
  }
}

int64_t depthwise_kernel_tasks(const ConvShape& s, int64_t parts) {
  return max(parts * ceil_div(s.channels, kStripChannels), 1);
}

// Adds to the chains of one tap what pixels [q, end) of a row give. `dy` is that of the first of them, `x` is
// nullptr where the tap lies outside.
template <int kVectors>
VEC_INLINE void accumulate_tap(Vec (&sums)[kVectors], const float* x, int64_t x_step, const float* dy,
                               int64_t dy_step, int64_t count, int64_t last_channels) {
  for (int64_t i = 0; i < count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const int64_t n = v + 1 < kVectors ? kLanes : last_channels;
      const Vec own = x == nullptr ? zero() : load_upto(x + v * kLanes, n);
      sums[v] = fma(own, load_upto(dy + v * kLanes, n), sums[v]);
    }
    if (x != nullptr) x += x_step;
    dy += dy_step;
  }
}

// The chains of one tap and a strip of channels over a block of pixels, given as segments of x.
template <int kVectors>
void accumulate_block(const Segment* segments, int64_t count, int64_t channel, int64_t last_channels,
                      const float* dy, int64_t dy_step, float* to, bool add) {
  Vec sums[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) sums[v] = zero();
  for (int64_t i = 0; i < count; ++i) {
    const Segment& own = segments[i];
    const float* x = own.step == 0 ? nullptr : own.first + channel;
    accumulate_tap<kVectors>(sums, x, own.step, dy, dy_step, own.length, last_channels);
    dy += own.length * dy_step;
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const int64_t n = v + 1 < kVectors ? kLanes : last_channels;
    store_upto(to + v * kLanes, add ? load_upto(to + v * kLanes, n) + sums[v] : sums[v], n);
  }
}

// The gradient of the kernel in a strip of channels, over the pixels of a part.
void run_depthwise_kernel(const ConvShape& s, const Convolution& c, const ConvWorkspace& workspace,
                          int64_t strip) {
  const int64_t channel = strip * kStripChannels, channels = min(s.channels - channel, kStripChannels);
  const int64_t vectors = ceil_div(channels, kLanes), last_channels = channels - (vectors - 1) * kLanes;
  const auto accumulate = vectors == 1   ? accumulate_block<1>
                          : vectors == 2 ? accumulate_block<2>
                          : vectors == 3 ? accumulate_block<3>
                                         : accumulate_block<4>;
  Segment* segments = reinterpret_cast<Segment*>(workspace.runs);
  const int64_t pixels = c.product.k;
  for (int64_t k = 0; k == 0 || k < pixels; k += kBlockDepth) {
    const int64_t count = min(pixels - k, kBlockDepth);
    const float* dy = c.product.b + k * s.channels + channel;
    for (int64_t tap = 0; tap < s.all_taps(); ++tap) {
      const int64_t found = segments_of_tap(c.windows, tap, c.first_window + k, count, segments);
      accumulate(segments, found, channel, last_channels, dy, s.channels,
                 c.product.c + tap * s.channels + channel, k > 0);
    }
    yield_to_others(workspace.product.yield_point);
  }
}

}  // namespace
}  // namespace chainrule
