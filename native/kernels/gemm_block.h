// A block of C, from the outermost loop inwards: blocks of k, groups of rows, panels of b, tiles of rows.
#pragma once

#include "gemm_prefetch.h"

namespace chainrule {
namespace {

bool is_finished(const Product& p, const Part& part) { return part.k + part.depth == p.k; }

// Moves what the tiles left in workspace.transposed into a c that holds the transpose.
void store_transposed(const Product& p, const Part& part, const Workspace& workspace, int64_t width) {
  const float* bias = is_finished(p, part) ? p.epilogue.bias : nullptr;
  for (int64_t j = 0; j < part.columns; j += kLanes) {
    int64_t columns = min(part.columns - j, kLanes);
    for (int64_t i = 0; i < part.rows; i += kLanes) {
      int64_t lanes = min(part.rows - i, kLanes);
      Vec added = bias == nullptr ? zero() : load_upto(bias + part.row + i, lanes);
      Vec transposed[kLanes];
      load_transposed(workspace.transposed + i * width + j, width, transposed);
      float* c = p.c + (part.column + j) * p.c_row + part.row + i;
#pragma GCC unroll 16
      for (int u = 0; u < kLanes; ++u) {
        if (u >= columns) break;
        Vec sum = transposed[u];
        if (part.k > 0) sum = load_upto(c, lanes) + sum;
        if (bias != nullptr) sum = sum + added;
        store_upto(c, sum, lanes);
        c += p.c_row;
      }
    }
  }
  if (!is_finished(p, part)) return;
  finish_rows(p, workspace, {part.column, part.columns, part.row, part.rows});
}

// What all tiles of a panel have in common, with a and c at its first row.
template <class Number>
VEC_INLINE TileArgs first_tile(const Product& p, const Part& part, const Workspace& workspace,
                               int64_t vectors, bool last) {
  TileArgs t = {};
  t.depth = ceil_div(part.depth, Number::kPerWord);
  t.a = part.a;
  t.b = part.b;
  t.b_step = part.b_step;
  if (p.c_transposed) {
    t.last_columns = kLanes;
    t.c = workspace.transposed;
    t.c_row = vectors * kLanes;
  } else {
    t.last_columns = part.columns - (vectors - 1) * kLanes;
    t.c = p.c + part.row * p.c_row + part.column;
    t.c_row = p.c_row;
    t.accumulate = part.k > 0;
    t.bias = last ? bias_at(p.epilogue, part.column) : nullptr;
  }
  return t;
}

// What the tiles of a group of rows fetch while they multiply; nullptr for nothing.
struct Ahead {
  LinesAhead* lines;       // of the next iteration of a loop
  NextRows *rows, *panel;  // what comes next of a and b
};

// Notes what one tile fetches.
VEC_INLINE void take_ahead(const Product& p, const Ahead& ahead, const Fetches& fetches, const Block& tile,
                           int64_t depth, Prefetches* to) {
  to->count = 0;
  if (ahead.lines != nullptr) ahead.lines->take(depth, to);
  add_result(p, fetches, tile, to);
  if (ahead.rows == nullptr) return;
  ahead.rows->take(to);
  ahead.panel->take(to);
}

// All rows of the part over one panel of at most kPanelColumns, in tiles of nearly equal height. If `copy` is
// given, the first tile leaves a copy of the panel there for the others.
template <class Number>
void multiply_panel(const Product& p, const Part& part, const Workspace& workspace, float* copy,
                    const Ahead& ahead) {
  int64_t vectors = ceil_div(part.columns, kLanes);
  const RowTiles tiles =
      copy == nullptr ? tiles_of(part.rows, vectors) : copying_tiles_of(part.rows, vectors);
  bool last = is_finished(p, part) && !p.c_transposed;
  TileArgs t = first_tile<Number>(p, part, workspace, vectors, last);
  t.copy = copy;
  if (!part.b_is_copy) t.b_columns = part.columns % kLanes;
  const bool finishes = last && has_more_to_do(p.epilogue);
  if (last) map_in_tile(p.epilogue, part.row * p.c_row + part.column, &t);
  const Fetches fetches = last ? fetches_of(p, part, tiles.rows(0), t.depth) : Fetches{};
  bool fetching = ahead.lines != nullptr || ahead.rows != nullptr || fetches.written || fetches.other;
  const TileTable* table =
      fetching ? &kTiles<Number, TileKind::prefetching> : &kTiles<Number, TileKind::plain>;
  if constexpr (Number::kPerWord == 1 && kHasHalves) {
    if (ends_in_half(part.columns)) table = &kTiles<Number, TileKind::halved>;
    fetching = fetching && !ends_in_half(part.columns);
  }
  Prefetches fetched;
  t.prefetches = &fetched;
  int64_t row = part.row;
  for (int64_t i = 0; i < tiles.count; ++i) {
    const int64_t rows = tiles.rows(i);
    if (part.a_in_tiles) t.a = tile_of(part.a.first, i, row - part.row, rows, part.depth);
    if (copy != nullptr && i == 0) {
      copying_tile<Number>(p, part)(t);
      t.b = copy;
      t.b_step = vectors * kLanes;
      t.b_columns = 0;
    } else {
      const Block tile = {row, rows, part.column, part.columns};
      if (fetching) take_ahead(p, ahead, fetches, tile, t.depth, &fetched);
      table->of[vectors - 1][rows - 1](t);
    }
    if (finishes) {
      finish_rows(p, workspace, {row, rows, part.column, part.columns}, 1, p.epilogue.in_registers);
    }
    t.a = t.a.from(rows, 0);
    t.c += rows * t.c_row;
    if (t.other != nullptr) t.other += rows * t.c_row;
    row += rows;
  }
  if (p.c_transposed) store_transposed(p, part, workspace, t.c_row);
}

// Points the part at its panel of b, or at a copy of it, which the first group of rows makes. Returns where
// the first tile has to leave that copy, or nullptr if it has not to.
template <class Number>
VEC_INLINE float* prepare_panel(const Product& p, const Workspace& workspace, const Block& block,
                                Part* part) {
  part->b = p.b + (p.b_transposed ? part->column * p.b_row + part->k : part->k * p.b_row + part->column);
  part->b_step = p.b_row;
  part->b_is_copy = false;
  if (!packs_panel<Number>(p, block.rows, part->columns)) return nullptr;
  // A single group of rows needs each panel once: the next panel takes the place of the last one in the
  // cache.
  const bool single_group = block.rows <= kRowsAtOnce, first_group = part->row == block.row;
  const bool side_by_side =
      kNarrowPanels && Number::kPerWord == 1 && !p.b_transposed && packs_all(p, block.rows);
  const int64_t column = part->column - block.column, within = side_by_side ? column % kCopiedColumns : 0;
  float* panel = workspace.packed_b + (single_group ? within : column) * kBlockDepth;
  if (first_group) {
    if (copying_tile<Number>(p, *part) != nullptr) return panel;
    if (!side_by_side) pack_panel<Number>(p, *part, panel);
    else if (within == 0) pack_panels(p, *part, min(block.columns - column, kCopiedColumns), panel);
  }
  part->b_is_copy = true;
  part->b = panel;
  part->b_step = ceil_div(part->columns, kLanes) * kLanes;
  return nullptr;
}

// One group of rows over all panels of the block, in one block of k. `next` are the rows of a after it,
// nullptr if nothing is fetched.
template <class Number>
VEC_INLINE void multiply_group(const Product& p, const Workspace& workspace, const Block& block, Part* part,
                               NextRows* next) {
  part->a = p.a.from(part->row, part->k);
  if (packs_a<Number>(p)) pack_a<Number>(p, workspace, part);
  const Panels panels = panels_of<Number>(p, block);
  const int64_t width = panels.column(1);
  // All but the first tile over each panel, which may copy it.
  const int64_t tiles = tiles_of(part->rows, ceil_div(width, kLanes)).count - 1;
  const int64_t depth = ceil_div(part->depth, Number::kPerWord);
  if (next != nullptr) next->divide(tiles * panels.count, depth);
  for (int64_t i = 0; i < panels.count; ++i) {
    const int64_t first = panels.column(i);
    part->column = block.column + first;
    part->columns = min(panels.column(i + 1), block.columns) - first;
    float* copy = prepare_panel<Number>(p, workspace, block, part);
    NextRows panel = {};
    if (next != nullptr) {
      panel = panel_after(p, *part, block, width, kBlockDepth * Number::kPerWord);
      panel.divide(tiles, depth);
    }
    multiply_panel<Number>(p, *part, workspace, copy, {workspace.ahead, next, &panel});
    yield_to_others(workspace.yield_point);
  }
}

template <class Number>
void multiply_block(const Product& p, const Workspace& workspace, const Block& block) {
  constexpr int64_t kDepth = kBlockDepth * Number::kPerWord;
  bool prefetches = is_worth_prefetching(p);
  Part part = {};
  for (part.k = 0; part.k == 0 || part.k < p.k; part.k += kDepth) {
    part.depth = min(p.k - part.k, kDepth);
    for (int64_t done = 0; done < block.rows; done += kRowsAtOnce) {
      part.row = block.row + done;
      part.rows = min(block.rows - done, kRowsAtOnce);
      NextRows next = rows_after(p, part, block, kDepth);
      multiply_group<Number>(p, workspace, block, &part, prefetches ? &next : nullptr);
    }
  }
}

}  // namespace
}  // namespace chainrule
