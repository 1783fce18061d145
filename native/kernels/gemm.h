// Matrix products c[M,N] = activation(a[M,K] . b[K,N] + bias[N]), either operand also given transposed.
// Twin of lib/ops/gemm.ts. The inner tile and the order of sums stand in gemm_tile.h.
#pragma once

#include "gemm_tile.h"
#include "map.h"

namespace chainrule {
namespace {

// Work is cut into blocks of C whose corners are multiples of these on every instruction set.
constexpr int64_t kRowUnit = 24, kColumnUnit = 64;
// Columns of a block at most: what is packed of b for it, 384 deep, stays in the second-level cache.
constexpr int64_t kMaxBlockColumns = 256;
// Rows that pass over a panel of b before the next panel: with it they fit the second-level cache.
constexpr int64_t kRowsAtOnce = 96;
// Up to so many rows, reading b costs more than multiplying.
constexpr int64_t kFewRows = 2;
// Distances of a multiple of this many floats fall into the same few cache sets.
constexpr int64_t kCollidingStep = 1024;

struct Product {
  int64_t m, n, k;
  const float* a;
  int64_t a_row, a_step;
  const float* b;
  int64_t b_row;  // floats from one row to the next as it lies in memory
  bool b_transposed;
  float* c;
  const float* bias;
  const MapOp* activation;
};

// Tasks count down the rows of a block column first, so that neighbours share what is packed of b.
struct Grid {
  int64_t row_blocks, block_rows, column_blocks, block_columns;
};

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
  if (args.inputCount > 2) p.bias = static_cast<const float*>(args.inputs[2].data);
  if (args.attributeCount > 2 && args.attributes[2] >= 0) p.activation = kMapOps + args.attributes[2];
  return p;
}

// About 32 blocks, so that two to eight threads balance, but none of less than some microseconds.
Grid grid_of(int64_t m, int64_t n, int64_t k) {
  constexpr double kTargetTasks = 32, kLeastWork = 1 << 17;
  double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  double wanted = work / kLeastWork;
  int64_t tasks = static_cast<int64_t>(wanted < 1 ? 1 : wanted > kTargetTasks ? kTargetTasks : wanted);
  int64_t column_units = larger_of(pieces(n, kColumnUnit), 1), row_units = larger_of(pieces(m, kRowUnit), 1);
  // Wide blocks read a less often; but all threads should have some.
  int64_t width = smaller_of(kMaxBlockColumns / kColumnUnit, larger_of(column_units * row_units / tasks, 1));
  int64_t least_columns = pieces(column_units, width);
  int64_t columns = pieces(column_units, least_columns);
  Grid grid;
  grid.block_columns = columns * kColumnUnit;
  grid.column_blocks = pieces(column_units, columns);
  int64_t rows = pieces(row_units, smaller_of(pieces(tasks, grid.column_blocks), row_units));
  grid.block_rows = rows * kRowUnit;
  grid.row_blocks = pieces(row_units, rows);
  return grid;
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

const char* check_gemm(const Args& args) {
  const char* wrong = check_product(args);
  if (wrong != nullptr) return wrong;
  if (args.inputCount > 2 && !is_vector(args.inputs[2], args.outputs[0].dims[1])) {
    return "a product's bias must have one number for each column";
  }
  int32_t op = args.attributes[2];
  bool known = op == -1 || (op >= 0 && op < kMapOpCount && kMapOps[op].arity == 1);
  return known ? nullptr : "a product's activation must be an op of one operand";
}

int64_t product_tasks(const Args& args) {
  Product p = product_of(args);
  Grid grid = grid_of(p.m, p.n, p.k);
  return grid.row_blocks * grid.column_blocks;
}

double product_cost(const Args& args) {
  Product p = product_of(args);
  double m = static_cast<double>(p.m), n = static_cast<double>(p.n), k = static_cast<double>(p.k);
  double activation = p.activation == nullptr ? 0 : kMapCostsNs[p.activation - kMapOps] / kLanes * m * n;
  return 60.0 + 0.02 * m * n * k + 0.1 * n * k + activation;
}

size_t product_scratch(const Args&) {
  return static_cast<size_t>(kBlockDepth * (kMaxBlockColumns + kRowsAtOnce)) * sizeof(float);
}

// A part of C while k passes over one block: which rows and columns, and where its operands are read.
struct Part {
  int64_t row, rows, column, columns;
  int64_t k, depth;
  const float* a;
  int64_t a_row, a_step;
  const float* b;
  int64_t b_step;
};

// In pieces of at most kTile: all rows at once where they are one piece, else each by itself.
static_assert(kMaxBlockColumns <= kTile);
void activate(const Product& p, float* c, int64_t rows, int64_t columns) {
  if (columns == p.n && rows * columns <= kTile) {
    p.activation->run(c, c, nullptr, nullptr, rows * columns);
    return;
  }
  for (int64_t i = 0; i < rows; ++i) p.activation->run(c + i * p.n, c + i * p.n, nullptr, nullptr, columns);
}

TileArgs tile_args(const Product& p, const Part& part) {
  bool last = part.k + part.depth == p.k;
  TileArgs t = {};
  t.depth = part.depth;
  t.a = part.a;
  t.a_row = part.a_row;
  t.a_step = part.a_step;
  t.b = part.b;
  t.b_step = part.b_step;
  t.c = p.c + part.row * p.n + part.column;
  t.c_row = p.n;
  t.accumulate = part.k > 0;
  t.bias = last && p.bias != nullptr ? p.bias + part.column : nullptr;
  return t;
}

bool is_finished(const Product& p, const Part& part) {
  return part.k + part.depth == p.k && p.activation != nullptr;
}

// All rows of the part over one panel of at most kPanelColumns, in tiles of nearly equal height.
void multiply_panel(const Product& p, const Part& part) {
  int64_t vectors = pieces(part.columns, kLanes);
  int64_t tiles = pieces(part.rows, rows_of_tile(static_cast<int>(vectors)));
  TileArgs t = tile_args(p, part);
  t.last_columns = part.columns - (vectors - 1) * kLanes;
  for (int64_t i = 0; i < tiles; ++i) {
    int64_t rows = part.rows / tiles + (i < part.rows % tiles);
    kTiles.of[vectors - 1][rows - 1](t);
    if (is_finished(p, part)) activate(p, t.c, rows, part.columns);
    t.a += rows * part.a_row;
    t.c += rows * p.n;
  }
}

// Whether a panel of b is copied: what lies transposed or ends within a vector must be, and it pays where
// rows collide in the cache and enough rows of a share the copy.
bool packs_panel(const Product& p, int64_t rows, int64_t columns) {
  if (p.b_transposed || columns % kLanes != 0) return true;
  return p.b_row % kCollidingStep == 0 && rows >= kRowsAtOnce;
}

void pack_panel(const Product& p, float* to, int64_t k, int64_t depth, int64_t column, int64_t columns) {
  int64_t width = pieces(columns, kLanes) * kLanes;
  if (p.b_transposed) {
    pack_transposed(to, width, p.b + column * p.b_row + k, p.b_row, depth, columns);
  } else {
    pack_rows(to, width, p.b + k * p.b_row + column, p.b_row, depth, columns);
  }
}

// The same for few rows and a b that lies as it is read: the time is that of reading b.
void multiply_thin_block(const Product& p, float* scratch, int64_t row, int64_t rows, int64_t column,
                         int64_t columns) {
  Part part = {};
  part.row = row;
  part.rows = rows;
  part.column = column;
  part.columns = columns;
  part.a_row = p.a_row;
  part.a_step = p.a_step;
  part.b_step = p.b_row;
  for (part.k = 0; part.k == 0 || part.k < p.k; part.k += kBlockDepth) {
    part.depth = smaller_of(p.k - part.k, kBlockDepth);
    part.a = p.a + row * p.a_row + part.k * p.a_step;
    part.b = p.b + part.k * p.b_row + column;
    TileArgs t = tile_args(p, part);
    multiply_few_rows(t, rows, columns, scratch, kMaxBlockColumns);
    if (is_finished(p, part)) activate(p, t.c, rows, columns);
  }
}

// Rows [row, row + rows) of the columns of one block column.
void multiply_block(const Product& p, float* scratch, int64_t row, int64_t rows, int64_t column,
                    int64_t columns) {
  float* packed_b = scratch;
  float* packed_a = scratch + kBlockDepth * kMaxBlockColumns;
  bool packs_a = p.a_step != 1 && p.a_step % kCollidingStep == 0;
  Part part = {};
  for (part.k = 0; part.k == 0 || part.k < p.k; part.k += kBlockDepth) {
    part.depth = smaller_of(p.k - part.k, kBlockDepth);
    for (int64_t done = 0; done < rows; done += kRowsAtOnce) {
      part.row = row + done;
      part.rows = smaller_of(rows - done, kRowsAtOnce);
      part.a = p.a + part.row * p.a_row + part.k * p.a_step;
      part.a_row = p.a_row;
      part.a_step = p.a_step;
      if (packs_a) {
        pack_rows(packed_a, kRowsAtOnce, part.a, p.a_step, part.depth, part.rows);
        part.a = packed_a;
        part.a_step = kRowsAtOnce;
      }
      for (int64_t j = 0; j < columns; j += kPanelColumns) {
        part.column = column + j;
        part.columns = smaller_of(columns - j, kPanelColumns);
        if (packs_panel(p, rows, part.columns)) {
          float* panel = packed_b + j * kBlockDepth;
          if (done == 0) pack_panel(p, panel, part.k, part.depth, part.column, part.columns);
          part.b = panel;
          part.b_step = pieces(part.columns, kLanes) * kLanes;
        } else {
          part.b = p.b + part.k * p.b_row + part.column;
          part.b_step = p.b_row;
        }
        multiply_panel(p, part);
      }
    }
  }
}

void run_product(const Args& args, int64_t first_task, int64_t last_task) {
  Product p = product_of(args);
  if (p.m == 0 || p.n == 0) return;
  Grid grid = grid_of(p.m, p.n, p.k);
  int64_t task = first_task;
  while (task < last_task) {
    int64_t column = task / grid.row_blocks, block = task % grid.row_blocks;
    int64_t blocks = smaller_of(grid.row_blocks - block, last_task - task);
    int64_t row = block * grid.block_rows, start = column * grid.block_columns;
    int64_t rows = smaller_of(p.m - row, blocks * grid.block_rows);
    int64_t columns = smaller_of(p.n - start, grid.block_columns);
    auto multiply = rows <= kFewRows && !p.b_transposed ? multiply_thin_block : multiply_block;
    multiply(p, static_cast<float*>(args.scratch), row, rows, start, columns);
    task += blocks;
  }
}

constexpr Kernel kGemmKernels[] = {
    {"matmul(a: f32, b: f32) -> c: f32 {transposeA: bool, transposeB: bool}", check_product, product_tasks,
     product_cost, product_scratch, run_product, 0},
    {"gemm(a: f32, b: f32, bias?: f32) -> c: f32 {transposeA: bool, transposeB: bool, activation: op}",
     check_gemm, product_tasks, product_cost, product_scratch, run_product, 0},
};

}  // namespace
}  // namespace chainrule
