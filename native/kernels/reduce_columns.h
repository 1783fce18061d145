// Reductions down columns: one chain in each chunk of 256 rows, the chunks added in ascending order.
#pragma once

#include "reduce_join.h"

namespace chainrule {
namespace {

constexpr int64_t kRowChunk = 256;
constexpr int64_t kStrip = 4 * kLanes;  // columns that one item of work takes
// Columns whose sums stay in the L1 cache while rows are read along their whole width, so many at a time.
constexpr int64_t kWideColumns = 1024, kRowsTogether = 8;

template <class Of>
using RegisterFor = decltype(splat_number(Of::kIdentity));

template <class Of, int kCount, class Number>
VEC_INLINE void reduce_strip(Number* y, const typename Of::Element* x, int64_t n, int64_t stride) {
  RegisterFor<Of> all[kCount];
  for (int v = 0; v < kCount; ++v) all[v] = splat_number(Of::kIdentity);
  for (int64_t start = 0; start < n; start += kRowChunk) {
    RegisterFor<Of> chunk[kCount];
    for (int v = 0; v < kCount; ++v) chunk[v] = splat_number(Of::kIdentity);
    int64_t end = min(start + kRowChunk, n);
    for (int64_t row = start; row < end; ++row) {
#pragma GCC unroll 4
      for (int v = 0; v < kCount; ++v) {
        chunk[v] = Of::join(chunk[v], read_numbers(x + row * stride + v * kLanes));
      }
    }
    for (int v = 0; v < kCount; ++v) all[v] = Of::join(all[v], chunk[v]);
  }
  for (int v = 0; v < kCount; ++v) write(y + v * kLanes, all[v], kLanes);
}

template <class Of, class Number>
VEC_INLINE void reduce_last_columns(Number* y, const typename Of::Element* x, int64_t n, int64_t stride,
                                    int64_t width) {
  RegisterFor<Of> all = splat_number(Of::kIdentity);
  for (int64_t start = 0; start < n; start += kRowChunk) {
    RegisterFor<Of> chunk = splat_number(Of::kIdentity);
    int64_t end = min(start + kRowChunk, n);
    for (int64_t row = start; row < end; ++row) {
      chunk = Of::join(chunk, read_tail(x + row * stride, width));
    }
    all = Of::join(all, chunk);
  }
  write(y, all, width);
}

template <class Of, int kRows, class Number>
VEC_INLINE void join_rows(Number* sums, const typename Of::Element* x, int64_t stride, int64_t width,
                          bool first) {
  for (int64_t j = 0; j < width; j += kLanes) {
    auto sum = first ? splat_number(Of::kIdentity) : read_numbers(sums + j);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sum = Of::join(sum, read_numbers(x + r * stride + j));
    write(sums + j, sum, kLanes);
  }
}

// Whole vectors of columns, at most kWideColumns.
template <class Of, class Number>
COMPILED_ONCE void reduce_wide(Number* y, const typename Of::Element* x, int64_t n, int64_t stride,
                               int64_t width) {
  alignas(64) Number chunk[kWideColumns];
  for (int64_t j = 0; j < width; j += kLanes) write(y + j, splat_number(Of::kIdentity), kLanes);
  for (int64_t start = 0; start < n; start += kRowChunk) {
    const int64_t end = min(start + kRowChunk, n);
    int64_t row = start;
    for (; row + kRowsTogether <= end; row += kRowsTogether) {
      join_rows<Of, kRowsTogether>(chunk, x + row * stride, stride, width, row == start);
    }
    for (; row < end; ++row) join_rows<Of, 1>(chunk, x + row * stride, stride, width, row == start);
    for (int64_t j = 0; j < width; j += kLanes) {
      write(y + j, Of::join(read_numbers(y + j), read_numbers(chunk + j)), kLanes);
    }
  }
}

template <class Of, class Number>
VEC_INLINE void reduce_columns(Number* y, const typename Of::Element* x, int64_t n, int64_t stride,
                               int64_t width) {
  if (width == kStrip) return reduce_strip<Of, 4>(y, x, n, stride);
  int64_t column = 0;
  for (int64_t wide; width - column > kStrip; column += wide) {
    wide = min(width - column, kWideColumns) / kLanes * kLanes;
    reduce_wide<Of>(y + column, x + column, n, stride, wide);
  }
  for (; column + kLanes <= width; column += kLanes) reduce_strip<Of, 1>(y + column, x + column, n, stride);
  if (column < width) reduce_last_columns<Of>(y + column, x + column, n, stride, width - column);
}

}  // namespace
}  // namespace chainrule
