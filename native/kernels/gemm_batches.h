// Products of many pairs of matrices: the axes before the last two count them. Where a or b has size 1 along
// such an axis, or lacks it, the same matrix is read again.
#pragma once

#include "gemm_product.h"
#include "view.h"

namespace chainrule {
namespace {

// The axes that count matrices, as those of a tensor.
VEC_INLINE Tensor batch_axes(const Tensor& x) {
  Tensor axes = x;
  axes.rank -= 2;
  return axes;
}

// How many products there are; none without elements, whatever the other sizes are.
VEC_INLINE int64_t batches_in(const Tensor& c) {
  if (c.rank == 2) return 1;
  return c.count == 0 ? 0 : extent(c, 0, c.rank - 2);
}

// Whether the batch axes of c are those that a and b broadcast to.
bool batches_fit(const Tensor& a, const Tensor& b, const Tensor& c) {
  if (c.rank != max(a.rank, b.rank)) return false;
  for (int32_t i = 3; i <= c.rank; ++i) {
    int64_t of_a = i > a.rank ? 1 : a.dims[a.rank - i], of_b = i > b.rank ? 1 : b.dims[b.rank - i];
    if (of_a != of_b && of_a != 1 && of_b != 1) return false;
    if (c.dims[c.rank - i] != (of_a == 1 ? of_b : of_a)) return false;
  }
  return true;
}

// Where the matrices of each batch begin, counted in matrices of the operand.
struct Batches {
  View a, b;
  int64_t a_size, b_size, c_size;  // numbers in a matrix
};

Batches batches_of(const Args& args) {
  const Tensor &a = args.inputs[0], &b = args.inputs[1], &c = args.outputs[0];
  Batches batches;
  batches.a = view_through(batch_axes(a), batch_axes(c));
  batches.b = view_through(batch_axes(b), batch_axes(c));
  batches.a_size = extent(a, a.rank - 2, a.rank);
  batches.b_size = extent(b, b.rank - 2, b.rank);
  batches.c_size = extent(c, c.rank - 2, c.rank);
  return batches;
}

VEC_INLINE int64_t position_in(const View& view, int64_t index) {
  int64_t at = 0;
  for (int32_t i = 0; i < view.rank; ++i) {
    at += index % view.dims[i] * view.strides[i];
    index /= view.dims[i];
  }
  return at;
}

// The product of one batch, given that of the first.
Product product_at(const Product& first, const Batches& batches, int64_t batch) {
  Product p = first;
  int64_t a = position_in(batches.a, batch) * batches.a_size;
  int64_t b = position_in(batches.b, batch) * batches.b_size;
  p.a.first += p.swapped ? b : a;
  p.b += p.swapped ? a : b;
  p.c_start = batch * batches.c_size;
  p.c += p.c_start;
  if (p.epilogue.other != nullptr) p.epilogue.other += p.c_start;
  return p;
}

}  // namespace
}  // namespace chainrule
