// A matrix product as the loops see it, and the form in which it is computed: as it was given, as one row, or
// with its operands swapped.
#pragma once

#include "gemm_tile.h"

namespace chainrule {
namespace {

struct Product {
  int64_t m, n, k;
  const float* a;  // a(i, k) = a[i * a_row + k * a_step]
  int64_t a_row, a_step;
  const float* b;
  int64_t b_row;  // floats from one row to the next, as b lies in memory
  bool b_transposed;
  float* c;
  int64_t c_row;      // floats from one row to the next
  bool c_transposed;  // c holds the transpose, because the operands are swapped
  const float* bias;
  int64_t bias_step;        // 0 where all columns have the same bias: then it is repeated over one panel
  const MapOp* activation;  // applied to the result, or to the result and `other`
  const float* other;       // of C's shape
  bool guarded;
};

// Columns of a block of C at most: the copy of its part of b, 384 deep, stays in the L2 cache.
constexpr int64_t kMaxBlockColumns = 512;
// Numbers in the guard of a product. Each task writes one; unused ones say that all is well. Twin of
// guardSlots in lib/ops/gemm.ts, which gives no guard to products that would need more tasks, beyond 16384
// columns.
constexpr int64_t kGuardSlots = 64;
// A guarded product with more rows keeps its operands in place, because it would have too many tasks.
constexpr int64_t kMaxGuardedRows = kMaxBlockColumns * kGuardSlots / 2;
// Cost of transposing one number of b or c, in multiply-adds.
constexpr double kTransposeCost = 5;

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

// A result of one column is computed as one row, which lies in memory in the same way: vectors then run along
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

// a . b is the transpose of bT . aT, bit for bit. With swapped operands, vectors run along a instead of b, a
// is copied if it lies transposed, and c is transposed once for each block of k. That is faster where a is
// the smaller operand to copy, or where n leaves much of its last vector empty and m does not.
bool is_faster_swapped(const Product& p) {
  constexpr double kClearly = 0.95;  // of the estimated cost: operands are not swapped for less
  if (p.bias_step != 1 || (p.guarded && p.m > kMaxGuardedRows)) return false;
  double m = static_cast<double>(p.m), n = static_cast<double>(p.n), k = static_cast<double>(p.k);
  double padded_m = static_cast<double>(ceil_div(p.m, kLanes) * kLanes);
  double padded_n = static_cast<double>(ceil_div(p.n, kLanes) * kLanes);
  double blocks = static_cast<double>(ceil_div(p.k, kBlockDepth));
  double straight = m * padded_n * k + (p.b_transposed ? kTransposeCost * n * k : 0);
  double swapped =
      n * padded_m * k + (p.a_step == 1 ? kTransposeCost * m * k : 0) + kTransposeCost * m * n * blocks;
  return swapped < kClearly * straight;
}

Product with_swapped_operands(const Product& straight) {
  Product p = straight;
  p.m = straight.n;
  p.n = straight.m;
  p.a = straight.b;
  p.a_row = straight.b_transposed ? straight.b_row : 1;
  p.a_step = straight.b_transposed ? 1 : straight.b_row;
  p.b = straight.a;
  p.b_transposed = straight.a_step == 1;
  p.b_row = p.b_transposed ? straight.a_row : straight.a_step;
  p.c_transposed = true;
  return p;
}

// The product in the form that is fastest to compute.
Product oriented(const Args& args) {
  Product p = product_of(args);
  if (p.n == 1 && p.m > 1) p = as_row(p);
  if (is_faster_swapped(p)) p = with_swapped_operands(p);
  return p;
}

}  // namespace
}  // namespace chainrule
