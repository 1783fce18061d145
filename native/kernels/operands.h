// What all kernels need to read their operands: sizes that cannot overflow, work cut into tasks by shape,
// tails.
#pragma once

#include "../plan.h"
#include "../simd/vec.h"

namespace chainrule {
namespace {

// A task of at least this many elements of plain arithmetic is worth handing to a thread.
constexpr int64_t kTaskElements = 4096;

VEC_INLINE int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
VEC_INLINE int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

// n / size rounded up; unlike (n + size - 1) / size it cannot overflow.
VEC_INLINE constexpr int64_t ceil_div(int64_t n, int64_t size) { return n / size + (n % size != 0); }

// How many items a task takes, and how many tasks there are: at least one, so that no caller divides by zero.
VEC_INLINE int64_t items_per_task(int64_t elements_each) {
  return max(kTaskElements / max(elements_each, 1), 1);
}
VEC_INLINE int64_t tasks_of(int64_t items, int64_t elements_each) {
  return max(ceil_div(items, items_per_task(elements_each)), 1);
}

// Product of dims [from, to): 0 if one of them is 0, and 2^62 if it is larger than that.
VEC_INLINE int64_t extent(const Tensor& x, int32_t from, int32_t to) {
  constexpr int64_t kLimit = int64_t{1} << 62;
  int64_t product = 1;
  for (int32_t i = from; i < to; ++i) {
    if (x.dims[i] == 0) return 0;
    product = product > kLimit / x.dims[i] ? kLimit : product * x.dims[i];
  }
  return product;
}

VEC_INLINE bool same_dims(const Tensor& a, const Tensor& b) {
  if (a.rank != b.rank) return false;
  for (int32_t i = 0; i < a.rank; ++i) {
    if (a.dims[i] != b.dims[i]) return false;
  }
  return true;
}

VEC_INLINE bool is_vector(const Tensor& x, int64_t size) { return x.rank == 1 && x.dims[0] == size; }

template <class Element>
VEC_INLINE const Element* input(const Args& args, int32_t index) {
  return static_cast<const Element*>(args.inputs[index].data);
}
template <class Element>
VEC_INLINE Element* output(const Args& args, int32_t index) {
  return static_cast<Element*>(args.outputs[index].data);
}

VEC_INLINE float float_attribute(const Args& args, int32_t index) {
  float value;
  __builtin_memcpy(&value, args.attributes + index, 4);
  return value;
}

// Reads a number that JavaScript may change during the run: the value that is checked is the value that is
// used.
VEC_INLINE int32_t read_once(const int32_t* p) { return *static_cast<const volatile int32_t*>(p); }

VEC_INLINE void yield_to_others(const YieldPoint* point) {
  if (point != nullptr && point->yield != nullptr) point->yield(point->context);
}

// Rows whose places are data lie anywhere in memory. Several are prefetched: the first lines of each,
// because the processor goes on along the rest by itself, and of all as many as a core can wait for at once.
constexpr int64_t kLineBytes = 64;
constexpr int64_t kPrefetchedBytes = 8 * kLineBytes, kBytesAhead = 64 * kLineBytes;
constexpr int64_t kMinRowsAhead = 2, kMaxRowsAhead = 16;

// How many rows to prefetch where so many bytes belong to each.
VEC_INLINE int64_t rows_ahead(int64_t bytes) {
  return max(min(kBytesAhead / max(bytes, 1), kMaxRowsAhead), kMinRowsAhead);
}

VEC_INLINE void prefetch_row(const void* row, int64_t bytes) {
  const auto* at = static_cast<const char*>(row);
  for (int64_t i = 0; i < min(bytes, kPrefetchedBytes); i += kLineBytes) __builtin_prefetch(at + i);
}
VEC_INLINE void prefetch_row_to_write(const void* row, int64_t bytes) {
  const auto* at = static_cast<const char*>(row);
  for (int64_t i = 0; i < min(bytes, kPrefetchedBytes); i += kLineBytes) __builtin_prefetch(at + i, 1);
}

alignas(64) constexpr int32_t kLaneNumbers[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
VEC_INLINE IntVec lane_index() { return load_int(kLaneNumbers); }
VEC_INLINE Mask mask_below(int64_t n) { return less_int(lane_index(), splat_int(static_cast<int32_t>(n))); }

}  // namespace
}  // namespace chainrule
