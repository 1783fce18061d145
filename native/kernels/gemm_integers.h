// Matrix products of int32, exact but for wrapping: sums modulo 2^32 are the same in any order. Batches and
// transpositions are those of gemm.h. Rows of a are copied, some k at a time, so that they lie along k.
#pragma once

#include "gemm.h"

namespace chainrule {
namespace {

// Numbers of a row of a that are multiplied at once, rows that share what is read of b, and vectors of
// columns.
constexpr int64_t kIntegerDepth = 256;
constexpr int kIntegerRows = 4, kIntegerVectors = 2;

// One product of a batch: a(i, k) = a[i * a_row + k * a_step].
struct IntegerProduct {
  int64_t m, n, k;
  const int32_t *a, *b;
  int64_t a_row, a_step, b_row;
  bool b_transposed;
  int32_t* c;
};

// Rows of a over one stretch of k, which begins at `k`.
struct IntegerRows {
  int32_t numbers[kIntegerRows][kIntegerDepth];
  int64_t k, depth;
};

VEC_INLINE void copy_rows_of_a(const IntegerProduct& p, int64_t row, int64_t count, IntegerRows* rows) {
  for (int64_t i = 0; i < count; ++i) {
    const int32_t* from = p.a + (row + i) * p.a_row + rows->k * p.a_step;
    for (int64_t k = 0; k < rows->depth; ++k) rows->numbers[i][k] = from[k * p.a_step];
  }
}

VEC_INLINE IntVec load_int_upto(const int32_t* p, int64_t n) {
  return n >= kLanes ? load_int(p) : load_int_tail(p, max(n, 0));
}

// Adds to rows of c what a stretch of rows of b makes, some vectors of columns at a time.
template <int kRows>
void add_rows_of_b(const IntegerProduct& p, const IntegerRows& rows, int32_t* c) {
  for (int64_t j = 0; j < p.n; j += kIntegerVectors * kLanes) {
    IntVec sums[kRows][kIntegerVectors];
    for (int i = 0; i < kRows; ++i) {
      for (int v = 0; v < kIntegerVectors; ++v) sums[i][v] = splat_int(0);
    }
    for (int64_t k = 0; k < rows.depth; ++k) {
      const int32_t* from = p.b + (rows.k + k) * p.b_row + j;
      for (int v = 0; v < kIntegerVectors; ++v) {
        const IntVec columns = load_int_upto(from + v * kLanes, p.n - j - v * kLanes);
        for (int i = 0; i < kRows; ++i) {
          sums[i][v] = sums[i][v] + splat_int(rows.numbers[i][k]) * columns;
        }
      }
    }
    for (int i = 0; i < kRows; ++i) {
      for (int v = 0; v < kIntegerVectors; ++v) {
        const int64_t left = p.n - j - v * kLanes;
        int32_t* to = c + i * p.n + j + v * kLanes;
        const IntVec sum = load_int_upto(to, left) + sums[i][v];
        if (left >= kLanes) store_int(to, sum);
        else store_int_tail(to, sum, max(left, 0));
      }
    }
  }
}

VEC_INLINE int32_t sum_of_lanes(IntVec x) {
  int32_t lanes[kLanes];
  store_int(lanes, x);
  uint32_t sum = 0;
  for (int32_t lane : lanes) sum += static_cast<uint32_t>(lane);
  return static_cast<int32_t>(sum);
}

// The same for a b that lies transposed: each number of c is the sum of products along k.
template <int kRows>
void add_columns_of_b(const IntegerProduct& p, const IntegerRows& rows, int32_t* c) {
  for (int64_t j = 0; j < p.n; ++j) {
    const int32_t* from = p.b + j * p.b_row + rows.k;
    IntVec sums[kRows];
    for (int i = 0; i < kRows; ++i) sums[i] = splat_int(0);
    for (int64_t k = 0; k < rows.depth; k += kLanes) {
      const IntVec column = load_int_upto(from + k, rows.depth - k);
      for (int i = 0; i < kRows; ++i) {
        sums[i] = sums[i] + load_int_upto(rows.numbers[i] + k, rows.depth - k) * column;
      }
    }
    for (int i = 0; i < kRows; ++i) {
      const auto before = static_cast<uint32_t>(c[i * p.n + j]);
      c[i * p.n + j] = static_cast<int32_t>(before + static_cast<uint32_t>(sum_of_lanes(sums[i])));
    }
  }
}

template <int kRows>
void multiply_integers(const IntegerProduct& p, int64_t row) {
  int32_t* c = p.c + row * p.n;
  for (int64_t i = 0; i < kRows * p.n; ++i) c[i] = 0;
  IntegerRows rows;
  for (rows.k = 0; rows.k < p.k; rows.k += rows.depth) {
    rows.depth = min(p.k - rows.k, kIntegerDepth);
    copy_rows_of_a(p, row, kRows, &rows);
    if (p.b_transposed) add_columns_of_b<kRows>(p, rows, c);
    else add_rows_of_b<kRows>(p, rows, c);
  }
}

IntegerProduct first_integer_product(const Args& args) {
  const Tensor &a = args.inputs[0], &b = args.inputs[1], &c = args.outputs[0];
  const bool a_transposed = args.attributes[kTransposeA] != 0;
  IntegerProduct p = {};
  p.m = c.dims[c.rank - 2];
  p.n = c.dims[c.rank - 1];
  p.k = a.dims[a.rank - (a_transposed ? 2 : 1)];
  p.a = input<int32_t>(args, 0);
  p.a_row = a_transposed ? 1 : p.k;
  p.a_step = a_transposed ? p.m : 1;
  p.b = input<int32_t>(args, 1);
  p.b_row = b.dims[b.rank - 1];
  p.b_transposed = args.attributes[kTransposeB] != 0;
  p.c = output<int32_t>(args, 0);
  return p;
}

int64_t integer_rows(const Args& args) {
  const Tensor& c = args.outputs[0];
  return c.count == 0 ? 0 : c.count / c.dims[c.rank - 1];
}
int64_t multiply_adds_of_row(const Args& args) {
  const Tensor& a = args.inputs[0];
  const int64_t k = a.dims[a.rank - (args.attributes[kTransposeA] != 0 ? 2 : 1)];
  return max(k, 1) * args.outputs[0].dims[args.outputs[0].rank - 1];
}

int64_t matmul_integers_tasks(const Args& args) {
  return tasks_of(integer_rows(args), multiply_adds_of_row(args));
}

double matmul_integers_cost(const Args& args) {
  return 50.0 + 4 * kMultiplyNs * static_cast<double>(integer_rows(args)) *
                    static_cast<double>(multiply_adds_of_row(args));
}

void run_matmul_integers(const Args& args, int64_t first, int64_t last) {
  const int64_t per_task = items_per_task(multiply_adds_of_row(args));
  const int64_t end = min(last * per_task, integer_rows(args));
  const IntegerProduct whole = first_integer_product(args);
  const Batches batches = batches_of(args);
  for (int64_t row = first * per_task; row < end;) {
    const int64_t batch = row / whole.m, own = row - batch * whole.m;
    IntegerProduct p = whole;
    p.a += position_in(batches.a, batch) * batches.a_size;
    p.b += position_in(batches.b, batch) * batches.b_size;
    p.c += batch * batches.c_size;
    const int64_t stop = min(whole.m, own + end - row);
    int64_t i = own;
    for (; i + kIntegerRows <= stop; i += kIntegerRows) multiply_integers<kIntegerRows>(p, i);
    for (; i < stop; ++i) multiply_integers<1>(p, i);
    row += stop - own;
  }
}

constexpr Kernel kGemmIntegersKernels[] = {
    {"matmulIntegers(a: i32, b: i32) -> c: i32 {transposeA: bool, transposeB: bool}", check_factors,
     matmul_integers_tasks, matmul_integers_cost, nullptr, run_matmul_integers, 0},
};

}  // namespace
}  // namespace chainrule
