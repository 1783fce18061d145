// Convolutions of 3x3 taps by F(2x2, 3x3) (Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks", 2016): a tile of 4x4 pixels makes 2x2 of the result by sixteen products for each pair of
// channels instead of 36.
//
// A tile is transformed by additions; each of its sixteen points is one product over the channels, with
// chains as in gemm_tile.h; the results are transformed back by additions. No bit depends on what other
// tiles there are. In bfloat16 what has been transformed is rounded, and words hold two channels.
#pragma once

#include "conv_winograd_shape.h"

namespace chainrule {
namespace {

// One line of four numbers, B^T . d.
VEC_INLINE void transform_line(const Vec (&d)[4], Vec (&to)[4]) {
  to[0] = d[0] - d[2];
  to[1] = d[1] + d[2];
  to[2] = d[2] - d[1];
  to[3] = d[1] - d[3];
}

// B^T . d . B for sixteen channels of a tile whose first pixel is `from`, at this row and column.
template <bool kInside>
VEC_INLINE void transform_tile(const Winograd& w, const float* from, int64_t row, int64_t column, float* to,
                               int64_t to_step) {
  Vec halfway[4][4];  // [column of the tile][line]
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    Vec d[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const bool exists = kInside || (row + i >= 0 && row + i < w.x_rows && column + j >= 0 &&
                                      column + j < w.x_columns);
      d[i] = exists ? load(from + (i * w.x_columns + j) * w.channels) : zero();
    }
    transform_line(d, halfway[j]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Vec line[4] = {halfway[0][i], halfway[1][i], halfway[2][i], halfway[3][i]};
    Vec points[4];
    transform_line(line, points);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) store(to + (i * 4 + j) * to_step, points[j]);
  }
}

// The points of up to 32 channels, in bfloat16.
template <bool kInside>
VEC_INLINE void transform_pairs(const Winograd& w, const float* from, int64_t row, int64_t column,
                                int64_t channels, float* to, int64_t to_step) {
  alignas(64) float points[2][kPoints * kLanes];
  transform_tile<kInside>(w, from, row, column, points[0], kLanes);
  if (channels > kLanes) transform_tile<kInside>(w, from + kLanes, row, column, points[1], kLanes);
  for (int64_t i = 0; i < kPoints; ++i, to += to_step) {
    const Vec low = load(points[0] + i * kLanes);
    if (channels > kLanes) store(to, pairs_along(low, load(points[1] + i * kLanes)));
    else store_tail(to, pairs_along(low, zero()), kLanes / 2);
  }
}

template <class Number>
void transform_tiles(const Winograd& w, TilePlace place, int64_t count, float* to) {
  constexpr int64_t kChannels = kLanes * Number::kPerWord;
  const int64_t words = w.channels / Number::kPerWord, step = point_step(words);
  for (int64_t tile = 0; tile < count; ++tile, place.next(w), to += words) {
    const int64_t row = place.row - w.row_before, column = place.column - w.column_before;
    const float* from = w.x + ((place.image * w.x_rows + row) * w.x_columns + column) * w.channels;
    const bool inside = row >= 0 && row + 4 <= w.x_rows && column >= 0 && column + 4 <= w.x_columns;
    float* own = to;
    for (int64_t channel = 0; channel < w.channels; channel += kChannels, own += kLanes) {
      if constexpr (Number::kPerWord == 1) {
        if (inside) transform_tile<true>(w, from + channel, row, column, own, step);
        else transform_tile<false>(w, from + channel, row, column, own, step);
      } else {
        const int64_t left = w.channels - channel;
        if (inside) transform_pairs<true>(w, from + channel, row, column, left, own, step);
        else transform_pairs<false>(w, from + channel, row, column, left, own, step);
      }
    }
  }
}

// The first output of the panel that an output lies in.
VEC_INLINE int64_t panel_of(int64_t output) { return output / kWinogradPanel * kWinogradPanel; }

// Channels of the chain that begins at channel k: all chains are of nearly the same length.
VEC_INLINE int64_t chain_length(int64_t channels, int64_t k) {
  const int64_t chains = ceil_div(channels, kWinogradDepth);
  return min(ceil_div(channels / kLanes, chains) * kLanes, channels - k);
}

// The products of all points: [tiles][channels] . [channels][outputs].
template <class Number>
void multiply_points(const Winograd& w, const OutputRange& outputs, const float* u, int64_t count,
                     const float* from, float* to) {
  const int64_t words = w.channels / Number::kPerWord;
  for (int64_t point = 0; point < kPoints; ++point) {
    for (int64_t panel = panel_of(outputs.first); panel < outputs.end; panel += kWinogradPanel) {
      const int64_t width = min(w.outputs - panel, kWinogradPanel);
      const int64_t end = min(outputs.end - panel, width);
      const float* b = u + (point * w.outputs + panel) * words;
      for (int64_t column = max(outputs.first - panel, 0); column < end; column += kPanelColumns) {
        const int64_t vectors = min(end - column, kPanelColumns) / kLanes;
        const RowTiles tiles = tiles_of(count, vectors);
        for (int64_t k = 0, depth; k < w.channels; k += depth) {
          depth = chain_length(w.channels, k);
          const int64_t word = k / Number::kPerWord;
          TileArgs t = {};
          t.depth = depth / Number::kPerWord;
          t.a = {from + point * point_step(words) + word, words, 1};
          t.b = b + word * width + column;
          t.b_step = width;
          t.c = to + point * point_step(w.outputs) + panel + column;
          t.c_row = w.outputs;
          t.last_columns = kLanes;
          t.accumulate = k > 0;
          multiply_tiles<Number>(t, tiles, vectors);
        }
      }
    }
  }
}

// A^T . m . A for sixteen outputs of a tile: the 2x2 pixels of the result, of which some may not exist.
VEC_INLINE void transform_back(const float* from, int64_t step, Vec (&to)[2][2]) {
  Vec halfway[2][4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const Vec m0 = load(from + j * step), m1 = load(from + (4 + j) * step);
    const Vec m2 = load(from + (8 + j) * step), m3 = load(from + (12 + j) * step);
    halfway[0][j] = m0 + m1 + m2;
    halfway[1][j] = m1 - m2 - m3;
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    to[i][0] = halfway[i][0] + halfway[i][1] + halfway[i][2];
    to[i][1] = halfway[i][1] - halfway[i][2] - halfway[i][3];
  }
}

// Asks for what the epilogue of so many tiles reads, while their products are made.
void fetch_other(const Winograd& w, const OutputRange& outputs, TilePlace place, int64_t count) {
  const Product& p = w.product;
  if (p.epilogue.other == nullptr) return;
  const int64_t line = w.y_columns * p.c_row;
  for (int64_t tile = 0; tile < count; ++tile, place.next(w)) {
    const int64_t pixel = (place.image * w.y_rows + place.row) * w.y_columns + place.column;
    const float* other = p.epilogue.other + pixel * p.c_row;
    for (int64_t output = outputs.first; output < outputs.end; output += kLanes) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        __builtin_prefetch(other + i / 2 * line + i % 2 * p.c_row + output, 0, 2);
      }
    }
  }
}

