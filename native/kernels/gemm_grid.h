// How a product is cut into tasks: grids of blocks of C, one for each batch, decided by shape alone.
#pragma once

#include "gemm_batches.h"

namespace chainrule {
namespace {

// Blocks are measured in panels of columns and in four tiles of rows, the same on every instruction set.
constexpr int64_t kPanelUnit = 64, kRowUnit = 24, kMinRows = 6;
// Up to this many rows, reading b costs more than multiplying: then its columns are dealt out to two tasks,
// which read long stretches of its rows.
constexpr int64_t kFewRows = 2;
// Multiply-adds of a task at least: some microseconds without wide registers.
constexpr double kMinWork = 1 << 15;
// Roughly this many tasks, so that two to eight threads are evenly loaded.
constexpr int64_t kTargetTasks = 32;

// Numbers in the guard of a product: one for each task at most. Unused ones say that all is well. Twin of
// guardSlots in lib/ops/gemm.ts.
constexpr int64_t kGuardSlots = 64;

// Blocks count down the rows of a block column first, so that consecutive ones share the packed part of b.
struct Grid {
  int64_t row_blocks, column_blocks;
  int64_t blocks() const { return row_blocks * column_blocks; }
};

// For a product that gets so many tasks of the roughly kTargetTasks.
Grid grid_of(const Product& p, int64_t target) {
  const int64_t m = p.m, n = p.n, k = p.k;
  double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(max(k, 1));
  if (work < 2 * kMinWork && n <= kMaxBlockColumns) return {1, 1};
  double wanted = work / kMinWork;
  int64_t tasks = wanted < 1 ? 1 : min(static_cast<int64_t>(wanted), target);
  int64_t panels = max(ceil_div(n, kPanelUnit), 1);
  int64_t max_rows = max(m / (p.c_transposed ? kLanes : kMinRows), 1);
  // Wide blocks read a less often and read long stretches of b's rows, but every thread should get some.
  int64_t width = max(panels * ceil_div(m, kRowUnit) / tasks, 1);
  const bool few = m <= kFewRows && !p.b_transposed;
  if (few) width = max(ceil_div(panels, 2), 1);
  width = min(width, kMaxBlockColumns / kPanelUnit);
  Grid grid;
  grid.column_blocks = ceil_div(panels, width);
  if (few && n > kLanes) grid.column_blocks = max(grid.column_blocks, 2);
  grid.row_blocks = min(ceil_div(tasks, grid.column_blocks), max_rows);
  return grid;
}

// The blocks of all products of a batch, one product after another, and in how many tasks they are made.
struct Work {
  Grid grid;
  int64_t batches, blocks, tasks;
  int64_t first_block(int64_t task) const { return blocks == tasks ? task : blocks * task / tasks; }
};

Work work_of(const Product& p, int64_t batches) {
  if (batches == 1) {
    Grid grid = grid_of(p, kTargetTasks);
    return {grid, 1, grid.blocks(), min(grid.blocks(), kGuardSlots)};
  }
  Grid grid = grid_of(p, ceil_div(kTargetTasks, max(batches, 1)));
  double each = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(max(p.k, 1));
  double wanted = each * static_cast<double>(batches) / kMinWork;
  int64_t blocks = batches * grid.blocks();
  int64_t most = wanted < kTargetTasks ? static_cast<int64_t>(wanted) : kTargetTasks;
  return {grid, batches, blocks, max(min(blocks, most), 1)};
}

// Where c holds the transpose, blocks of rows begin at whole vectors.
int64_t first_row(const Product& p, const Grid& grid, int64_t block) {
  if (!p.c_transposed) return p.m * block / grid.row_blocks;
  return min(ceil_div(p.m, kLanes) * block / grid.row_blocks * kLanes, p.m);
}

// Blocks of columns begin at whole vectors, so that only the last one ends within a vector.
int64_t first_column(const Product& p, const Grid& grid, int64_t block) {
  return min(ceil_div(p.n, kLanes) * block / grid.column_blocks * kLanes, p.n);
}

// A rectangle of C.
struct Block {
  int64_t row, rows, column, columns;
};

// The block of `count` consecutive tasks in one block column.
Block block_of(const Product& p, const Grid& grid, int64_t task, int64_t count) {
  int64_t column_block = task / grid.row_blocks, row_block = task % grid.row_blocks;
  Block block;
  block.row = first_row(p, grid, row_block);
  block.rows = first_row(p, grid, row_block + count) - block.row;
  block.column = first_column(p, grid, column_block);
  block.columns = first_column(p, grid, column_block + 1) - block.column;
  return block;
}

}  // namespace
}  // namespace chainrule
