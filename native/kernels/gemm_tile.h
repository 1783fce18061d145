// The innermost loops of matrix products: a tile of C held in registers, and copies of operands that make its
// reads contiguous. Nothing here changes a bit of the result but kBlockDepth.
#pragma once

#include "operands.h"

namespace chainrule {
namespace {

// Products along k are summed in blocks of this many, each one chain of fused multiply-adds from zero, and
// the blocks are added in ascending order: the same on every instruction set, whatever the tile.
constexpr int64_t kBlockDepth = 384;

// The widest tile, in vectors of columns, and its rows: as many accumulators as registers can hold.
#if defined(CHAINRULE_SCALAR)
constexpr int kTileVectors = 1;
constexpr int rows_of_tile(int) { return 2; }
#elif defined(__AVX512F__)
constexpr int kTileVectors = 4;
constexpr int rows_of_tile(int vectors) { return vectors == 4 ? 6 : vectors == 3 ? 8 : 12; }
#elif defined(__AVX2__) || defined(__aarch64__)
constexpr int kTileVectors = 1;
constexpr int rows_of_tile(int) { return 6; }
#else
constexpr int kTileVectors = 1;
constexpr int rows_of_tile(int) { return 2; }
#endif
constexpr int kMaxTileRows = 12;
constexpr int64_t kPanelColumns = kTileVectors * kLanes;

// Steps of k between two looks at what a tile asks of memory meanwhile, and lines of it at each look.
constexpr int64_t kAskingSteps = 16;
constexpr int kAskedLines = 3;
// Rows of b that are asked for before they are read, while they are copied: the next level of the cache then
// works meanwhile.
constexpr int64_t kRowsAhead = 8;

// Lines that something after this tile will read, kAskedLines abreast.
struct Asked {
  const float* line;  // nullptr for none
  int64_t abreast, step;
};

struct TileArgs {
  int64_t depth;
  const float* a;  // a(i, k) = a[i * a_row + k * a_step]
  int64_t a_row, a_step;
  const float* b;  // b(k, j) = b[k * b_step + j], whole vectors
  int64_t b_step;
  float* c;
  int64_t c_row;
  int64_t last_columns;  // of the last vector, 1 to 16
  bool accumulate;       // add to c what this block of k gives
  const float* bias;     // nullptr but in the last block
  float* copy;           // of b, kVectors * kLanes wide, by a copying tile
  Asked ahead;           // by an asking tile
};

// Unrolled like the loop before it, or the sums would go through memory to be indexed.
template <int kRows, int kVectors>
VEC_INLINE void finish_tile(const TileArgs& t, Vec (&sums)[kRows][kVectors]) {
  if (t.accumulate) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const float* c = t.c + i * t.c_row + v * kLanes;
        sums[i][v] = load_upto(c, v + 1 < kVectors ? kLanes : t.last_columns) + sums[i][v];
      }
    }
  }
  if (t.bias != nullptr) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      Vec bias = load_upto(t.bias + v * kLanes, v + 1 < kVectors ? kLanes : t.last_columns);
#pragma GCC unroll 12
      for (int i = 0; i < kRows; ++i) sums[i][v] = sums[i][v] + bias;
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      store_upto(t.c + i * t.c_row + v * kLanes, sums[i][v], v + 1 < kVectors ? kLanes : t.last_columns);
    }
  }
}

// Before some steps of a tile, `left` of them to go: the lines of c that its end will add to, not so early
// that b drives them out again, and lines for later, into the second-level cache.
template <int kRows, int kVectors>
VEC_INLINE void ask_for_lines(const TileArgs& t, int64_t left) {
  if (t.accumulate && left <= kRows * kAskingSteps) {
    const float* c = t.c + (left - 1) / kAskingSteps * t.c_row;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) __builtin_prefetch(c + v * kLanes, 1);
  }
  if (t.ahead.line == nullptr) return;
  const float* line = t.ahead.line + (left - 1) / kAskingSteps * t.ahead.step;
#pragma GCC unroll 4
  for (int i = 0; i < kAskedLines; ++i) __builtin_prefetch(line + i * t.ahead.abreast, 0, 2);
}

// How a tile goes about b: as it lies; or asking meanwhile for lines that lie beyond the second-level cache;
// or leaving a copy in t.copy for the tiles after it, which the multiply-adds hide.
enum class TileKind { plain, asking, copying };

// Number says what the 32-bit words of both operands hold, and how two of them extend a sum: Float32 below.
template <class Number, TileKind kKind, int kRows, int kVectors>
void multiply_tile(const TileArgs& t) {
  Vec sums[kRows][kVectors];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[i][v] = zero();
  }
  const float* a = t.a;
  const float* b = t.b;
  float* copy = t.copy;
  const int64_t a_row = t.a_row, a_step = t.a_step, b_step = t.b_step;
  for (int64_t left = t.depth; left > 0;) {
    const int64_t steps = kKind == TileKind::asking ? smaller_of(left, kAskingSteps) : left;
    if constexpr (kKind == TileKind::asking) ask_for_lines<kRows, kVectors>(t, left);
    left -= steps;
    for (int64_t k = steps; k > 0; --k) {
      Vec row[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        row[v] = load(b + v * kLanes);
        if constexpr (kKind == TileKind::copying) {
          __builtin_prefetch(b + kRowsAhead * b_step + v * kLanes);
          store(copy + v * kLanes, row[v]);
        }
      }
      if constexpr (kKind == TileKind::copying) copy += kVectors * kLanes;
#pragma GCC unroll 12
      for (int i = 0; i < kRows; ++i) {
        Vec x = splat(a[i * a_row]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[i][v] = Number::extend(x, row[v], sums[i][v]);
      }
      a += a_step;
      b += b_step;
    }
  }
  finish_tile(t, sums);
}

