// Copies of operands that make a tile's reads contiguous, and the decision when they pay.
#pragma once

#include "gemm_epilogue.h"

namespace chainrule {
namespace {

// A panel of one vector has a single line of each row of b, often on a page of its own, and few columns to
// hide what reading a takes. So both are copied wherever they are spread over the cache.
constexpr bool kNarrowPanels = kTileVectors == 1;
// From this many rows on, it pays to copy a b that lies as it is read; and from fewer, where it is read from
// beyond the L2 cache.
constexpr int64_t kManyRows = kNarrowPanels ? 30 : 36;
constexpr int64_t kFarNumbers = int64_t{1} << (kNarrowPanels ? 19 : 18);
constexpr int64_t kManyRowsOfFar = kNarrowPanels ? 6 : 18;
// Rows that lie together with all between them in fewer numbers stay in the cache as they are; and for fewer
// columns copying a takes longer than it saves.
constexpr int64_t kSpreadNumbers = 57344, kColumnsPerCopyOfA = 240;
// Narrow panels are copied so many columns at a time: long stretches of rows, whose lines memory delivers one
// after another and whose pages are looked up once.
constexpr int64_t kCopiedColumns = 256;
// Addresses that are a multiple of this many floats apart share the same few cache sets.
constexpr int64_t kCollidingStep = 1024;

// A part of C during one pass over k: its rows and columns, and where its operands are read.
struct Part {
  int64_t row, rows, column, columns;
  int64_t k, depth;
  AffineRows a;
  bool a_in_tiles;  // a is a copy in which each tile has its rows for itself: see tile_of
  const float* b;
  int64_t b_step;
  bool b_is_copy;  // with whole vectors
};

// A corner of a 16 x 16 block: rows and columns that do not exist become zero.
void transpose_corner(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to,
                      int64_t width) {
  alignas(64) float block[kLanes * kLanes];
  for (int64_t i = 0; i < kLanes; ++i) {
    store(block + i * kLanes, i < rows ? load_upto(from + i * from_row, columns) : zero());
  }
  transpose_16x16(block, kLanes, to, width);
}

// One number in a word, each product added as it is.
struct Float32 {
  static constexpr int64_t kPerWord = 1;
  static VEC_INLINE Vec accumulate(Vec a, Vec b, Vec sum) { return fma(a, b, sum); }

  // to[k * width + j] = from[k * from_step + j] for j below n; zero up to the width, a multiple of 16.
  static void pack_rows(float* to, int64_t width, const float* from, int64_t from_step, int64_t depth,
                        int64_t n) {
    const int64_t whole = n / kLanes * kLanes, tail = n - whole;
    const float* later = from + kPrefetchRows * from_step;
    for (int64_t k = 0; k < depth; ++k) {
      int64_t j = 0;
      for (; j < whole; j += kLanes) {
        __builtin_prefetch(later + j);
        store(to + j, load(from + j));
      }
      if (tail > 0) {
        __builtin_prefetch(later + j);
        store(to + j, load_tail(from + j, tail));
        j += kLanes;
      }
      for (; j < width; j += kLanes) store(to + j, zero());
      to += width;
      from += from_step;
      later += from_step;
    }
  }

