// Optimizer updates where the gradient is that of a table of which rows were read: what arrives at each row,
// in the order of the batch, instead of a gradient as large as the table. Either of all rows, as if it were
// zero elsewhere, or of those alone that were read. Their ops are in lib/ops/optimizer.ts.
#pragma once

#include "optimizer.h"

namespace chainrule {
namespace {

enum RowUpdateAttribute : int32_t { kRowGroup, kAllRows };

constexpr int32_t kRowOperands = 4;  // hyper, parameter, ids, gradients
constexpr int64_t kMaxRowTasks = 32;
// Rows that were not read are updated with so many zeros at a time.
constexpr int64_t kZeroFloats = 2048;

// The table as rows, and how many were read.
struct Table {
  int64_t rows, width, read;
};
VEC_INLINE Table table_of(const Args& args) {
  const Tensor& p = args.inputs[1];
  int64_t rows = p.rank == 0 ? 0 : p.dims[0];
  return {rows, rows == 0 ? 0 : p.count / rows, args.inputs[2].count};
}

const char* check_rows(const Args& args, RuleSize rule) {
  const Tensor &hyper = args.inputs[0], &p = args.inputs[1];
  const int64_t moments = rule.width - 2;
  if (args.inputCount != kRowOperands + moments || args.outputCount != 1 + moments) {
    return "the operands do not make up an update";
  }
  if (p.rank < 1) return "a table needs rows";
  if (hyper.rank != 2 || hyper.dims[1] != rule.hypers) return "the columns of hyper do not fit";
  int32_t group = args.attributes[kRowGroup];
  if (group < 0 || group >= hyper.dims[0]) return "the group is outside hyper";
  const Table table = table_of(args);
  if (p.count > kMaxParameters || table.read > kMaxParameters) return "the table has too many parameters";
  if (table.rows > INT32_MAX || table.read > INT32_MAX) return "ids do not count so many rows";
  const Tensor& dy = args.inputs[3];
  bool fits = table.rows == 0 || (table.width == 0 ? dy.count == 0 : dy.count / table.width == table.read &&
                                                                         dy.count % table.width == 0);
  if (!fits) return "each id needs the gradient of a row";
  for (int64_t i = 0; i < moments; ++i) fits = fits && same_dims(args.inputs[kRowOperands + i], p);
  for (int64_t i = 0; i <= moments; ++i) fits = fits && same_dims(args.outputs[i], p);
  return fits ? nullptr : "parameter and moments must have one shape";
}

int64_t row_tasks(const Args& args) { return max(min(table_of(args).rows, kMaxRowTasks), 1); }

double row_cost(const Args& args, RuleSize rule) {
  const Table table = table_of(args);
  double read = static_cast<double>(table.read), width = static_cast<double>(table.width);
  double all = args.attributes[kAllRows] != 0 ? 0.06 * static_cast<double>(args.inputs[1].count) : 0;
  return 100.0 + 10.0 * read + rule.width * (0.1 * read * width + all);
}

// Two lists of ids with their positions, the sum of what arrives at a row, zeros.
size_t row_scratch(const Args& args) {
  const Table table = table_of(args);
  return static_cast<size_t>(table.read) * 2 * sizeof(uint64_t) +
         static_cast<size_t>(table.width + kZeroFloats + 3 * kLanes) * sizeof(float);
}

// Sorts words by their upper halves, which are below `limit`, a byte at a time from the lowest on; equal ones
// stay in their order. Goes from one list to the other and back; returns the one that is sorted.
uint64_t* sort_words(uint64_t* from, uint64_t* to, int64_t n, int64_t limit) {
  constexpr int kDigits = 256;
  for (int32_t shift = 0; shift < 32 && (limit - 1) >> shift > 0; shift += 8) {
    int32_t places[kDigits] = {}, before = 0;
    const auto digit = [shift](uint64_t word) { return (word >> (32 + shift)) & (kDigits - 1); };
    for (int64_t i = 0; i < n; ++i) ++places[digit(from[i])];
    for (int32_t& place : places) {
      const int32_t count = place;
      place = before;
      before += count;
    }
    for (int64_t i = 0; i < n; ++i) to[places[digit(from[i])]++] = from[i];
    uint64_t* sorted = to;
    to = from;
    from = sorted;
  }
  return from;
}

// Parameter, gradient and moments of `count` elements from `start` on; the gradient begins at its own place.
struct RowRun {
  const Args* args;
  int32_t width;
  const void* rule;
  UpdateVectors update;

