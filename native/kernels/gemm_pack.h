// Copies of operands that make a tile's reads contiguous, and the decision when they pay.
#pragma once

#include "gemm_epilogue.h"

namespace chainrule {
namespace {

// From this many rows on, it pays to copy a b whose rows collide in the cache.
constexpr int64_t kManyRows = 96;
// Addresses that are a multiple of this many floats apart share the same few cache sets.
constexpr int64_t kCollidingStep = 1024;

// A part of C during one pass over k: its rows and columns, and where its operands are read.
struct Part {
  int64_t row, rows, column, columns;
  int64_t k, depth;
  AffineRows a;
  const float* b;
  int64_t b_step;
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
    for (int64_t k = 0; k < depth; ++k) {
      for (int64_t j = 0; j < width; j += kLanes) {
        __builtin_prefetch(from + kPrefetchRows * from_step + j);
        store(to + j, load_upto(from + j, max(n - j, 0)));
      }
      to += width;
      from += from_step;
    }
  }

  // to[k * width + j] = from[j * from_row + k] for j below n; zero up to the width. Writes 16 rows at a time.
  static void pack_transposed(float* to, int64_t width, const float* from, int64_t from_row, int64_t depth,
                              int64_t n) {
    for (int64_t j = 0; j < width; j += kLanes) {
      for (int64_t k = 0; k < depth; k += kLanes) {
        const float* corner = from + j * from_row + k;
        float* block = to + k * width + j;
        int64_t rows = min(n - j, kLanes), columns = min(depth - k, kLanes);
        if (rows == kLanes && columns == kLanes) {
          transpose_16x16(corner, from_row, block, width);
        } else {
          transpose_corner(corner, from_row, rows, columns, block, width);
        }
      }
    }
  }
};

template <class Number>
bool packs_a(const Product& p) {
  return Number::kPerWord > 1 || (!p.a.lie_along_k() && p.a.step % kCollidingStep == 0);
}

// Copies the part's rows of a for one pass over the panels of b.
template <class Number>
void pack_a(const Workspace& workspace, Part* part) {
  const AffineRows from = part->a;
  if constexpr (Number::kPerWord > 1) {
    if (from.lie_along_k()) {
      Number::pack_along(workspace.packed_a, kBlockDepth, from.first, from.row, part->depth, part->rows);
      part->a = {workspace.packed_a, kBlockDepth, 1};
      return;
    }
  }
  Number::pack_rows(workspace.packed_a, kRowsAtOnce, from.first, from.step, part->depth, part->rows);
  part->a = {workspace.packed_a, 1, kRowsAtOnce};
}

// A panel of b must be copied if it lies transposed, ends within a vector or is rounded. It pays if its rows
// collide in the cache and enough rows of a share the copy.
template <class Number>
bool packs_panel(const Product& p, int64_t rows, int64_t columns) {
  if (Number::kPerWord > 1 || p.b_transposed || columns % kLanes != 0) return true;
  return p.b_row % kCollidingStep == 0 && rows >= kManyRows;
}

// Whether the first tile that reads a panel can copy it: it lies as it is read, at its full width.
template <class Number>
bool is_copied_by_tile(const Product& p, int64_t columns) {
  return Number::kPerWord == 1 && !p.b_transposed && columns == kPanelColumns;
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
