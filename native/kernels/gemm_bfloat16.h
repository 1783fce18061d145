// Products with operands rounded to bfloat16 and sums in float32, for training that may be less precise.
// Operands are rounded while they are copied, so both are always copied.
//
// k is summed in pairs, the second number of a pair first, in blocks of 768. The bits are the same for any
// number of threads, and on every instruction set unless a sum is smaller than FLT_MIN.
#pragma once

#include "../simd/bfloat16.h"
#include "gemm_pack.h"

namespace chainrule {
namespace {

struct Bfloat16 {
  static constexpr int64_t kPerWord = 2;
  static VEC_INLINE Vec accumulate(Vec a, Vec b, Vec sum) { return accumulate_pairs(a, b, sum); }

  // Word (k / 2) * width + j holds from[k * from_step + j] and from[(k + 1) * from_step + j].
  static void pack_rows(float* to, int64_t width, const float* from, int64_t from_step, int64_t depth,
                        int64_t n) {
    for (int64_t k = 0; k < depth; k += 2) {
      for (int64_t j = 0; j < width; j += kLanes) {
        int64_t columns = max(n - j, 0);
        const float* first = from + j;
        __builtin_prefetch(first + kPrefetchRows * from_step);
        __builtin_prefetch(first + (kPrefetchRows + 1) * from_step);
        Vec second = k + 1 < depth ? load_upto(first + from_step, columns) : zero();
        store(to + j, pairs_of(load_upto(first, columns), second));
      }
      to += width;
      from += 2 * from_step;
    }
  }

  // The same for from[j * from_row + k] and from[j * from_row + k + 1].
  static void pack_transposed(float* to, int64_t width, const float* from, int64_t from_row, int64_t depth,
                              int64_t n) {
    alignas(64) float block[kLanes * kLanes];
    for (int64_t j = 0; j < width; j += kLanes) {
      for (int64_t k = 0; k < depth; k += kPairLanes) {
        const float* corner = from + j * from_row + k;
        for (int64_t i = 0; i < kLanes; ++i) {
          Vec row = j + i < n ? pairs_along_upto(corner + i * from_row, depth - k) : zero();
          store(block + i * kLanes, row);
        }
        transpose_16x16(block, kLanes, to + k / 2 * width + j, width);
      }
    }
  }

  // Word j * width + k / 2 holds from[j * from_row + k] and from[j * from_row + k + 1].
  static void pack_along(float* to, int64_t width, const float* from, int64_t from_row, int64_t depth,
                         int64_t n) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t k = 0; k < depth; k += kPairLanes) {
        store(to + j * width + k / 2, pairs_along_upto(from + j * from_row + k, depth - k));
      }
    }
  }
};

}  // namespace
}  // namespace chainrule
