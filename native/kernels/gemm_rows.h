// How a product reads its operand a. A reader says where number k of row i lies, and tiles, copies and
// prefetches read a through it alone; b and c lie as matrices do.
#pragma once

#include "operands.h"

namespace chainrule {
namespace {

// Rows at an affine distance: a matrix, or the transpose of one.
struct AffineRows {
  const float* first;
  int64_t row, step;  // floats from one row to the next, and from one k to the next

  VEC_INLINE const float* at(int64_t i, int64_t k) const { return first + i * row + k * step; }
  // The same, counted from another row and another k.
  VEC_INLINE AffineRows from(int64_t i, int64_t k) const { return {at(i, k), row, step}; }
  // Whether the numbers of a row lie one after another; if not, those of one k do, from row to row.
  VEC_INLINE bool lie_along_k() const { return step == 1; }
};

}  // namespace
}  // namespace chainrule
