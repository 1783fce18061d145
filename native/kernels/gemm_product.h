// A matrix product as the loops see it, and the form in which it is computed: as it was given, as one row, or
// with its operands swapped.
#pragma once

#include "gemm_transposing_tile.h"
#include "map.h"

namespace chainrule {
namespace {

// The words of a product's attributes, in the order of its signature.
enum ProductAttribute : int32_t { kTransposeA, kTransposeB, kInBfloat16, kWithBias, kEpilogueMap };

// What is done to sums over k once they are complete, in this order.
struct Epilogue {
  const float* bias;   // a number for each column, or nullptr
  int64_t bias_step;   // 0 where all columns have the same bias: then it is repeated over one panel
  const MapOp* map;    // applied to the result, or to the result and `other`; or nullptr
  const float* other;  // of C's shape
  bool in_registers;   // tiles make the map: the sum of both, a mask, or limits of the result
  float most;          // the limits are 0 and this, or infinity; there are none where it is 0
  float mask_most;     // the result becomes 0 but where 0 < other <= mask_most; no mask where that is 0
  bool guarded;
};

// The largest number below 6.
constexpr float kBelowSix = 6.0f - 1.0f / (1 << 21);

struct Product {
  int64_t m, n, k;
  AffineRows a;
  const float* b;
  int64_t b_row;  // floats from one row to the next, as b lies in memory
  bool b_transposed;
  float* c;
  int64_t c_row;      // floats from one row to the next
  bool c_transposed;  // c holds the transpose, because the operands are swapped
  bool swapped;     // a is the second operand, and b the first
  int64_t c_start;    // numbers of the result before this product, of many in a batch
  Epilogue epilogue;
};

// Columns of a block of C at most: the copy of its part of b, 384 deep, stays in the L2 cache.
constexpr int64_t kMaxBlockColumns = 512;
// Cost of transposing one number of b or c, in multiply-adds; and where tiles do it while they multiply.
constexpr double kTransposeCost = 5, kHiddenTransposeCost = 2;
// Operands are not swapped for less than this share of the estimated cost.
constexpr double kClearly = 0.95;

// `bias` is the attribute that tells of one; the map is the attribute after it.
Epilogue epilogue_of(const Args& args, int32_t bias) {
  Epilogue epilogue = {};
  epilogue.bias_step = 1;
  epilogue.guarded = args.outputCount > 1;
  int32_t next = 2;
  if (args.attributes[bias] != 0) epilogue.bias = input<float>(args, next++);
  if (args.attributes[bias + 1] < 0) return epilogue;
  epilogue.map = args.map_ops + args.attributes[bias + 1];
  if (epilogue.map->arity == 2) epilogue.other = input<float>(args, next);
  const int32_t row = args.attributes[bias + 1];
  epilogue.most = row == kReluRow ? kInfinity : row == kRelu6Row ? 6.0f : 0;
  epilogue.mask_most = row == kReluGradRow ? kInfinity : row == kRelu6GradRow ? kBelowSix : 0;
  epilogue.in_registers = row == kSumRow || epilogue.most > 0 || epilogue.mask_most > 0;
  return epilogue;
}

// The first product of a batch. Sizes are those of the last two axes.
Product product_of(const Args& args) {
  const Tensor &a = args.inputs[0], &b = args.inputs[1], &c = args.outputs[0];
  bool a_transposed = args.attributes[kTransposeA] != 0, b_transposed = args.attributes[kTransposeB] != 0;
  Product p = {};
  p.m = c.dims[c.rank - 2];
  p.n = c.dims[c.rank - 1];
  p.k = a.dims[a.rank - (a_transposed ? 2 : 1)];
  p.a.first = static_cast<const float*>(a.data);
  p.a.row = a_transposed ? 1 : p.k;
  p.a.step = a_transposed ? p.m : 1;
  p.b = static_cast<const float*>(b.data);
  p.b_row = b.dims[b.rank - 1];
  p.b_transposed = b_transposed;
  p.c = static_cast<float*>(c.data);
  p.c_row = p.n;
  p.epilogue = epilogue_of(args, kWithBias);
  return p;
}

// Makes b the operand that is read by rows. Both stay where they lie: the rows of one are the columns of the
// other.
void exchange(Product* p) {
  const AffineRows a = p->a;
  p->a = p->b_transposed ? AffineRows{p->b, p->b_row, 1} : AffineRows{p->b, 1, p->b_row};
  p->b = a.first;
  p->b_transposed = a.lie_along_k();
  p->b_row = p->b_transposed ? a.row : a.step;
  p->swapped = true;
}

// A result of one column is computed as one row, which lies in memory in the same way: vectors then run along
// it.
void become_row(Product* column) {
  exchange(column);
  column->n = column->c_row = column->m;
  column->m = 1;
  column->epilogue.bias_step = 0;
}

// Columns that are computed for n of them.
VEC_INLINE int64_t padded(int64_t n) {
  return ceil_div(n, kLanes) * kLanes - (ends_in_half(n) ? kLanes / 2 : 0);
}

// Of each number of an operand that lies transposed: rows `step` numbers apart, which become so many columns
// for so many rows.
double transpose_cost(int64_t rows, int64_t columns, int64_t step, int64_t k) {
  const bool hidden = transposing_tile(rows, min(columns, kPanelColumns), step, k) != nullptr;
  return hidden ? kHiddenTransposeCost : kTransposeCost;
}

// a . b is the transpose of bT . aT, bit for bit. With swapped operands, vectors run along a instead of b, a
// is copied if it lies transposed, and c is transposed once for each block of k. That is faster where a is
// the smaller operand to copy, or where n leaves much of its last vector empty and m does not.
bool is_faster_swapped(const Product& p) {
  double m = static_cast<double>(p.m), n = static_cast<double>(p.n), k = static_cast<double>(p.k);
  double padded_m = static_cast<double>(padded(p.m)), padded_n = static_cast<double>(padded(p.n));
  double blocks = static_cast<double>(ceil_div(p.k, kBlockDepth));
  double straight = m * padded_n * k + (p.b_transposed ? transpose_cost(p.m, p.n, p.b_row, p.k) * n * k : 0);
  double copy = p.a.lie_along_k() ? transpose_cost(p.n, p.m, p.a.row, p.k) * m * k : 0;
  double swapped = n * padded_m * k + copy + kTransposeCost * m * n * blocks;
  return swapped < kClearly * straight;
}

void swap_operands(Product* straight) {
  exchange(straight);
  const int64_t m = straight->m;
  straight->m = straight->n;
  straight->n = m;
  straight->c_transposed = true;
}

// The first product of a batch in the form that is fastest to compute.
Product oriented(const Args& args) {
  Product p = product_of(args);
  if (p.n == 1 && p.m > 1) {
    become_row(&p);
  } else if (is_faster_swapped(p)) {
    swap_operands(&p);
  }
  return p;
}

}  // namespace
}  // namespace chainrule
