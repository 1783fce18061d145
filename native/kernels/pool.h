// The largest and the mean of each window of an image, channel by channel, and what their gradients give back
// to the image. Twin of lib/ops/pool.ts.
//
// Windows are boxes within the image: padding belongs to none. Of several largest elements the first counts,
// and a NaN is larger than any number.
#pragma once

#include "conv_windows.h"

namespace chainrule {
namespace {

// Numbers of a pooling's geometry for each axis of space. A size of 0 stands for windows that share the axis
// out: window i of n reaches from i / n of it to (i + 1) / n, rounded outwards.
enum PoolWord : int32_t { kPoolSize, kPoolStride, kPoolBefore, kPoolWords };

// Channels that one task takes of an image.
constexpr int64_t kPoolChannels = 4 * kLanes;

struct PoolAxis {
  int64_t in, out, size, stride, before;
};

struct Span {
  int64_t first, end;
};

VEC_INLINE Span span_of(const PoolAxis& axis, int64_t window) {
  if (axis.size == 0) return {window * axis.in / axis.out, ceil_div((window + 1) * axis.in, axis.out)};
  const int64_t at = window * axis.stride - axis.before;
  const int64_t first = min(max(at, 0), axis.in);
  return {first, max(min(at + axis.size, axis.in), first)};
}

struct Pool {
  int64_t images, channels;
  PoolAxis axes[kSpace];

