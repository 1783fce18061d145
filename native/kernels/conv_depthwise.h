// Convolutions in which each channel has its own kernel: no product, but vectors along the channels. The
// bits are those of products of one column.
#pragma once

#include "conv_depthwise_kernel.h"
#include "conv_depthwise_tile.h"

namespace chainrule {
namespace {

// Pixels that share the loads of a kernel.
constexpr int kPixelsAtOnce = 4;

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
  return max(min(min(work / (int64_t{2} * kTaskElements), pixels), kTargetTasks), 1);
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
  // A stride larger than the kernel leaves pixels that no tap reaches.
  if (count == 0) return;
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

// What the pixels of one row have in common, whatever the kernel.
struct TapRowArgs {
  const RowTap* taps;
  int64_t tap_count, pitch, width, stride;
  bool accumulate;
  const float* bias;
};

// kPixels windows from `window` on, of sixteen channels from `channel` on, or fewer where not kWhole.
// kInside: no tap lies beside the image.
template <int kPixels, bool kInside, bool kWhole>
VEC_INLINE void convolve_pixels(const TapRowArgs& r, int64_t window, int64_t channel, int64_t channels,
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

// Up to sixteen channels of a row.
template <bool kWhole>
VEC_INLINE void convolve_taps(const TapRowArgs& r, const RowRange& range, int64_t channel, int64_t channels,
                              float* to, int64_t to_step) {
  const int64_t end = range.end, low = min(max(range.inside, range.first), end);
  const int64_t high = min(max(range.outside, low), end);
  int64_t q = range.first;
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

// A row by tiles of neighbouring pixels.
void convolve_lines(const Convolution& c, const RowPiece& piece, const RowRange& range, RowFunction convolve,
                    const ConvWorkspace& workspace) {
  const Windows& w = c.windows;
  const WindowAxis &a0 = w.axes[0], &a1 = w.axes[1], &a2 = w.axes[2];
  RowLine* lines = reinterpret_cast<RowLine*>(workspace.runs);
  RowArgs r = {};
  r.lines = lines;
  r.line_count = a0.taps * a1.taps;
  r.pitch = w.pitch;
  r.width = a2.size;
  r.shift = a2.shift;
  r.w_step = c.backwards == nullptr ? w.pitch : -c.phase.tap_step[2] * w.pitch;
  r.bias = c.product.epilogue.bias;
  if (c.product.epilogue.in_registers) r.map = &c.product.epilogue;
  for (int64_t line = 0; line < r.line_count; ++line) {
    const int64_t first = line * a2.taps;
    const int64_t own = c.backwards == nullptr ? first : tap_of(*c.backwards, w, c.phase, first);
    lines[line] = {line_of(w, piece.place, line), c.product.b + own * w.pitch};
  }
  // What tiles read and write that come some tiles later, whether or not that lies in this row.
  const int64_t tile = kWidePixels * w.pitch, tiles = ceil_div(kAheadFloats, tile);
  const int64_t to_step = piece.pixel_step * c.product.c_row;
  const int64_t p0 = piece.place.at[0] * a0.stride + a0.shift + (a0.taps - 1) * a0.dilation;
  const int64_t p1 = piece.place.at[1] * a1.stride + a1.shift + (a1.taps - 1) * a1.dilation;
  r.next_x = w.images + piece.place.image * w.image_floats() + (p0 * a1.size + p1) * a2.size * w.pitch +
             tiles * tile * a2.stride;
  r.next_line = a1.stride > 1 ? a2.size * w.pitch : 0;
  r.next_y = tiles * kWidePixels * to_step;
  r.other = {c.product.epilogue.other, c.product.c};
  convolve(r, range, c.product.n, c.product.c + piece.pixel * c.product.c_row, to_step);
}

// kTileRows whole rows of windows, the first of which is number `number`.
[[maybe_unused]] void convolve_rows(const Convolution& c, int64_t number, const ConvWorkspace& workspace) {
  const Windows& w = c.windows;
  const Product& p = c.product;
  const WindowPlace place = WindowPlace::of(w, number);
  const int64_t count = w.axes[2].windows;
  RowGroup g = {};
  for (int line = 0; line < kTileLines; ++line) {
    WindowPlace of_row = place;
    of_row.at[1] += max(line - (kTileTaps - 1), 0);
    g.x[line] = line_of(w, of_row, min(line, kTileTaps - 1));
  }
  for (int line = 0; line < kTileTaps; ++line) {
    const int64_t first = line * kTileTaps;
    const int64_t own = c.backwards == nullptr ? first : tap_of(*c.backwards, w, c.phase, first);
    g.w[line] = p.b + own * w.pitch;
  }
  g.pitch = w.pitch;
  g.width = w.axes[2].size;
  g.shift = w.axes[2].shift;
  g.w_step = c.backwards == nullptr ? w.pitch : -c.phase.tap_step[2] * w.pitch;
  g.bias = p.epilogue.bias;
  if (p.epilogue.in_registers) g.map = &p.epilogue;
  g.other = {p.epilogue.other, p.c};
  g.y_row = count * p.c_row;
  g.ahead_x = min(kTileRows * g.width * w.pitch, kMostAhead);
  g.ahead_y = min(kTileRows * g.y_row, kMostAhead);
  convolve_group(g, count, p.n, p.c + number * p.c_row, p.c_row);
  finish_rows(p, workspace.product, {number, kTileRows * count, 0, p.n}, 1, g.map != nullptr);
}

// Windows from `number` on that are made in groups of rows: whole rows of one image. Returns how many. The
// last group may make rows once more.
int64_t convolve_groups(const Convolution& c, int64_t number, int64_t end, const ConvWorkspace& workspace) {
  const Windows& w = c.windows;
  if (!kHasRowGroups || c.apart || !suits_row_groups(w)) return 0;
  const WindowPlace place = WindowPlace::of(w, number);
  const int64_t count = w.axes[2].windows;
  const int64_t rows = min(w.axes[1].windows - place.at[1], (end - number) / count);
  if (place.at[2] > 0 || rows < kTileRows) return 0;
  if constexpr (kHasRowGroups) {
    for (int64_t row = 0; row < rows; row += kTileRows) {
      convolve_rows(c, number + min(row, rows - kTileRows) * count, workspace);
      yield_to_others(workspace.product.yield_point);
    }
  }
  return rows * count;
}

// The same for any kernel, by blocks of k.
void convolve_blocks(const Convolution& c, const RowPiece& piece, const RowRange& range,
                     const ConvWorkspace& workspace) {
  const Product& p = c.product;
  const WindowAxis& axis = c.windows.axes[2];
  RowTap* taps = reinterpret_cast<RowTap*>(workspace.runs);
  float* to = p.c + piece.pixel * p.c_row;
  for (int64_t k = 0; k == 0 || k < p.k; k += kBlockDepth) {
    const int64_t count = min(p.k - k, kBlockDepth);
    taps_of_row(c, piece.place, k, count, taps);
    const float* bias = k + count == p.k ? p.epilogue.bias : nullptr;
    const TapRowArgs r = {taps, count, c.windows.pitch, axis.size, axis.stride, k > 0, bias};
    for (int64_t channel = 0; channel < p.n; channel += kLanes) {
      const int64_t channels = min(p.n - channel, kLanes), step = piece.pixel_step * p.c_row;
      const auto convolve = channels == kLanes ? convolve_taps<true> : convolve_taps<false>;
      convolve(r, range, channel, channels, to + channel, step);
    }
  }
}

void convolve_piece(const Convolution& c, const RowPiece& piece, const ConvWorkspace& workspace) {
  const Product& p = c.product;
  const WindowAxis& axis = c.windows.axes[2];
  const int64_t room = axis.size - 1 - axis.shift - (axis.taps - 1) * axis.dilation;
  RowRange range = {piece.place.at[2], piece.place.at[2] + piece.count, 0, 0};
  range.inside = axis.shift >= 0 ? 0 : ceil_div(-axis.shift, axis.stride);
  range.outside = room < 0 ? 0 : room / axis.stride + 1;
  const RowFunction convolve = row_function(c.windows);
  if (convolve != nullptr) convolve_lines(c, piece, range, convolve, workspace);
  else convolve_blocks(c, piece, range, workspace);
  const Block done = {piece.pixel, piece.count, 0, p.n};
  finish_rows(p, workspace.product, done, piece.pixel_step, convolve != nullptr && p.epilogue.in_registers);
}

// The share of these tasks in a convolution of all channels.
void run_depthwise(const ConvShape& s, Convolution* c, const ConvWorkspace& workspace,
                   const TaskRange& range) {
  c->product.n = s.channels;
  const int64_t m = c->product.m, end = m * range.last / range.tasks;
  for (int64_t number = m * range.first / range.tasks; number < end;) {
    const int64_t grouped = convolve_groups(*c, number, end, workspace);
    number += grouped;
    if (grouped > 0) continue;
    const RowPiece piece = row_piece(*c, number, end);
    convolve_piece(*c, piece, workspace);
    number += piece.count;
    yield_to_others(workspace.product.yield_point);
  }
}

}  // namespace
}  // namespace chainrule