void transform_results(const Winograd& w, const OutputRange& outputs, TilePlace place, int64_t count,
                       const float* from, const Workspace& workspace) {
  const Product& p = w.product;
  const Epilogue& epilogue = p.epilogue;
  const float* bias = epilogue.bias;
  const bool maps = epilogue.in_registers, finishes = has_more_to_do(epilogue);
  const int64_t line = w.y_columns * p.c_row;
  for (int64_t tile = 0; tile < count; ++tile, place.next(w), from += w.outputs) {
    const int64_t pixel = (place.image * w.y_rows + place.row) * w.y_columns + place.column;
    const int64_t rows = min(w.y_rows - place.row, 2), columns = min(w.y_columns - place.column, 2);
    float* to = p.c + pixel * p.c_row;
    const float* other = epilogue.other == nullptr ? to : epilogue.other + pixel * p.c_row;
    for (int64_t output = outputs.first; output < outputs.end; output += kLanes) {
      Vec pixels[2][2];
      transform_back(from + output, point_step(w.outputs), pixels);
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
          if (i >= rows || j >= columns) continue;
          const int64_t at = i * line + j * p.c_row + output;
          if (bias != nullptr) pixels[i][j] = pixels[i][j] + load(bias + output);
          if (maps) pixels[i][j] = mapped(epilogue, pixels[i][j], other + at, kLanes);
          store(to + at, pixels[i][j]);
        }
      }
    }
    if (!finishes) continue;
    for (int64_t i = 0; i < rows; ++i) {
      const Block row = {pixel + i * w.y_columns, columns, outputs.first, outputs.end - outputs.first};
      finish_rows(p, workspace, row, 1, maps);
    }
  }
}