  int64_t in_pixels() const { return axes[0].in * axes[1].in * axes[2].in; }
  int64_t out_pixels() const { return axes[0].out * axes[1].out * axes[2].out; }
  // Whether each pixel of the image lies in one window, as where windows lie side by side.
  bool is_tiled() const {
    for (const PoolAxis& axis : axes) {
      const bool side_by_side = axis.size == axis.stride && axis.before == 0;
      if (!side_by_side || axis.out < ceil_div(axis.in, axis.size)) return false;
    }
    return true;
  }
};

// Elements of a window, in the order in which they lie in memory.
struct Box {
  Span span[kSpace];
  int64_t count() const {
    int64_t product = 1;
    for (const Span& own : span) product *= own.end - own.first;
    return product;
  }
};

const char* check_pool_shape(const Tensor& x, const Tensor& y, const int32_t* geometry, int32_t words) {
  constexpr int32_t kMost = 1 << 30;
  const int32_t space = x.rank - 2;
  if (space < 1 || space > kSpace) return "images have one to three axes of space";
  if (y.rank != x.rank) return "the result of a pooling has another rank";
  if (words != space * kPoolWords) return "a pooling needs three numbers for each axis of space";
  if (x.dims[0] != y.dims[0] || x.dims[x.rank - 1] != y.dims[x.rank - 1]) {
    return "a pooling keeps images and channels";
  }
  for (int32_t i = 0; i < x.rank; ++i) {
    if (x.dims[i] < 0 || y.dims[i] < 0) return "a pooling needs sizes";
  }
  for (int32_t axis = 0; axis < space; ++axis) {
    const int32_t* own = geometry + axis * kPoolWords;
    const bool fits = own[kPoolSize] >= 0 && own[kPoolSize] <= kMost && own[kPoolStride] > 0 &&
                      own[kPoolStride] <= kMost && own[kPoolBefore] >= 0 && own[kPoolBefore] <= kMost;
    if (!fits) return "a size, stride or padding of a pooling is out of range";
  }
  return nullptr;
}

Pool pool_of(const Tensor& x, const Tensor& y, const int32_t* geometry) {
  Pool pool = {x.dims[0], x.dims[x.rank - 1], {}};
  const int32_t space = x.rank - 2, missing = kSpace - space;
  // Sizes beside one that is 0 may be of any size: where there is nothing, all of them are 0.
  const int64_t of_x = x.count == 0 ? 0 : 1, of_y = y.count == 0 ? 0 : 1;
  for (int32_t i = 0; i < kSpace; ++i) {
    const int32_t axis = i - missing;
    pool.axes[i] = {of_x, of_y, 1, 1, 0};
    if (axis < 0) continue;
    const int32_t* own = geometry + axis * kPoolWords;
    pool.axes[i] = {of_x * x.dims[1 + axis], of_y * y.dims[1 + axis], own[kPoolSize], own[kPoolStride],
                    own[kPoolBefore]};
  }
  return pool;
}

// The window of a pixel of the result, and the image it lies in.
Box box_of(const Pool& pool, int64_t pixel, int64_t* image) {
  Box box;
  for (int axis = kSpace - 1; axis >= 0; --axis) {
    box.span[axis] = span_of(pool.axes[axis], pixel % pool.axes[axis].out);
    pixel /= pool.axes[axis].out;
  }
  *image = pixel;
  return box;
}

// Calls visit(box, image, pixel) for pixels [pixel, end) of the result, of which those of a line differ in
// the last axis alone.
template <class Visit>
VEC_INLINE void each_box(const Pool& pool, int64_t pixel, int64_t end, const Visit& visit) {
  const PoolAxis& axis = pool.axes[kSpace - 1];
  while (pixel < end) {
    int64_t image, window = pixel % axis.out;
    Box box = box_of(pool, pixel, &image);
    for (const int64_t stop = min(end, pixel + axis.out - window); pixel < stop; ++pixel, ++window) {
      box.span[kSpace - 1] = span_of(axis, window);
      visit(box, image, pixel);
    }
  }
}

// Visits the elements of a window: their numbers in it, and where they lie, in pixels of the image.
template <class Visit>
VEC_INLINE void each_pixel(const Pool& pool, const Box& box, const Visit& visit) {
  int64_t number = 0;
  for (int64_t i = box.span[0].first; i < box.span[0].end; ++i) {
    for (int64_t j = box.span[1].first; j < box.span[1].end; ++j) {
      const int64_t row = (i * pool.axes[1].in + j) * pool.axes[2].in;
      for (int64_t k = box.span[2].first; k < box.span[2].end; ++k) visit(number++, row + k);
    }
  }
}

// Whether x takes the place of what was the largest so far.
VEC_INLINE Mask takes_over(Vec x, Vec largest) {
  return mask_or(less(largest, x), mask_and(not_equal(x, x), equal(largest, largest)));
}

// Vectors of channels of which a window is read and written at once, so that what lies together is.
constexpr int kPoolVectors = 4;

// How far ahead memory is asked for, in floats: windows read several lines at once.
constexpr int64_t kPoolAhead = 4096;

VEC_INLINE Vec load_pixel(const float* x, int64_t n) {
  __builtin_prefetch(x + kPoolAhead, 0, 2);
  return load_upto(x, n);
}

// What `values` has where `x` is largest, of kCount vectors of channels, or `n` of one; kSame: they are x
// itself.
template <bool kSame, int kCount>
VEC_INLINE void pick_largest(const Pool& pool, const Box& box, const float* x, const float* values, int64_t n,
                             float* y) {
  Vec largest[kCount], picked[kCount];
  for (int v = 0; v < kCount; ++v) largest[v] = picked[v] = zero();
  each_pixel(pool, box, [&](int64_t number, int64_t pixel) {
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      const int64_t at = pixel * pool.channels + v * kLanes;
      const Vec own = load_pixel(x + at, n), value = kSame ? own : load_pixel(values + at, n);
      const Mask better = takes_over(own, largest[v]);
      largest[v] = number == 0 ? own : select(better, own, largest[v]);
      if (!kSame) picked[v] = number == 0 ? value : select(better, value, picked[v]);
    }
  });
  for (int v = 0; v < kCount; ++v) store_upto(y + v * kLanes, kSame ? largest[v] : picked[v], n);
}

// Adds to what a pixel of the image has got, which is nothing where each lies in one window.
template <bool kTiled>
VEC_INLINE void add_to_pixel(float* to, Vec gradient, int64_t n) {
  store_upto(to, (kTiled ? zero() : load_upto(to, n)) + gradient, n);
}

// Adds `dy` to `to` where `x` is largest, of as many channels.
template <bool kTiled, int kCount>
VEC_INLINE void add_to_largest(const Pool& pool, const Box& box, const float* x, const float* dy, float* to,
                               int64_t n) {
  Vec largest[kCount], place[kCount];
  for (int v = 0; v < kCount; ++v) largest[v] = place[v] = zero();
  each_pixel(pool, box, [&](int64_t number, int64_t pixel) {
    const Vec here = splat(static_cast<float>(number));
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      const Vec own = load_pixel(x + pixel * pool.channels + v * kLanes, n);
      const Mask better = takes_over(own, largest[v]);
      largest[v] = number == 0 ? own : select(better, own, largest[v]);
      place[v] = number == 0 ? here : select(better, here, place[v]);
    }
  });
  each_pixel(pool, box, [&](int64_t number, int64_t pixel) {
    const Vec here = splat(static_cast<float>(number));
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      const Vec own = select(equal(place[v], here), load_upto(dy + v * kLanes, n), zero());
      add_to_pixel<kTiled>(to + pixel * pool.channels + v * kLanes, own, n);
    }
  });
}

