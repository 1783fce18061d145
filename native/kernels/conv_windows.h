// Windows of images as rows of a matrix: row i belongs to pixel i of the other side of a convolution, and
// number k of it to a tap of the kernel and a channel, the channels of one tap after those of another. What
// lies outside an image is zero. Rows are copied into memory that stays in a cache, a block at a time: no
// matrix of all windows ever exists. A copy is made of words, each a number or, in bfloat16, two channels of
// a pixel; an odd channel has a zero beside it.
#pragma once

#include "operands.h"

namespace chainrule {
namespace {

// Axes of space, outermost first; those that an image lacks have one position and one tap.
constexpr int kSpace = 3;

// How windows move along one axis: tap t of window i is at position i * stride + shift + t * dilation.
struct WindowAxis {
  int64_t windows, size;  // of the image: positions from 0 to size - 1
  int64_t stride, shift, dilation, taps;
};

struct Windows {
  const float* images;
  int64_t pitch;     // floats from one pixel to the next
  int64_t channels;  // that are read of a pixel
  int64_t per_word;  // channels in a word of a copy
  int64_t words;     // of a pixel
  WindowAxis axes[kSpace];

  int64_t windows() const { return axes[0].windows * axes[1].windows * axes[2].windows; }
  int64_t taps() const { return axes[0].taps * axes[1].taps * axes[2].taps; }
  int64_t terms() const { return taps() * words; }
  int64_t image_floats() const { return axes[0].size * axes[1].size * axes[2].size * pitch; }
  // Whether words of neighbouring pixels lie one after another in memory.
  bool pixels_are_joined() const { return pitch == channels && channels == words * per_word; }
  bool taps_are_joined() const { return axes[2].dilation == 1 && pixels_are_joined(); }
};

// Numbers of a window that lie one after another in memory: some taps of the last axis.
struct TapRun {
  int64_t at[kSpace];     // of its first tap, from the first position of the window
  int64_t taps;           // as many as are joined
  int64_t first, length;  // words of these taps that are copied
};

// The place of a window: which image, and which window along each axis.
struct WindowPlace {
  int64_t image, at[kSpace];

  // Of number `window`, counted through all images.
  static WindowPlace of(const Windows& w, int64_t window) {
    WindowPlace place;
    for (int axis = kSpace - 1; axis >= 0; --axis) {
      place.at[axis] = window % w.axes[axis].windows;
      window /= w.axes[axis].windows;
    }
    place.image = window;
    return place;
  }
  VEC_INLINE void next(const Windows& w) {
    for (int axis = kSpace - 1; axis >= 0; --axis) {
      if (++at[axis] < w.axes[axis].windows) return;
      at[axis] = 0;
    }
    ++image;
  }
};

// Words [term, term + terms) of a window, as runs. There are at most `terms` of them.
int64_t runs_of(const Windows& w, int64_t term, int64_t terms, TapRun* runs) {
  const bool joined = w.taps_are_joined();
  const int64_t taps = joined ? w.axes[2].taps : 1, words = taps * w.words;
  int64_t count = 0;
  for (int64_t done = 0; done < terms; ++count) {
    TapRun& run = runs[count];
    int64_t number = (term + done) / words;
    run.taps = taps;
    run.first = (term + done) % words;
    run.length = min(words - run.first, terms - done);
    run.at[2] = joined ? 0 : number % w.axes[2].taps * w.axes[2].dilation;
    if (!joined) number /= w.axes[2].taps;
    run.at[1] = number % w.axes[1].taps * w.axes[1].dilation;
    run.at[0] = number / w.axes[1].taps * w.axes[0].dilation;
    done += run.length;
  }
  return count;
}

// Both write whole vectors: up to 15 floats more, which are written again or are nobody's.
VEC_INLINE void copy_floats(float* to, const float* from, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store(to + i, load_upto(from + i, n - i));
}
VEC_INLINE void clear_floats(float* to, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store(to + i, zero());
}

template <class Number>
VEC_INLINE void copy_words(float* to, const float* from, int64_t numbers) {
  if constexpr (Number::kPerWord == 1) copy_floats(to, from, numbers);
  else Number::pack_along(to, 0, from, 0, numbers, 1);
}

VEC_INLINE bool is_within(int64_t position, const WindowAxis& axis) {
  return position >= 0 && position < axis.size;
}

// One run of a window whose first position is `from`.
template <class Number>
VEC_INLINE void copy_run(const Windows& w, const float* image, const int64_t (&from)[kSpace],
                         const TapRun& run, float* to) {
  const int64_t p0 = from[0] + run.at[0], p1 = from[1] + run.at[1], p2 = from[2] + run.at[2];
  const bool within = is_within(p0, w.axes[0]) && is_within(p1, w.axes[1]);
  const int64_t width = w.axes[2].size, start = ((p0 * w.axes[1].size + p1) * width + p2) * w.pitch;
  constexpr int64_t kEach = Number::kPerWord;
  if (within && p2 >= 0 && p2 + run.taps <= width) {
    const int64_t first = run.first * kEach, numbers = run.taps * w.channels - first;
    return copy_words<Number>(to, image + start + first, min(run.length * kEach, numbers));
  }
  // The words of the taps that lie inside, and what of them this run takes: all or none of a single tap.
  const int64_t low = min(max(-p2, 0), run.taps), high = within ? max(min(run.taps, width - p2), low) : low;
  const int64_t end = run.first + run.length, words = w.words;
  const int64_t a = min(max(low * words, run.first), end), b = min(max(high * words, a), end);
  clear_floats(to, a - run.first);
  copy_words<Number>(to + (a - run.first), image + start + a * kEach, (b - a) * kEach);
  clear_floats(to + (b - run.first), end - b);
}

// Words [term, term + terms) of `count` windows, each in a row of its own; up to 15 of them are written
// beyond the last one.
template <class Number>
void copy_windows(const Windows& w, int64_t window, int64_t count, int64_t term, int64_t terms, float* to,
                  int64_t row, TapRun* room) {
  const int64_t runs = runs_of(w, term, terms, room);
  WindowPlace place = WindowPlace::of(w, window);
  for (int64_t i = 0; i < count; ++i, to += row, place.next(w)) {
    const float* image = w.images + place.image * w.image_floats();
    int64_t from[kSpace];
    for (int axis = 0; axis < kSpace; ++axis) {
      from[axis] = place.at[axis] * w.axes[axis].stride + w.axes[axis].shift;
    }
    float* at = to;
    for (int64_t each = 0; each < runs; ++each) {
      copy_run<Number>(w, image, from, room[each], at);
      at += room[each].length;
    }
  }
}

}  // namespace
}  // namespace chainrule
