// How an operand is seen that is broadcast along axes of a result.
#pragma once

#include "operands.h"

namespace chainrule {
namespace {

// An operand with the dims of the result; neighbouring axes are merged where that makes no difference. Axis 0
// is the innermost. Strides are in elements of the operand, and 0 along an axis that is broadcast.
struct View {
  int32_t rank;
  int64_t dims[kMaxRank];
  int64_t strides[kMaxRank];
};

bool broadcasts(const Tensor& from, const Tensor& to) {
  if (from.rank > to.rank) return false;
  for (int32_t i = 1; i <= from.rank; ++i) {
    int64_t size = from.dims[from.rank - i];
    if (size != 1 && size != to.dims[to.rank - i]) return false;
  }
  return true;
}

View view_through(const Tensor& from, const Tensor& to) {
  View view = {0, {}, {}};
  int64_t stride = 1;
  for (int32_t i = 1; i <= to.rank; ++i) {
    int64_t size = to.dims[to.rank - i];
    bool repeats = i > from.rank || from.dims[from.rank - i] == 1;
    int64_t step = repeats ? 0 : stride;
    if (!repeats) stride *= size;
    if (size == 1) continue;
    int32_t last = view.rank - 1;
    bool merges = last >= 0 && step == view.strides[last] * view.dims[last];
    if (merges) {
      view.dims[last] *= size;
    } else {
      view.dims[view.rank] = size;
      view.strides[view.rank++] = step;
    }
  }
  if (view.rank == 0) view = {1, {1}, {1}};
  return view;
}

}  // namespace
}  // namespace chainrule
