// The innermost loop of a matrix product: a tile of C that is held in registers. Of what is decided here,
// only kBlockDepth affects the bits of a result.
#pragma once

#include "gemm_rows.h"

namespace chainrule {
namespace {

// Sums over k are split into blocks of this many products. Each block is one chain of fused multiply-adds
// that starts at zero, and blocks are added in ascending order: the same on every instruction set, for every
// tile.
constexpr int64_t kBlockDepth = 384;

// The widest tile, in vectors of columns, and its rows: as many accumulators as the registers hold.
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

// A prefetching tile fetches some lines every so many steps of k. Many at once would wait for memory, and the
// loads of the tile behind them.
constexpr int64_t kPrefetchSteps = 16;
// How many rows of b are prefetched ahead of the one that is being copied, and how many into the L2 cache:
// memory takes longer than eight steps of a tile.
constexpr int64_t kPrefetchRows = 8, kPrefetchRowsFar = 32;

// Strips of some lines that are fetched while a tile multiplies, a few each kPrefetchSteps steps of k.
constexpr int64_t kStripLines = 4, kStripNumbers = kStripLines * kLanes;
struct Prefetch {
  const float* first;
  int64_t count, step;  // step: floats from one strip to the next
  int64_t each;         // at a time
  bool written;         // lines that this thread will own
};

// What a tile fetches into the L2 cache.
struct Prefetches {
  static constexpr int32_t kMost = 8;
  Prefetch of[kMost];
  int32_t count;

  // So many strips at a time, as strips_at_a_time says. That is found once for many tiles: a division takes
  // as long as a few steps of k.
  VEC_INLINE void add(const float* first, int64_t strips, int64_t step, int64_t each, bool written = false) {
    if (strips > 0 && count < kMost) of[count++] = {first, strips, step, each, written};
  }
  VEC_INLINE void fetch(int64_t time) const {
    for (const Prefetch* one = of; one < of + count; ++one) {
      const int64_t end = min((time + 1) * one->each, one->count);
      for (int64_t strip = time * one->each; strip < end; ++strip) {
        const float* line = one->first + strip * one->step;
        if (one->written) {
#pragma GCC unroll 4
          for (int i = 0; i < kStripLines; ++i) __builtin_prefetch(line + i * kLanes, 1);
        } else {
#pragma GCC unroll 4
          for (int i = 0; i < kStripLines; ++i) __builtin_prefetch(line + i * kLanes, 0, 2);
        }
      }
    }
  }
};

// So that `strips` are fetched within so many steps of k.
VEC_INLINE int64_t strips_at_a_time(int64_t strips, int64_t steps) {
  return ceil_div(strips, max(steps / kPrefetchSteps, 1));
}

struct TileArgs {
  int64_t depth;
  AffineRows a;
  const float* b;  // b(k, j) = b[k * b_step + j], whole vectors
  int64_t b_step;
  int64_t b_columns;  // of the last vector that may be read, 0 for all; only where loads are masked
  float* c;
  int64_t c_row;
  int64_t last_columns;  // of the last vector, 1 to 16
  bool accumulate;       // add this block of k to what c holds
  const float* bias;     // nullptr except in the last block
  const float* other;    // of c's rows, added to the complete sums, or their mask; nullptr for none
  float most;            // complete sums are limited to numbers from 0 to this; 0 where they are not
  float mask_most;       // they become 0 but where 0 < other <= mask_most; 0 where `other` is no mask
  float* copy;           // a copying tile leaves b here, kVectors * kLanes wide
  const Prefetches* prefetches;  // for a prefetching tile
};

// As relu limits numbers, and relu6.
VEC_INLINE Vec limited(Vec x, Vec most) { return at_most(at_least(x, zero()), most); }

// As the gradients of both let numbers pass.
VEC_INLINE Vec masked(Vec x, Vec other, Vec most) {
  return select(mask_and(less(zero(), other), less_equal(other, most)), x, zero());
}

// Unrolled like the loop before it, or the compiler would move the sums to memory to index them.
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
  if (t.mask_most > 0) {
    const Vec most = splat(t.mask_most);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const float* other = t.other + i * t.c_row + v * kLanes;
        sums[i][v] = masked(sums[i][v], load_upto(other, v + 1 < kVectors ? kLanes : t.last_columns), most);
      }
    }
  } else if (t.other != nullptr) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const float* other = t.other + i * t.c_row + v * kLanes;
        sums[i][v] = sums[i][v] + load_upto(other, v + 1 < kVectors ? kLanes : t.last_columns);
      }
    }
  }
  if (t.most > 0) {
    const Vec most = splat(t.most);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[i][v] = limited(sums[i][v], most);
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

// Prefetches when `left` steps of the tile remain: the lines of c that the end of the tile adds to, late
// enough that b does not evict them again, and other lines.
template <int kRows, int kVectors>
VEC_INLINE void prefetch_lines(const TileArgs& t, int64_t left) {
  if (t.accumulate && left <= kRows * kPrefetchSteps) {
    const float* c = t.c + (left - 1) / kPrefetchSteps * t.c_row;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) __builtin_prefetch(c + v * kLanes, 1);
  }
  t.prefetches->fetch((t.depth - left) / kPrefetchSteps);
}

