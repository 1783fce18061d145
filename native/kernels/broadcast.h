// Operands of a map that cannot be read where they lie: they are broadcast along axes, or have another type.
#pragma once

#include "view.h"

namespace chainrule {
namespace {

VEC_INLINE float load_one(Dtype dtype, const void* data, int64_t at) {
  switch (dtype) {
    case Dtype::float32: return static_cast<const float*>(data)[at];
    case Dtype::int32: return static_cast<float>(static_cast<const int32_t*>(data)[at]);
    default: return static_cast<float>(static_cast<const uint8_t*>(data)[at]);
  }
}

// out[0, n) = data[at, at + n) as floats. Writes whole vectors, so the buffer needs room for one more.
void load_floats(float* out, Dtype dtype, const void* data, int64_t at, int64_t n) {
  if (dtype == Dtype::float32) {
    const float* x = static_cast<const float*>(data) + at;
    for (int64_t i = 0; i < n; i += kLanes) store(out + i, load_upto(x + i, n - i));
  } else if (dtype == Dtype::int32) {
    const int32_t* x = static_cast<const int32_t*>(data) + at;
    for (int64_t i = 0; i < n; i += kLanes) {
      store(out + i, to_float(n - i >= kLanes ? load_int(x + i) : load_int_tail(x + i, n - i)));
    }
  } else {
    const uint8_t* x = static_cast<const uint8_t*>(data) + at;
    for (int64_t i = 0; i < n; i += kLanes) {
      store(out + i, n - i >= kLanes ? load_u8(x + i) : load_u8_tail(x + i, n - i));
    }
  }
}

// The reverse: a bool is `x != 0`, integers are truncated and saturated, NaN becomes 0.
void store_floats(const float* x, Dtype dtype, void* data, int64_t at, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    Vec value = load(x + i);
    int64_t count = min(n - i, kLanes);
    if (dtype == Dtype::float32) {
      store_upto(static_cast<float*>(data) + at + i, value, count);
      continue;
    }
    IntVec integer = to_int_truncate(value);
    if (dtype == Dtype::int32) {
      int32_t* to = static_cast<int32_t*>(data) + at + i;
      count == kLanes ? store_int(to, integer) : store_int_tail(to, integer, count);
      continue;
    }
    IntVec none = splat_int(0), one = splat_int(1), most = splat_int(255);
    if (dtype == Dtype::boolean) {
      integer = select(not_equal(value, zero()), one, none);
    } else {
      integer = select(less_int(integer, none), none, select(less_int(most, integer), most, integer));
    }
    uint8_t* to = static_cast<uint8_t*>(data) + at + i;
    count == kLanes ? store_u8(to, integer) : store_u8_tail(to, integer, count);
  }
}

// out[0, n) = elements [start, start + n) of the operand as the view sees it. Needs room as load_floats does.
void expand(float* out, const Tensor& from, const View& view, int64_t start, int64_t n) {
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
      load_floats(out, from.dtype, from.data, at, length);
    } else {
      Vec value = splat(load_one(from.dtype, from.data, at));
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
