// How a product, or a batch of them, is cut into tasks of the same size, decided by shape alone.
#pragma once

#include "gemm_batches.h"

namespace chainrule {
namespace {

// Columns of a block are counted in panels of so many, the same on every instruction set.
constexpr int64_t kPanelUnit = 64;
// Up to this many rows, reading b costs more than multiplying.
constexpr int64_t kFewRows = 2;
// Multiply-adds of a task at least: some microseconds without wide registers.
constexpr double kMinWork = 1 << 15;
// Roughly this many tasks, so that two to eight threads are evenly loaded.
constexpr int64_t kTargetTasks = 32;
// Tasks of a product: each of two to eight threads but five and seven gets as many.
constexpr int64_t kProductTasks = 48;

// Numbers in the guard of a product: one for each task at most. Unused ones say that all is well. Twin of
// guardSlots in lib/ops/gemm.ts.
constexpr int64_t kGuardSlots = 64;

// A rectangle of C.
struct Block {
  int64_t row, rows, column, columns;
};

// Where a task begins: a row of a product, or of one vector of its columns.
struct Place {
  int64_t batch, vector, row;
};

// All products of a batch, cut after whole rows, or after rows of a vector of columns: so all tasks are of
// the same size. Tasks that follow one another are computed as one, as long as they are in one product.
struct Work {
  int64_t m, vectors, batches, tasks;
  bool by_rows;
  bool in_lanes;  // c holds the transpose: rows are cut after whole vectors

  // Fewer rows than the least of a vector are left to whoever has the others.
  int64_t row_near(int64_t row) const {
    constexpr int64_t kLeast = 6;
    if (in_lanes) return min((row + kLanes / 2) / kLanes * kLanes, m);
    if (by_rows) return row;
    return row < kLeast ? 0 : row > m - kLeast ? m : row;
  }

  Place place_of(int64_t task) const {
    if (task == 0 || task == tasks) return {task == 0 ? 0 : batches, 0, 0};
    const int64_t each = by_rows ? m : m * vectors, all = each * batches;
    const int64_t at = all / tasks * task + all % tasks * task / tasks;
    Place place = {at / each, by_rows ? 0 : at % each / m, row_near(at % m)};
    if (place.row < m) return place;
    place.row = 0;
    if (!by_rows && ++place.vector < vectors) return place;
    return {place.batch + 1, 0, 0};
  }
};

// What two threads lose if they share the rows, and if they share the columns, in multiply-adds of a vector
// for each k. They copy all of b twice; or they may have to share a vector, whose tiles wait for what they
// load, as do those of narrow panels, and they read all of a twice.
bool is_better_by_rows(const Product& p, int64_t vectors) {
  const double m = static_cast<double>(p.m), n = static_cast<double>(vectors);
  const double copy = p.b_transposed ? transpose_cost(p.n, p.b_row, p.k) : kTransposeCost / 4;
  const double unit = p.c_transposed ? kLanes : 1;
  const double apart = static_cast<double>(ceil_div(p.m, p.c_transposed ? kLanes : 1) % 2) * unit / 2;
  const double narrow = n < 8 ? 0.1 : 0.03;
  const double shared = vectors % 2 == 0 ? 0 : 0.05 * m + copy / 2;
  return n / 2 * (copy + apart) < shared + narrow * m;
}

Work work_of(const Product& p, int64_t batches) {
  const double each = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(max(p.k, 1));
  const int64_t vectors = ceil_div(p.n, kLanes);
  const bool is_small = each * static_cast<double>(batches) < 2 * kMinWork;
  const int64_t tasks = is_small ? 1 : min(kProductTasks, p.m * vectors * batches);
  return {p.m, vectors, batches, tasks, tasks > 1 && is_better_by_rows(p, vectors), p.c_transposed};
}

}  // namespace
}  // namespace chainrule
