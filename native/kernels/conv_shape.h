// A convolution by its operands: y[i] = sum over taps t of x[i * stride - before + t * dilation] . w[t], for
// each group of channels. Its three products, for y, for x and for w, read windows of x or of y.
#pragma once

#include "conv_windows.h"

namespace chainrule {
namespace {

// Numbers of a convolution's geometry for each axis of space, in this order.
enum AxisWord : int32_t { kStride, kDilation, kBefore, kAxisWords };

struct ConvShape {
  int64_t images, groups;
  int64_t channels, outputs;  // of x and of y, all groups together
  // Those that do not exist have size 1. `taps` are those of w.
  int64_t x[kSpace], y[kSpace], taps[kSpace], stride[kSpace], dilation[kSpace], before[kSpace];

  int64_t group_channels() const { return channels / groups; }
  int64_t group_outputs() const { return outputs / groups; }
  int64_t all_taps() const { return taps[0] * taps[1] * taps[2]; }
  int64_t x_pixels() const { return x[0] * x[1] * x[2]; }
  int64_t y_pixels() const { return y[0] * y[1] * y[2]; }
  bool is_depthwise() const { return group_channels() == 1 && group_outputs() == 1 && groups > 1; }
};

// Without the first axis, along which there are several.
Tensor without_first(const Tensor& many) {
  Tensor one = many;
  one.rank = many.rank - 1;
  for (int32_t i = 0; i < one.rank; ++i) one.dims[i] = many.dims[i + 1];
  return one;
}

const char* check_channels(const Tensor& x, const Tensor& w, const Tensor& y) {
  const int64_t channels = x.dims[x.rank - 1], outputs = y.dims[y.rank - 1];
  const int64_t each = w.dims[w.rank - 2];
  if (w.dims[w.rank - 1] != outputs) return "the kernel of a convolution has other outputs";
  if (channels == 0) return each == 0 ? nullptr : "the kernel of a convolution has other channels";
  const bool divides = each > 0 && channels % each == 0 && outputs % (channels / each) == 0;
  return divides ? nullptr : "the groups of a convolution do not divide its channels";
}

// Nothing is read outside of an image, so that any size of the result is safe.
const char* check_shape(const Tensor& x, const Tensor& w, const Tensor& y, const int32_t* geometry,
                        int32_t words) {
  constexpr int32_t kMost = 1 << 30;
  const int32_t space = x.rank - 2;
  if (space < 1 || space > kSpace) return "images have one to three axes of space";
  if (y.rank != x.rank || w.rank != x.rank) return "the operands of a convolution differ in rank";
  if (words != space * kAxisWords) return "a convolution needs three numbers for each axis of space";
  for (int32_t i = 0; i < x.rank; ++i) {
    if (x.dims[i] < 0 || y.dims[i] < 0 || w.dims[i] < 0) return "a convolution needs sizes";
  }
  for (int32_t axis = 0; axis < space; ++axis) {
    const int32_t* own = geometry + axis * kAxisWords;
    const bool fits = own[kStride] > 0 && own[kStride] <= kMost && own[kDilation] > 0 &&
                      own[kDilation] <= kMost && own[kBefore] >= 0 && own[kBefore] <= kMost;
    if (!fits) return "a stride, dilation or padding of a convolution is out of range";
  }
  if (x.dims[0] != y.dims[0]) return "the operands of a convolution have other numbers of images";
  return check_channels(x, w, y);
}

// Of operands that have passed the check.
ConvShape conv_shape(const Tensor& x, const Tensor& w, const Tensor& y, const int32_t* geometry) {
  ConvShape shape = {};
  const int32_t space = x.rank - 2, missing = kSpace - space;
  shape.images = x.dims[0];
  shape.channels = x.dims[x.rank - 1];
  shape.outputs = y.dims[y.rank - 1];
  shape.groups = shape.channels == 0 ? 1 : shape.channels / w.dims[w.rank - 2];
  // Sizes beside one that is 0 may be of any size: where there is nothing, all of them are 0.
  const int64_t of_x = x.count == 0 ? 0 : 1, of_y = y.count == 0 ? 0 : 1, of_w = w.count == 0 ? 0 : 1;
  for (int32_t i = 0; i < kSpace; ++i) {
    const int32_t axis = i - missing;
    const int32_t* own = geometry + axis * kAxisWords;
    shape.x[i] = axis < 0 ? of_x : of_x * x.dims[1 + axis];
    shape.y[i] = axis < 0 ? of_y : of_y * y.dims[1 + axis];
    shape.taps[i] = axis < 0 ? of_w : of_w * w.dims[axis];
    shape.stride[i] = axis < 0 ? 1 : own[kStride];
    shape.dilation[i] = axis < 0 ? 1 : own[kDilation];
    shape.before[i] = axis < 0 ? 0 : own[kBefore];
  }
  return shape;
}

// The windows of x that make y, of one group.
Windows windows_of_x(const ConvShape& s, const float* x, int64_t group, int64_t per_word) {
  const int64_t channels = s.group_channels();
  Windows w = {x + group * channels, s.channels, channels, per_word, ceil_div(channels, per_word), {}};
  for (int i = 0; i < kSpace; ++i) {
    w.axes[i] = {s.y[i], s.x[i], s.stride[i], -s.before[i], s.dilation[i], s.taps[i]};
  }
  return w;
}

// Which pixels of x have the same taps of w in reach: those of one phase of the stride. The tap that reads
// furthest forward in y comes last in w, so taps are taken backwards.
struct Phase {
  int64_t first[kSpace];     // pixel of x; the next ones are a stride apart
  int64_t last_tap[kSpace];  // the first to be taken
  int64_t tap_step[kSpace];  // from one tap to the one before
};

int64_t greatest_divisor(int64_t a, int64_t b) {
  while (b != 0) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

int64_t phases_of(const ConvShape& s) {
  int64_t count = 1;
  for (int i = 0; i < kSpace; ++i) count *= min(s.stride[i], s.x[i]);
  return count;
}

// The windows of y that make the pixels of x of a phase. Tap t of w reaches pixel i of x from pixel
// (i + before - t * dilation) / stride of y, where that is an integer.
Windows windows_of_y(const ConvShape& s, const float* y, int64_t group, int64_t per_word, int64_t number,
                     Phase* phase) {
  const int64_t outputs = s.group_outputs();
  Windows w = {y + group * outputs, s.outputs, outputs, per_word, ceil_div(outputs, per_word), {}};
  for (int i = kSpace - 1; i >= 0; --i) {
    const int64_t phases = min(s.stride[i], s.x[i]), first = number % phases;
    number /= phases;
    const int64_t common = greatest_divisor(s.stride[i], s.dilation[i]);
    const int64_t step = s.stride[i] / common, along = s.dilation[i] / common;
    // The first tap that reaches; after `step` taps comes the next.
    const int64_t most = min(step, s.taps[i]);
    int64_t tap = 0;
    while (tap < most && (first + s.before[i] - tap * s.dilation[i]) % s.stride[i] != 0) ++tap;
    const int64_t taps = tap < most ? (s.taps[i] - 1 - tap) / step + 1 : 0;
    const int64_t last = tap + (taps - 1) * step;
    phase->first[i] = first;
    phase->last_tap[i] = last;
    phase->tap_step[i] = step;
    const int64_t shift = taps == 0 ? 0 : (first + s.before[i] - last * s.dilation[i]) / s.stride[i];
    w.axes[i] = {ceil_div(s.x[i] - first, s.stride[i]), s.y[i], 1, shift, along, taps};
  }
  return w;
}

// The tap of w, counted through all axes, that stands for tap `number` of a phase's windows.
VEC_INLINE int64_t tap_of(const ConvShape& s, const Windows& w, const Phase& phase, int64_t number) {
  int64_t at[kSpace];
  for (int i = kSpace - 1; i >= 0; --i) {
    at[i] = phase.last_tap[i] - number % w.axes[i].taps * phase.tap_step[i];
    number /= w.axes[i].taps;
  }
  return (at[0] * s.taps[1] + at[1]) * s.taps[2] + at[2];
}

// The pixel of x, counted through all images, of a place among the windows of a phase.
VEC_INLINE int64_t pixel_of(const ConvShape& s, const Phase& phase, const WindowPlace& place) {
  int64_t pixel = place.image;
  for (int i = 0; i < kSpace; ++i) pixel = pixel * s.x[i] + phase.first[i] + place.at[i] * s.stride[i];
  return pixel;
}

}  // namespace
}  // namespace chainrule