VEC_INLINE Vec mean_of(const Pool& pool, const Box& box, const float* x, int64_t n) {
  Vec sum = zero();
  each_pixel(pool, box,
             [&](int64_t, int64_t pixel) { sum = sum + load_pixel(x + pixel * pool.channels, n); });
  return sum / splat(static_cast<float>(max(box.count(), 1)));
}

// Tasks of the result: ranges of its pixels.
int64_t pool_tasks(const Args& args) {
  const Tensor& y = args.outputs[0];
  return tasks_of(y.count == 0 ? 0 : y.count / y.dims[y.rank - 1], y.dims[y.rank - 1]);
}

struct SomeVectors { static constexpr int kCount = kPoolVectors; };
struct OneVector { static constexpr int kCount = 1; };

// Calls work(vectors as a constant, channel, channels of each) for channels up to `end`.
template <class Work>
VEC_INLINE void for_pool_vectors(int64_t channel, int64_t end, const Work& work) {
  constexpr int64_t kAtOnce = kPoolVectors * kLanes;
  for (; channel + kAtOnce <= end; channel += kAtOnce) work(SomeVectors{}, channel, kLanes);
  for (; channel < end; channel += kLanes) work(OneVector{}, channel, min(end - channel, kLanes));
}

// Calls work(box, image, pixel) for the pixels of these tasks.
template <class Work>
void each_window(const Args& args, const Pool& pool, int64_t first_task, int64_t last_task,
                 const Work& work) {
  const Tensor& y = args.outputs[0];
  if (y.count == 0) return;
  const int64_t per_task = items_per_task(pool.channels);
  const int64_t end = min(last_task * per_task, y.count / pool.channels);
  each_box(pool, first_task * per_task, end, work);
}

// Tasks of a gradient: an image and a strip of its channels.
int64_t pool_gradient_tasks(const Args& args) {
  const Tensor& x = args.outputs[0];
  if (x.count == 0) return 1;
  return x.dims[0] * ceil_div(x.dims[x.rank - 1], kPoolChannels);
}

// Clears the image, unless it is tiled, and calls work(box, pixel, channel, end, image) for all windows in
// their order: channels from one up to `end`, with `image` the number of its first element.
template <bool kTiled, class Work>
void each_image(const Args& args, const Pool& pool, int64_t first_task, int64_t last_task, const Work& work) {
  if (args.outputs[0].count == 0) return;
  const int64_t strips = ceil_div(pool.channels, kPoolChannels), pixels = pool.out_pixels();
  for (int64_t task = first_task; task < last_task; ++task) {
    const int64_t image = task / strips, channel = task % strips * kPoolChannels;
    const int64_t channels = min(pool.channels - channel, kPoolChannels), start = image * pool.in_pixels();
    float* to = output<float>(args, 0) + start * pool.channels + channel;
    for (int64_t pixel = 0; !kTiled && pixel < pool.in_pixels(); ++pixel, to += pool.channels) {
      for (int64_t c = 0; c < channels; c += kLanes) store_upto(to + c, zero(), channels - c);
    }
    each_box(pool, image * pixels, (image + 1) * pixels, [&](const Box& box, int64_t, int64_t pixel) {
      work(box, pixel, channel, channel + channels, start * pool.channels);
    });
  }
}

double pool_cost(const Args& args) {
  double elements = 0;
  for (int32_t i = 0; i < args.inputCount; ++i) elements += static_cast<double>(args.inputs[i].count);
  return 50.0 + 0.3 * (elements + static_cast<double>(args.outputs[0].count));
}

const char* check_largest(const Args& args) {
  if (!same_dims(args.inputs[0], args.inputs[1])) return "what is picked has other dims";
  return check_pool_shape(args.inputs[0], args.outputs[0], args.attributes, args.attributeCount);
}

template <bool kSame>
void pick_windows(const Args& args, int64_t first_task, int64_t last_task) {
  const Pool pool = pool_of(args.inputs[0], args.outputs[0], args.attributes);
  const float *x = input<float>(args, 0), *values = input<float>(args, 1);
  float* y = output<float>(args, 0);
  const auto pick = [&](const Box& box, int64_t image, int64_t pixel) {
    const int64_t start = image * pool.in_pixels() * pool.channels;
    for_pool_vectors(0, pool.channels, [&](auto vectors, int64_t channel, int64_t n) {
      const int64_t at = start + channel;
      pick_largest<kSame, decltype(vectors)::kCount>(pool, box, x + at, values + at, n,
                                                     y + pixel * pool.channels + channel);
    });
  };
  each_window(args, pool, first_task, last_task, pick);
}

