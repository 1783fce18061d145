// Matrix products c[M,N] = activation(a[M,K] . b[K,N] + bias[N]); either operand may be given transposed.
// Twin of lib/ops/gemm.ts. A product is oriented (gemm_product.h), cut into blocks of C (gemm_grid.h), and
// each block is computed in the way that suits its shape (gemm_block.h, gemm_few_rows.h, gemm_transposed.h).
#pragma once

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
  if (op == -1 && !needed) return nullptr;
  bool known = op >= 0 && op < kMapOpCount && args.map_ops[op].arity == arity;
  if (!known) return "a product's epilogue takes another number of operands";
  return args.map_ops[op].integers == 0 ? nullptr : "a product's epilogue computes in float32";
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

int64_t product_tasks(const Args& args) { return grid_of(oriented(args)).tasks(); }

const char* check_guarded(const Args& args) {
  const char* wrong = check_product(args);
  if (wrong != nullptr) return wrong;
  if (!is_vector(args.outputs[1], kGuardSlots)) return "the guard of a product has 64 numbers";
  return product_tasks(args) <= kGuardSlots ? nullptr : "too many columns for a guarded product";
}

template <class Number>
double product_cost(const Args& args) {
  Product p = oriented(args);
  double m = static_cast<double>(p.m), n = static_cast<double>(ceil_div(p.n, kLanes) * kLanes);
  double k = static_cast<double>(p.k);
  double transposes = p.c_transposed ? kPackNs * m * n * static_cast<double>(ceil_div(p.k, kBlockDepth)) : 0;
  double copies = Number::kPerWord > 1 ? kPackNs * (m + n) * k : (p.b_transposed ? kPackNs : 0.02) * n * k;
  double activation = p.activation == nullptr ? 0 : kMapCostsNs[p.activation - args.map_ops] / kLanes * m * n;
  return 50.0 + kMultiplyNs / Number::kPerWord * m * n * k + copies + transposes + activation;
}

using BlockFunction = void (*)(const Product&, const Workspace&, const Block&);

template <class Number>
BlockFunction fastest_for(const Product& p, int64_t rows) {
  if (Number::kPerWord == 1 && transposes_in_registers(p, rows)) return multiply_transposed_block;
  if (Number::kPerWord == 1 && has_few_rows(p, rows)) return multiply_thin_block;
  return multiply_block<Number>;
}

// The last task also clears the slots that no task uses.
void clear_guard(int32_t* guard, const Grid& grid, int64_t first_task, int64_t last_task) {
  int64_t end = last_task == grid.tasks() ? kGuardSlots : last_task;
  for (int64_t i = first_task; i < end; ++i) guard[i] = -1;
}

void repeat_bias(Product* p, const Workspace& workspace) {
  for (int64_t j = 0; j < kPanelColumns; j += kLanes) store(workspace.repeated_bias + j, splat(p->bias[0]));
  p->bias = workspace.repeated_bias;
}

// Tasks that follow one another in a block column are computed as one block: they share the copy of b.
template <class Number>
void run_product(const Args& args, int64_t first_task, int64_t last_task) {
  Product p = oriented(args);
  Grid grid = grid_of(p);
  int32_t* guard = p.guarded ? output<int32_t>(args, 1) : nullptr;
  if (p.guarded) clear_guard(guard, grid, first_task, last_task);
  if (p.m == 0 || p.n == 0) return;
  Workspace workspace = workspace_of(args);
  if (p.bias != nullptr && p.bias_step == 0) repeat_bias(&p, workspace);
  for (int64_t task = first_task, count; task < last_task; task += count) {
    count = min(grid.row_blocks - task % grid.row_blocks, last_task - task);
    Block block = block_of(p, grid, task, count);
    workspace.guard = p.guarded ? guard + task : nullptr;
    fastest_for<Number>(p, block.rows)(p, workspace, block);
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