  COMPILED_ONCE void run(int64_t start, int64_t count, const float* gradient) const {
    const float* from[kMaxWidth];
    float* to[kMaxWidth];
    from[0] = input<float>(*args, 1) + start;
    from[1] = gradient;
    for (int32_t k = 2; k < width; ++k) from[k] = input<float>(*args, kRowOperands + k - 2) + start;
    for (int32_t k = 0; k + 1 < width; ++k) to[k] = output<float>(*args, k) + start;
    update_elements(from, to, count, rule, update, width);
  }
};

// Rows [row, last) that were not read.
void update_unread(const RowRun& rows, int64_t start, int64_t end, const float* zeros) {
  for (int64_t at = start; at < end; at += kZeroFloats) rows.run(at, min(end - at, kZeroFloats), zeros);
}

// Results that are not in the memory of their operands become copies first.
void copy_rows(const Args& args, int64_t start, int64_t end) {
  for (int32_t k = 0; k < args.outputCount; ++k) {
    const float* from = input<float>(args, k == 0 ? 1 : kRowOperands + k - 1);
    float* to = output<float>(args, k);
    if (to == from) continue;
    for (int64_t i = start; i < end; i += kLanes) {
      store_upto(to + i, load_upto(from + i, end - i), end - i);
    }
  }
}

// The ids of a range of rows, each above its position in the batch: sorted, so those of a row are neighbours.
struct ReadRows {
  const uint64_t* words;
  int64_t count, first;

  int64_t row(int64_t i) const { return first + static_cast<int64_t>(words[i] >> 32); }
  int64_t position(int64_t i) const { return static_cast<int64_t>(words[i] & 0xffffffffu); }
};

ReadRows read_rows(const Args& args, int64_t first, int64_t last) {
  const int64_t read = args.inputs[2].count;
  const int32_t* ids = input<int32_t>(args, 2);
  auto* list = static_cast<uint64_t*>(args.scratch);
  int64_t found = 0;
  for (int64_t i = 0; i < read; ++i) {
    const int64_t id = read_once(ids + i);
    list[found] = static_cast<uint64_t>(id - first) << 32 | static_cast<uint64_t>(i);
    found += id >= first && id < last;
  }
  return {sort_words(list, list + read, found, last - first), found, first};
}

// What the next rows need is prefetched while one is updated: they lie anywhere in memory, and each would
// keep the processor waiting.
class RowPrefetch {
 public:
  RowPrefetch(const Args& args, const ReadRows& read, int64_t width)
      : args_(args), read_(read), width_(width), ahead_(rows_ahead(width * 4 * (args.outputCount + 1))) {
    for (int64_t i = 0; i < ahead_; ++i) prefetch(i);
  }

  // For what will be updated some places after number `i`.
  void beyond(int64_t i) const { prefetch(i + ahead_); }

 private:
  void prefetch(int64_t i) const {
    if (i >= read_.count) return;
    const int64_t bytes = width_ * 4;
    prefetch_row(input<float>(args_, 3) + read_.position(i) * width_, bytes);
    if (i > 0 && read_.row(i) == read_.row(i - 1)) return;
    for (int32_t k = 0; k < args_.outputCount; ++k) {
      prefetch_row_to_write(output<float>(args_, k) + read_.row(i) * width_, bytes);
    }
  }

