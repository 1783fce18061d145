// What convolutions by F(2x2, 3x3) are (conv_winograd.h): which suit, their tiles, and where each begins.
#pragma once

#include "conv_block.h"
#include "gemm.h"

namespace chainrule {
namespace {

constexpr int kPoints = 16;
// The attribute that tells of a bias: that of a convolution.
constexpr int32_t kWinogradBias = 0;
// Tiles that are transformed at once. A power of two would put all points of a tile into the same cache sets.
constexpr int64_t kTilesAtOnce = 24;
// Columns of one point are kept in panels of 64, each [channels][columns of the panel].
constexpr int64_t kWinogradPanel = 64;
// Terms of a chain at most: more of them in a row would round worse than the direct sums do.
constexpr int64_t kWinogradDepth = 96;
// Channels below which transforming takes longer than it saves, and products of channels above which the
// transformed kernel leaves the second cache.
constexpr int64_t kLeastWinograd = 16, kMostWinograd = 1 << 14;

// What is convolved, and the tiles of its result. Where `backwards`, the kernel is [taps, outputs, channels]
// and read from its end: the gradient of the input.
struct Winograd {
  int64_t channels, outputs;
  int64_t x_rows, x_columns, y_rows, y_columns, row_before, column_before;
  int64_t tile_rows, tile_columns, tiles;  // of an image; of all
  const float *x, *w;
  bool backwards;
  Product product;  // of one group, its a and b apart

  // Where tiles are few, most of the time is that of the kernel: then tasks have but a part of its outputs.
  int64_t parts() const { return tiles < outputs && outputs >= 2 * kLeastWinograd ? 2 : 1; }
  int64_t tile_tasks() const { return max(min(ceil_div(tiles, kTilesAtOnce), kTargetTasks), 1); }
  int64_t tasks() const { return parts() * tile_tasks(); }
};

// Outputs [first, end).
struct OutputRange {
  int64_t first, end;
};
OutputRange outputs_of(const Winograd& w, int64_t part) {
  const int64_t vectors = w.outputs / kLanes, parts = w.parts();
  return {vectors * part / parts * kLanes, vectors * (part + 1) / parts * kLanes};
}

// By shape alone, and not by the number of images, so that an image has the same bits in any batch.
bool suits_winograd(const ConvShape& s, int64_t rows, int64_t columns) {
  const bool flat = s.x[0] == 1 && s.y[0] == 1 && s.taps[0] == 1 && s.before[0] == 0;
  if (!flat || s.groups > 1 || s.channels % kLanes != 0 || s.outputs % kLanes != 0) return false;
  for (int i = 1; i < kSpace; ++i) {
    if (s.taps[i] != 3 || s.stride[i] != 1 || s.dilation[i] != 1 || s.before[i] > 2) return false;
  }
  const bool fits = min(s.channels, s.outputs) >= kLeastWinograd && s.channels * s.outputs <= kMostWinograd;
  // Tiles reach beyond the edges of odd images.
  const int64_t made = ceil_div(rows, 2) * ceil_div(columns, 2) * 4;
  return fits && rows * columns >= 36 && 3 * made <= 4 * rows * columns;
}
void set_tiles(Winograd* w, int64_t images) {
  w->tile_rows = ceil_div(w->y_rows, 2);
  w->tile_columns = ceil_div(w->y_columns, 2);
  w->tiles = images * w->tile_rows * w->tile_columns;
}

void set_operands(Winograd* w, const Args& args) {
  w->x = input<float>(args, 0);
  w->w = input<float>(args, 1);
  w->product.n = w->product.c_row = w->outputs;
  w->product.c = output<float>(args, 0);
  w->product.epilogue = epilogue_of(args, kWinogradBias);
}

// Backwards, the gradient is the image that is read, and the image that was read the result.
Winograd winograd_of(const Args& args, const ConvShape& s, bool backwards) {
  const int64_t *x = backwards ? s.y : s.x, *y = backwards ? s.x : s.y;
  Winograd w = {};
  w.channels = backwards ? s.outputs : s.channels;
  w.outputs = backwards ? s.channels : s.outputs;
  w.x_rows = x[1];
  w.x_columns = x[2];
  w.y_rows = y[1];
  w.y_columns = y[2];
  w.row_before = backwards ? 2 - s.before[1] : s.before[1];
  w.column_before = backwards ? 2 - s.before[2] : s.before[2];
  w.backwards = backwards;
  set_operands(&w, args);
  set_tiles(&w, s.images);
  return w;
}

Winograd winograd_of_result(const Args& args, const ConvShape& s) {
  return winograd_of(args, s, false);
}

Winograd winograd_of_input(const Args& args, const ConvShape& s) {
  return winograd_of(args, s, true);
}

double winograd_cost(const Winograd& w) {
  const double channels = static_cast<double>(w.channels), outputs = static_cast<double>(w.outputs);
  const double each = kPoints * (kMultiplyNs * channels * outputs + kPackNs * (channels + outputs));
  return 50.0 + each * static_cast<double>(w.tiles);
}

// Floats of what a block of tiles is transformed to, and of its results.
VEC_INLINE int64_t point_step(int64_t channels) { return kTilesAtOnce * channels + kLanes; }

// Of any precision.
size_t winograd_scratch(const ConvShape& s) {
  const int64_t points = s.channels * s.outputs + point_step(s.channels) + point_step(s.outputs);
  return static_cast<size_t>(kPoints * points) * sizeof(float);
}

// Where a tile begins in x, and in y.
struct TilePlace {
  int64_t image, row, column;

  static TilePlace of(const Winograd& w, int64_t tile) {
    const int64_t column = tile % w.tile_columns, rest = tile / w.tile_columns;
    return {rest / w.tile_rows, rest % w.tile_rows * 2, column * 2};
  }
  VEC_INLINE void next(const Winograd& w) {
    column += 2;
    if (column < w.y_columns) return;
    column = 0;
    row += 2;
    if (row < w.y_rows) return;
    row = 0;
    ++image;
  }
};

}  // namespace
}  // namespace chainrule
