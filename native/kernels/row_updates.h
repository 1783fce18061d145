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

// Sorts by merging, from one list to the other and back; returns the one that is sorted.
uint64_t* sort_words(uint64_t* from, uint64_t* to, int64_t n) {
  for (int64_t size = 1; size < n; size *= 2) {
    for (int64_t start = 0; start < n; start += 2 * size) {
      int64_t a = start, middle = min(start + size, n), b = middle, end = min(start + 2 * size, n);
      for (int64_t i = start; i < end; ++i) {
        bool first = a < middle && (b == end || from[a] < from[b]);
        to[i] = first ? from[a++] : from[b++];
      }
    }
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

void update_rows(const Args& args, const RowRun& rows, int64_t first_task, int64_t last_task) {
  const Table table = table_of(args);
  const int64_t tasks = row_tasks(args), width = table.width;
  const int64_t first = table.rows * first_task / tasks, last = table.rows * last_task / tasks;
  const bool all = args.attributes[kAllRows] != 0;
  auto* list = static_cast<uint64_t*>(args.scratch);
  auto* sum = reinterpret_cast<float*>(list + 2 * table.read);
  float* zeros = sum + ceil_div(width, kLanes) * kLanes + kLanes;
  if (all) {
    for (int64_t i = 0; i < kZeroFloats + kLanes; i += kLanes) store(zeros + i, zero());
  } else {
    copy_rows(args, first * width, last * width);
  }
  int64_t found = 0;
  const int32_t* ids = input<int32_t>(args, 2);
  for (int64_t i = 0; i < table.read; ++i) {
    const int64_t id = read_once(ids + i);
    if (id >= first && id < last) {
      list[found++] = static_cast<uint64_t>(id) << 32 | static_cast<uint64_t>(i);
    }
  }
  const uint64_t* sorted = sort_words(list, list + table.read, found);
  const float* dy = input<float>(args, 3);
  int64_t done = first;
  for (int64_t i = 0; i < found;) {
    const auto id = static_cast<int64_t>(sorted[i] >> 32);
    if (all) update_unread(rows, done * width, id * width, zeros);
    for (int64_t j = 0; j < width; j += kLanes) store(sum + j, zero());
    for (; i < found && static_cast<int64_t>(sorted[i] >> 32) == id; ++i) {
      const float* own = dy + static_cast<int64_t>(sorted[i] & 0xffffffffu) * width;
      for (int64_t j = 0; j < width; j += kLanes) {
        store(sum + j, load(sum + j) + load_upto(own + j, width - j));
      }
    }
    rows.run(id * width, width, sum);
    done = id + 1;
  }
  if (all) update_unread(rows, done * width, last * width, zeros);
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
  update_rows(args, {&args, Rule::kWidth, &rule, update_vectors<Rule>}, first_task, last_task);
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
