// A block of the product that a convolution is: as gemm_block.h, but rows of a are windows, which are copied
// for one pass over the panels of b.
#pragma once

#include "conv_pairs.h"
#include "conv_shape.h"
#include "gemm_bfloat16.h"

namespace chainrule {
namespace {

// From this many rows on, it pays to copy a panel of b.
constexpr int64_t kRowsWorthCopying = 48;

// One product of a convolution: of a group of channels, and a phase of the stride or a part of the pixels.
struct Convolution {
  Product product;  // all but its a; k counts words
  Windows windows;
  int64_t first_window;
  // Rows of a are numbers of a window, and k runs over so many windows: the gradient of the kernel.
  bool transposed;
  int64_t pixels;
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

static_assert(2 * kBlockDepth * sizeof(float*) <= kMostRuns * sizeof(TapRun),
              "pixels take the place of runs");
static_assert(kRowsAtOnce <= kMostOutside, "zeros stand for the rows of a pixel");

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
template <class Number>
void copy_rows(const Convolution& c, const ConvWorkspace& workspace, Part* part) {
  float* to = workspace.product.packed_a;
  // Few numbers of a window lie close together, so that all windows of a block stay in the L1 cache.
  const int64_t width = ceil_div(part->rows, kLanes) * kLanes;
  part->a = c.transposed ? AffineRows{to, 1, width} : AffineRows{to, kBlockDepth, 1};
  if (part->rows == 0 || part->depth == 0) return;
  if (!c.transposed) {
    copy_windows<Number>(c.windows, c.first_window + part->row, part->rows, part->k, part->depth, to,
                         kBlockDepth, workspace.runs);
  } else if constexpr (Number::kPerWord == 1) {
    copy_windows<Number>(c.windows, c.first_window + part->k, part->depth, part->row, part->rows, to, width,
                         workspace.runs);
  } else {
    const float** pixels = reinterpret_cast<const float**>(workspace.runs);
    const int64_t first = part->k * Number::kPerWord;
    const int64_t count = min(part->depth * Number::kPerWord, c.pixels - first);
    const TermRange rows = {part->row, part->rows};
    copy_window_pairs(c.windows, c.first_window + first, count, rows, to, width, pixels);
  }
}

// A panel of the kernel, or of dy, by stretches whose last word may be half empty: a tap, or all of it.
template <class Number>
void pack_stretches(const Convolution& c, const Part& part, float* to) {
  const Windows& w = c.windows;
  const bool whole = c.transposed || w.channels % Number::kPerWord == 0;
  const int64_t words = whole ? c.product.k : w.words;
  const int64_t numbers = c.transposed ? c.pixels : whole ? c.product.k * Number::kPerWord : w.channels;
  const int64_t width = ceil_div(part.columns, kLanes) * kLanes;
  for (int64_t done = 0, length; done < part.depth; done += length) {
    const int64_t stretch = (part.k + done) / words, first = (part.k + done) % words;
    length = min(words - first, part.depth - done);
    const int64_t row = first * Number::kPerWord, depth = min(length * Number::kPerWord, numbers - row);
    const float* from = c.product.b + (stretch * numbers + row) * c.product.b_row + part.column;
    Number::pack_rows(to + done * width, width, from, c.product.b_row, depth, part.columns);
  }
}

// A panel of the kernel read backwards, tap by tap, each transposed.
template <class Number>
void pack_backwards(const Convolution& c, const Part& part, float* to) {
  const ConvShape& s = *c.backwards;
  const int64_t width = ceil_div(part.columns, kLanes) * kLanes, words = c.windows.words;
  for (int64_t done = 0, length; done < part.depth; done += length) {
    const int64_t tap = (part.k + done) / words, word = (part.k + done) % words;
    length = min(words - word, part.depth - done);
    const int64_t row = tap_of(s, c.windows, c.phase, tap) * s.group_channels() + part.column;
    const int64_t first = word * Number::kPerWord;
    const int64_t depth = min(length * Number::kPerWord, c.windows.channels - first);
    const float* from = c.product.b + row * s.outputs + first;
    Number::pack_transposed(to + done * width, width, from, s.outputs, depth, part.columns);
  }
}

// Points the part at its panel of b, or at a copy of it, which the first group of rows makes. A `single`
// group needs each panel once: the next takes its place. Others are kept, of all k from `kept` on.
template <class Number>
void prepare_kernel(const Convolution& c, const ConvWorkspace& workspace, const Block& block, bool single,
                    int64_t kept, Part* part) {
  const Product& p = c.product;
  part->b = p.b + part->k * p.b_row + part->column;
  part->b_step = p.b_row;
  const bool must = Number::kPerWord > 1 || c.backwards != nullptr || part->columns % kLanes != 0;
  if (!must && block.rows < kRowsWorthCopying) return;
  const int64_t width = ceil_div(block.columns, kLanes) * kLanes;
  const int64_t before = (part->k - kept) * width + (part->column - block.column) * part->depth;
  const int64_t at = single ? 0 : before;
  float* panel = workspace.product.packed_b + at;
  if (part->row == block.row) {
    if (c.backwards != nullptr) pack_backwards<Number>(c, *part, panel);
    else pack_stretches<Number>(c, *part, panel);
  }
  part->b = panel;
  part->b_step = ceil_div(part->columns, kLanes) * kLanes;
}

bool is_last(const Product& p, const Part& part) { return part.k + part.depth == p.k; }

// Moves what the tiles left in workspace.transposed to the pixels of x that these rows are, line by line.
// Where no tap reaches them, there are no tiles.
void store_pixels(const Convolution& c, const Part& part, const Workspace& workspace, int64_t width) {
  const Product& p = c.product;
  const bool last = is_last(p, part);
  const float* bias = last ? bias_at(p.epilogue, part.column) : nullptr;
  const int64_t step = c.backwards->stride[kSpace - 1];
  for (int64_t done = 0, count; done < part.rows; done += count) {
    const WindowPlace place = WindowPlace::of(c.windows, c.first_window + part.row + done);
    const int64_t pixel = pixel_of(*c.backwards, c.phase, place);
    count = min(c.windows.axes[kSpace - 1].windows - place.at[kSpace - 1], part.rows - done);
    float* to = p.c + pixel * p.c_row + part.column;
    for (int64_t i = done; i < done + count; ++i, to += step * p.c_row) {
      for (int64_t j = 0; j < part.columns; j += kLanes) {
        const int64_t columns = part.columns - j;
        Vec sum = part.depth == 0 ? zero() : load(workspace.transposed + i * width + j);
        if (part.k > 0) sum = load_upto(to + j, columns) + sum;
        if (bias != nullptr) sum = sum + load_upto(bias + j, columns);
        store_upto(to + j, sum, columns);
      }
    }
    if (last) finish_rows(p, workspace, {pixel, count, part.column, part.columns}, step);
  }
}

// All rows of the part over one panel.
template <class Number>
void multiply_windows_panel(const Convolution& c, const Part& part, const Workspace& workspace) {
  const Product& p = c.product;
  const int64_t vectors = ceil_div(part.columns, kLanes);
  const RowTiles tiles = tiles_of(part.rows, vectors);
  const bool last = is_last(p, part), apart = c.apart;
  if (apart && part.depth == 0) return store_pixels(c, part, workspace, 0);
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
  const bool finishes = last && !apart && has_more_to_do(p.epilogue);
  if (last && !apart) map_in_tile(p.epilogue, part.row * p.c_row + part.column, &t);
  const TileTable* table = &kTiles<Number, TileKind::plain>;
  if constexpr (Number::kPerWord == 1 && kHasHalves) {
    if (ends_in_half(part.columns)) table = &kTiles<Number, TileKind::halved>;
  }
  int64_t row = part.row;
  for (int64_t i = 0; i < tiles.count; ++i) {
    const int64_t rows = tiles.rows(i);
    table->of[vectors - 1][rows - 1](t);
    if (finishes) {
      finish_rows(p, workspace, {row, rows, part.column, part.columns}, 1, p.epilogue.in_registers);
    }
    t.a = t.a.from(rows, 0);
    t.c += rows * t.c_row;
    if (t.other != nullptr) t.other += rows * t.c_row;
    row += rows;
  }
  if (apart) store_pixels(c, part, workspace, t.c_row);
}

// A block of rows and columns of one product.
template <class Number>
void multiply_windows(const Convolution& c, const ConvWorkspace& workspace, const Block& block) {
  Part part = {};
  for (part.k = 0; part.k == 0 || part.k < c.product.k; part.k += kBlockDepth) {
    part.depth = min(c.product.k - part.k, kBlockDepth);
    for (int64_t done = 0; done < block.rows; done += kRowsAtOnce) {
      part.row = block.row + done;
      part.rows = min(block.rows - done, kRowsAtOnce);
      copy_rows<Number>(c, workspace, &part);
      for (int64_t j = 0; j < block.columns; j += kPanelColumns) {
        part.column = block.column + j;
        part.columns = min(block.columns - j, kPanelColumns);
        prepare_kernel<Number>(c, workspace, block, block.rows <= kRowsAtOnce, part.k, &part);
        multiply_windows_panel<Number>(c, part, workspace.product);
        yield_to_others(workspace.product.yield_point);
      }
    }
  }
}

}  // namespace
}  // namespace chainrule
