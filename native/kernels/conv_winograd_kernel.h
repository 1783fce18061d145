// The gradient of a kernel of 3x3 taps by F(3x3, 2x2), the transpose of conv_winograd.h: a tile of 4x4 pixels
// of x and the 2x2 pixels of dy that it made are transformed to sixteen points, whose products over all tiles
// are transformed back to nine taps.
//
// A point is a chain over the tiles of a block, blocks added in ascending order. In bfloat16 words hold two
// tiles.
#pragma once

#include "conv_winograd.h"

namespace chainrule {
namespace {

// Words of a chain: longer ones would round worse than the direct sums do.
constexpr int64_t kWordsAtOnce = 48;
// Numbers of the kernel that a task adds up, whose points stay in the L2 cache; and how many tasks there are,
// if there are channels for them.
constexpr int64_t kNumbersOfTask = 1 << 12, kKernelTasks = 8;

struct WinogradKernel {
  Winograd winograd;
  const float* dy;
  float* dw;
  int64_t parts, blocks, channel_blocks;
  int64_t tiles_at_once;

  int64_t tasks() const { return parts * channel_blocks; }
};

WinogradKernel winograd_of_kernel(const Args& args, const ConvShape& s, int64_t per_word) {
  WinogradKernel k = {};
  Winograd& w = k.winograd;
  w.channels = s.channels;
  w.outputs = s.outputs;
  w.x_rows = s.x[1];
  w.x_columns = s.x[2];
  w.y_rows = s.y[1];
  w.y_columns = s.y[2];
  w.row_before = s.before[1];
  w.column_before = s.before[2];
  w.x = input<float>(args, 0);
  set_tiles(&w, s.images);
  k.dy = input<float>(args, 1);
  k.dw = output<float>(args, 0);
  k.parts = args.outputs[0].dims[0];
  k.tiles_at_once = kWordsAtOnce * per_word;
  k.blocks = ceil_div(w.tiles, k.tiles_at_once);
  const int64_t for_cache = ceil_div(s.channels * s.outputs, kNumbersOfTask);
  k.channel_blocks = min(max(for_cache, ceil_div(kKernelTasks, k.parts)), s.channels / kLanes);
  return k;
}

// Floats from one point to the next, of so many numbers.
VEC_INLINE int64_t point_words(int64_t numbers) { return kWordsAtOnce * numbers + kLanes; }
VEC_INLINE int64_t kernel_step(int64_t channels, int64_t outputs) { return channels * outputs + kLanes; }

size_t winograd_kernel_scratch(const WinogradKernel& k) {
  const int64_t outputs = k.winograd.outputs;
  const int64_t channels = ceil_div(k.winograd.channels / kLanes, k.channel_blocks) * kLanes;
  const int64_t points = point_words(channels) + point_words(outputs) + kernel_step(channels, outputs);
  return static_cast<size_t>(kPoints * points) * sizeof(float);
}

// A . d of two numbers.
VEC_INLINE void spread_line(Vec first, Vec second, Vec (&to)[4]) {
  to[0] = first;
  to[1] = first + second;
  to[2] = first - second;
  to[3] = zero() - second;
}

// A . dy . A^T for sixteen outputs of a tile, of whose 2x2 pixels some may not exist.
VEC_INLINE void spread_tile(const Winograd& w, const float* dy, const TilePlace& place, float* to,
                            int64_t to_step) {
  const bool below = place.row + 1 < w.y_rows, beside = place.column + 1 < w.y_columns;
  const float* from = dy + ((place.image * w.y_rows + place.row) * w.y_columns + place.column) * w.outputs;
  const float* next = from + w.y_columns * w.outputs;
  Vec left[4], right[4];
  spread_line(load(from), below ? load(next) : zero(), left);
  spread_line(beside ? load(from + w.outputs) : zero(), below && beside ? load(next + w.outputs) : zero(),
              right);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    Vec points[4];
    spread_line(left[i], right[i], points);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) store(to + (i * 4 + j) * to_step, points[j]);
  }
}

// B^T . x . B for sixteen channels of a tile.
VEC_INLINE void transform_place(const Winograd& w, const TilePlace& place, int64_t channel, float* to,
                                int64_t to_step) {
  const int64_t row = place.row - w.row_before, column = place.column - w.column_before;
  const float* from = w.x + ((place.image * w.x_rows + row) * w.x_columns + column) * w.channels + channel;
  const bool inside = row >= 0 && row + 4 <= w.x_rows && column >= 0 && column + 4 <= w.x_columns;
  if (inside) transform_tile<true>(w, from, row, column, to, to_step);
  else transform_tile<false>(w, from, row, column, to, to_step);
}

// The points of a tile, or in bfloat16 of a pair of tiles whose second one may not exist.
template <class Number, class Transform>
VEC_INLINE void transform_word(const TilePlace* places, int64_t tiles, float* to, int64_t to_step,
                               const Transform& transform) {
  if constexpr (Number::kPerWord == 1) {
    transform(places[0], to, to_step);
  } else {
    alignas(64) float points[2][kPoints * kLanes];
    transform(places[0], points[0], kLanes);
    if (tiles > 1) transform(places[1], points[1], kLanes);
    for (int64_t i = 0; i < kPoints; ++i, to += to_step) {
      const Vec second = tiles > 1 ? load(points[1] + i * kLanes) : zero();
      store(to, pairs_of(load(points[0] + i * kLanes), second));
    }
  }
}

