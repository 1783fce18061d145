// Gradients of the input of convolutions of single channels with strides: pixel after pixel of the image, of
// each all channels. What is written in order need not be read first, and what is read comes in order too;
// phase after phase of the stride, every other pixel would be left out each time. The chains are those of
// conv_depthwise.h.
#pragma once

#include "conv_depthwise.h"

namespace chainrule {
namespace {

// Terms of a pixel, and phases of the strides, at most; vectors of channels whose chains run at once.
constexpr int64_t kMostTerms = 32, kPixelPhases = 16;
constexpr int kPixelVectors = 4;

// A pixel: its terms, and what is made of their sum.
struct PixelSum {
  const float* x[kMostTerms];  // nullptr outside of the image
  const float* w[kMostTerms];
  int64_t count;
  const float* bias;
  const Epilogue* map;  // is made in registers; nullptr where none is
};

// kCount vectors from `channel` on, or `n` channels of one.
template <int kCount>
VEC_INLINE void sum_channels(const PixelSum& p, int64_t channel, int64_t n, const float* other, float* to) {
  Vec sums[kCount];
#pragma GCC unroll 4
  for (int v = 0; v < kCount; ++v) sums[v] = zero();
  for (int64_t t = 0; t < p.count; ++t) {
    const float* w = p.w[t] + channel;
    if (p.x[t] == nullptr) {
#pragma GCC unroll 4
      for (int v = 0; v < kCount; ++v) sums[v] = fma(zero(), load_upto(w + v * kLanes, n), sums[v]);
      continue;
    }
    const float* x = p.x[t] + channel;
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      sums[v] = fma(load_upto(x + v * kLanes, n), load_upto(w + v * kLanes, n), sums[v]);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kCount; ++v) {
    const int64_t at = channel + v * kLanes;
    if (p.bias != nullptr) sums[v] = sums[v] + load_upto(p.bias + at, n);
    if (p.map != nullptr) sums[v] = mapped(*p.map, sums[v], other + at, n);
    store_upto(to + at, sums[v], n);
  }
}

void sum_pixel(const PixelSum& p, int64_t channels, const float* other, float* to) {
  int64_t channel = 0;
  for (; channel + kPixelVectors * kLanes <= channels; channel += kPixelVectors * kLanes) {
    sum_channels<kPixelVectors>(p, channel, kLanes, other, to);
  }
  for (; channel < channels; channel += kLanes) {
    sum_channels<1>(p, channel, min(channels - channel, kLanes), other, to);
  }
}

// The pixels of a line of the image whose windows are those of one phase.
struct PhaseOfLine {
  RowTap taps[kMostTerms];
  int64_t step[kMostTerms];  // from a window to the next, for each term; 0 for a line outside
  int64_t inside, outside;   // windows whose terms all lie in the image's width
  PixelSum sum;
};

void begin_line(const Convolution& c, const WindowPlace& place, PhaseOfLine* own) {
  const WindowAxis& axis = c.windows.axes[2];
  own->sum.count = c.windows.taps();
  own->sum.bias = c.product.epilogue.bias;
  own->sum.map = c.product.epilogue.in_registers ? &c.product.epilogue : nullptr;
  own->inside = max(-axis.shift, 0);
  own->outside = axis.size - axis.shift - (axis.taps - 1) * axis.dilation;
  taps_of_row(c, place, 0, own->sum.count, own->taps);
  for (int64_t t = 0; t < own->sum.count; ++t) {
    own->step[t] = own->taps[t].row == nullptr ? 0 : c.windows.pitch;
    own->sum.w[t] = own->taps[t].w;
  }
}

// Looks for the terms of a window, or goes on to those of the next one.
VEC_INLINE void move_to(int64_t window, int64_t width, bool is_first, PhaseOfLine* own) {
  const bool is_next = !is_first && window > own->inside && window < own->outside;
  for (int64_t t = 0; t < own->sum.count; ++t) {
    if (is_next) {
      own->sum.x[t] += own->step[t];
      continue;
    }
    const int64_t at = window + own->taps[t].shift;
    const bool within = own->step[t] > 0 && at >= 0 && at < width;
    own->sum.x[t] = within ? own->taps[t].row + at * own->step[t] : nullptr;
  }
}

// Pixels [first, end) of a line, of which each one belongs to the next phase.
void sum_line(const ConvShape& s, const Product& product, int64_t first, int64_t end, PhaseOfLine* phases,
              float* line) {
  const int64_t count = min(s.stride[2], s.x[2]);
  const OtherResult other = {product.epilogue.other, product.c};
  int64_t phase = first % count, window = first / count;
  for (int64_t pixel = first; pixel < end; ++pixel) {
    PhaseOfLine* const own = &phases[phase];
    move_to(window, s.y[2], pixel < first + count, own);
    float* to = line + pixel * s.channels;
    sum_pixel(own->sum, product.n, other_at(other, to), to);
    if (++phase < count) continue;
    phase = 0;
    ++window;
  }
}

// Whether the convolutions of all phases, which follow one another, are made so.
bool suits_pixels(const Convolution* phases, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (phases[i].windows.taps() > kMostTerms) return false;
  }
  return true;
}

// The share of these tasks, of all pixels of x.
void run_pixels(const ConvShape& s, const Convolution* phases, const ConvWorkspace& workspace,
                const TaskRange& range) {
  const Product& product = phases->product;
  const int64_t all = s.images * s.x_pixels(), end = all * range.last / range.tasks;
  int64_t each[kSpace];
  for (int i = 0; i < kSpace; ++i) each[i] = min(s.stride[i], s.x[i]);
  PhaseOfLine own[kPixelPhases];
  for (int64_t pixel = all * range.first / range.tasks; pixel < end;) {
    const int64_t first = pixel % s.x[2], line = pixel / s.x[2], p1 = line % s.x[1];
    const int64_t p0 = line / s.x[1] % s.x[0], count = min(end - pixel, s.x[2] - first);
    const WindowPlace place = {line / s.x[1] / s.x[0], {p0 / s.stride[0], p1 / s.stride[1], 0}};
    for (int64_t i = 0; i < each[2]; ++i) {
      begin_line(phases[(p0 % each[0] * each[1] + p1 % each[1]) * each[2] + i], place, &own[i]);
    }
    sum_line(s, product, first, first + count, own, product.c + (pixel - first) * s.channels);
    finish_rows(product, workspace.product, {pixel, count, 0, product.n}, 1, product.epilogue.in_registers);
    yield_to_others(workspace.product.yield_point);
    pixel += count;
  }
}

}  // namespace
}  // namespace chainrule