using TileFunction = void (*)(const TileArgs&);
struct TileTable {
  TileFunction of[kTileVectors][kMaxTileRows];  // [vectors - 1][rows - 1]
};

template <class Number, TileKind kKind, int kRows, int kVectors>
constexpr void enter_tiles(TileTable* table) {
  table->of[kVectors - 1][kRows - 1] = multiply_tile<Number, kKind, kRows, kVectors>;
  if constexpr (kRows > 1) {
    enter_tiles<Number, kKind, kRows - 1, kVectors>(table);
  } else if constexpr (kVectors > 1) {
    enter_tiles<Number, kKind, rows_of_tile(kVectors - 1), kVectors - 1>(table);
  }
}
template <class Number, TileKind kKind>
constexpr TileTable make_tiles() {
  TileTable table = {};
  enter_tiles<Number, kKind, rows_of_tile(kTileVectors), kTileVectors>(&table);
  return table;
}
template <class Number, TileKind kKind>
constexpr TileTable kTiles = make_tiles<Number, kKind>();

// The next kSteps links of each chain in `sums`, from that many rows of b at once.
template <int kSteps>
VEC_INLINE void extend_chains(float* sums, const float* a, int64_t a_step, const float* b, int64_t b_step,
                              int64_t n) {
  Vec x[kSteps];
#pragma GCC unroll 8
  for (int u = 0; u < kSteps; ++u) x[u] = splat(a[u * a_step]);
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    Vec sum = load(sums + j);
#pragma GCC unroll 8
    for (int u = 0; u < kSteps; ++u) sum = fma(x[u], load(b + u * b_step + j), sum);
    store(sums + j, sum);
  }
  if (j == n) return;
  Vec sum = load(sums + j);
#pragma GCC unroll 8
  for (int u = 0; u < kSteps; ++u) sum = fma(x[u], load_tail(b + u * b_step + j, n - j), sum);
  store(sums + j, sum);
}

// Few rows of C, n columns: the sums go through `sums`, rows x width, in the first-level cache, and b is read
// once, row after row, as memory likes it. t.last_columns is not used.
__attribute__((noinline)) void multiply_few_rows(TileArgs t, int64_t rows, int64_t n, float* sums,
                                                 int64_t width, int64_t bias_step) {
  constexpr int kSteps = 8;
  for (int64_t i = 0; i < rows * width; i += kLanes) store(sums + i, zero());
  int64_t k = 0;
  for (; k + kSteps <= t.depth; k += kSteps) {
    for (int64_t i = 0; i < rows; ++i) {
      const float* a = t.a + i * t.a_row + k * t.a_step;
      extend_chains<kSteps>(sums + i * width, a, t.a_step, t.b + k * t.b_step, t.b_step, n);
    }
  }
  for (; k < t.depth; ++k) {
    for (int64_t i = 0; i < rows; ++i) {
      const float* a = t.a + i * t.a_row + k * t.a_step;
      extend_chains<1>(sums + i * width, a, t.a_step, t.b + k * t.b_step, t.b_step, n);
    }
  }
  for (int64_t j = 0; j < n; j += kLanes) {
    t.last_columns = smaller_of(n - j, kLanes);
    for (int64_t i = 0; i < rows; ++i) {
      Vec sum[1][1] = {{load(sums + i * width + j)}};
      TileArgs one = t;
      one.c += i * t.c_row + j;
      if (t.bias != nullptr) one.bias += j * bias_step;
      finish_tile(one, sum);
    }
  }
}

// The corner of a 16 x 16 block: rows and columns that are not there become zero.
void transpose_corner(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to,
                      int64_t width) {
  alignas(64) float block[kLanes * kLanes];
  for (int64_t i = 0; i < kLanes; ++i) {
    store(block + i * kLanes, i < rows ? load_upto(from + i * from_row, columns) : zero());
  }
  transpose_16x16(block, kLanes, to, width);
}

// One number in a word, each product added as it is.
struct Float32 {
  static constexpr int64_t kPerWord = 1;
  static VEC_INLINE Vec extend(Vec a, Vec b, Vec sum) { return fma(a, b, sum); }

  // to[k * width + j] = from[k * from_step + j] for j below n; zero up to the width, a multiple of 16.
  static void pack_rows(float* to, int64_t width, const float* from, int64_t from_step, int64_t depth,
                        int64_t n) {
    for (int64_t k = 0; k < depth; ++k) {
      for (int64_t j = 0; j < width; j += kLanes) {
        __builtin_prefetch(from + kRowsAhead * from_step + j);
        store(to + j, load_upto(from + j, larger_of(n - j, 0)));
      }
      to += width;
      from += from_step;
    }
  }

  // to[k * width + j] = from[j * from_row + k] for j below n; zero up to the width. Writes 16 rows at once.
  static void pack_transposed(float* to, int64_t width, const float* from, int64_t from_row, int64_t depth,
                              int64_t n) {
    for (int64_t j = 0; j < width; j += kLanes) {
      for (int64_t k = 0; k < depth; k += kLanes) {
        const float* corner = from + j * from_row + k;
        float* block = to + k * width + j;
        int64_t rows = smaller_of(n - j, kLanes), columns = smaller_of(depth - k, kLanes);
        if (rows == kLanes && columns == kLanes) {
          transpose_16x16(corner, from_row, block, width);
        } else {
          transpose_corner(corner, from_row, rows, columns, block, width);
        }
      }
    }
  }
};

}  // namespace
}  // namespace chainrule
