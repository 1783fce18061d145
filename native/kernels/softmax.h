// Softmax along the last axis, and cross-entropy from logits. Twin of lib/ops/softmax.ts.
//
// For each row: its maximum m, e = exp(x - m), the sum of e in sixteen lanes and a fixed tree, a true
// division.
#pragma once

#include "../simd/math.h"
#include "reduce.h"

namespace chainrule {
namespace {

// A tensor as rows along its last axis.
struct RowView {
  int64_t rows, columns;
};

VEC_INLINE RowView row_view(const Tensor& x) {
  if (x.count == 0) return {0, 0};
  int64_t columns = x.dims[x.rank - 1];
  return {x.count / columns, columns};
}

// An exponential takes about as long as eight additions.
VEC_INLINE int64_t softmax_elements(const RowView& view) { return 8 * view.columns; }

VEC_INLINE void row_range(const RowView& view, int64_t elements, int64_t* first, int64_t* last) {
  int64_t per_task = items_per_task(elements);
  *first = *first * per_task;
  *last = min(*last * per_task, view.rows);
}

const char* check_softmax(const Args& args) {
  if (args.inputs[0].rank < 1) return "expected at least one axis";
  return same_dims(args.inputs[0], args.outputs[0]) ? nullptr : "the dims of the result do not fit";
}

int64_t softmax_tasks(const Args& args) {
  RowView view = row_view(args.inputs[0]);
  return tasks_of(view.rows, softmax_elements(view));
}

double softmax_cost(const Args& args) {
  RowView view = row_view(args.inputs[0]);
  return 50.0 + static_cast<double>(view.rows) * (20.0 + 0.8 * static_cast<double>(view.columns));
}

// y = exp(x - largest). Returns the sum; without kWrite only that.
template <bool kWrite>
VEC_INLINE float exp_row(float* y, const float* x, int64_t n, float largest) {
  Vec shift = splat(largest), sum = zero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Vec e = exp(load(x + i) - shift);
    if (kWrite) store(y + i, e);
    sum = sum + e;
  }
  if (i < n) {
    Vec e = exp(load_tail(x + i, n - i) - shift);
    if (kWrite) store_tail(y + i, e, n - i);
    sum = sum + select(mask_below(n - i), e, zero());
  }
  return reduce_add(sum);
}

// y = softmax(x). Returns the sum of exp(x - largest).
VEC_INLINE float softmax_row(float* y, const float* x, int64_t n, float largest) {
  float sum = exp_row<true>(y, x, n, largest);
  Vec divisor = splat(sum);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, load(y + i) / divisor);
  if (i < n) store_tail(y + i, load_tail(y + i, n - i) / divisor, n - i);
  return sum;
}

// Up to this many columns, rows are processed sixteen at a time, each in its own lane.
constexpr int64_t kNarrow = kLanes;

// The sum of n vectors in the order in which reduce_add adds the lanes of one, as if missing vectors were
// zero.
VEC_INLINE Vec add_as_lanes(Vec* terms, int64_t n) {
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half && i + half < n; ++i) terms[i] = terms[i] + terms[i + half];
    n = min(n, half);
  }
  return terms[0];
}

// Up to this many columns, moving numbers one by one is faster than transposing a 16 x 16 block.
constexpr int64_t kFewColumns = 5;

// columns[j * kLanes + i] = x[i * n + j] for up to sixteen rows, zero for missing rows.
VEC_INLINE void to_columns(float* columns, const float* x, int64_t rows, int64_t n) {
  if (n > kFewColumns) {
    alignas(64) float block[kLanes * kLanes];
    for (int64_t i = 0; i < kLanes; ++i) {
      store(block + i * kLanes, i < rows ? load_tail(x + i * n, n) : zero());
    }
    return transpose_16x16(block, kLanes, columns, kLanes);
  }
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = 0; i < kLanes; ++i) columns[j * kLanes + i] = i < rows ? x[i * n + j] : 0.0f;
  }
}

VEC_INLINE void from_columns(float* y, const float* columns, int64_t rows, int64_t n) {
  if (n > kFewColumns) {
    alignas(64) float block[kLanes * kLanes];
    transpose_16x16(columns, kLanes, block, kLanes);
    for (int64_t i = 0; i < rows; ++i) store_tail(y + i * n, load(block + i * kLanes), n);
    return;
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < n; ++j) y[i * n + j] = columns[j * kLanes + i];
  }
}

