// Gathers rows of the user's arrays, which are read where they lie, and one element of each row. Twin of
// lib/ops/gather.ts.
#pragma once

#include "check.h"
#include "convert.h"
#include "softmax.h"

namespace chainrule {
namespace {

// Whether elements may be NaN or infinite.
template <class Element>
constexpr bool kIsReal = false;
template <>
constexpr bool kIsReal<float> = true;
template <>
constexpr bool kIsReal<double> = true;
template <>
constexpr bool kIsReal<Float16Bits> = true;
template <>
constexpr bool kIsReal<Bfloat16Bits> = true;

// Elements of a row: the product of the dims after the first.
VEC_INLINE int64_t row_size(const Args& args) { return extent(args.outputs[0], 1, args.outputs[0].rank); }

const char* check_gather(const Args& args) {
  const Tensor &source = args.inputs[0], &rows = args.inputs[1], &y = args.outputs[0];
  if (source.rank < 1 || rows.rank != 1) return "expected a source with rows and a list of row indices";
  if (y.rank != source.rank || y.dims[0] != rows.dims[0]) return "the dims of the result do not fit";
  for (int32_t i = 1; i < y.rank; ++i) {
    if (y.dims[i] != source.dims[i]) return "the dims of the result do not fit";
  }
  return is_vector(args.outputs[1], rows.dims[0]) ? nullptr : "the guard must have one number per row";
}

int64_t gather_tasks(const Args& args) { return tasks_of(args.inputs[1].dims[0], row_size(args)); }

double gather_cost(const Args& args) {
  return 20.0 + 20.0 * static_cast<double>(args.inputs[1].dims[0]) +
         0.09 * static_cast<double>(args.outputs[0].count);
}

// Bytes from what is read to what is prefetched: about what one thread can have in flight from main memory.
constexpr int64_t kPrefetchBytes = 6144;
constexpr int64_t kMinPrefetchRows = 2, kMaxPrefetchRows = 16;

// How many rows of n elements to prefetch ahead. A quotient, because the bytes of a row may exceed an int64.
template <class Element>
VEC_INLINE int64_t prefetch_rows(int64_t n) {
  constexpr int64_t kPrefetchElements = kPrefetchBytes / static_cast<int64_t>(sizeof(Element));
  return max(min(kPrefetchElements / max(n, 1), kMaxPrefetchRows), kMinPrefetchRows);
}

// y = value * scale + offset over one row. Returns the or-ed not_finite_bits of a source of reals. Shuffled
// rows can be anywhere in memory, so for each cache line that is read, one of a later row is prefetched.
template <class Element>
VEC_INLINE IntVec convert_row(float* y, const Element* x, const Element* later, int64_t n, Vec scale,
                              Vec offset) {
  constexpr int64_t kLine = 64 / sizeof(Element);
  IntVec bits = splat_int(0);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    if (i % kLine == 0) __builtin_prefetch(later + i);
    Vec value = read_reals(x + i, kLanes);
    if (kIsReal<Element>) bits = bits | not_finite_bits(value);
    store(y + i, fma(value, scale, offset));
  }
  if (i < n) {
    __builtin_prefetch(later + i);
    Vec value = read_reals(x + i, n - i);
    if (kIsReal<Element>) bits = bits | not_finite_bits(value);
    store_tail(y + i, fma(value, scale, offset), n - i);
  }
  return bits;
}

// Where a row of reals is not finite. If JavaScript has changed it since, then the first column.
template <class Element>
VEC_INLINE int32_t bad_column(const Element* x, int64_t n) {
  if (!kIsReal<Element>) return -1;
  for (int64_t i = 0; i < n; i += kLanes) {
    float lanes[kLanes];
    store(lanes, read_reals(x + i, n - i));
    for (int64_t k = 0; k < min(n - i, kLanes); ++k) {
      if (!is_finite(lanes[k])) return static_cast<int32_t>(min(i + k, kRowOutOfRange - 1));
    }
  }
  return 0;
}

VEC_INLINE bool are_rows(int32_t first, int64_t count, const Args& args) {
  return first >= 0 && first + count <= args.inputs[0].dims[0];
}
VEC_INLINE bool is_row(int32_t row, const Args& args) { return are_rows(row, 1, args); }

// Consecutive rows with fewer elements than this, as in an epoch that is not shuffled, are copied as one.
constexpr int64_t kShortRow = 64;

// How many of `count` row indices, beginning with the valid index `first`, are valid and increase by one.
VEC_INLINE int64_t consecutive_rows(const int32_t* rows, int64_t count, int32_t first, const Args& args) {
  int64_t n = 1;
  while (n < count && read_once(rows + n) == first + n) ++n;
  return are_rows(first, n, args) ? n : 1;
}

// Whether a row index is followed by the next one.
VEC_INLINE bool is_next(const int32_t* row) { return int64_t{read_once(row + 1)} - read_once(row) == 1; }

// Scattered rows of one vector each, without a look at any of them alone. False if one of them is not there
// or not finite: then all of them have to be gathered in the other way.
template <class Element>
bool gather_narrow_rows(const Args& args, const Element* source, int64_t n, int64_t first, int64_t last) {
  const int32_t* rows = input<int32_t>(args, 1);
  float* y = output<float>(args, 0) + first * n;
  int32_t* guard = output<int32_t>(args, 1);
  const Vec scale = splat(float_attribute(args, 0)), offset = splat(float_attribute(args, 1));
  IntVec bits = splat_int(0);
  for (int64_t b = first; b < last; ++b) {
    const int32_t later = read_once(rows + min(b + kMaxPrefetchRows, last - 1)), row = read_once(rows + b);
    if (!is_row(row, args) || !is_row(later, args)) return false;
    __builtin_prefetch(source + later * n);
    const Vec value = read_reals(source + row * n, n);
    if (kIsReal<Element>) bits = bits | not_finite_bits(value);
    store_upto(y, fma(value, scale, offset), n);
    y += n;
    guard[b] = -1;
  }
  return !has_top_bit(bits);
}

template <class Element>
VEC_INLINE void gather_rows(const Args& args, const Element* source, int64_t first, int64_t last) {
  const int32_t* rows = input<int32_t>(args, 1);
  int32_t* guard = output<int32_t>(args, 1);
  int64_t n = row_size(args), longest = n < kShortRow ? last - first : 1;
  Vec scale = splat(float_attribute(args, 0)), offset = splat(float_attribute(args, 1));
  int64_t ahead = prefetch_rows<Element>(n);
  const bool apart = last - first > 1 && !is_next(rows + first);
  if (apart && n <= kLanes && gather_narrow_rows(args, source, n, first, last)) return;
  for (int64_t b = first; b < last;) {
    int32_t row = read_once(rows + b);
    float* y = output<float>(args, 0) + b * n;
    if (!is_row(row, args)) {
      guard[b++] = kRowOutOfRange;
      for (int64_t i = 0; i < n; ++i) y[i] = 0.0f;
      continue;
    }
    int64_t count = consecutive_rows(rows + b, min(longest, last - b), row, args);
    int32_t later = count == 1 && b + ahead < last ? read_once(rows + b + ahead) : row;
    const Element* x = source + row * n;
    const Element* prefetched = is_row(later, args) ? source + later * n : x;
    bool finite = !has_top_bit(convert_row(y, x, prefetched, count * n, scale, offset));
    if (!finite && count > 1) {
      longest = 1;  // again row by row, to find out which one
      continue;
    }
    for (int64_t i = 0; i < count; ++i) guard[b + i] = finite ? -1 : bad_column(x, n);
    b += count;
  }
}

VEC_INLINE void gather_range(const Args& args, int64_t* first, int64_t* last) {
  int64_t per_task = items_per_task(row_size(args));
  *first = *first * per_task;
  *last = min(*last * per_task, args.inputs[1].dims[0]);
}

void run_gather_rows(const Args& args, int64_t first, int64_t last) {
  gather_range(args, &first, &last);
  const Tensor& source = args.inputs[0];
  with_elements(source.dtype, source.data, [&](auto* elements) __attribute__((always_inline)) {
    gather_rows(args, elements, first, last);
  });
}

// Whether the element is an int32. *y is that integer, or 0.
VEC_INLINE bool to_label(double value, int32_t* y) {
  bool fits = value >= -2147483648.0 && value < 2147483648.0;
  *y = fits ? static_cast<int32_t>(value) : 0;
  if (fits && static_cast<double>(*y) == value) return true;
  *y = 0;
  return false;
}
template <class Element>
VEC_INLINE bool read_label(const Element* p, int32_t* y) {
  return to_label(static_cast<double>(*static_cast<const volatile Element*>(p)), y);
}
VEC_INLINE bool read_label(const int32_t* p, int32_t* y) {
  *y = read_once(p);
  return true;
}
VEC_INLINE bool read_label(const BoolByte* p, int32_t* y) { return read_label(&p->byte, y); }
template <class Bits>
VEC_INLINE bool read_half_label(const Bits* p, int32_t* y) {
  float lanes[kLanes];
  store(lanes, read_reals(p, 1));
  return to_label(lanes[0], y);
}
VEC_INLINE bool read_label(const Float16Bits* p, int32_t* y) { return read_half_label(p, y); }
VEC_INLINE bool read_label(const Bfloat16Bits* p, int32_t* y) { return read_half_label(p, y); }

template <class Element>
VEC_INLINE void gather_labels(const Args& args, const Element* source, int64_t first, int64_t last) {
  int64_t n = row_size(args);
  for (int64_t b = first; b < last; ++b) {
    int32_t row = read_once(input<int32_t>(args, 1) + b);
    int32_t* y = output<int32_t>(args, 0) + b * n;
    bool inside = is_row(row, args);
    int32_t guard = inside ? -1 : kRowOutOfRange;
    for (int64_t i = 0; i < n; ++i) {
      y[i] = 0;
      if (!inside || read_label(source + row * n + i, y + i) || guard != -1) continue;
      guard = static_cast<int32_t>(min(i, kRowOutOfRange - 1));
    }
    output<int32_t>(args, 1)[b] = guard;
  }
}

void run_gather_labels(const Args& args, int64_t first, int64_t last) {
  gather_range(args, &first, &last);
  const Tensor& source = args.inputs[0];
  with_elements(source.dtype, source.data, [&](auto* elements) __attribute__((always_inline)) {
    gather_labels(args, elements, first, last);
  });
}

const char* check_pick_class(const Args& args) {
  const Tensor& x = args.inputs[0];
  if (const char* wrong = check_labelled(x, args.inputs[1])) return wrong;
  bool fits = is_vector(args.outputs[0], x.dims[0]) && is_vector(args.outputs[1], x.dims[0]);
  return fits ? nullptr : "expected results of one number per row";
}

int64_t pick_tasks(const Args& args) { return tasks_of(args.inputs[1].dims[0], 4); }

double pick_cost(const Args& args) { return 20.0 + 2.0 * static_cast<double>(args.inputs[1].dims[0]); }

void run_pick_class(const Args& args, int64_t first, int64_t last) {
  int64_t rows = args.inputs[0].dims[0], classes = args.inputs[0].dims[1];
  row_range({rows, classes}, 4, &first, &last);
  for (int64_t row = first; row < last; ++row) {
    int32_t label = read_once(input<int32_t>(args, 1) + row);
    int32_t guard = label_guard(label, classes);
    output<float>(args, 0)[row] = guard == -1 ? input<float>(args, 0)[row * classes + label] : 0.0f;
    output<int32_t>(args, 1)[row] = guard;
  }
}

const char* check_scatter_class(const Args& args) {
  const Tensor& x = args.outputs[0];
  if (const char* wrong = check_labelled(x, args.inputs[1])) return wrong;
  if (args.attributes[0] != x.dims[1]) return "the number of classes is not that of the result";
  return args.inputs[0].count == x.dims[0] ? nullptr : "expected one number per row";
}

int64_t scatter_tasks(const Args& args) {
  RowView view = row_view(args.outputs[0]);
  return tasks_of(view.rows, view.columns);
}

double scatter_cost(const Args& args) {
  return 20.0 + 2.0 * static_cast<double>(args.inputs[1].dims[0]) +
         0.1 * static_cast<double>(args.outputs[0].count);
}

void run_scatter_class(const Args& args, int64_t first, int64_t last) {
  RowView view = row_view(args.outputs[0]);
  row_range(view, view.columns, &first, &last);
  for (int64_t row = first; row < last; ++row) {
    float* x = output<float>(args, 0) + row * view.columns;
    for (int64_t i = 0; i < view.columns; ++i) x[i] = 0.0f;
    int32_t label = read_once(input<int32_t>(args, 1) + row);
    if (label >= 0 && label < view.columns) x[label] = input<float>(args, 0)[row];
  }
}

constexpr Kernel kGatherKernels[] = {
    {"gatherRows(source: T, rows: i32) -> y: f32, guard: i32 {scale: f32, offset: f32}", check_gather,
     gather_tasks, gather_cost, nullptr, run_gather_rows, 0},
    {"gatherLabels(source: T, rows: i32) -> y: i32, guard: i32", check_gather, gather_tasks, gather_cost,
     nullptr, run_gather_labels, 0},
    {"pickClass(x: f32, labels: i32) -> y: f32, guard: i32", check_pick_class, pick_tasks, pick_cost, nullptr,
     run_pick_class, 0},
    {"scatterClass(y: f32, labels: i32) -> x: f32 {classes: i32}", check_scatter_class, scatter_tasks,
     scatter_cost, nullptr, run_scatter_class, 0},
};

}  // namespace
}  // namespace chainrule
