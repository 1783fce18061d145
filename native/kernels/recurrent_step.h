// A step of a recurrent net as one instruction: rows of the product of the state, and their cells while they
// are in the cache. A thread has the same rows of both, so nothing moves between cores within a step. Twin of
// lib/ops/recurrent.ts.
#pragma once

#include "gemm.h"
#include "recurrent.h"

namespace chainrule {
namespace {

constexpr int64_t kStepRows = 8;

// Weights are a matrix, or panels [n / 64, k, 64] of one, as the compiler lays them out in front of a loop.
bool is_in_panels(const Tensor& b) { return b.rank == 3; }

// c = a . b + bias for rows that lie as they are read.
Product step_product(const float* a, int64_t rows, const Tensor& b, float* c) {
  const bool panels = is_in_panels(b);
  Product p = {};
  p.m = rows;
  p.k = b.dims[panels ? 1 : 0];
  p.b_row = panels ? kPanelUnit : b.dims[1];
  p.n = p.c_row = panels ? b.dims[0] * kPanelUnit : b.dims[1];
  p.a = {a, p.k, 1};
  p.b = static_cast<const float*>(b.data);
  p.c = c;
  p.epilogue.bias_step = 1;
  return p;
}

// Lines of a row that only memory has, while the row before it is computed: the processor itself does not
// fetch ahead in as many places as a cell reads.
VEC_INLINE void fetch_row(const float* rows, int64_t row, int64_t last, int64_t n) {
  if (row >= last) return;
  for (int64_t j = 0; j < n; j += kLanes) __builtin_prefetch(rows + row * n + j);
}

// The lines of the next step, divided among the tiles of rows [first, last) of this product.
LinesAhead lines_of_next(const Args& args, const Product& p, int64_t first, int64_t last) {
  LinesAhead ahead(args, first, last);
  ahead.divide(ceil_div(last - first, rows_of_tile(kTileVectors)) * ceil_div(p.n, kPanelColumns) *
               ceil_div(p.k, kBlockDepth));
  return ahead;
}

void multiply_rows(const Product& p, const Workspace& workspace, int64_t first, int64_t last) {
  if (p.b_row != p.n) {
    Product panel = p;
    panel.n = kPanelUnit;
    const Block block = {first, last - first, 0, kPanelUnit};
    for (int64_t column = 0; column < p.n; column += kPanelUnit) {
      fastest_for<Float32>(panel, block.rows, block.columns)(panel, workspace, block);
      panel.b += p.k * kPanelUnit;
      panel.c += kPanelUnit;
      if (panel.epilogue.bias != nullptr) panel.epilogue.bias += kPanelUnit;
    }
    return;
  }
  for (int64_t column = 0; column < p.n; column += kMaxBlockColumns) {
    Block block = {first, last - first, column, min(p.n - column, kMaxBlockColumns)};
    fastest_for<Float32>(p, block.rows, block.columns)(p, workspace, block);
  }
}

// All rows of a step at once.
void multiply_step(const Args& args, const Product& p, int64_t first, int64_t last) {
  LinesAhead ahead = lines_of_next(args, p, first, last);
  Workspace workspace = workspace_of(args);
  workspace.ahead = &ahead;
  multiply_rows(p, workspace, first, last);
}

bool are_weights(const Tensor& x, int64_t rows, int64_t columns) {
  if (x.rank == 2) return x.dims[0] == rows && x.dims[1] == columns;
  return x.rank == 3 && x.dims[0] * kPanelUnit == columns && x.dims[1] == rows && x.dims[2] == kPanelUnit;
}

VEC_INLINE Cells step_cells(const Args& args) { return {args.outputs[1].dims[0], args.outputs[1].dims[1]}; }

int64_t rows_tasks(int64_t rows) { return max(ceil_div(rows, kStepRows), 1); }

double rows_cost(int64_t rows, const Tensor& kernel) {
  return 80.0 + static_cast<double>(rows) * (kMultiplyNs * static_cast<double>(kernel.count) +
                                             0.5 * static_cast<double>(kernel.dims[0] + kernel.dims[1]));
}

const char* check_lstm_step(const Args& args) {
  const Tensor &x = args.inputs[0], &h = args.inputs[1], &c = args.inputs[2], &kernel = args.inputs[3];
  if (h.rank != 2 || !has_gates(x, h, 4) || !are_weights(kernel, h.dims[1], x.dims[1])) return kGatesDiffer;
  bool fits = same_dims(c, h) && same_dims(args.outputs[0], x) && same_dims(args.outputs[1], h) &&
              same_dims(args.outputs[2], h);
  return fits ? nullptr : kStatesDiffer;
}

int64_t step_tasks(const Args& args) { return rows_tasks(args.outputs[1].dims[0]); }

double lstm_step_cost(const Args& args) { return rows_cost(args.outputs[1].dims[0], args.inputs[3]); }

VEC_INLINE void step_range(int64_t rows, int64_t* first, int64_t* last) {
  *first *= kStepRows;
  *last = min(*last * kStepRows, rows);
}

void run_lstm_step(const Args& args, int64_t first, int64_t last) {
  const Tensor& h = args.inputs[1];
  const int64_t rows = h.dims[0], units = h.dims[1];
  step_range(rows, &first, &last);
  if (first >= last || units == 0) return;
  float* z = output<float>(args, 0);
  const Product p = step_product(input<float>(args, 1), rows, args.inputs[3], z);
  multiply_step(args, p, first, last);
  for (int64_t row = first; row < last; ++row) {
    fetch_row(input<float>(args, 0), row + 1, last, 4 * units);
    fetch_row(input<float>(args, 2), row + 1, last, units);
    each_unit(lstm_row(args, z, input<float>(args, 0), input<float>(args, 2), units, row), units);
  }
}

const char* check_lstm_step_grad(const Args& args) {
  const Tensor &gates = args.inputs[0], &c = args.inputs[1];
  if (const char* wrong = check_lstm_grad(args)) return wrong;
  if (c.rank != 2 || !are_weights(args.inputs[5], gates.dims[1], c.dims[1])) return kGatesDiffer;
  return same_dims(args.outputs[2], c) ? nullptr : kStatesDiffer;
}

int64_t step_grad_tasks(const Args& args) { return rows_tasks(args.outputs[0].dims[0]); }

double lstm_step_grad_cost(const Args& args) { return rows_cost(args.outputs[0].dims[0], args.inputs[5]); }

void run_lstm_step_grad(const Args& args, int64_t first, int64_t last) {
  const Tensor& c = args.inputs[1];
  const int64_t rows = c.dims[0], units = c.dims[1];
  step_range(rows, &first, &last);
  if (first >= last || units == 0) return;
  for (int64_t row = first; row < last; ++row) {
    fetch_row(input<float>(args, 0), row + 1, last, 4 * units);
    for (int32_t i = 1; i < 5; ++i) fetch_row(input<float>(args, i), row + 1, last, units);
    each_unit(lstm_grad_row(args, units, row), units);
  }
  const Product p = step_product(output<float>(args, 1), rows, args.inputs[5], output<float>(args, 2));
  multiply_step(args, p, first, last);
}

const char* check_gru_step(const Args& args) {
  const Tensor &x = args.inputs[0], &h = args.inputs[1], &kernel = args.inputs[2];
  bool fits = h.rank == 2 && has_gates(x, h, 3) && are_weights(kernel, h.dims[1], x.dims[1]) &&
              has_gates(args.outputs[0], h, 4);
  if (!fits) return kGatesDiffer;
  if (args.inputCount > 3 && !is_vector(args.inputs[3], x.dims[1])) return "the bias has another size";
  return same_dims(args.outputs[1], h) ? nullptr : kStatesDiffer;
}

double gru_step_cost(const Args& args) { return rows_cost(args.outputs[1].dims[0], args.inputs[2]); }

// Rows of what the state adds to the gates, behind the memory of the product.
constexpr int64_t kRowsOfSums = 8 * kStepRows;

size_t gru_step_scratch(const Args& args) {
  return product_scratch(args) +
         static_cast<size_t>(kRowsOfSums * args.inputs[0].dims[1]) * sizeof(float);
}

void run_gru_step(const Args& args, int64_t first, int64_t last) {
  const Tensor& h = args.inputs[1];
  const int64_t rows = h.dims[0], units = h.dims[1];
  step_range(rows, &first, &last);
  if (first >= last || units == 0) return;
  float* sums = static_cast<float*>(args.scratch) + product_scratch(args) / sizeof(float);
  const Product all = step_product(input<float>(args, 1), rows, args.inputs[2], sums);
  LinesAhead ahead = lines_of_next(args, all, first, last);
  Workspace workspace = workspace_of(args);
  workspace.ahead = &ahead;
  for (int64_t row = first, count; row < last; row += count) {
    count = min(last - row, kRowsOfSums);
    Product p = step_product(input<float>(args, 1) + row * units, count, args.inputs[2], sums);
    if (args.inputCount > 3) p.epilogue.bias = input<float>(args, 3);
    multiply_rows(p, workspace, 0, count);
    for (int64_t i = 0; i < count; ++i) {
      fetch_row(input<float>(args, 0), row + i + 1, last, 3 * units);
      each_unit(gru_row(args, sums + i * 3 * units, input<float>(args, 1), units, row + i), units);
    }
  }
}

const char* check_gru_step_grad(const Args& args) {
  const Tensor& h = args.inputs[1];
  if (const char* wrong = check_gru_grad(args)) return wrong;
  bool fits = h.rank == 2 && are_weights(args.inputs[3], args.outputs[2].dims[1], h.dims[1]);
  return fits ? nullptr : kGatesDiffer;
}

double gru_step_grad_cost(const Args& args) { return rows_cost(args.outputs[0].dims[0], args.inputs[3]); }

// The product, and what goes past it: dh = dz . b + dNext * update.
void run_gru_step_grad(const Args& args, int64_t first, int64_t last) {
  const Tensor& h = args.inputs[1];
  const int64_t rows = h.dims[0], units = h.dims[1];
  step_range(rows, &first, &last);
  if (first >= last || units == 0) return;
  for (int64_t row = first; row < last; ++row) {
    fetch_row(input<float>(args, 0), row + 1, last, 4 * units);
    fetch_row(input<float>(args, 1), row + 1, last, units);
    fetch_row(input<float>(args, 2), row + 1, last, units);
    each_unit(gru_grad_row(args, nullptr, units, row), units);
  }
  float* dh = output<float>(args, 0);
  multiply_step(args, step_product(output<float>(args, 2), rows, args.inputs[3], dh), first, last);
  for (int64_t row = first; row < last; ++row) {
    const float* update = input<float>(args, 0) + row * 4 * units;
    const float* d = input<float>(args, 2) + row * units;
    float* to = dh + row * units;
    for (int64_t j = 0; j < units; j += kLanes) {
      int64_t n = units - j;
      store_upto(to + j, load_upto(to + j, n) + load_upto(d + j, n) * load_upto(update + j, n), n);
    }
  }
}

constexpr Kernel kRecurrentStepKernels[] = {
    {"lstmStep(x: f32, h: f32, c: f32, kernel: f32) -> gates: f32, y: f32, next: f32", check_lstm_step,
     step_tasks, lstm_step_cost, product_scratch, run_lstm_step, 0, 0x3f},
    {"lstmStepGrad(gates: f32, c: f32, next: f32, dh: f32, dNext: f32, kernel: f32) -> "
     "dc: f32, dz: f32, before: f32",
     check_lstm_step_grad, step_grad_tasks, lstm_step_grad_cost, product_scratch, run_lstm_step_grad, 1 << 4,
     0xff},
    {"gruStep(x: f32, h: f32, kernel: f32, bias?: f32) -> gates: f32, next: f32", check_gru_step, step_tasks,
     gru_step_cost, gru_step_scratch, run_gru_step, 0, 0xf},
    {"gruStepGrad(gates: f32, h: f32, dNext: f32, kernel: f32) -> before: f32, dx: f32, dz: f32",
     check_gru_step_grad, step_grad_tasks, gru_step_grad_cost, product_scratch, run_gru_step_grad, 0, 0x3f},
};

}  // namespace
}  // namespace chainrule
