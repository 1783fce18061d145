// Matrix products c[M,N] = activation(a[M,K] . b[K,N] + bias[N]), either operand also given transposed.
// Twin of lib/ops/gemm.ts. The loops stand in gemm_block.h and gemm_turned.h, the tile and the order of sums
// in gemm_tile.h.
#pragma once

#include "gemm_turned.h"

namespace chainrule {
namespace {

// What a block of C is counted in, the same on every instruction set: panels of columns, and four tiles of
// rows.
constexpr int64_t kPanelUnit = 64, kRowUnit = 24, kLeastRows = 6;
// Panels that few rows go over at once: a kibibyte of each row of b.
constexpr int64_t kLeastWidth = 4;
// Numbers in the guard of a product: one for each task, the rest for none. Twin of guardSlots in
// lib/ops/gemm.ts, where products of too many tasks, beyond 16384 columns, are not given a guard.
constexpr int64_t kGuardSlots = 64;
// Rows from which a guarded product does not exchange its operands, for they would be too many tasks.
constexpr int64_t kMostGuardedRows = kMaxBlockColumns * kGuardSlots / 2;
// Multiply-adds of a task at least: some microseconds where there are no wide registers.
constexpr double kLeastWork = 1 << 15;
// About so many tasks, so that two to eight threads balance.
constexpr int64_t kTargetTasks = 32;
// Nanoseconds of a multiply-add and of copying an element of b, from the tiles' measured speed.
#if defined(CHAINRULE_SCALAR)
constexpr double kMultiplyNs = 0.5;
#elif defined(__AVX512F__)
constexpr double kMultiplyNs = 0.008;
#else
constexpr double kMultiplyNs = 0.016;
#endif
constexpr double kPackNs = 0.05;
// The same in multiply-adds: a number of b, or of c where it is to hold the transpose.
constexpr double kTurn = 5;

// Tasks count down the rows of a block column first, so that neighbours share what is packed of b.
struct Grid {
  int64_t row_blocks, column_blocks;
};

Grid grid_of(const Product& p) {
  const int64_t m = p.m, n = p.n, k = p.k;
  double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(larger_of(k, 1));
  if (work < 2 * kLeastWork && n <= kMaxBlockColumns) return {1, 1};
  double wanted = work / kLeastWork;
  int64_t tasks = wanted < 1 ? 1 : wanted > kTargetTasks ? kTargetTasks : static_cast<int64_t>(wanted);
  int64_t panels = larger_of(pieces(n, kPanelUnit), 1);
  int64_t most_rows = larger_of(m / (p.c_turned ? kLanes : kLeastRows), 1);
  // Wide blocks read a less often, and long pieces of the rows of b; but all threads should have some.
  int64_t width = larger_of(panels * pieces(m, kRowUnit) / tasks, 1);
  if (m <= kFewRows && !p.b_transposed) width = larger_of(pieces(panels, 2), kLeastWidth);
  width = smaller_of(width, kMaxBlockColumns / kPanelUnit);
  Grid grid;
  grid.column_blocks = pieces(panels, width);
  grid.row_blocks = smaller_of(pieces(tasks, grid.column_blocks), most_rows);
  return grid;
}

// Whole vectors of a c that holds the transpose.
int64_t first_row(const Product& p, const Grid& grid, int64_t block) {
  if (!p.c_turned) return p.m * block / grid.row_blocks;
  return smaller_of(pieces(p.m, kLanes) * block / grid.row_blocks * kLanes, p.m);
}

// Whole vectors, so that only the last block ends within one.
int64_t first_column(const Product& p, const Grid& grid, int64_t block) {
  return smaller_of(pieces(p.n, kLanes) * block / grid.column_blocks * kLanes, p.n);
}

Product product_of(const Args& args) {
  const Tensor &a = args.inputs[0], &b = args.inputs[1], &c = args.outputs[0];
  bool a_transposed = args.attributes[0] != 0, b_transposed = args.attributes[1] != 0;
  Product p = {};
  p.m = c.dims[0];
  p.n = c.dims[1];
  p.k = a.dims[a_transposed ? 0 : 1];
  p.a = static_cast<const float*>(a.data);
  p.a_row = a_transposed ? 1 : p.k;
  p.a_step = a_transposed ? p.m : 1;
  p.b = static_cast<const float*>(b.data);
  p.b_row = b.dims[1];
  p.b_transposed = b_transposed;
  p.c = static_cast<float*>(c.data);
  p.c_row = p.n;
  p.bias_step = 1;
  p.guarded = args.outputCount > 1;
  if (args.attributeCount > 2 && args.attributes[2] >= 0) p.activation = args.map_ops + args.attributes[2];
  if (args.inputCount > 2) {
    const float* third = static_cast<const float*>(args.inputs[2].data);
    (args.inputs[2].rank == 1 ? p.bias : p.other) = third;
  }
  return p;
}

// One column is computed as one row, whose elements lie in memory in the same order: vectors then go along
// it.
Product as_row(const Product& column) {
  Product p = column;
  p.m = 1;
  p.n = p.c_row = column.m;
  p.a = column.b;
  p.a_row = p.k;
  p.a_step = 1;
  p.b = column.a;
  p.b_transposed = column.a_step == 1;
  p.b_row = p.b_transposed ? column.a_row : column.a_step;
  p.bias_step = 0;
  return p;
}

// a . b is the transpose of bT . aT, to the bit. Then the other operand is read in whole vectors, and copied
// where it lies transposed, and c is turned once for each block of k, its rows in whole vectors: better where
// a is the smaller one to copy, or has more rows than b has columns that fill no vector.
bool is_better_exchanged(const Product& p) {
  constexpr double kClearly = 0.95;  // of what is estimated; a tie stays as it is
  if (p.bias_step != 1 || (p.guarded && p.m > kMostGuardedRows)) return false;
  double m = static_cast<double>(p.m), n = static_cast<double>(p.n), k = static_cast<double>(p.k);
  double wide_m = static_cast<double>(pieces(p.m, kLanes) * kLanes);
  double wide_n = static_cast<double>(pieces(p.n, kLanes) * kLanes);
  double blocks = static_cast<double>(pieces(p.k, kBlockDepth));
  double straight = m * wide_n * k + (p.b_transposed ? kTurn * n * k : 0);
  double exchanged = n * wide_m * k + (p.a_step == 1 ? kTurn * m * k : 0) + kTurn * m * n * blocks;
  return exchanged < kClearly * straight;
}

Product exchanged(const Product& straight) {
  Product p = straight;
  p.m = straight.n;
  p.n = straight.m;
  p.a = straight.b;
  p.a_row = straight.b_transposed ? straight.b_row : 1;
  p.a_step = straight.b_transposed ? 1 : straight.b_row;
  p.b = straight.a;
  p.b_transposed = straight.a_step == 1;
  p.b_row = p.b_transposed ? straight.a_row : straight.a_step;
  p.c_turned = true;
  return p;
}

Product oriented(const Args& args) {
  Product p = product_of(args);
  if (p.n == 1 && p.m > 1) p = as_row(p);
  if (is_better_exchanged(p)) p = exchanged(p);
  return p;
}

const char* check_product(const Args& args) {
  const Tensor &a = args.inputs[0], &b = args.inputs[1], &c = args.outputs[0];
  if (a.rank != 2 || b.rank != 2 || c.rank != 2) return "operands of a product must be matrices";
  for (int i = 0; i < 2; ++i) {
    if (a.dims[i] < 0 || b.dims[i] < 0 || c.dims[i] < 0) return "a product needs the sizes of its operands";
  }
  int ta = args.attributes[0] != 0, tb = args.attributes[1] != 0;
  bool fits = a.dims[ta] == c.dims[0] && b.dims[1 - tb] == c.dims[1] && a.dims[1 - ta] == b.dims[tb];
  return fits ? nullptr : "the sizes of a product's operands do not match";
}

const char* check_epilogue(const Args& args, int32_t arity, bool needed) {
  int32_t op = args.attributes[2];
  bool known = (op == -1 && !needed) || (op >= 0 && op < kMapOpCount && args.map_ops[op].arity == arity);
  return known ? nullptr : "a product's epilogue takes another number of operands";
}

const char* check_gemm(const Args& args) {
  const char* wrong = check_product(args);
  if (wrong != nullptr) return wrong;
  if (args.inputCount > 2 && !is_vector(args.inputs[2], args.outputs[0].dims[1])) {
    return "a product's bias must have one number for each column";
  }
  return check_epilogue(args, 1, false);
}

const char* check_combined(const Args& args) {
  const char* wrong = check_product(args);
  if (wrong != nullptr) return wrong;
  if (!same_dims(args.inputs[2], args.outputs[0])) return "the other operand must have the product's shape";
  return check_epilogue(args, 2, true);
}

int64_t product_tasks(const Args& args) {
  Product p = oriented(args);
  Grid grid = grid_of(p);
  return grid.row_blocks * grid.column_blocks;
}

const char* check_guarded(const Args& args) {
  const char* wrong = check_product(args);
  if (wrong != nullptr) return wrong;
  if (!is_vector(args.outputs[1], kGuardSlots)) return "the guard of a product has 64 numbers";
  return product_tasks(args) <= kGuardSlots ? nullptr : "too many columns for a guarded product";
}

template <class Number>
double product_cost(const Args& args) {
  Product p = oriented(args);
  double m = static_cast<double>(p.m), n = static_cast<double>(pieces(p.n, kLanes) * kLanes);
  double k = static_cast<double>(p.k);
  double turned = p.c_turned ? kPackNs * m * n * static_cast<double>(pieces(p.k, kBlockDepth)) : 0;
  double copies = Number::kPerWord > 1 ? kPackNs * (m + n) * k : (p.b_transposed ? kPackNs : 0.02) * n * k;
  double activation = p.activation == nullptr ? 0 : kMapCostsNs[p.activation - args.map_ops] / kLanes * m * n;
  return 50.0 + kMultiplyNs / Number::kPerWord * m * n * k + copies + turned + activation;
}

size_t product_scratch(const Args&) {
  constexpr int64_t kFloats =
      kBlockDepth * (kMaxBlockColumns + kRowsAtOnce) + (1 + kRowsAtOnce) * kPanelColumns;
  return static_cast<size_t>(kFloats) * sizeof(float);
}

template <class Number>
void run_product(const Args& args, int64_t first_task, int64_t last_task) {
  Product p = oriented(args);
  Grid grid = grid_of(p);
  int64_t tasks = grid.row_blocks * grid.column_blocks;
  int32_t* guard = p.guarded ? output<int32_t>(args, 1) : nullptr;
  if (p.guarded) {
    int64_t end = last_task == tasks ? kGuardSlots : last_task;
    for (int64_t i = first_task; i < end; ++i) guard[i] = -1;
  }
  if (p.m == 0 || p.n == 0) return;
  float* scratch = static_cast<float*>(args.scratch);
  Desk desk = {};
  desk.turned = scratch + kPanelColumns;
  desk.packed_a = desk.turned + kRowsAtOnce * kPanelColumns;
  desk.packed_b = desk.packed_a + kBlockDepth * kRowsAtOnce;
  desk.pause = args.pause;
  if (p.bias != nullptr && p.bias_step == 0) {
    for (int64_t j = 0; j < kPanelColumns; j += kLanes) store(scratch + j, splat(p.bias[0]));
    p.bias = scratch;
  }
  int64_t task = first_task;
  while (task < last_task) {
    int64_t column = task / grid.row_blocks, block = task % grid.row_blocks;
    int64_t blocks = smaller_of(grid.row_blocks - block, last_task - task);
    int64_t row = first_row(p, grid, block), start = first_column(p, grid, column);
    int64_t rows = first_row(p, grid, block + blocks) - row;
    int64_t columns = first_column(p, grid, column + 1) - start;
    desk.guard = p.guarded ? guard + task : nullptr;
    auto multiply = multiply_block<Number>;
    bool thin = rows <= kFewRows && !p.b_transposed && !p.c_turned;
    if (Number::kPerWord == 1 && thin) multiply = multiply_thin_block;
    if (Number::kPerWord == 1 && turns_rows(p, rows)) multiply = multiply_turned_block;
    multiply(p, desk, row, rows, start, columns);
    task += blocks;
  }
}

constexpr Kernel kGemmKernels[] = {
    {"matmul(a: f32, b: f32) -> c: f32 {transposeA: bool, transposeB: bool}", check_product, product_tasks,
     product_cost<Float32>, product_scratch, run_product<Float32>, 0},
    {"gemm(a: f32, b: f32, bias?: f32) -> c: f32 {transposeA: bool, transposeB: bool, activation: op}",
     check_gemm, product_tasks, product_cost<Float32>, product_scratch, run_product<Float32>, 0},
    {"gemmWith(a: f32, b: f32, other: f32) -> c: f32 {transposeA: bool, transposeB: bool, combine: op}",
     check_combined, product_tasks, product_cost<Float32>, product_scratch, run_product<Float32>, 0},
    {"gemmFinite(a: f32, b: f32) -> c: f32, guard: i32 {transposeA: bool, transposeB: bool}", check_guarded,
     product_tasks, product_cost<Float32>, product_scratch, run_product<Float32>, 0},
};

}  // namespace
}  // namespace chainrule