struct ChannelRange {
  int64_t first, count;
};

// What `count` tiles are transformed to: x of these channels, and dy.
template <class Number>
void transform_sides(const WinogradKernel& k, TilePlace place, int64_t count, const ChannelRange& channels,
                     float* of_x, float* of_dy) {
  const Winograd& w = k.winograd;
  const int64_t x_step = point_words(channels.count), dy_step = point_words(w.outputs);
  TilePlace places[Number::kPerWord];
  for (int64_t left = count; left > 0; left -= Number::kPerWord) {
    for (int64_t i = 0; i < Number::kPerWord; ++i, place.next(w)) places[i] = place;
    for (int64_t channel = 0; channel < channels.count; channel += kLanes) {
      transform_word<Number>(places, left, of_x + channel, x_step,
                             [&](const TilePlace& own, float* to, int64_t to_step) {
                               transform_place(w, own, channels.first + channel, to, to_step);
                             });
    }
    for (int64_t output = 0; output < w.outputs; output += kLanes) {
      transform_word<Number>(places, left, of_dy + output, dy_step,
                             [&](const TilePlace& own, float* to, int64_t to_step) {
                               spread_tile(w, k.dy + output, own, to, to_step);
                             });
    }
    of_x += channels.count;
    of_dy += w.outputs;
  }
}

// Adds [channels][words] . [words][outputs] to each point.
template <class Number>
void add_points(int64_t words, int64_t channels, int64_t outputs, const float* of_x, const float* of_dy,
                float* points, bool accumulate) {
  for (int64_t point = 0; point < kPoints; ++point) {
    for (int64_t column = 0; column < outputs; column += kPanelColumns) {
      const int64_t vectors = min(outputs - column, kPanelColumns) / kLanes;
      TileArgs t = {};
      t.depth = words;
      t.a = {of_x + point * point_words(channels), 1, channels};
      t.b = of_dy + point * point_words(outputs) + column;
      t.b_step = outputs;
      t.c = points + point * kernel_step(channels, outputs) + column;
      t.c_row = outputs;
      t.last_columns = kLanes;
      t.accumulate = accumulate;
      multiply_tiles<Number>(t, tiles_of(channels, vectors), vectors);
    }
  }
}

// One line of four points, G^T . u.
VEC_INLINE void gather_line(Vec a, Vec b, Vec c, Vec d, Vec (&to)[3]) {
  const Vec half = splat(0.5f), middle = (b + c) * half;
  to[0] = a + middle;
  to[1] = (b - c) * half;
  to[2] = middle + d;
}

// G^T . u . G of all these channels: the taps of a part.
void store_taps(const WinogradKernel& k, int64_t part, const ChannelRange& channels, const float* points) {
  const int64_t outputs = k.winograd.outputs, each = k.winograd.channels * outputs;
  const int64_t step = kernel_step(channels.count, outputs);
  float* to = k.dw + part * 9 * each + channels.first * outputs;
  for (int64_t at = 0; at < channels.count * outputs; at += kLanes) {
    Vec halfway[4][3];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const float* from = points + j * step + at;
      gather_line(load(from), load(from + 4 * step), load(from + 8 * step), load(from + 12 * step),
                  halfway[j]);
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) {
      Vec taps[3];
      gather_line(halfway[0][i], halfway[1][i], halfway[2][i], halfway[3][i], taps);
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) store(to + (i * 3 + j) * each + at, taps[j]);
    }
  }
}

// Blocks of tiles are dealt out to the parts in order.
template <class Number>
void run_winograd_kernel(const WinogradKernel& k, const Args& args, int64_t first_task, int64_t last_task) {
  const Winograd& w = k.winograd;
  for (int64_t task = first_task; task < last_task; ++task) {
    const int64_t part = task / k.channel_blocks, block = task % k.channel_blocks;
    const int64_t vectors = w.channels / kLanes, first = vectors * block / k.channel_blocks;
    const int64_t end = vectors * (block + 1) / k.channel_blocks;
    const ChannelRange channels = {first * kLanes, (end - first) * kLanes};
    float* points = static_cast<float*>(args.scratch);
    float* of_x = points + kPoints * kernel_step(channels.count, w.outputs);
    float* of_dy = of_x + kPoints * point_words(channels.count);
    const int64_t from = k.blocks * part / k.parts, to = k.blocks * (part + 1) / k.parts;
    // A part without tiles is a product of nothing.
    for (int64_t number = from; number == from || number < to; ++number) {
      const int64_t tile = number * k.tiles_at_once;
      const int64_t count = number < to ? min(w.tiles - tile, k.tiles_at_once) : 0;
      if (count > 0) transform_sides<Number>(k, TilePlace::of(w, tile), count, channels, of_x, of_dy);
      const int64_t words = ceil_div(count, Number::kPerWord);
      add_points<Number>(words, channels.count, w.outputs, of_x, of_dy, points, number > from);
      yield_to_others(args.yield_point);
    }
    store_taps(k, part, channels, points);
  }
}

}  // namespace
}  // namespace chainrule
