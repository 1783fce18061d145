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
  bool halved;    // half of the last vector is computed

  // Fewer rows than the least of a vector are left to whoever has the others.
  int64_t row_near(int64_t row) const {
    constexpr int64_t kLeast = 6;
    if (in_lanes) return min((row + kLanes / 2) / kLanes * kLanes, m);
    if (by_rows) return row;
    return row < kLeast ? 0 : row > m - kLeast ? m : row;
  }

  // Half vectors of a row of a product.
  int64_t halves() const { return 2 * vectors - halved; }

  Place place_of(int64_t task) const {
    if (task == 0 || task == tasks) return {task == 0 ? 0 : batches, 0, 0};
    const int64_t each = by_rows ? m : m * halves(), all = each * batches;
    const int64_t at = all / tasks * task + all % tasks * task / tasks, within = at % each;
    Place place = {at / each, by_rows ? 0 : within / (2 * m), 0};
    const bool half = halved && place.vector + 1 == vectors;
    place.row = row_near(by_rows ? within : (within - place.vector * 2 * m) / (half ? 1 : 2));
    if (place.row < m) return place;
    place.row = 0;
    if (!by_rows && ++place.vector < vectors) return place;
    return {place.batch + 1, 0, 0};
  }
};

// Of each number of b: where it lies as it is read, that of waiting for its lines.
double cost_of_reading_b(const Product& p) {
  return p.b_transposed ? transpose_cost(p.m, p.n, p.b_row, p.k) : kTransposeCost / 4;
}

// What two threads lose if they share the rows, in multiply-adds of a vector for each k, beside halves of the
// same size: they copy all of b twice, or wait for its lines, and one may have a row more.
double lost_by_rows(const Product& p, double vectors) {
  const double unit = p.c_transposed ? kLanes : 1;
  const double apart = static_cast<double>(ceil_div(p.m, p.c_transposed ? kLanes : 1) % 2) * unit / 2;
  return vectors / 2 * (cost_of_reading_b(p) + apart);
}

// And if they share the columns: one may have more of them. They may have to share a vector, whose tiles wait
// for what they load, as do those of narrow panels, and they read all of a twice.
double lost_by_columns(const Product& p, const Work& work) {
  const double m = static_cast<double>(p.m), vectors = static_cast<double>(work.halves()) / 2;
  const Place middle = work.place_of(work.tasks / 2);
  const double shared = static_cast<double>(middle.row) / m;
  const double first = middle.batch > 0 ? vectors : static_cast<double>(middle.vector) + shared;
  const double apart = m * (first > vectors / 2 ? first - vectors / 2 : vectors / 2 - first);
  const double narrow = (vectors < 8 ? 0.1 : 0.03) * m;
  if (shared == 0) return narrow + apart;
  return narrow + apart + 0.05 * m + cost_of_reading_b(p) / 2;
}

Work work_of(const Product& p, int64_t batches) {
  const double each = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(max(p.k, 1));
  const int64_t vectors = ceil_div(p.n, kLanes);
  const bool is_small = each * static_cast<double>(batches) < 2 * kMinWork;
  const int64_t tasks = is_small ? 1 : min(kProductTasks, p.m * vectors * batches);
  return {p.m, vectors, batches, tasks, false, p.c_transposed, false};
}

// Two threads share the rows, where they lose less than by sharing the columns.
void choose_cut(const Product& p, bool halved, Work* work) {
  work->halved = halved;
  Work one = *work;
  one.batches = 1;
  const double vectors = static_cast<double>(one.halves()) / 2;
  work->by_rows = work->tasks > 1 && lost_by_rows(p, vectors) < lost_by_columns(p, one);
}

}  // namespace
}  // namespace chainrule
