// Steps of a map's program of which each takes up what the one before made: some vectors at a time pass
// through all of them in registers, instead of through a tile after each.
#pragma once

#include "map.h"

namespace chainrule {
namespace {

// Vectors that pass together: half of the registers.
#if defined(CHAINRULE_SCALAR)
constexpr int kChainVectors = 1;
#elif defined(__AVX512F__)
constexpr int kChainVectors = 8;
#else
constexpr int kChainVectors = 4;
#endif
constexpr int64_t kChainElements = kChainVectors * kLanes;

// Short functions of float32: of longer ones, the tile is a small part.
#define CHAIN_OPS(OP)                                                   \
  OP(add) OP(sub) OP(mul) OP(div) OP(maximum) OP(minimum) OP(reluGrad) \
  OP(relu6Grad) OP(neg) OP(square) OP(relu) OP(relu6)

#define CHAIN_OP(name) kChain_##name,
enum ChainOp : int32_t { CHAIN_OPS(CHAIN_OP) };
#undef CHAIN_OP

// Told by all of the signature, the zero at its end included.
constexpr int32_t row_of(const char* signature) {
  int32_t size = 0;
  while (signature[size++] != '\0') continue;
  return row_named(signature, size);
}

// For each row of kMapOps its place among these, or -1. Rows are told apart by their signatures: where
// sanitizers watch, the address of a function is no constant.
struct ChainOps {
  int32_t of[kMapOpCount];
};
constexpr ChainOps chain_ops() {
  ChainOps ops = {};
  for (int32_t& place : ops.of) place = -1;
#define CHAIN_OP(name) ops.of[row_of(kInstance<Map_##name, 'f'>.text)] = kChain_##name;
  CHAIN_OPS(CHAIN_OP)
#undef CHAIN_OP
  return ops;
}
constexpr ChainOps kChainOps = chain_ops();

// What a step takes beside the vectors under way: numbers that move on with them or the same ones for all,
// and whether it takes them first.
enum ChainForm : int32_t { kOtherMoves = 1, kOtherFirst = 2 };
constexpr int32_t kChainForms = 4;

struct ChainStep {
  int32_t code;        // op * kChainForms + form
  const float* other;  // what it takes; anything where it takes nothing
  int64_t moves;       // -1 in the forms in which that moves on, else 0
};
VEC_INLINE ChainStep chain_step(int32_t row, const float* other, bool moves, bool first) {
  const int32_t form = (moves ? kOtherMoves : 0) | (first ? kOtherFirst : 0);
  return {kChainOps.of[row] * kChainForms + form, other, moves ? -1 : 0};
}

template <class Op, int32_t kForm>
VEC_INLINE void apply_to_all(Vec (&x)[kChainVectors], const float* other) {
  const Vec same = load(other);
#pragma GCC unroll 8
  for (int v = 0; v < kChainVectors; ++v) {
    const Vec own = x[v];
    const Vec with = kForm & kOtherMoves ? load(other + v * kLanes) : same;
    if constexpr (Op::kArity == 1) x[v] = Op::apply(own, own, own);
    else if constexpr (kForm & kOtherFirst) x[v] = Op::apply(with, own, own);
    else x[v] = Op::apply(own, with, own);
  }
}

// out = the steps applied to x, for n elements: a multiple of kChainElements.
COMPILED_ONCE void run_chain(float* out, const float* x, const ChainStep* steps, int32_t count, int64_t n) {
  for (int64_t at = 0; at < n; at += kChainElements) {
    Vec own[kChainVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kChainVectors; ++v) own[v] = load(x + at + v * kLanes);
    for (int32_t i = 0; i < count; ++i) {
      const float* other = steps[i].other + (at & steps[i].moves);
      switch (steps[i].code) {
#define CHAIN_FORM(name, form) \
  case kChain_##name * kChainForms + (form): apply_to_all<Map_##name, form>(own, other); break;
#define CHAIN_OP(name)                                  \
  CHAIN_FORM(name, 0) CHAIN_FORM(name, kOtherMoves) \
  CHAIN_FORM(name, kOtherFirst) CHAIN_FORM(name, kOtherFirst | kOtherMoves)
        CHAIN_OPS(CHAIN_OP)
#undef CHAIN_OP
#undef CHAIN_FORM
        default: break;
      }
    }
#pragma GCC unroll 8
    for (int v = 0; v < kChainVectors; ++v) store(out + at + v * kLanes, own[v]);
  }
}
#undef CHAIN_OPS

// How many steps from `step` on make a chain, 1 if it stands alone. Tiles are registers from first_tile on.
VEC_INLINE int32_t chain_length(const int32_t* step, int32_t left, int32_t first_tile) {
  if (kChainOps.of[step[0]] < 0) return 1;
  const int32_t own = first_tile + step[1];
  int32_t count = 1;
  for (const int32_t* next = step + kMapStepWords; count < left; next += kMapStepWords, ++count) {
    const bool takes_one = (next[2] == own) != (next[3] == own);
    if (kChainOps.of[next[0]] < 0 || next[1] != step[1] || !takes_one) break;
  }
  return count;
}

}  // namespace
}  // namespace chainrule
