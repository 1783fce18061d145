// What attention is computed of: sizes, masks and where they lie.
#pragma once

#include "gemm.h"
#include "random.h"

namespace chainrule {
namespace {

// The words of the attributes, in the order of the signature.
enum AttentionAttribute : int32_t { kScale, kCausal, kPlaced, kKeyed, kMasked, kSloped, kKeep, kStream };

// Keys are taken in blocks that begin at multiples of this, in order, whatever there are more.
constexpr int64_t kKeyBlock = 64;
// Rows of queries that a key block passes at a time: a multiple of every tile. Behind a causal mask they
// begin at multiples of this of their position, so that all of them see the same part of a block.
constexpr int64_t kQueryGroup = 12;
// Rows that share the transposed keys.
constexpr int64_t kQueryRows = 192;

struct Attention {
  int64_t batch, queries, keys, heads, key_heads, size, value_size;
  const float *q, *k, *v;
  float scale, keep;
  bool causal;
  int64_t offset;            // of the first query
  const uint8_t *keyed, *mask;  // nullptr for none
  const float* slopes;          // what a score of each head loses by a step of distance; nullptr for none
  int64_t mask_batch, mask_head, mask_row;
  RandomKey random;

  int64_t padded(int64_t n) const { return ceil_div(n, kLanes) * kLanes; }
  int64_t q_row() const { return heads * size; }
  int64_t k_row() const { return key_heads * size; }
  int64_t v_row() const { return key_heads * value_size; }
  int64_t y_row() const { return heads * value_size; }
  int64_t key_head(int64_t head) const { return head / (heads / key_heads); }
  const float* queries_at(int64_t b, int64_t head, int64_t row) const {
    return q + ((b * queries + row) * heads + head) * size;
  }
  const float* keys_at(int64_t b, int64_t key_head, int64_t key) const {
    return k + ((b * keys + key) * key_heads + key_head) * size;
  }
  const float* values_at(int64_t b, int64_t key_head, int64_t key) const {
    return v + ((b * keys + key) * key_heads + key_head) * value_size;
  }
  // How many keys of a block, from its first on, some of a group of rows that begins here may see.
  int64_t width(int64_t row, int64_t first_key) const {
    int64_t count = min(keys - first_key, kKeyBlock);
    if (!causal) return count;
    int64_t group = offset + row;
    group -= (group % kQueryGroup + kQueryGroup) % kQueryGroup;
    return min(count, group + kQueryGroup - first_key);
  }
  // Rows of the group that begins here.
  int64_t group_rows(int64_t row, int64_t last) const {
    int64_t at = causal ? ((offset + row) % kQueryGroup + kQueryGroup) % kQueryGroup : 0;
    return min(kQueryGroup - at, last - row);
  }
};

// Without what depends on data.
Attention attention_sizes(const Args& args) {
  Attention a = {};
  const Tensor &q = args.inputs[0], &k = args.inputs[1], &v = args.inputs[2];
  a.batch = q.dims[0];
  a.queries = q.dims[1];
  a.heads = q.dims[2];
  a.size = q.dims[3];
  a.keys = k.dims[1];
  a.key_heads = k.dims[2];
  a.value_size = v.dims[3];
  return a;
}

// `more` is the first operand after the fixed ones.
Attention attention_of(const Args& args, int32_t more) {
  Attention a = attention_sizes(args);
  a.q = input<float>(args, 0);
  a.k = input<float>(args, 1);
  a.v = input<float>(args, 2);
  a.scale = float_attribute(args, kScale);
  a.keep = float_attribute(args, kKeep);
  a.causal = args.attributes[kCausal] != 0;
  if (args.attributes[kPlaced] != 0) a.offset = read_once(input<int32_t>(args, more++));
  if (args.attributes[kKeyed] != 0) a.keyed = input<uint8_t>(args, more++);
  if (args.attributes[kMasked] != 0) {
    const Tensor& mask = args.inputs[more];
    a.mask = input<uint8_t>(args, more++);
    a.mask_row = mask.dims[2] == 1 ? 0 : a.keys;
    a.mask_head = mask.dims[1] == 1 ? 0 : mask.dims[2] * a.keys;
    a.mask_batch = mask.dims[0] == 1 ? 0 : mask.dims[1] * mask.dims[2] * a.keys;
  }
  if (args.attributes[kSloped] != 0) a.slopes = input<float>(args, more++);
  if (a.keep < 1.0f) {
    const int32_t* seed = input<int32_t>(args, more);
    a.random = {static_cast<uint32_t>(seed[0]), static_cast<uint32_t>(seed[1]),
                static_cast<uint32_t>(input<int32_t>(args, more + 1)[0]),
                static_cast<uint32_t>(args.attributes[kStream]), 0};
    if (args.inputCount > more + 2) {
      a.random.iteration = static_cast<uint32_t>(input<int32_t>(args, more + 2)[0]) + 1;
    }
  }
  return a;
}

bool is_one(const Tensor& x, Dtype dtype) { return x.dtype == dtype && x.count == 1; }

// Operands after the fixed ones: a place, a mask of keys, a mask, slopes, and what random numbers come from.
const char* check_more(const Args& args, int32_t more) {
  const Tensor &q = args.inputs[0], &k = args.inputs[1];
  constexpr const char* kOther = "attention takes another number of operands";
  const bool dropped = float_attribute(args, kKeep) < 1.0f;
  int32_t flags = (args.attributes[kPlaced] != 0) + (args.attributes[kKeyed] != 0) +
                  (args.attributes[kMasked] != 0) + (args.attributes[kSloped] != 0) + (dropped ? 2 : 0);
  int32_t left = args.inputCount - more - flags;
  if (left < 0 || left > dropped) return kOther;
  if (args.attributes[kPlaced] != 0 && !is_one(args.inputs[more++], Dtype::int32)) {
    return "the place of the first query is one int32";
  }
  if (args.attributes[kKeyed] != 0) {
    const Tensor& keyed = args.inputs[more++];
    bool fits = keyed.dtype == Dtype::boolean && keyed.rank == 2 && keyed.dims[0] == q.dims[0] &&
                keyed.dims[1] == k.dims[1];
    if (!fits) return "the mask of keys must be [batch, keys]";
  }
  if (args.attributes[kMasked] != 0) {
    const Tensor& mask = args.inputs[more++];
    if (mask.dtype != Dtype::boolean || mask.rank != 4 || mask.dims[3] != k.dims[1]) {
      return "the mask must be [batch, heads, queries, keys]";
    }
    const int64_t wanted[] = {q.dims[0], q.dims[2], q.dims[1]};
    for (int32_t i = 0; i < 3; ++i) {
      if (mask.dims[i] != 1 && mask.dims[i] != wanted[i]) return "the mask does not broadcast";
    }
  }
  if (args.attributes[kSloped] != 0) {
    const Tensor& slopes = args.inputs[more++];
    if (slopes.dtype != Dtype::float32 || !is_vector(slopes, q.dims[2])) return "each head needs a slope";
  }
  if (!dropped) return nullptr;
  if (args.inputs[more].dtype != Dtype::int32 || !is_vector(args.inputs[more], 2)) {
    return "the seed must be two numbers";
  }
  for (int32_t i = more + 1; i < args.inputCount; ++i) {
    if (!is_one(args.inputs[i], Dtype::int32)) return "the step must be one number";
  }
  return nullptr;
}

const char* check_heads(const Args& args) {
  const Tensor &q = args.inputs[0], &k = args.inputs[1], &v = args.inputs[2];
  if (q.rank != 4 || k.rank != 4 || v.rank != 4) return "operands must be [batch, steps, heads, size]";
  bool fits = k.dims[0] == q.dims[0] && v.dims[0] == q.dims[0] && k.dims[1] == v.dims[1] &&
              k.dims[2] == v.dims[2] && k.dims[3] == q.dims[3];
  if (!fits) return "the sizes of queries, keys and values do not match";
  bool shares = k.dims[2] > 0 && q.dims[2] % k.dims[2] == 0;
  return shares ? nullptr : "heads must be a multiple of those of keys";
}

bool is_like(const Tensor& x, int64_t batch, int64_t steps, int64_t heads, int64_t size) {
  return x.rank == 4 && x.dims[0] == batch && x.dims[1] == steps && x.dims[2] == heads && x.dims[3] == size;
}

// Tiles of a whole group, over one to four vectors: divided when this is compiled.
constexpr RowTiles kGroupTiles[] = {tiles_of(kQueryGroup, 1), tiles_of(kQueryGroup, 2),
                                    tiles_of(kQueryGroup, 3), tiles_of(kQueryGroup, 4)};

// c (+)= a . b for few rows, in tiles.
void tile_product(AffineRows a, int64_t rows, const float* b, int64_t b_row, int64_t columns, int64_t depth,
                  float* c, int64_t c_row, bool accumulate) {
  TileArgs t = {};
  t.depth = depth;
  t.b_step = b_row;
  t.c_row = c_row;
  t.accumulate = accumulate;
  for (int64_t j = 0; j < columns; j += kPanelColumns) {
    int64_t own = min(columns - j, kPanelColumns), vectors = ceil_div(own, kLanes);
    t.last_columns = own - (vectors - 1) * kLanes;
    t.a = a;
    t.b = b + j;
    t.c = c + j;
    const bool whole = rows == kQueryGroup;
    multiply_tiles<Float32>(t, whole ? kGroupTiles[vectors - 1] : tiles_of(rows, vectors), vectors);
  }
}

// Scores are counted in powers of 2, of which the exponential has the fewest steps.

// 2^x for what is below 100: 1 ULP, denormal results included.
VEC_INLINE Vec exp2_below(Vec x) {
  x = at_least(x, splat(-150.0f));
  const Vec power = round(x), r = x - power;
  Vec q = splat(0x1.41fb9cp-13f);
  q = fma(q, r, splat(0x1.5f3e80p-10f));
  q = fma(q, r, splat(0x1.3b2d4ep-7f));
  q = fma(q, r, splat(0x1.c6aee8p-5f));
  q = fma(q, r, splat(0x1.ebfbdcp-3f));
  q = fma(q, r, splat(0x1.62e430p-1f));
  return times_power_of_two(fma(q, r, splat(1.0f)), power);
}

// The larger of each, where neither is NaN.
VEC_INLINE Vec larger(Vec a, Vec b) { return at_least(a, b); }

// The bools of sixteen keys, or those below n.
VEC_INLINE Mask bools_at(const uint8_t* p, int64_t n) {
  return not_equal(n >= kLanes ? load_u8(p) : load_u8_tail(p, n), zero());
}

// What one row of scores is: which of its block's keys it sees.
struct Row {
  int64_t batch, head, row, first_key;
};

// Which keys [j, j + 16) of the block a row sees; `width` of them exist.
VEC_INLINE Mask seen(const Attention& a, const Row& at, int64_t j, int64_t width) {
  int64_t count = width - j, key = at.first_key + j;
  if (a.causal) count = min(count, a.offset + at.row + 1 - key);
  Mask mask = mask_below(max(count, 0));
  int64_t rest = min(width - j, kLanes);
  if (a.keyed != nullptr) mask = mask_and(mask, bools_at(a.keyed + at.batch * a.keys + key, rest));
  if (a.mask != nullptr) {
    const uint8_t* row = a.mask + at.batch * a.mask_batch + at.head * a.mask_head + at.row * a.mask_row;
    mask = mask_and(mask, bools_at(row + key, rest));
  }
  return mask;
}

// Whether a row sees all of the first `width` keys of a block, as most do.
VEC_INLINE bool sees_all(const Attention& a, const Row& at, int64_t width) {
  if (a.keyed != nullptr || a.mask != nullptr || width % kLanes != 0) return false;
  return !a.causal || a.offset + at.row + 1 - at.first_key >= width;
}

// A row's scores from its products with the scaled keys of a block. Where heads have slopes, the distance of
// a key counts, too (Press et al. 2022).
template <bool kSloped>
struct Scores {
  Vec from_first = zero(), slope = zero();