// A plain tile only multiplies. A prefetching one also prefetches what lies beyond the L2 cache. A copying
// one also leaves a copy of b in t.copy for the tiles after it; the multiply-adds hide the cost of that. It
// has the full width: narrower panels are rarely copied. A halved one has up to eight columns in its last
// vector.
enum class TileKind { plain, prefetching, copying, halved };

// Number says what the 32-bit words of both operands hold and how two of them are accumulated: see Float32 in
// gemm_pack.h.
template <class Number, TileKind kKind, int kRows, int kVectors>
void multiply_tile(const TileArgs& t) {
  Vec sums[kRows][kVectors];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[i][v] = zero();
  }
  constexpr bool kHalved = kKind == TileKind::halved;
  constexpr int kWhole = kHalved ? kVectors - 1 : kVectors;
  [[maybe_unused]] Half halves[kRows];
  if constexpr (kHalved) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) halves[i] = half_of(zero());
  }
  AffineRows a = t.a;
  const float* b = t.b;
  float* copy = t.copy;
  const int64_t b_step = t.b_step;
  const Mask in_b = mask_below(t.b_columns == 0 ? kLanes : t.b_columns);
  for (int64_t left = t.depth; left > 0;) {
    const int64_t steps = kKind == TileKind::prefetching ? min(left, kPrefetchSteps) : left;
    if constexpr (kKind == TileKind::prefetching) prefetch_lines<kRows, kVectors>(t, left);
    left -= steps;
    for (int64_t k = steps; k > 0; --k) {
      [[maybe_unused]] Vec row[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kWhole; ++v) {
        const bool masked = kMaskedLoads && kKind != TileKind::copying && v + 1 == kVectors;
        row[v] = masked ? load_masked(b + v * kLanes, in_b) : load(b + v * kLanes);
        if constexpr (kKind == TileKind::copying) {
          __builtin_prefetch(b + kPrefetchRows * b_step + v * kLanes);
          __builtin_prefetch(b + kPrefetchRowsFar * b_step + v * kLanes, 0, 2);
          store(copy + v * kLanes, row[v]);
        }
      }
      if constexpr (kKind == TileKind::copying) copy += kVectors * kLanes;
      [[maybe_unused]] Half last;
      if constexpr (kHalved) last = load_half_masked(b + kWhole * kLanes, in_b);
#pragma GCC unroll 12
      for (int i = 0; i < kRows; ++i) {
        const Vec x = splat(*a.at(i, 0));
#pragma GCC unroll 4
        for (int v = 0; v < kWhole; ++v) sums[i][v] = Number::accumulate(x, row[v], sums[i][v]);
        if constexpr (kHalved) {
          halves[i] = fma(kWhole > 0 ? half_of(x) : splat_half(*a.at(i, 0)), last, halves[i]);
        }
      }
      a = a.from(0, 1);
      b += b_step;
    }
  }
  if constexpr (kHalved) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) sums[i][kWhole] = widened(halves[i]);
  }
  finish_tile(t, sums);
}

// Whether the last of so many columns are computed as half a vector, where each word is a number.
constexpr bool kHasHalves = kTileVectors > 1;
VEC_INLINE bool ends_in_half(int64_t columns) {
  const int64_t last = columns % kLanes;
  return kHasHalves && last > 0 && last <= kLanes / 2 && halves_pay();
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
  } else if constexpr (kVectors > 1 && kKind != TileKind::copying) {
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

// How the rows of a part are cut into tiles of nearly equal height. Divided once: a division takes as long as
// a tenth of a shallow tile.
struct RowTiles {
  int64_t count, least, taller;  // so many of them are one row taller than the least
  int64_t more;                  // rows that the first has besides
  int64_t rows(int64_t i) const { return least + (i < taller) + (i == 0 ? more : 0); }
};

constexpr RowTiles tiles_of(int64_t rows, int64_t vectors) {
  const int64_t count = ceil_div(rows, rows_of_tile(static_cast<int>(vectors)));
  return {count, rows / count, rows % count, 0};
}

// The same with a first tile as tall as can be: it copies the panel, under as many multiply-adds as there
// are.
constexpr RowTiles copying_tiles_of(int64_t rows, int64_t vectors) {
  const int64_t tallest = rows_of_tile(static_cast<int>(vectors));
  if (rows <= tallest) return tiles_of(rows, vectors);
  const RowTiles others = tiles_of(rows - tallest, vectors);
  return {1 + others.count, others.least, 1 + others.taller, tallest - others.least - 1};
}

// All rows over one panel of so many vectors; t is the first tile.
template <class Number>
VEC_INLINE void multiply_tiles(TileArgs t, const RowTiles& tiles, int64_t vectors) {
  for (int64_t i = 0; i < tiles.count; ++i) {
    const int64_t rows = tiles.rows(i);
    kTiles<Number, TileKind::plain>.of[vectors - 1][rows - 1](t);
    t.a = t.a.from(rows, 0);
    t.c += rows * t.c_row;
  }
}

}  // namespace
}  // namespace chainrule
