// Sorting along an axis and the largest elements of rows. Twin of lib/ops/sort.ts.
//
// A number becomes an unsigned integer of the same order, its index stands below it in a word of 64 bits, and
// words are sorted by their upper halves, digit by digit from the lowest (LSD radix sort), which keeps the
// order of equal numbers.
#pragma once

#include "reduce.h"

namespace chainrule {
namespace {

typedef uint64_t Entry;

// In ascending order of the result; both zeros are equal, and NaN comes last.
VEC_INLINE uint32_t key_of(float x, bool descending) {
  if (x != x) return UINT32_MAX;
  uint32_t bits = 0;
  if (x != 0.0f) __builtin_memcpy(&bits, &x, sizeof bits);
  uint32_t key = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  return descending ? ~key : key;
}

VEC_INLINE uint32_t key_of(int32_t x, bool descending) {
  uint32_t key = static_cast<uint32_t>(x) ^ 0x80000000u;
  return descending ? ~key : key;
}

VEC_INLINE Entry entry_of(uint32_t key, int64_t index) {
  return static_cast<Entry>(key) << 32 | static_cast<uint32_t>(index);
}
VEC_INLINE uint32_t key_in(Entry entry) { return static_cast<uint32_t>(entry >> 32); }
VEC_INLINE int32_t index_in(Entry entry) { return static_cast<int32_t>(static_cast<uint32_t>(entry)); }

// Fewer than the first are inserted one by one; from the second on, wide digits pay for their tables.
constexpr int64_t kInsertedEntries = 32, kWideDigitEntries = 4096;

VEC_INLINE void insert_entries(Entry* entries, int64_t n) {
  for (int64_t i = 1; i < n; ++i) {
    Entry own = entries[i];
    int64_t at = i;
    for (; at > 0 && entries[at - 1] > own; --at) entries[at] = entries[at - 1];
    entries[at] = own;
  }
}

// Returns which of the two arrays holds the result.
template <int kBits>
COMPILED_ONCE Entry* sort_by_digits(Entry* entries, Entry* other, int64_t n) {
  constexpr int kPasses = (32 + kBits - 1) / kBits, kDigits = 1 << kBits;
  uint32_t counts[kPasses][kDigits] = {};
  for (int64_t i = 0; i < n; ++i) {
    uint32_t key = key_in(entries[i]);
    for (int pass = 0; pass < kPasses; ++pass) ++counts[pass][key >> (pass * kBits) & (kDigits - 1)];
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    int shift = pass * kBits;
    uint32_t first = key_in(entries[0]) >> shift & (kDigits - 1);
    if (counts[pass][first] == n) continue;  // all have the same digit
    uint32_t before = 0;
    for (int digit = 0; digit < kDigits; ++digit) {
      uint32_t own = counts[pass][digit];
      counts[pass][digit] = before;
      before += own;
    }
    for (int64_t i = 0; i < n; ++i) {
      other[counts[pass][key_in(entries[i]) >> shift & (kDigits - 1)]++] = entries[i];
    }
    Entry* sorted = other;
    other = entries;
    entries = sorted;
  }
  return entries;
}

// Entries whose equal keys are in the order of their indices, sorted; `other` has room for as many.
VEC_INLINE Entry* sort_entries(Entry* entries, Entry* other, int64_t n) {
  if (n <= kInsertedEntries) {
    insert_entries(entries, n);
    return entries;
  }
  return n < kWideDigitEntries ? sort_by_digits<8>(entries, other, n) : sort_by_digits<11>(entries, other, n);
}

// x as [outer, n, inner], sorted over n.
struct SortedAxis {
  int64_t outer, n, inner;
};

VEC_INLINE SortedAxis sorted_axis(const Args& args) {
  const Tensor& x = args.inputs[0];
  int32_t axis = args.attributes[0];
  return {extent(x, 0, axis), x.dims[axis], extent(x, axis + 1, x.rank)};
}

const char* check_sort(const Args& args) {
  const Tensor& x = args.inputs[0];
  if (args.attributes[0] < 0 || args.attributes[0] >= x.rank) return "the axis is outside the operand";
  bool fits = same_dims(x, args.outputs[0]) && same_dims(x, args.outputs[1]);
  return fits ? nullptr : "the dims of the results do not fit";
}

// Some twenty steps for each element.
constexpr int64_t kSortSteps = 20;

int64_t sort_tasks(const Args& args) {
  if (args.inputs[0].count == 0) return 1;
  SortedAxis axis = sorted_axis(args);
  return tasks_of(axis.outer * axis.inner, kSortSteps * axis.n);
}

double sort_cost(const Args& args) { return 60.0 + 8.0 * static_cast<double>(args.inputs[0].count); }

size_t sort_scratch(const Args& args) {
  return 2 * sizeof(Entry) * static_cast<size_t>(args.inputs[0].dims[args.attributes[0]]);
}

template <class Number>
void run_sort(const Args& args, int64_t first_task, int64_t last_task) {
  if (args.inputs[0].count == 0) return;
  SortedAxis axis = sorted_axis(args);
  bool descending = args.attributes[1] != 0;
  Entry* entries = static_cast<Entry*>(args.scratch);
  int64_t per_task = items_per_task(kSortSteps * axis.n), n = axis.n, stride = axis.inner;
  int64_t last = min(last_task * per_task, axis.outer * axis.inner);
  for (int64_t line = first_task * per_task; line < last; ++line) {
    int64_t begin = line / axis.inner * n * axis.inner + line % axis.inner;
    const Number* x = input<Number>(args, 0) + begin;
    for (int64_t i = 0; i < n; ++i) entries[i] = entry_of(key_of(x[i * stride], descending), i);
    const Entry* sorted = sort_entries(entries, entries + n, n);
    Number* values = output<Number>(args, 0) + begin;
    int32_t* indices = output<int32_t>(args, 1) + begin;
    for (int64_t i = 0; i < n; ++i) {
      int32_t index = index_in(sorted[i]);
      indices[i * stride] = index;
      values[i * stride] = x[index * stride];
    }
  }
}

VEC_INLINE int64_t row_length(const Args& args) { return args.inputs[0].dims[args.inputs[0].rank - 1]; }

const char* check_top_k(const Args& args) {
  const Tensor &x = args.inputs[0], &values = args.outputs[0];
  if (x.rank < 1 || values.rank != x.rank) return "the dims of the results do not fit";
  int32_t k = args.attributes[0];
  if (k < 1 || k > row_length(args)) return "a row has not so many elements";
  for (int32_t i = 0; i < x.rank; ++i) {
    if (values.dims[i] != (i + 1 < x.rank ? x.dims[i] : k)) return "the dims of the results do not fit";
  }
  return same_dims(values, args.outputs[1]) ? nullptr : "the dims of the results do not fit";
}

// Candidates are collected until there is no room left; then the k first of them are kept. Where k is a large
// part of a row, all are sorted.
VEC_INLINE int64_t candidates_of(int64_t n, int64_t k) {
  return k > n / 8 ? n : max(2 * k, kInsertedEntries);
}

size_t top_k_scratch(const Args& args) {
  return 2 * sizeof(Entry) * static_cast<size_t>(candidates_of(row_length(args), args.attributes[0]));
}

int64_t top_k_tasks(const Args& args) {
  if (args.inputs[0].count == 0) return 1;
  return tasks_of(args.inputs[0].count / row_length(args), 2 * row_length(args));
}

double top_k_cost(const Args& args) { return 60.0 + 0.5 * static_cast<double>(args.inputs[0].count); }

// The candidates among the elements of a row, in two halves of a memory that are swapped where they are
// sorted.
class Candidates {
 public:
  VEC_INLINE Candidates(Entry* memory, int64_t room, int64_t k)
      : entries_(memory), other_(memory + room), room_(room), k_(k) {}

