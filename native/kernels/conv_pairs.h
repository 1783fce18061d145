// Windows of images as columns of a matrix whose rows are pairs of pixels: what the gradient of a kernel
// reads in bfloat16.
#pragma once

#include "../simd/bfloat16.h"
#include "conv_windows.h"

namespace chainrule {
namespace {

// Numbers of a pixel that lies outside.
constexpr int64_t kMostOutside = 96;
alignas(64) constexpr float kOutsidePixel[kMostOutside] = {};

// Numbers [first, first + count) of a window.
struct TermRange {
  int64_t first, count;
};

// Where the channels of a tap lie, for `count` windows.
void pixels_of_tap(const Windows& w, int64_t window, int64_t count, int64_t tap, const float** pixels) {
  const WindowAxis &a0 = w.axes[0], &a1 = w.axes[1], &a2 = w.axes[2];
  const int64_t t2 = tap % a2.taps, t1 = tap / a2.taps % a1.taps, t0 = tap / a2.taps / a1.taps;
  const int64_t shift = a2.shift + t2 * a2.dilation;
  WindowPlace place = WindowPlace::of(w, window);
  for (int64_t done = 0; done < count;) {
    const int64_t p0 = place.at[0] * a0.stride + a0.shift + t0 * a0.dilation;
    const int64_t p1 = place.at[1] * a1.stride + a1.shift + t1 * a1.dilation;
    const bool within = is_within(p0, a0) && is_within(p1, a1);
    const float* line = w.images + place.image * w.image_floats() + (p0 * a1.size + p1) * a2.size * w.pitch;
    const int64_t end = min(a2.windows - place.at[2], count - done) + done;
    for (int64_t p2 = place.at[2] * a2.stride + shift; done < end; ++done, p2 += a2.stride) {
      pixels[done] = within && is_within(p2, a2) ? line + p2 * w.pitch : nullptr;
    }
    place.at[2] = a2.windows - 1;
    place.next(w);
  }
}

// Word i * width + j holds number j of the range, of windows 2 i and 2 i + 1. There is room for `count`
// pixels.
void copy_window_pairs(const Windows& w, int64_t window, int64_t count, const TermRange& terms, float* to,
                       int64_t width, const float** pixels) {
  const int64_t end = terms.first + terms.count;
  for (int64_t term = terms.first; term < end;) {
    const int64_t channel = term % w.channels, length = min(w.channels - channel, end - term);
    pixels_of_tap(w, window, count, term / w.channels, pixels);
    float* own = to + (term - terms.first);
    for (int64_t i = 0; i < count; i += 2, own += width) {
      const float* first = pixels[i] == nullptr ? kOutsidePixel : pixels[i] + channel;
      const bool exists = i + 1 < count && pixels[i + 1] != nullptr;
      const float* second = exists ? pixels[i + 1] + channel : kOutsidePixel;
      for (int64_t j = 0; j < length; j += kLanes) {
        const int64_t n = length - j;
        store_upto(own + j, pairs_of(load_upto(first + j, n), load_upto(second + j, n)), n);
      }
    }
    term += length;
  }
}

}  // namespace
}  // namespace chainrule
