// A block of the product that a convolution is: as gemm_block.h, but rows of a are windows, which are copied
// for one pass over the panels of b.
#pragma once

#include "conv_shape.h"
#include "gemm_pack.h"

namespace chainrule {
namespace {

// From this many rows on, it pays to copy a panel of b.
constexpr int64_t kRowsWorthCopying = 48;

// One product of a convolution: of a group of channels, and a phase of the stride or a part of the pixels.
struct Convolution {
  Product product;  // all but its a
  Windows windows;
  int64_t first_window;
  // Rows of a are numbers of a window, and k runs over windows: the gradient of the kernel.
  bool transposed;
  // Where b is the kernel that is read backwards, [taps, columns, terms of a tap], and rows of c are pixels
  // of a phase: the gradient of x. They are `apart` where there are several phases.
  const ConvShape* backwards;
  Phase phase;
  bool apart;
};

// Memory of a run beside that of a product: for vectors that are written beyond the end of what is copied.
constexpr int64_t kOverrun = kLanes * kPanelColumns;
// The runs that a row of windows is copied in.
constexpr int64_t kMostRuns = kBlockDepth;

struct ConvWorkspace {
  Workspace product;
  TapRun* runs;
};

size_t conv_scratch(const Args& args) {
  return product_scratch(args) + 2 * kOverrun * sizeof(float) + kMostRuns * sizeof(TapRun);
}

ConvWorkspace conv_workspace(const Args& args) {
  ConvWorkspace workspace = {workspace_of(args), nullptr};
  workspace.product.packed_b += kOverrun;
  float* end = workspace.product.packed_b + kBlockDepth * kMaxBlockColumns + kOverrun;
  workspace.runs = reinterpret_cast<TapRun*>(end);
  return workspace;
}

// Copies the part's rows of a.
void copy_rows(const Convolution& c, const ConvWorkspace& workspace, Part* part) {
  float* to = workspace.product.packed_a;
  // Few numbers of a window lie close together, so that all windows of a block stay in the L1 cache.
  const int64_t width = ceil_div(part->rows, kLanes) * kLanes;
  part->a = c.transposed ? AffineRows{to, 1, width} : AffineRows{to, kBlockDepth, 1};
  if (part->rows == 0 || part->depth == 0) return;
  if (c.transposed) {
    copy_windows(c.windows, c.first_window + part->k, part->depth, part->row, part->rows, to, width,
                 workspace.runs);
  } else {
    copy_windows(c.windows, c.first_window + part->row, part->rows, part->k, part->depth, to, kBlockDepth,
                 workspace.runs);
  }
}

// A panel of the kernel read backwards, tap by tap, each transposed.
void pack_backwards(const Convolution& c, const Part& part, float* to) {
  const ConvShape& s = *c.backwards;
  const int64_t width = ceil_div(part.columns, kLanes) * kLanes, each = c.windows.channels;
  for (int64_t done = 0; done < part.depth;) {
    const int64_t tap = (part.k + done) / each, first = (part.k + done) % each;
    const int64_t length = min(each - first, part.depth - done);
    const int64_t row = tap_of(s, c.windows, c.phase, tap) * s.group_channels() + part.column;
    const float* from = c.product.b + row * s.outputs + first;
    Float32::pack_transposed(to + done * width, width, from, s.outputs, length, part.columns);
    done += length;
  }
}

// Points the part at its panel of b, or at a copy of it, which the first group of rows makes. A `single`
// group needs each panel once: the next takes its place.
void prepare_kernel(const Convolution& c, const ConvWorkspace& workspace, const Block& block, bool single,
                    Part* part) {
  const Product& p = c.product;
  part->b = p.b + part->k * p.b_row + part->column;
  part->b_step = p.b_row;
  const bool must = c.backwards != nullptr || part->columns % kLanes != 0;
  if (!must && block.rows < kRowsWorthCopying) return;
  const int64_t at = single ? 0 : (part->column - block.column) * kBlockDepth;
  float* panel = workspace.product.packed_b + at;
  if (part->row == block.row) {
    if (c.backwards != nullptr) pack_backwards(c, *part, panel);
    else pack_panel<Float32>(p, *part, panel);
  }
  part->b = panel;
  part->b_step = ceil_div(part->columns, kLanes) * kLanes;
}

bool is_last(const Product& p, const Part& part) { return part.k + part.depth == p.k; }

// Whether more follows than a bias, which tiles add themselves.
bool has_more_to_do(const Epilogue& epilogue) { return epilogue.map != nullptr || epilogue.guarded; }

// Moves what the tiles left in workspace.transposed to the pixels of x that these rows are.
void store_pixels(const Convolution& c, const Part& part, const Workspace& workspace, int64_t width) {
  const Product& p = c.product;
  const float* bias = is_last(p, part) ? bias_at(p.epilogue, part.column) : nullptr;
  WindowPlace place = WindowPlace::of(c.windows, c.first_window + part.row);
  for (int64_t i = 0; i < part.rows; ++i, place.next(c.windows)) {
    const int64_t pixel = pixel_of(*c.backwards, c.phase, place);
    float* to = p.c + pixel * p.c_row + part.column;
    for (int64_t j = 0; j < part.columns; j += kLanes) {
      const int64_t columns = part.columns - j;
      Vec sum = load(workspace.transposed + i * width + j);
      if (part.k > 0) sum = load_upto(to + j, columns) + sum;
      if (bias != nullptr) sum = sum + load_upto(bias + j, columns);
      store_upto(to + j, sum, columns);
    }
    if (is_last(p, part)) finish_rows(p, workspace, {pixel, 1, part.column, part.columns});
  }
}

// All rows of the part over one panel.
void multiply_windows_panel(const Convolution& c, const Part& part, const Workspace& workspace) {
  const Product& p = c.product;
  const int64_t vectors = ceil_div(part.columns, kLanes);
  const int64_t tiles = ceil_div(part.rows, rows_of_tile(static_cast<int>(vectors)));
  const bool last = is_last(p, part), apart = c.apart;
  TileArgs t = {};
  t.depth = part.depth;
  t.a = part.a;
  t.b = part.b;
  t.b_step = part.b_step;
  t.c = apart ? workspace.transposed : p.c + part.row * p.c_row + part.column;
  t.c_row = apart ? vectors * kLanes : p.c_row;
  t.last_columns = apart ? kLanes : part.columns - (vectors - 1) * kLanes;
  t.accumulate = !apart && part.k > 0;
  t.bias = last && !apart ? bias_at(p.epilogue, part.column) : nullptr;
  const int64_t least = part.rows / tiles, taller = part.rows % tiles;
  const bool finishes = last && !apart && has_more_to_do(p.epilogue);
  int64_t row = part.row;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t rows = least + (i < taller);
    kTiles<Float32, TileKind::plain>.of[vectors - 1][rows - 1](t);
    if (finishes) finish_rows(p, workspace, {row, rows, part.column, part.columns});
    t.a = t.a.from(rows, 0);
    t.c += rows * t.c_row;
    row += rows;
  }
  if (apart) store_pixels(c, part, workspace, t.c_row);
}

// A block of rows and columns of one product.
void multiply_windows(const Convolution& c, const ConvWorkspace& workspace, const Block& block) {
  Part part = {};
  for (part.k = 0; part.k == 0 || part.k < c.product.k; part.k += kBlockDepth) {
    part.depth = min(c.product.k - part.k, kBlockDepth);
    for (int64_t done = 0; done < block.rows; done += kRowsAtOnce) {
      part.row = block.row + done;
      part.rows = min(block.rows - done, kRowsAtOnce);
      copy_rows(c, workspace, &part);
      for (int64_t j = 0; j < block.columns; j += kPanelColumns) {
        part.column = block.column + j;
        part.columns = min(block.columns - j, kPanelColumns);
        prepare_kernel(c, workspace, block, block.rows <= kRowsAtOnce, &part);
        multiply_windows_panel(c, part, workspace.product);
        yield_to_others(workspace.product.yield_point);
      }
    }
  }
}

}  // namespace
}  // namespace chainrule