  template <class Number>
  VEC_INLINE void add(Number x, int64_t index) {
    uint32_t key = key_of(x, true);
    if (key >= last_) return;
    if (count_ == room_) keep();
    if (key < last_) entries_[count_++] = entry_of(key, index);
  }

  // The k first, sorted.
  VEC_INLINE const Entry* keep() {
    Entry* sorted = sort_entries(entries_, other_, count_);
    if (sorted != entries_) other_ = entries_;
    entries_ = sorted;
    if (count_ >= k_) {
      count_ = k_;
      last_ = key_in(entries_[k_ - 1]);
    }
    return entries_;
  }

  // Whether one of the elements may be a candidate.
  template <class Register, class Number>
  VEC_INLINE bool may_add(Register x, const Number* row) const {
    // The last of the k first is NaN or the least int32, or there are not so many.
    if (last_ >= UINT32_MAX) return true;
    return any(less(splat_number(row[index_in(entries_[k_ - 1])]), x));
  }

 private:
  Entry* entries_;
  Entry* other_;
  int64_t room_, k_, count_ = 0;
  uint64_t last_ = UINT64_MAX;  // only keys below it are candidates: any, as long as there are fewer than k
};

template <class Number>
VEC_INLINE const Entry* sort_row(Entry* entries, const Number* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) entries[i] = entry_of(key_of(x[i], true), i);
  return sort_entries(entries, entries + n, n);
}

template <class Number>
VEC_INLINE const Entry* top_of_row(Entry* memory, int64_t room, const Number* x, int64_t n, int64_t k) {
  Candidates candidates(memory, room, k);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    if (!candidates.may_add(read_numbers(x + i), x)) continue;
    for (int64_t lane = 0; lane < kLanes; ++lane) candidates.add(x[i + lane], i + lane);
  }
  for (; i < n; ++i) candidates.add(x[i], i);
  return candidates.keep();
}

template <class Number>
void run_top_k(const Args& args, int64_t first_task, int64_t last_task) {
  if (args.inputs[0].count == 0) return;
  int64_t n = row_length(args), k = args.attributes[0], room = candidates_of(n, k);
  int64_t per_task = items_per_task(2 * n), last = min(last_task * per_task, args.inputs[0].count / n);
  Entry* memory = static_cast<Entry*>(args.scratch);
  for (int64_t row = first_task * per_task; row < last; ++row) {
    const Number* x = input<Number>(args, 0) + row * n;
    const Entry* top = room == n ? sort_row(memory, x, n) : top_of_row(memory, room, x, n, k);
    for (int64_t i = 0; i < k; ++i) {
      output<int32_t>(args, 1)[row * k + i] = index_in(top[i]);
      output<Number>(args, 0)[row * k + i] = x[index_in(top[i])];
    }
  }
}

constexpr Kernel kSortKernels[] = {
    {"sort(x: f32) -> values: f32, indices: i32 {axis: i32, descending: bool}", check_sort, sort_tasks,
     sort_cost, sort_scratch, run_sort<float>, 0},
    {"sort(x: i32) -> values: i32, indices: i32 {axis: i32, descending: bool}", check_sort, sort_tasks,
     sort_cost, sort_scratch, run_sort<int32_t>, 0},
    {"topK(x: f32) -> values: f32, indices: i32 {k: i32}", check_top_k, top_k_tasks, top_k_cost,
     top_k_scratch, run_top_k<float>, 0},
    {"topK(x: i32) -> values: i32, indices: i32 {k: i32}", check_top_k, top_k_tasks, top_k_cost,
     top_k_scratch, run_top_k<int32_t>, 0},
};

}  // namespace
}  // namespace chainrule