// One line of three taps, G . g.
VEC_INLINE void transform_taps(Vec a, Vec b, Vec c, Vec (&to)[4]) {
  const Vec half = splat(0.5f), ends = (a + c) * half, middle = b * half;
  to[0] = a;
  to[1] = ends + middle;
  to[2] = ends - middle;
  to[3] = c;
}

// G . g . G^T for sixteen outputs of one channel.
VEC_INLINE void transform_kernel(const Vec (&taps)[9], float* to, int64_t to_step) {
  Vec halfway[3][4];
#pragma GCC unroll 3
  for (int j = 0; j < 3; ++j) transform_taps(taps[j], taps[3 + j], taps[6 + j], halfway[j]);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    Vec points[4];
    transform_taps(halfway[0][i], halfway[1][i], halfway[2][i], points);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) store(to + (i * 4 + j) * to_step, points[j]);
  }
}

// A part of the kernel, in panels.
template <class Number>
void transform_kernels(const Winograd& w, const OutputRange& outputs, float* u) {
  const int64_t each = w.channels * w.outputs, words = w.channels / Number::kPerWord;
  alignas(64) float transposed[9][kLanes * kLanes], points[2][kPoints * kLanes];
  for (int64_t channel = 0; channel < w.channels; channel += kLanes) {
    for (int64_t output = outputs.first; output < outputs.end; output += kLanes) {
      const int64_t panel = panel_of(output);
      const int64_t width = min(w.outputs - panel, kWinogradPanel);
      float* to = u + panel * words + channel / Number::kPerWord * width + (output - panel);
      for (int t = 0; w.backwards && t < 9; ++t) {
        const float* from = w.w + (8 - t) * each + output * w.channels + channel;
        transpose_16x16(from, w.channels, transposed[t], kLanes);
      }
      for (int64_t i = 0; i < kLanes; ++i) {
        const float* own = w.w + (channel + i) * w.outputs + output;
        Vec taps[9];
        for (int t = 0; t < 9; ++t) taps[t] = load(w.backwards ? transposed[t] + i * kLanes : own + t * each);
        if constexpr (Number::kPerWord == 1) {
          transform_kernel(taps, to, each);
          to += width;
        } else {
          transform_kernel(taps, points[i % 2], kLanes);
          if (i % 2 == 0) continue;
          for (int64_t p = 0; p < kPoints; ++p) {
            const Vec first = load(points[0] + p * kLanes), second = load(points[1] + p * kLanes);
            store(to + p * words * w.outputs, pairs_of(first, second));
          }
          to += width;
        }
      }
    }
  }
}

template <class Number>
void run_winograd(const Winograd& w, const Args& args, int32_t* guard, int64_t first_task,
                  int64_t last_task) {
  // One thread alone makes all outputs of its tiles at once.
  const bool whole = last_task - first_task == w.tasks();
  const int64_t each = whole ? w.tasks() : w.tile_tasks(), blocks = ceil_div(w.tiles, kTilesAtOnce);
  Workspace workspace = {};
  workspace.guard = guard;
  float* u = static_cast<float*>(args.scratch);
  float* transformed = u + kPoints * w.channels * w.outputs;
  float* results = transformed + kPoints * point_step(w.channels);
  for (int64_t task = first_task, next; task < last_task; task = next) {
    const int64_t start = task / each * each;
    next = min(start + each, last_task);
    const OutputRange outputs = whole ? OutputRange{0, w.outputs} : outputs_of(w, task / each);
    transform_kernels<Number>(w, outputs, u);
    const int64_t last = blocks * (next - start) / each;
    for (int64_t block = blocks * (task - start) / each; block < last; ++block) {
      const int64_t tile = block * kTilesAtOnce, count = min(w.tiles - tile, kTilesAtOnce);
      const TilePlace place = TilePlace::of(w, tile);
      transform_tiles<Number>(w, place, count, transformed);
      fetch_other(w, outputs, place, count);
      multiply_points<Number>(w, outputs, u, count, transformed, results);
      transform_results(w, outputs, place, count, results, workspace);
      yield_to_others(args.yield_point);
    }
  }
}

}  // namespace
}  // namespace chainrule