  VEC_INLINE Scores(const Attention& a, const Row& at) {
    if (!kSloped) return;
    from_first = splat(static_cast<float>(a.offset + at.row - at.first_key)) - to_float(lane_index());
    slope = splat(-a.slopes[at.head] * kLog2OfE);
  }

  // Of keys [j, j + 16).
  VEC_INLINE Vec at(const float* products, int64_t j) const {
    const Vec x = load(products + j);
    return kSloped ? fma(abs(from_first - splat(static_cast<float>(j))), slope, x) : x;
  }
};

// Keys [key, key + count) as columns, times what makes their products with queries scores.
void pack_keys(const Attention& a, int64_t b, int64_t key_head, int64_t key, int64_t count, float* panel) {
  Float32::pack_transposed(panel, kKeyBlock, a.keys_at(b, key_head, key), a.k_row(), a.size, count);
  const Vec scale = splat(a.scale * kLog2OfE);
  for (int64_t i = 0; i < kKeyBlock * a.size; i += kLanes) store(panel + i, load(panel + i) * scale);
}

// What dropout leaves of a row's 64 probabilities: each kept one grows by 1 / keep.
VEC_INLINE void drawn(const Attention& a, const Row& at, Vec factors[4]) {
  int64_t row = (at.batch * a.heads + at.head) * a.queries + at.row;
  int64_t group = row * ceil_div(a.keys, kKeyBlock) + at.first_key / kKeyBlock;
  IntVec words[4];
  philox(a.random, group, words);
  Vec keep = splat(a.keep), grown = splat(1.0f / a.keep);
  for (int i = 0; i < 4; ++i) factors[i] = select(less(unit_interval(words[i]), keep), grown, zero());
}

}  // namespace
}  // namespace chainrule