void run_largest(const Args& args, int64_t first_task, int64_t last_task) {
  const auto pick = input<float>(args, 0) == input<float>(args, 1) ? pick_windows<true> : pick_windows<false>;
  pick(args, first_task, last_task);
}

const char* check_largest_gradient(const Args& args) {
  if (!same_dims(args.inputs[0], args.outputs[0])) return "the dims of the result do not fit";
  return check_pool_shape(args.inputs[0], args.inputs[1], args.attributes, args.attributeCount);
}

template <bool kTiled>
void spread_to_largest(const Args& args, const Pool& pool, int64_t first_task, int64_t last_task) {
  const float *x = input<float>(args, 0), *dy = input<float>(args, 1);
  float* to = output<float>(args, 0);
  const auto add = [&](const Box& box, int64_t pixel, int64_t first, int64_t end, int64_t image) {
    for_pool_vectors(first, end, [&](auto vectors, int64_t channel, int64_t n) {
      const int64_t at = image + channel;
      add_to_largest<kTiled, decltype(vectors)::kCount>(
          pool, box, x + at, dy + pixel * pool.channels + channel, to + at, n);
    });
  };
  each_image<kTiled>(args, pool, first_task, last_task, add);
}

void run_largest_gradient(const Args& args, int64_t first_task, int64_t last_task) {
  const Pool pool = pool_of(args.inputs[0], args.inputs[1], args.attributes);
  const auto spread = pool.is_tiled() ? spread_to_largest<true> : spread_to_largest<false>;
  spread(args, pool, first_task, last_task);
}

const char* check_window_mean(const Args& args) {
  return check_pool_shape(args.inputs[0], args.outputs[0], args.attributes, args.attributeCount);
}

void run_window_mean(const Args& args, int64_t first_task, int64_t last_task) {
  const Pool pool = pool_of(args.inputs[0], args.outputs[0], args.attributes);
  const float* x = input<float>(args, 0);
  float* y = output<float>(args, 0);
  const auto average = [&](const Box& box, int64_t image, int64_t pixel) {
    for (int64_t channel = 0; channel < pool.channels; channel += kLanes) {
      const int64_t n = min(pool.channels - channel, kLanes);
      const float* from = x + image * pool.in_pixels() * pool.channels + channel;
      store_upto(y + pixel * pool.channels + channel, mean_of(pool, box, from, n), n);
    }
  };
  each_window(args, pool, first_task, last_task, average);
}

const char* check_mean_gradient(const Args& args) {
  return check_pool_shape(args.outputs[0], args.inputs[0], args.attributes, args.attributeCount);
}

template <bool kTiled>
void spread_means(const Args& args, const Pool& pool, int64_t first_task, int64_t last_task) {
  const float* dy = input<float>(args, 0);
  float* to = output<float>(args, 0);
  const auto add = [&](const Box& box, int64_t pixel, int64_t first, int64_t end, int64_t image) {
    const Vec count = splat(static_cast<float>(max(box.count(), 1)));
    for (int64_t channel = first; channel < end; channel += kLanes) {
      const int64_t n = min(end - channel, kLanes);
      const Vec share = load_upto(dy + pixel * pool.channels + channel, n) / count;
      each_pixel(pool, box, [&](int64_t, int64_t at) {
        add_to_pixel<kTiled>(to + image + at * pool.channels + channel, share, n);
      });
    }
  };
  each_image<kTiled>(args, pool, first_task, last_task, add);
}

void run_mean_gradient(const Args& args, int64_t first_task, int64_t last_task) {
  const Pool pool = pool_of(args.outputs[0], args.inputs[0], args.attributes);
  const auto spread = pool.is_tiled() ? spread_means<true> : spread_means<false>;
  spread(args, pool, first_task, last_task);
}

constexpr Kernel kPoolKernels[] = {
    {"windowLargest(x: f32, v: f32) -> y: f32 {geometry: words}", check_largest, pool_tasks, pool_cost,
     nullptr, run_largest, 0},
    {"windowLargestGradient(x: f32, y: f32) -> v: f32 {geometry: words}", check_largest_gradient,
     pool_gradient_tasks, pool_cost, nullptr, run_largest_gradient, 0},
    {"windowMean(x: f32) -> y: f32 {geometry: words}", check_window_mean, pool_tasks, pool_cost, nullptr,
     run_window_mean, 0},
    {"windowMeanGradient(y: f32) -> x: f32 {geometry: words}", check_mean_gradient, pool_gradient_tasks,
     pool_cost, nullptr, run_mean_gradient, 0},
};

}  // namespace
}  // namespace chainrule