// The same operations as softmax_row for up to sixteen narrow rows. Returns the largest number and the sum of
// each.
VEC_INLINE void softmax_narrow(float* y, const float* x, int64_t rows, int64_t n, Vec* largest, Vec* sum) {
  alignas(64) float columns[kLanes * kLanes];
  to_columns(columns, x, rows, n);
  Vec most = load(columns), e[kLanes], terms[kLanes];
  for (int64_t j = 1; j < n; ++j) most = max(most, load(columns + j * kLanes));
  for (int64_t j = 0; j < n; ++j) terms[j] = e[j] = exp(load(columns + j * kLanes) - most);
  Vec total = add_as_lanes(terms, n);
  for (int64_t j = 0; j < n; ++j) store(columns + j * kLanes, e[j] / total);
  from_columns(y, columns, rows, n);
  *largest = most;
  *sum = total;
}

void run_softmax(const Args& args, int64_t first, int64_t last) {
  RowView view = row_view(args.inputs[0]);
  const float* x = input<float>(args, 0);
  float* y = output<float>(args, 0);
  row_range(view, softmax_elements(view), &first, &last);
  Vec largest, sum;
  for (int64_t row = first; row < last && view.columns <= kNarrow; row += kLanes) {
    int64_t at = row * view.columns;
    softmax_narrow(y + at, x + at, min(kLanes, last - row), view.columns, &largest, &sum);
  }
  for (int64_t row = first; row < last && view.columns > kNarrow; ++row) {
    const float* from = x + row * view.columns;
    softmax_row(y + row * view.columns, from, view.columns, reduce_row<MaxOf<float>>(from, view.columns));
  }
}

void run_log_softmax(const Args& args, int64_t first, int64_t last) {
  RowView view = row_view(args.inputs[0]);
  row_range(view, softmax_elements(view), &first, &last);
  int64_t n = view.columns;
  for (int64_t row = first; row < last; ++row) {
    const float* x = input<float>(args, 0) + row * n;
    float* y = output<float>(args, 0) + row * n;
    float largest = reduce_row<MaxOf<float>>(x, n);
    Vec shift = splat(largest), log_sum = log(splat(exp_row<false>(nullptr, x, n, largest)));
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) store(y + i, (load(x + i) - shift) - log_sum);
    if (i < n) store_tail(y + i, (load_tail(x + i, n - i) - shift) - log_sum, n - i);
  }
}

// What the guard says about a label: -1 if it is a class, else the label, or INT32_MAX if it is negative.
VEC_INLINE int32_t label_guard(int32_t label, int64_t classes) {
  if (label >= 0 && label < classes) return -1;
  return label < 0 ? INT32_MAX : label;
}

const char* check_labelled(const Tensor& x, const Tensor& labels) {
  return x.rank == 2 && is_vector(labels, x.dims[0]) ? nullptr : "expected [rows, classes] and labels [rows]";
}

const char* check_crossentropy(const Args& args) {
  const Tensor& x = args.inputs[0];
  if (const char* wrong = check_labelled(x, args.inputs[1])) return wrong;
  bool fits = is_vector(args.outputs[0], x.dims[0]) && same_dims(args.outputs[1], x) &&
              is_vector(args.outputs[2], x.dims[0]);
  return fits ? nullptr : "expected loss [rows], probabilities [rows, classes] and guard [rows]";
}

int64_t crossentropy_tasks(const Args& args) {
  const Tensor& x = args.inputs[0];
  return tasks_of(x.dims[0], softmax_elements({x.dims[0], x.dims[1]}));
}