  // to[k * width + j] = from[j * from_row + k] for j below n; zero up to the width. Writes 16 rows at a time;
  // the last 16 begin among those before, so that they are whole.
  static void pack_transposed(float* to, int64_t width, const float* from, int64_t from_row, int64_t depth,
                              int64_t n) {
    const int64_t last = max(depth - kLanes, 0), columns = min(depth, kLanes);
    for (int64_t j = 0; j < width; j += kLanes) {
      const int64_t rows = min(n - j, kLanes);
      const bool whole = rows == kLanes && columns == kLanes;
      for (int64_t next = 0; next < depth; next += kLanes) {
        const int64_t k = min(next, last);
        const float* corner = from + j * from_row + k;
        float* block = to + k * width + j;
        if (whole) transpose_16x16(corner, from_row, block, width);
        else transpose_corner(corner, from_row, rows, columns, block, width);
      }
    }
  }
};

// Whether reading one pass over k, a row after another, costs more than reading a copy.
bool is_spread(int64_t k, int64_t row) {
  if (kNarrowPanels) return min(k, kBlockDepth) * row >= kSpreadNumbers;
  return row % kCollidingStep == 0;
}

template <class Number>
bool packs_a(const Product& p) {
  if (Number::kPerWord > 1) return true;
  if (p.a.lie_along_k() || (kNarrowPanels && p.n < kColumnsPerCopyOfA)) return false;
  return is_spread(p.k, p.a.step);
}

// Where tile i of a copy begins: behind each of the others are the lanes that its last store leaves over.
VEC_INLINE AffineRows tile_of(const float* copy, int64_t i, int64_t row, int64_t rows, int64_t depth) {
  return {copy + row * depth + i * kLanes, 1, rows};
}

// Copies the rows of `count` tiles for one k, from rows that lie one after another. A load reads and a store
// writes a whole vector; the next store covers what is too much.
template <bool kInside>
VEC_INLINE void pack_tile_rows(float* to, int64_t tile, const float* from, const float* end, int64_t rows,
                               int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    store(to, kInside ? load(from) : load_upto(from, end - from));
    from += rows;
    to += tile;
  }
}

// Copies rows of a that lie transposed so that a tile reads its numbers one after another; `end` is where a
// ends.
void pack_tiles(float* copy, const Part& part, const float* end) {
  const RowTiles tiles = tiles_of(part.rows, 1);
  const int64_t taller = tiles.least + 1, least = tiles.least;
  const int64_t tall_size = taller * part.depth + kLanes, least_size = least * part.depth + kLanes;
  float* others = copy + tiles.taller * tall_size;
  for (int64_t k = 0; k < part.depth; ++k) {
    const float *from = part.a.at(0, k), *then = from + tiles.taller * taller;
    for (int64_t i = 0; i < part.rows; i += kLanes) {
      __builtin_prefetch(from + kPrefetchRows * part.a.step + i);
    }
    if (from + part.rows + kLanes <= end) {
      pack_tile_rows<true>(copy + k * taller, tall_size, from, end, taller, tiles.taller);
      pack_tile_rows<true>(others + k * least, least_size, then, end, least, tiles.count - tiles.taller);
    } else {
      pack_tile_rows<false>(copy + k * taller, tall_size, from, end, taller, tiles.taller);
      pack_tile_rows<false>(others + k * least, least_size, then, end, least, tiles.count - tiles.taller);
    }
  }
}

// Copies the part's rows of a for one pass over the panels of b.
template <class Number>
void pack_a(const Product& p, const Workspace& workspace, Part* part) {
  const AffineRows from = part->a;
  if constexpr (Number::kPerWord > 1) {
    if (from.lie_along_k()) {
      Number::pack_along(workspace.packed_a, kBlockDepth, from.first, from.row, part->depth, part->rows);
      part->a = {workspace.packed_a, kBlockDepth, 1};
      return;
    }
  }
  if constexpr (Number::kPerWord == 1 && kNarrowPanels) {
    pack_tiles(workspace.packed_a, *part, p.a.at(0, p.k));
    part->a.first = workspace.packed_a;
    part->a_in_tiles = true;
    return;
  }
  Number::pack_rows(workspace.packed_a, kRowsAtOnce, from.first, from.step, part->depth, part->rows);
  part->a = {workspace.packed_a, 1, kRowsAtOnce};
}

bool is_far(const Product& p) { return p.k * p.n >= kFarNumbers; }

// Whether copying all of a b that lies as it is read pays: enough rows of a share the copy. Wide panels are
// copied by tiles, which hide most of what it takes.
bool packs_all(const Product& p, int64_t rows) {
  const bool wide = kNarrowPanels ? is_spread(p.k, p.b_row) : p.b_row > kPanelColumns;
  return wide && rows >= (is_far(p) ? kManyRowsOfFar : kManyRows);
}

// A panel of b must be copied if it lies transposed or is rounded, or where it ends within a vector and loads
// are not masked. If they are, a narrow panel is never worth a copy, which no tile makes.
template <class Number>
bool packs_panel(const Product& p, int64_t rows, int64_t columns) {
  if (Number::kPerWord > 1 || p.b_transposed) return true;
  if (kMaskedLoads) return columns == kPanelColumns && packs_all(p, rows);
  return columns % kLanes != 0 || packs_all(p, rows);
}

// Columns of a panel. Of a wide b that is read where it lies, fewer: tiles have more rows, and lines stay in
// the L1 cache from one tile to the next.
template <class Number>
int64_t panel_columns(const Product& p, int64_t rows) {
  constexpr int kFewVectors = kTileVectors < 2 ? kTileVectors : 2;
  const bool single = rows <= rows_of_tile(kTileVectors) || p.b_row <= kPanelColumns;
  const bool whole = single || is_far(p) || packs_panel<Number>(p, rows, kPanelColumns);
  return whole ? kPanelColumns : kFewVectors * kLanes;
}

// How the columns of a block are cut into panels.
struct Panels {
  int64_t count, vectors;
  int64_t column(int64_t i) const { return vectors * i / count * kLanes; }
};

// Panels of a b that lies transposed are of nearly equal width, so that none is too narrow for tiles that
// copy.
template <class Number>
Panels panels_of(const Product& p, const Block& block) {
  const int64_t vectors = ceil_div(block.columns, kLanes);
  const int64_t width = panel_columns<Number>(p, block.rows) / kLanes, count = ceil_div(vectors, width);
  const bool alike = Number::kPerWord == 1 && p.b_transposed && vectors >= 2 * kLeastTransposingVectors &&
                     block.rows >= rows_of_tile(kLeastTransposingVectors);
  return {count, alike ? vectors : count * width};
}

// The first tile over a panel, if it can copy it for the others: at its full width, because a narrow panel
// has too little of each row, unless that lies transposed.
template <class Number>
TileFunction copying_tile(const Product& p, const Part& part) {
  if constexpr (Number::kPerWord == 1 && !kNarrowPanels) {
    if (p.b_transposed) return transposing_tile(part.rows, part.columns, p.b_row, part.depth);
    if (part.columns != kPanelColumns) return nullptr;
    const int64_t rows = min(part.rows, rows_of_tile(kTileVectors));
    return kTiles<Number, TileKind::copying>.of[kTileVectors - 1][rows - 1];
  }
  return nullptr;
}

// Copies narrow panels side by side, the first one to `to`.
void pack_panels(const Product& p, const Part& part, int64_t columns, float* to) {
  const float* from = p.b + part.k * p.b_row + part.column;
  for (int64_t k = 0; k < part.depth; ++k) {
    float* panel = to + k * kLanes;
    for (int64_t j = 0; j < columns; j += kLanes) {
      __builtin_prefetch(from + kPrefetchRows * p.b_row + j);
      store(panel, load_upto(from + j, columns - j));
      panel += kBlockDepth * kLanes;
    }
    from += p.b_row;
  }
}

template <class Number>
void pack_panel(const Product& p, const Part& part, float* to) {
  int64_t width = ceil_div(part.columns, kLanes) * kLanes;
  if (p.b_transposed) {
    const float* from = p.b + part.column * p.b_row + part.k;
    Number::pack_transposed(to, width, from, p.b_row, part.depth, part.columns);
  } else {
    const float* from = p.b + part.k * p.b_row + part.column;
    Number::pack_rows(to, width, from, p.b_row, part.depth, part.columns);
  }
}

}  // namespace
}  // namespace chainrule
