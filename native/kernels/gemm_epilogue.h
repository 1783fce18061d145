// What happens to rows of C once they are complete: map and guard. Also the memory of a run.
#pragma once

#include "check.h"
#include "gemm_grid.h"
#include "lines_ahead.h"
#include "map.h"

namespace chainrule {
namespace {

// Rows that pass over a panel of b before the next panel: together they fit the L2 cache.
constexpr int64_t kRowsAtOnce = 96;
// Numbers in a copy of them, in which each tile may have a vector more.
constexpr int64_t kPackedRows = kRowsAtOnce * (kBlockDepth + kLanes);

// What a run lends its blocks: memory for copies, and the guard of the block, nullptr for none.
struct Workspace {
  float* repeated_bias;  // one panel wide
  float* transposed;     // kRowsAtOnce rows of a panel, on their way into a c that holds the transpose
  float *packed_a, *packed_b;
  int32_t* guard;
  const YieldPoint* yield_point;
  LinesAhead* ahead;  // nullptr for none
};

size_t product_scratch(const Args&) {
  constexpr int64_t kFloats =
      kBlockDepth * kMaxBlockColumns + kPackedRows + (1 + kRowsAtOnce) * kPanelColumns;
  return static_cast<size_t>(kFloats) * sizeof(float);
}

Workspace workspace_of(const Args& args) {
  Workspace workspace = {};
  workspace.repeated_bias = static_cast<float*>(args.scratch);
  workspace.transposed = workspace.repeated_bias + kPanelColumns;
  workspace.packed_a = workspace.transposed + kRowsAtOnce * kPanelColumns;
  workspace.packed_b = workspace.packed_a + kPackedRows;
  workspace.yield_point = args.yield_point;
  return workspace;
}

// The bias of a column and those after it, nullptr if there is none.
VEC_INLINE const float* bias_at(const Epilogue& epilogue, int64_t column) {
  return epilogue.bias == nullptr ? nullptr : epilogue.bias + column * epilogue.bias_step;
}

// Notes the first number that is not finite in complete rows of c, which are still in the L1 cache.
VEC_INLINE void guard_rows(const Product& p, const Workspace& workspace, const Block& block, int64_t step) {
  const int64_t whole = block.columns / kLanes * kLanes, end = block.row + block.rows * step;
  IntVec bits = splat_int(0), tails = bits;
  for (int64_t i = block.row; i < end; i += step) {
    const float* c = p.c + i * p.c_row + block.column;
    for (int64_t j = 0; j < whole; j += kLanes) bits = bits | not_finite_bits(load(c + j));
    if (whole < block.columns) tails = tails | not_finite_bits(load_tail(c + whole, block.columns - whole));
  }
  if (!has_top_bit(bits | tails)) return;
  for (int64_t i = block.row; i < end; i += step) {
    int64_t start = i * p.c_row + block.column, at = first_not_finite(p.c + start, block.columns);
    if (at < 0) continue;
    int32_t position = static_cast<int32_t>(min(p.c_start + start + at, INT32_MAX));
    if (*workspace.guard < 0 || position < *workspace.guard) *workspace.guard = position;
    return;
  }
}

// Attribute `bias` tells of a bias, the one after it of a map.
const char* check_epilogue(const Args& args, int32_t bias) {
  const Tensor& c = args.outputs[0];
  int32_t map = args.attributes[bias + 1], arity = 0;
  if (map < -1 || map >= kMapOpCount) return "a product's epilogue is no elementwise op";
  if (map >= 0) arity = args.map_ops[map].arity;
  if (map >= 0 && args.map_ops[map].integers != 0) return "a product's epilogue computes in float32";
  bool with_bias = args.attributes[bias] != 0;
  if (arity > 2 || args.inputCount != 2 + with_bias + (arity == 2)) {
    return "a product's epilogue takes another number of operands";
  }
  if (with_bias && !is_vector(args.inputs[2], c.dims[c.rank - 1])) {
    return "a product's bias must have one number for each column";
  }
  if (arity == 2 && !same_dims(args.inputs[args.inputCount - 1], c)) {
    return "the other operand must have the product's shape";
  }
  bool guarded = args.outputCount > 1;
  if (guarded && !is_vector(args.outputs[1], kGuardSlots)) return "the guard of a product has 64 numbers";
  return nullptr;
}

// The last task also clears the slots that no task uses. What these tasks find, the slot of the first tells.
int32_t* clear_guard(const Args& args, int64_t tasks, int64_t first_task, int64_t last_task) {
  int32_t* guard = output<int32_t>(args, 1);
  int64_t end = last_task == tasks ? kGuardSlots : last_task;
  for (int64_t i = first_task; i < end; ++i) guard[i] = -1;
  return guard + first_task;
}

// The map of a complete sum, of those that are made in registers; `other` is not read where there is none.
VEC_INLINE Vec mapped(const Epilogue& epilogue, Vec sum, const float* other, int64_t n) {
  if (epilogue.most > 0) return limited(sum, splat(epilogue.most));
  const Vec with = load_upto(other, n);
  return epilogue.mask_most > 0 ? masked(sum, with, splat(epilogue.mask_most)) : sum + with;
}

// Lets a tile of the last block of k, which begins so many numbers after c, make the map if tiles can.
VEC_INLINE void map_in_tile(const Epilogue& epilogue, int64_t start, TileArgs* t) {
  if (!epilogue.in_registers) return;
  if (epilogue.other != nullptr) t->other = epilogue.other + start;
  t->most = epilogue.most;
  t->mask_most = epilogue.mask_most;
}

// Whether there is more to do after such tiles.
VEC_INLINE bool has_more_to_do(const Epilogue& epilogue) {
  return (epilogue.map != nullptr && !epilogue.in_registers) || epilogue.guarded;
}

// After the last block of k; `block` is counted in rows and columns of c as it lies in memory, and its rows
// are `step` rows of c apart. Tiles may have made the map.
void finish_rows(const Product& p, const Workspace& workspace, Block block, int64_t step = 1,
                 bool is_mapped = false) {
  // Whole rows lie one after another: as one long row they have a single tail.
  if (block.columns == p.c_row && step == 1) {
    block.columns *= block.rows;
    block.rows = 1;
  }
  const Epilogue& epilogue = p.epilogue;
  if (epilogue.map != nullptr && !is_mapped) {
    int64_t start = block.row * p.c_row + block.column;
    const float* other = epilogue.other == nullptr ? nullptr : epilogue.other + start;
    epilogue.map->run_rows(p.c + start, p.c + start, other, step * p.c_row, block.rows, block.columns);
  }
  if (epilogue.guarded) guard_rows(p, workspace, block, step);
}

}  // namespace
}  // namespace chainrule