// Loss and guard of at most sixteen rows: log(sum) - (x[label] - largest), with one vector of logarithms.
VEC_INLINE void crossentropy_rows(const Args& args, int64_t row, int64_t count, int64_t classes) {
  alignas(64) float sums[kLanes] = {}, largest[kLanes] = {}, picked[kLanes] = {};
  const float* x = input<float>(args, 0) + row * classes;
  float* probabilities = output<float>(args, 1) + row * classes;
  if (classes <= kNarrow) {
    Vec most = zero(), sum = zero();
    if (classes > 0) softmax_narrow(probabilities, x, count, classes, &most, &sum);
    store(sums, sum);
    store(largest, most);
  }
  for (int64_t i = 0; i < count; ++i, x += classes, probabilities += classes) {
    if (classes > kNarrow) {
      largest[i] = reduce_row<MaxOf<float>>(x, classes);
      sums[i] = softmax_row(probabilities, x, classes, largest[i]);
    }
    int32_t label = read_once(input<int32_t>(args, 1) + row + i);
    int32_t guard = label_guard(label, classes);
    output<int32_t>(args, 2)[row + i] = guard;
    if (guard < 0) {
      picked[i] = x[label] - largest[i];
    } else {
      sums[i] = 1.0f;
    }
  }
  store_tail(output<float>(args, 0) + row, log(load(sums)) - load(picked), count);
}

void run_crossentropy(const Args& args, int64_t first, int64_t last) {
  const Tensor& x = args.inputs[0];
  RowView view = {x.dims[0], x.dims[1]};
  row_range(view, softmax_elements(view), &first, &last);
  for (int64_t row = first; row < last; row += kLanes) {
    crossentropy_rows(args, row, min(kLanes, last - row), view.columns);
  }
}

const char* check_subtract_one_hot(const Args& args) {
  if (const char* wrong = check_labelled(args.inputs[0], args.inputs[1])) return wrong;
  const Tensor& scale = args.inputs[2];
  bool scales = scale.rank == 0 || is_vector(scale, args.inputs[0].dims[0]);
  if (!scales) return "the scale must be one number, or one for each row";
  return same_dims(args.inputs[0], args.outputs[0]) ? nullptr : "the dims of the result do not fit";
}

int64_t one_hot_tasks(const Args& args) {
  RowView view = row_view(args.inputs[0]);
  return tasks_of(view.rows, view.columns);
}

double one_hot_cost(const Args& args) {
  RowView view = row_view(args.inputs[0]);
  return 20.0 + static_cast<double>(view.rows) * (2.0 + 0.1 * static_cast<double>(view.columns));
}

// First scales all elements, in whole vectors over rows that share a scale; then fixes the elements of the
// labels.
void run_subtract_one_hot(const Args& args, int64_t first, int64_t last) {
  RowView view = row_view(args.inputs[0]);
  const float* p = input<float>(args, 0);
  const float* scale = input<float>(args, 2);
  float* y = output<float>(args, 0);
  bool common = args.inputs[2].rank == 0;
  row_range(view, view.columns, &first, &last);
  int64_t group = common ? kLanes : 1;
  for (int64_t start = first; start < last; start += group) {
    int64_t rows = min(group, last - start), n = rows * view.columns;
    int64_t begin = start * view.columns, places[kLanes];
    float own = scale[common ? 0 : start], values[kLanes];
    int64_t labelled = 0;
    for (int64_t i = 0; i < rows; ++i) {
      int32_t label = read_once(input<int32_t>(args, 1) + start + i);
      if (label < 0 || label >= view.columns) continue;
      places[labelled] = begin + i * view.columns + label;
      values[labelled] = (p[places[labelled]] - 1.0f) * own;
      ++labelled;
    }
    Vec factor = splat(own);
    for (int64_t i = 0; i < n; i += kLanes) {
      store_upto(y + begin + i, load_upto(p + begin + i, n - i) * factor, n - i);
    }
    for (int64_t i = 0; i < labelled; ++i) y[places[i]] = values[i];
  }
}

constexpr Kernel kSoftmaxKernels[] = {
    {"softmax(x: f32) -> y: f32", check_softmax, softmax_tasks, softmax_cost, nullptr, run_softmax, 0},
    {"logSoftmax(x: f32) -> y: f32", check_softmax, softmax_tasks, softmax_cost, nullptr, run_log_softmax, 0},
    {"softmaxCrossentropy(logits: f32, labels: i32) -> loss: f32, probabilities: f32, guard: i32",
     check_crossentropy, crossentropy_tasks, softmax_cost, nullptr, run_crossentropy, 0},
    {"subtractOneHot(p: f32, labels: i32, scale: f32) -> y: f32", check_subtract_one_hot, one_hot_tasks,
     one_hot_cost, nullptr, run_subtract_one_hot, 1},
};

}  // namespace
}  // namespace chainrule
