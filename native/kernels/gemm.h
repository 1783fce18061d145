// Matrix products c = map(a . b + bias, other), of many pairs of matrices in a batch; either operand may be
// given transposed. Twin of lib/ops/gemm.ts. A product is oriented (gemm_product.h), cut into tasks
// (gemm_grid.h), and each block of C is computed in the way that suits its shape (gemm_block.h,
// gemm_few_rows.h, gemm_transposed.h).
#pragma once

#include "gemm_bfloat16.h"
#include "gemm_few_rows.h"
#include "gemm_transposed.h"

namespace chainrule {
namespace {

// Nanoseconds of a multiply-add and of copying an element of b, from the measured speed of the tiles.
#if defined(CHAINRULE_SCALAR)
constexpr double kMultiplyNs = 0.5;
#elif defined(__AVX512F__)
constexpr double kMultiplyNs = 0.008;
#else
constexpr double kMultiplyNs = 0.016;
#endif
constexpr double kPackNs = 0.05;

bool has_sizes(const Tensor& x) {
  for (int32_t i = 0; i < x.rank; ++i) {
    if (x.dims[i] < 0) return false;
  }
  return true;
}

const char* check_factors(const Args& args) {
  const Tensor &a = args.inputs[0], &b = args.inputs[1], &c = args.outputs[0];
  if (a.rank < 2 || b.rank < 2 || c.rank < 2) return "operands of a product must be matrices";
  if (!has_sizes(a) || !has_sizes(b) || !has_sizes(c)) return "a product needs the sizes of its operands";
  const int64_t *of_a = a.dims + a.rank - 2, *of_b = b.dims + b.rank - 2, *of_c = c.dims + c.rank - 2;
  int ta = args.attributes[kTransposeA] != 0, tb = args.attributes[kTransposeB] != 0;
  bool fits = of_a[ta] == of_c[0] && of_b[1 - tb] == of_c[1] && of_a[1 - ta] == of_b[tb];
  if (!fits) return "the sizes of a product's operands do not match";
  return batches_fit(a, b, c) ? nullptr : "the batch axes of a product's operands do not match";
}

const char* check_matmul(const Args& args) {
  const char* wrong = check_factors(args);
  return wrong != nullptr ? wrong : check_epilogue(args, kWithBias);
}

int64_t matmul_tasks(const Args& args) { return work_of(oriented(args), batches_in(args.outputs[0])).tasks; }

double matmul_cost(const Args& args) {
  Product p = oriented(args);
  bool in_bfloat16 = args.attributes[kInBfloat16] != 0;
  double per_word = static_cast<double>(in_bfloat16 ? Bfloat16::kPerWord : Float32::kPerWord);
  double m = static_cast<double>(p.m), n = static_cast<double>(ceil_div(p.n, kLanes) * kLanes);
  double k = static_cast<double>(p.k), batches = static_cast<double>(batches_in(args.outputs[0]));
  double transposes = p.c_transposed ? kPackNs * m * n * static_cast<double>(ceil_div(p.k, kBlockDepth)) : 0;
  double copies = per_word > 1 ? kPackNs * (m + n) * k : (p.b_transposed ? kPackNs : 0.02) * n * k;
  const MapOp* op = p.epilogue.map;
  double map = op == nullptr ? 0 : kMapCostsNs[op - args.map_ops] / kLanes * m * n;
  const double multiply_ns = (halves_pay() ? 2 : 1) * kMultiplyNs / per_word;
  return 50.0 + batches * (multiply_ns * m * n * k + copies + transposes + map);
}

using BlockFunction = void (*)(const Product&, const Workspace&, const Block&);

template <class Number>
BlockFunction fastest_for(const Product& p, int64_t rows, int64_t columns) {
  if (Number::kPerWord == 1 && transposes_in_registers(p, rows, columns)) return multiply_transposed_block;
  if (Number::kPerWord == 1 && has_few_rows(p, rows)) return multiply_thin_block;
  return multiply_block<Number>;
}

void repeat_bias(Epilogue* epilogue, const Workspace& workspace) {
  for (int64_t j = 0; j < kPanelColumns; j += kLanes)
    store(workspace.repeated_bias + j, splat(epilogue->bias[0]));
  epilogue->bias = workspace.repeated_bias;
}

// Columns at the end of a block that are computed as rows of the transpose, where that is faster: they would
// fill little of a vector, or of half a one. The cost is that of is_faster_swapped; a tile of one row waits
// for what it loads.
int64_t thin_columns(const Product& p, const Block& block) {
  const int64_t last = block.columns % kLanes;
  if (p.c_transposed || last == 0 || block.columns < kLanes || block.rows < kLanes) return 0;
  const double rows = static_cast<double>(block.rows), k = static_cast<double>(p.k);
  const double blocks = static_cast<double>(ceil_div(p.k, kBlockDepth));
  const double copy = p.a.lie_along_k() ? kTransposeCost * rows * k : 0;
  double least = kClearly * rows * static_cast<double>(padded(last)) * k;
  int64_t thin = 0;
  const int64_t candidates[] = {last, last - kLanes / 2};
  for (const int64_t some : candidates) {
    if (some <= 0) continue;
    const double own = static_cast<double>(some), others = static_cast<double>(padded(last - some));
    const double swapped = (own + 1) * static_cast<double>(padded(block.rows)) * k;
    const double cost = others * rows * k + swapped + copy + kTransposeCost * own * rows * blocks;
    if (cost >= least) continue;
    least = cost;
    thin = some;
  }
  return thin;
}

template <class Number>
void run_block(const Product& p, const Workspace& workspace, Block block) {
  const BlockFunction fastest = fastest_for<Number>(p, block.rows, block.columns);
  const bool whole = Number::kPerWord > 1 || fastest != multiply_block<Number>;
  const int64_t thin = whole ? 0 : thin_columns(p, block);
  block.columns -= thin;
  fastest(p, workspace, block);
  if (thin == 0) return;
  Product swapped = p;
  swap_operands(&swapped);
  multiply_block<Number>(swapped, workspace, {block.column + block.columns, thin, block.row, block.rows});
}

// So many rows and vectors of columns, in blocks of nearly equal width.
template <class Number>
void run_vectors(const Product& p, const Workspace& workspace, Block block, int64_t first, int64_t last) {
  const int64_t blocks = ceil_div(last - first, kMaxBlockColumns / kLanes);
  if (block.rows == 0) return;
  for (int64_t i = 0; i < blocks; ++i) {
    block.column = (first + (last - first) * i / blocks) * kLanes;
    block.columns = min((first + (last - first) * (i + 1) / blocks) * kLanes, p.n) - block.column;
    run_block<Number>(p, workspace, block);
  }
}

// The part of a product between two places: rows, or the rest of a vector, whole ones and the start of
// another.
template <class Number>
void run_part(const Product& p, const Work& work, const Workspace& workspace, Place from, const Place& to) {
  if (work.by_rows) {
    return run_vectors<Number>(p, workspace, {from.row, to.row - from.row, 0, 0}, 0, work.vectors);
  }
  if (from.row > 0) {
    const int64_t end = from.vector == to.vector ? to.row : work.m;
    run_vectors<Number>(p, workspace, {from.row, end - from.row, 0, 0}, from.vector, from.vector + 1);
    if (from.vector++ == to.vector) return;
  }
  run_vectors<Number>(p, workspace, {0, work.m, 0, 0}, from.vector, to.vector);
  if (to.row > 0) run_vectors<Number>(p, workspace, {0, to.row, 0, 0}, to.vector, to.vector + 1);
}

template <class Number>
void run_product(const Args& args, int64_t first_task, int64_t last_task) {
  Product p = oriented(args);
  Work work = work_of(p, batches_in(args.outputs[0]));
  Workspace workspace = workspace_of(args);
  if (p.epilogue.guarded) workspace.guard = clear_guard(args, work.tasks, first_task, last_task);
  if (p.m == 0 || p.n == 0 || work.batches == 0) return;
  if (p.epilogue.bias != nullptr && p.epilogue.bias_step == 0) repeat_bias(&p.epilogue, workspace);
  if (first_task == 0 && last_task == work.tasks && work.batches == 1 && p.n <= kMaxBlockColumns) {
    return run_block<Number>(p, workspace, {0, p.m, 0, p.n});
  }
  choose_cut(p, Number::kPerWord == 1 && ends_in_half(p.n), &work);
  const Place start = work.place_of(first_task), end = work.place_of(last_task);
  const Place whole = {0, work.by_rows ? 0 : work.vectors, work.by_rows ? work.m : 0};
  const Batches batches = work.batches > 1 ? batches_of(args) : Batches{};
  for (int64_t batch = start.batch; batch <= end.batch && batch < work.batches; ++batch) {
    const Place from = batch == start.batch ? start : Place{};
    const Product own = work.batches > 1 ? product_at(p, batches, batch) : p;
    run_part<Number>(own, work, workspace, from, batch == end.batch ? end : whole);
  }
}

void run_matmul(const Args& args, int64_t first_task, int64_t last_task) {
  auto run = args.attributes[kInBfloat16] != 0 ? run_product<Bfloat16> : run_product<Float32>;
  run(args, first_task, last_task);
}

constexpr Kernel kGemmKernels[] = {
    {"matmul(a: f32, b: f32, ...epilogue: f32) -> c: f32, guard?: i32 "
     "{transposeA: bool, transposeB: bool, bfloat16: bool, bias: bool, map: op}",
     check_matmul, matmul_tasks, matmul_cost, product_scratch, run_matmul, 0},
};

}  // namespace
}  // namespace chainrule
