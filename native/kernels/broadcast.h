// Operands of a map that cannot be read where they lie: they are broadcast along axes, or have another type.
#pragma once

#include "convert.h"
#include "view.h"

namespace chainrule {
namespace {

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
