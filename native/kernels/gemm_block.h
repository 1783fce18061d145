// A block of C: the loops around the tile. Blocks of k, groups of rows, columns in panels of b, rows in
// tiles.
#pragma once

#include "check.h"
#include "gemm_tile.h"
#include "map.h"

namespace chainrule {
namespace {

// Columns of a block of C at most: what is copied of b for it, 384 deep, stays in the second-level cache.
constexpr int64_t kMaxBlockColumns = 512;
// Rows that pass over a panel of b before the next panel: with it they fit the second-level cache.
constexpr int64_t kRowsAtOnce = 96;
// From so many rows on it pays to copy a b whose rows collide.
constexpr int64_t kManyRows = 96;
// Up to so many rows, reading b costs more than multiplying.
constexpr int64_t kFewRows = 2;
// Distances of a multiple of this many floats fall into the same few cache sets.
constexpr int64_t kCollidingStep = 1024;
// From so many bytes on, that which a tile reads next is in no second-level cache, and asking for it gains
// more than it costs.
constexpr int64_t kFarBytes = int64_t{8} << 20;

struct Product {
  int64_t m, n, k;
  const float* a;
  int64_t a_row, a_step;
  const float* b;
  int64_t b_row;  // floats from one row to the next as it lies in memory
  bool b_transposed;
  float* c;
  int64_t c_row;  // floats from one row to the next
  bool c_turned;  // c holds the transpose: a and b have changed places
  const float* bias;
  int64_t bias_step;        // 0 where one number is for all columns, a panel of it lying in a row
  const MapOp* activation;  // of the result, or of the result and `other`
  const float* other;       // of C's shape
  bool guarded;
};

// What a run lends its blocks: memory for copies, and the guard of the block, nullptr for none.
struct Desk {
  float *packed_a, *packed_b;
  float* turned;  // kRowsAtOnce rows of a panel, before they go into a c that holds the transpose
  int32_t* guard;
  const Pause* pause;
};

// A part of C during one pass over k: which rows and columns, and where its operands are read.
struct Part {
  int64_t row, rows, column, columns;
  int64_t k, depth;
  const float* a;
  int64_t a_row, a_step;
  const float* b;
  int64_t b_step;
};

// What the next group of rows will read of a, for the tiles of this one to ask for: rows as they lie in
// memory.
struct RowsAhead {
  const float* from;
  int64_t rows, row_step, lines;
  int64_t row, line;  // the first that has not been asked for

