// Operands of a map that cannot be read where they lie: they are broadcast along axes, or have another type.
#pragma once

#include "convert.h"

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

// out[0, n) = elements [start, start + n) of the operand as the view sees it. Needs room as load_register
// does.
void expand(float* out, bool integer, const Tensor& from, const View& view, int64_t start, int64_t n) {
  int64_t position[kMaxRank] = {};
  int64_t at = 0;
  for (int32_t i = 0; i < view.rank; ++i) {
    position[i] = start % view.dims[i];
    start /= view.dims[i];
    at += position[i] * view.strides[i];
  }
  while (n > 0) {
    int64_t length = min(view.dims[0] - position[0], n);
    if (view.strides[0] != 0) {
      load_register(out, integer, from.dtype, from.data, at, length);
    } else {
      Vec value = as_float(splat_int(load_one(integer, from.dtype, from.data, at)));
      for (int64_t i = 0; i < length; i += kLanes) store(out + i, value);
    }
    out += length;
    n -= length;
    if (n == 0) return;
    // The innermost axis is at its end: restart it and advance the outer ones.
    at -= position[0] * view.strides[0];
    position[0] = 0;
    for (int32_t i = 1; i < view.rank; ++i) {
      at += view.strides[i];
      if (++position[i] < view.dims[i]) break;
      at -= view.dims[i] * view.strides[i];
      position[i] = 0;
    }
  }
}

}  // namespace
}  // namespace chainrule