  const Args& args_;
  const ReadRows& read_;
  const int64_t width_, ahead_;
};

// The sum of what arrives at a row, from number `i` of what was read on, in the order of the batch; returns
// the number after it.
int64_t sum_of_row(const Args& args, const ReadRows& read, int64_t width, int64_t i, float* sum) {
  const int64_t row = read.row(i);
  const float* dy = input<float>(args, 3);
  for (int64_t j = 0; j < width; j += kLanes) store(sum + j, zero());
  for (; i < read.count && read.row(i) == row; ++i) {
    const float* own = dy + read.position(i) * width;
    for (int64_t j = 0; j < width; j += kLanes) {
      store(sum + j, load(sum + j) + load_upto(own + j, width - j));
    }
  }
  return i;
}

// Where the scratch memory goes on behind the lists.
float* sum_memory(const Args& args) {
  return reinterpret_cast<float*>(static_cast<uint64_t*>(args.scratch) + 2 * args.inputs[2].count);
}

// Rows [first, last), those alone that were read.
void update_read_rows(const Args& args, const RowRun& rows, int64_t first, int64_t last) {
  const int64_t width = table_of(args).width;
  copy_rows(args, first * width, last * width);
  const ReadRows read = read_rows(args, first, last);
  const RowPrefetch prefetch(args, read, width);
  float* sum = sum_memory(args);
  for (int64_t i = 0; i < read.count;) {
    const int64_t row = read.row(i), next = sum_of_row(args, read, width, i, sum);
    for (; i < next; ++i) prefetch.beyond(i);
    rows.run(row * width, width, sum);
  }
}

// Rows [first, last), as if zeros arrived at those that were not read.
void update_all_rows(const Args& args, const RowRun& rows, int64_t first, int64_t last) {
  const int64_t width = table_of(args).width;
  const ReadRows read = read_rows(args, first, last);
  float *sum = sum_memory(args), *zeros = sum + ceil_div(width, kLanes) * kLanes + kLanes;
  for (int64_t i = 0; i < kZeroFloats + kLanes; i += kLanes) store(zeros + i, zero());
  int64_t done = first;
  for (int64_t i = 0; i < read.count;) {
    const int64_t row = read.row(i);
    update_unread(rows, done * width, row * width, zeros);
    i = sum_of_row(args, read, width, i, sum);
    rows.run(row * width, width, sum);
    done = row + 1;
  }
  update_unread(rows, done * width, last * width, zeros);
}

template <class Rule>
const char* check_row_update(const Args& args) {
  return check_rows(args, kSizeOf<Rule>);
}
template <class Rule>
double row_update_cost(const Args& args) {
  return row_cost(args, kSizeOf<Rule>);
}
template <class Rule>
void run_row_update(const Args& args, int64_t first_task, int64_t last_task) {
  const Rule rule(input<float>(args, 0) + args.attributes[kRowGroup] * int64_t{Rule::kHypers});
  const int64_t rows = table_of(args).rows, tasks = row_tasks(args);
  const int64_t first = rows * first_task / tasks, last = rows * last_task / tasks;
  if (args.attributes[kAllRows] != 0) {
    update_all_rows(args, {&args, Rule::kWidth, &rule, update_vectors<Rule, true>}, first, last);
  } else {
    update_read_rows(args, {&args, Rule::kWidth, &rule, update_vectors<Rule, false>}, first, last);
  }
}

#define ROW_UPDATE_KERNEL(name, ...)                                                                       \
  {#name "Rows(hyper: f32, p: f32, ids: i32, dy: f32, ...moments: f32) -> ...updated: f32 "                \
         "{group: i32, all: bool}",                                                                        \
   check_row_update<__VA_ARGS__>, row_tasks, row_update_cost<__VA_ARGS__>, row_scratch,                    \
   run_row_update<__VA_ARGS__>, kUpdatesInPlace}

constexpr Kernel kRowUpdateKernels[] = {
    ROW_UPDATE_KERNEL(sgd, Sgd),           ROW_UPDATE_KERNEL(momentum, Momentum<false>),
    ROW_UPDATE_KERNEL(adagrad, Adagrad),   ROW_UPDATE_KERNEL(adam, Adam<false>),
    ROW_UPDATE_KERNEL(lion, Lion),
};
#undef ROW_UPDATE_KERNEL

}  // namespace
}  // namespace chainrule