  // What a tile of so many steps asks for.
  Asked next(int64_t depth) {
    if (row >= rows || line >= lines) return {};
    const float* at = from + row * row_step + line * kLanes;
    row += pieces(depth, kAskingSteps);
    if (row >= rows) {
      row = 0;
      line += kAskedLines;
    }
    return {at, kLanes, row_step};
  }
};

bool is_finished(const Product& p, const Part& part) { return part.k + part.depth == p.k; }

// Notes the first number that is not finite among finished rows of c, which are still in the first-level
// cache.
VEC_INLINE void guard_rows(const Product& p, const Desk& desk, int64_t row, int64_t rows, int64_t column,
                           int64_t columns) {
  IntVec bits = splat_int(0);
  for (int64_t i = row; i < row + rows; ++i) {
    const float* c = p.c + i * p.c_row + column;
    for (int64_t j = 0; j < columns; j += kLanes)
      bits = bits | not_finite_bits(load_upto(c + j, columns - j));
  }
  if (!has_top_bit(bits)) return;
  for (int64_t i = row; i < row + rows; ++i) {
    int64_t start = i * p.c_row + column, at = first_not_finite(p.c + start, columns);
    if (at < 0) continue;
    int32_t position = static_cast<int32_t>(smaller_of(start + at, 0x7fffffff));
    if (*desk.guard < 0 || position < *desk.guard) *desk.guard = position;
    return;
  }
}

// What comes after the last block of k, for rows and columns as c has them.
void finish_rows(const Product& p, const Desk& desk, int64_t row, int64_t rows, int64_t column,
                 int64_t columns) {
  // Whole rows lie one behind the other: as one row they have one tail.
  if (columns == p.c_row) {
    columns *= rows;
    rows = 1;
  }
  if (p.activation != nullptr) {
    int64_t start = row * p.c_row + column;
    const float* other = p.other == nullptr ? nullptr : p.other + start;
    p.activation->run_rows(p.c + start, p.c + start, other, p.c_row, rows, columns);
  }
  if (p.guarded) guard_rows(p, desk, row, rows, column, columns);
}

// Puts what the tiles have left in desk.turned into a c that holds the transpose.
void store_turned(const Product& p, const Part& part, const Desk& desk, int64_t width) {
  const float* bias = is_finished(p, part) ? p.bias : nullptr;
  for (int64_t j = 0; j < part.columns; j += kLanes) {
    int64_t columns = smaller_of(part.columns - j, kLanes);
    for (int64_t i = 0; i < part.rows; i += kLanes) {
      int64_t lanes = smaller_of(part.rows - i, kLanes);
      Vec added = bias == nullptr ? zero() : load_upto(bias + part.row + i, lanes);
      Vec turned[kLanes];
      load_turned(desk.turned + i * width + j, width, turned);
      float* c = p.c + (part.column + j) * p.c_row + part.row + i;
#pragma GCC unroll 16
      for (int u = 0; u < kLanes; ++u) {
        if (u >= columns) break;
        Vec sum = turned[u];
        if (part.k > 0) sum = load_upto(c, lanes) + sum;
        if (bias != nullptr) sum = sum + added;
        store_upto(c, sum, lanes);
        c += p.c_row;
      }
    }
  }
  if (is_finished(p, part)) finish_rows(p, desk, part.column, part.columns, part.row, part.rows);
}

// All rows of the part over one panel of at most kPanelColumns, in tiles of nearly equal height. The first
// tile leaves a copy of the panel for the others where `copy` is given. `ahead` is nullptr where nothing is
// asked for.
template <class Number>
void multiply_panel(const Product& p, const Part& part, const Desk& desk, float* copy, RowsAhead* ahead) {
  int64_t vectors = pieces(part.columns, kLanes);
  int64_t tiles = pieces(part.rows, rows_of_tile(static_cast<int>(vectors)));
  TileArgs t = {};
  t.depth = pieces(part.depth, Number::kPerWord);
  t.a = part.a;
  t.a_row = part.a_row;
  t.a_step = part.a_step;
  t.b = part.b;
  t.b_step = part.b_step;
  t.copy = copy;
  bool last = is_finished(p, part) && !p.c_turned;
  if (p.c_turned) {
    t.last_columns = kLanes;
    t.c = desk.turned;
    t.c_row = vectors * kLanes;
  } else {
    t.last_columns = part.columns - (vectors - 1) * kLanes;
    t.c = p.c + part.row * p.c_row + part.column;
    t.c_row = p.c_row;
    t.accumulate = part.k > 0;
    t.bias = last && p.bias != nullptr ? p.bias + part.column * p.bias_step : nullptr;
  }
  int64_t row = part.row;
  for (int64_t i = 0; i < tiles; ++i) {
    int64_t rows = part.rows / tiles + (i < part.rows % tiles);
    if (copy != nullptr && i == 0) {
      kTiles<Number, TileKind::copying>.of[vectors - 1][rows - 1](t);
      t.b = copy;
      t.b_step = vectors * kLanes;
    } else if (ahead != nullptr) {
      t.ahead = ahead->next(t.depth);
      kTiles<Number, TileKind::asking>.of[vectors - 1][rows - 1](t);
    } else {
      kTiles<Number, TileKind::plain>.of[vectors - 1][rows - 1](t);
    }
    if (last) finish_rows(p, desk, row, rows, part.column, part.columns);
    t.a += rows * part.a_row;
    t.c += rows * t.c_row;
    row += rows;
  }
  if (p.c_turned) store_turned(p, part, desk, t.c_row);
}

// Whether a panel of b is copied: what lies transposed or ends within a vector must be, as what is rounded,
// and it pays where rows collide in the cache and enough rows of a share the copy.
template <class Number>
bool packs_panel(const Product& p, int64_t rows, int64_t columns) {
  if (Number::kPerWord > 1 || p.b_transposed || columns % kLanes != 0) return true;
  return p.b_row % kCollidingStep == 0 && rows >= kManyRows;
}

template <class Number>
void pack_panel(const Product& p, float* to, int64_t k, int64_t depth, int64_t column, int64_t columns) {
  int64_t width = pieces(columns, kLanes) * kLanes;
  if (p.b_transposed) {
    Number::pack_transposed(to, width, p.b + column * p.b_row + k, p.b_row, depth, columns);
  } else {
    Number::pack_rows(to, width, p.b + k * p.b_row + column, p.b_row, depth, columns);
  }
}

// Copies the part's rows of a for one pass over the panels of b.
template <class Number>
void pack_a(const Desk& desk, Part* part) {
  const float* from = part->a;
  part->a = desk.packed_a;
  if constexpr (Number::kPerWord > 1) {
    if (part->a_step == 1) {
      Number::pack_along(desk.packed_a, kBlockDepth, from, part->a_row, part->depth, part->rows);
      part->a_row = kBlockDepth;
      return;
    }
  }
  Number::pack_rows(desk.packed_a, kRowsAtOnce, from, part->a_step, part->depth, part->rows);
  part->a_step = kRowsAtOnce;
}

// Few rows and a b that lies as it is read: the time is that of reading b.
void multiply_thin_block(const Product& p, const Desk& desk, int64_t row, int64_t rows, int64_t column,
                         int64_t columns) {
  TileArgs t = {};
  t.a_row = p.a_row;
  t.a_step = p.a_step;
  t.b_step = p.b_row;
  t.c = p.c + row * p.c_row + column;
  t.c_row = p.c_row;
  int64_t k = 0;
  do {
    t.depth = smaller_of(p.k - k, kBlockDepth);
    t.a = p.a + row * p.a_row + k * p.a_step;
    t.b = p.b + k * p.b_row + column;
    bool last = k + t.depth == p.k;
    t.bias = last && p.bias != nullptr ? p.bias + column * p.bias_step : nullptr;
    multiply_few_rows(t, rows, columns, desk.packed_b, kMaxBlockColumns, p.bias_step);
    t.accumulate = true;
    k += t.depth;
  } while (k < p.k);
  finish_rows(p, desk, row, rows, column, columns);
}

// What is read: c too where blocks of k are added to it.
bool lies_far(const Product& p) {
  int64_t numbers = (p.m + p.n) * p.k + (p.k > kBlockDepth ? p.m * p.n : 0);
  return numbers * static_cast<int64_t>(sizeof(float)) >= kFarBytes;
}

// Where the group of rows after `part` lies in a; after the last, the first of the next block of `most` of k.
RowsAhead rows_after(const Product& p, const Part& part, int64_t first, int64_t end, int64_t most) {
  int64_t row = part.row + part.rows, k = part.k;
  if (row >= end) {
    row = first;
    k += part.depth;
  }
  if (k >= p.k) return {};
  int64_t rows = smaller_of(end - row, kRowsAtOnce), depth = smaller_of(p.k - k, most);
  const float* from = p.a + row * p.a_row + k * p.a_step;
  if (p.a_step == 1) return {from, rows, p.a_row, pieces(depth, kLanes), 0, 0};
  return {from, depth, p.a_step, pieces(rows, kLanes), 0, 0};
}

// Rows [row, row + rows) of the columns of one block column. A panel of b is copied by the first tile that
// reads it, or before where it must be transposed or padded.
template <class Number>
void multiply_block(const Product& p, const Desk& desk, int64_t row, int64_t rows, int64_t column,
                    int64_t columns) {
  constexpr int64_t kDepth = kBlockDepth * Number::kPerWord;
  bool packs_a = Number::kPerWord > 1 || (p.a_step != 1 && p.a_step % kCollidingStep == 0);
  bool far = lies_far(p);
  Part part = {};
  for (part.k = 0; part.k == 0 || part.k < p.k; part.k += kDepth) {
    part.depth = smaller_of(p.k - part.k, kDepth);
    for (int64_t done = 0; done < rows; done += kRowsAtOnce) {
      part.row = row + done;
      part.rows = smaller_of(rows - done, kRowsAtOnce);
      part.a = p.a + part.row * p.a_row + part.k * p.a_step;
      part.a_row = p.a_row;
      part.a_step = p.a_step;
      RowsAhead ahead = rows_after(p, part, row, row + rows, kDepth);
      if (packs_a) pack_a<Number>(desk, &part);
      for (int64_t j = 0; j < columns; j += kPanelColumns) {
        part.column = column + j;
        part.columns = smaller_of(columns - j, kPanelColumns);
        part.b = p.b + part.k * p.b_row + part.column;
        part.b_step = p.b_row;
        float* copy = nullptr;
        if (packs_panel<Number>(p, rows, part.columns)) {
          // Rows in one go need no panel twice: the next one takes its place in the cache.
          float* panel = desk.packed_b + (rows > kRowsAtOnce ? j * kBlockDepth : 0);
          if (done == 0 && Number::kPerWord == 1 && !p.b_transposed && part.columns % kLanes == 0) {
            copy = panel;
          } else {
            if (done == 0) pack_panel<Number>(p, panel, part.k, part.depth, part.column, part.columns);
            part.b = panel;
            part.b_step = pieces(part.columns, kLanes) * kLanes;
          }
        }
        multiply_panel<Number>(p, part, desk, copy, far ? &ahead : nullptr);
        offer_pause(desk.pause);
      }
    }
  }
}

}  // namespace
}  // namespace chainrule
