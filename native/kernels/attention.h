// Scaled dot-product attention, softmax(scale q kT) v, a block of 64 keys at a time with a running shift
// and a running sum for each row (Milakov and Gimelshein 2018; Dao et al. 2022): no row of scores is ever
// whole. Blocks begin at multiples of 64, and a key that a row does not see counts exactly zero, so the bits
// of a row depend on neither the number of queries nor what lies behind the keys that it sees. Twin of
// lib/ops/attention.ts.
#pragma once

#include "attention_shape.h"
#include "softmax.h"

namespace chainrule {
namespace {

constexpr float kMinusInfinity = -kInfinity;

// A row's scores lose its shift: the largest of the first block of keys that it sees, until another block has
// one that is more than so many powers of two above. A rise costs a wait for the largest of all lanes, and
// all that the row has so far is multiplied.
constexpr float kRise = 8.0f;

struct ForwardMemory {
  float *panel, *values, *scores, *shifts, *sums;
  float* rows;  // the results before they are divided by their sums
};

size_t attention_scratch(const Args& args) {
  const Attention a = attention_sizes(args);
  int64_t floats = kKeyBlock * (a.padded(a.size) + a.padded(a.value_size) + kQueryGroup) +
                   (kQueryRows + kLanes) * (kLanes + 1) + kQueryRows * a.padded(a.value_size);
  return static_cast<size_t>(floats) * sizeof(float);
}

ForwardMemory forward_memory(const Attention& a, void* scratch) {
  ForwardMemory m;
  m.panel = static_cast<float*>(scratch);
  m.values = m.panel + kKeyBlock * a.padded(a.size);
  m.scores = m.values + kKeyBlock * a.padded(a.value_size);
  m.sums = m.scores + kKeyBlock * kQueryGroup;
  m.shifts = m.sums + (kQueryRows + kLanes) * kLanes;
  m.rows = m.shifts + kQueryRows + kLanes;
  return m;
}

// Rows of a matrix that end within a vector are copied to where whole vectors can be read.
const float* whole_rows(const float* from, int64_t row, int64_t rows, int64_t size, float* copy,
                        int64_t* step) {
  if (size % kLanes == 0) {
    *step = row;
    return from;
  }
  *step = ceil_div(size, kLanes) * kLanes;
  Float32::pack_rows(copy, *step, from, row, rows, size);
  return copy;
}

void clear(float* to, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store(to + i, zero());
}

// Rows of one operand, of which some head has a part each.
struct HeadRows {
  const float* first;
  int64_t row, size, count;
};

// What comes after a block of keys: the next block, or what the next task reads and writes. Rows of a head
// lie apart, and the processor does not fetch them by itself: each row of queries fetches one of each operand
// into the L2 cache. More at once would wait for memory, and all loads behind them.
struct RowsAhead {
  static constexpr int32_t kMost = 8;
  HeadRows of[kMost];
  int32_t operands;
  int64_t longest, fetched;

  void add(const HeadRows& rows) {
    of[operands++] = rows;
    longest = max(longest, rows.count);
  }

  VEC_INLINE void fetch() {
    if (fetched >= longest) return;
    for (const HeadRows* rows = of; rows < of + operands; ++rows) {
      if (fetched >= rows->count) continue;
      const float* at = rows->first + fetched * rows->row;
      for (int64_t j = 0; j < rows->size; j += kLanes) __builtin_prefetch(at + j, 0, 2);
    }
    ++fetched;
  }
};

void add_keys(const Attention& a, int64_t b, int64_t key_head, int64_t key, RowsAhead* next) {
  const int64_t count = min(a.keys - key, kKeyBlock);
  next->add({a.keys_at(b, key_head, key), a.k_row(), a.size, count});
  next->add({a.values_at(b, key_head, key), a.v_row(), a.value_size, count});
}

// The largest score of a row in each lane, scaled; minus infinity for keys that it does not see. A NaN may
// get lost: its exponential makes the row NaN anyway.
template <bool kSloped>
VEC_INLINE Vec largest_scores(const Attention& a, const Row& at, const float* products, int64_t width) {
  const Scores<kSloped> scores(a, at);
  Vec most = splat(kMinusInfinity);
  if (sees_all(a, at, width)) {
    for (int64_t j = 0; j < width; j += kLanes) most = larger(scores.at(products, j), most);
    return most;
  }
  for (int64_t j = 0; j < width; j += kLanes) {
    Vec s = select(seen(a, at, j, width), scores.at(products, j), splat(kMinusInfinity));
    most = larger(s, most);
  }
  return most;
}

// Exponentials of a row's scores in the place of its products, and their sum in each lane.
template <bool kSloped>
VEC_INLINE Vec exponentials(const Attention& a, const Row& at, float* products, int64_t width, float shift) {
  const Scores<kSloped> scores(a, at);
  const Vec most = splat(shift);
  const bool all = sees_all(a, at, width), drops = a.keep < 1.0f;
  Vec e[4] = {zero(), zero(), zero(), zero()}, factors[4];
  if (drops) drawn(a, at, factors);
#pragma GCC unroll 4
  for (int64_t v = 0; v < 4; ++v) {
    const int64_t j = v * kLanes;
    if (j >= width) break;
    e[v] = exp2_below(scores.at(products, j) - most);
    if (!all) e[v] = select(seen(a, at, j, width), e[v], zero());
    store(products + j, drops ? e[v] * factors[v] : e[v]);
  }
  return (e[0] + e[1]) + (e[2] + e[3]);
}

VEC_INLINE void scale_row(float* row, int64_t n, Vec factor) {
  for (int64_t j = 0; j < n; j += kLanes) store_upto(row + j, load_upto(row + j, n - j) * factor, n - j);
}

// The largest score of each of a group of rows.
template <bool kSloped>
void find_largest(const Attention& a, Row at, int64_t rows, int64_t width, const float* products,
                  float* largest) {
  alignas(64) float lanes[kLanes * kLanes];
  for (int64_t r = 0; r < rows; ++r, ++at.row) {
    store(lanes + r * kLanes, largest_scores<kSloped>(a, at, products + r * kKeyBlock, width));
  }
  for (int64_t r = rows; r < kLanes; ++r) store(lanes + r * kLanes, zero());
  Vec by_lane[kLanes];
  load_transposed(lanes, kLanes, by_lane);
#pragma GCC unroll 4
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int64_t lane = 0; lane < half; ++lane) by_lane[lane] = larger(by_lane[lane], by_lane[lane + half]);
  }
  store_tail(largest, by_lane[0], rows);
}

// Makes products of a group of rows probabilities, up to the sums that are not known yet. `own` is what the
// rows have so far, nothing if this block is the first; shifts and sums are theirs.
template <bool kSloped>
void exponentiate(const Attention& a, Row at, int64_t rows, int64_t width, float* products, float* shifts,
                  float* sums, float* own, bool first, RowsAhead* next) {
  if (first) find_largest<kSloped>(a, at, rows, width, products, shifts);
  for (int64_t r = 0; r < rows; ++r, ++at.row, products += kKeyBlock, sums += kLanes) {
    next->fetch();
    Vec down = splat(1.0f);
    if (!first) {
      const Vec most = largest_scores<kSloped>(a, at, products, width);
      if (any(less(splat(shifts[r] + kRise), most))) {
        const float before = shifts[r];
        shifts[r] = reduce_max(most);
        down = exp2_below(splat(before - shifts[r]));
        scale_row(own + r * a.padded(a.value_size), a.value_size, down);
      }
    }
    const float shift = shifts[r] == kMinusInfinity ? 0.0f : shifts[r];
    const Vec total = exponentials<kSloped>(a, at, products, width, shift);
    store(sums, first ? total : fma(load(sums), down, total));
  }
}

// Divides rows by their sums; a row that sees no key is zero, and its logarithm infinite.
void finish_attention(const Attention& a, const ForwardMemory& m, int64_t rows, float* y, float* logs) {
  alignas(64) float by_lane[kLanes * kLanes], factors[kLanes];
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int64_t count = min(rows - r, kLanes);
    transpose_16x16(m.sums + r * kLanes, kLanes, by_lane, kLanes);
    Vec terms[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) terms[i] = load(by_lane + i * kLanes);
    const Vec sum = add_as_lanes(terms, kLanes), none = zero();
    store(factors, select(equal(sum, none), none, splat(1.0f) / sum));
    const Vec log_sum = fma(load_tail(m.shifts + r, count), splat(kLn2), log(sum));
    store_upto(logs + r, select(equal(sum, none), splat(kInfinity), log_sum), count);
    for (int64_t i = 0; i < count; ++i) {
      const float* own = m.rows + (r + i) * a.padded(a.value_size);
      float* row = y + (r + i) * a.y_row();
      const Vec factor = splat(factors[i]);
      for (int64_t j = 0; j < a.value_size; j += kLanes) {
        // The sum with zero makes zeros of both signs one.
        store_upto(row + j, fma(load_upto(own + j, a.value_size - j), factor, none), a.value_size - j);
      }
    }
  }
}

// Rows [row, last) of a head; `after` is what the next task reads first.
template <bool kSloped>
void attend(const Attention& a, const ForwardMemory& m, int64_t b, int64_t head, int64_t row, int64_t last,
            float* y, float* logs, const RowsAhead& after) {
  const int64_t key_head = a.key_head(head);
  const int64_t value_size = a.padded(a.value_size);
  for (int64_t r = 0; r < last - row; ++r) {
    m.shifts[r] = kMinusInfinity;
    store(m.sums + r * kLanes, zero());
    if (a.keys > 0 && a.width(row + r, 0) > 0) continue;
    clear(m.rows + r * value_size, value_size);
  }
  for (int64_t key = 0; key < a.keys && a.width(last - 1, key) > 0; key += kKeyBlock) {
    const int64_t count = min(a.keys - key, kKeyBlock);
    pack_keys(a, b, key_head, key, count, m.panel);
    int64_t step;
    const float* values =
        whole_rows(a.values_at(b, key_head, key), a.v_row(), count, a.value_size, m.values, &step);
    RowsAhead next = after;
    if (key + kKeyBlock < a.keys && a.width(last - 1, key + kKeyBlock) > 0) {
      next = {};
      add_keys(a, b, key_head, key + kKeyBlock, &next);
    }
    for (int64_t at = row, rows; at < last; at += rows) {
      rows = a.group_rows(at, last);
      const int64_t width = a.width(at, key), r = at - row;
      if (width <= 0) continue;
      float* own = m.rows + r * value_size;
      tile_product({a.queries_at(b, head, at), a.q_row(), 1}, rows, m.panel, kKeyBlock, a.padded(width),
                   a.size, m.scores, kKeyBlock, false);
      exponentiate<kSloped>(a, {b, head, at, key}, rows, width, m.scores, m.shifts + r, m.sums + r * kLanes,
                            own, key == 0, &next);
      tile_product({m.scores, kKeyBlock, 1}, rows, values, step, a.value_size, width, own, value_size,
                   key > 0);
    }
  }
  finish_attention(a, m, last - row, y, logs);
}

const char* check_attention(const Args& args) {
  if (const char* wrong = check_heads(args)) return wrong;
  const Tensor &q = args.inputs[0], &v = args.inputs[2], &y = args.outputs[0], &logs = args.outputs[1];
  bool fits = is_like(y, q.dims[0], q.dims[1], q.dims[2], v.dims[3]) && logs.rank == 3 &&
              logs.dims[0] == q.dims[0] && logs.dims[1] == q.dims[2] && logs.dims[2] == q.dims[1];
  return fits ? check_more(args, 3) : "the results of attention have other sizes";
}

int64_t attention_tasks(const Args& args) {
  const Tensor& q = args.inputs[0];
  return max(q.dims[0] * q.dims[2] * ceil_div(q.dims[1], kQueryRows), 1);
}

// Of so many products with each key, and what follows them.
double attention_cost_of(const Args& args, double products) {
  const Tensor &q = args.inputs[0], &k = args.inputs[1];
  double pairs = static_cast<double>(q.dims[0] * q.dims[2]) * static_cast<double>(q.dims[1] * k.dims[1]);
  if (args.attributes[kCausal] != 0) pairs *= 0.5;
  return 200.0 + pairs * (products * kMultiplyNs * static_cast<double>(q.dims[3]) + 0.3);
}

double attention_cost(const Args& args) { return attention_cost_of(args, 2); }

void run_attention(const Args& args, int64_t first_task, int64_t last_task) {
  const Attention a = attention_of(args, 3);
  const int64_t blocks = ceil_div(a.queries, kQueryRows);
  const ForwardMemory m = forward_memory(a, args.scratch);
  for (int64_t task = first_task; task < last_task; ++task) {
    if (blocks == 0 || a.heads == 0 || a.batch == 0) return;
    const int64_t pair = task / blocks, b = pair / a.heads, head = pair % a.heads;
    const int64_t row = task % blocks * kQueryRows;
    float* y = output<float>(args, 0) + ((b * a.queries + row) * a.heads + head) * a.value_size;
    float* logs = output<float>(args, 1) + pair * a.queries + row;
    const int64_t last = min(row + kQueryRows, a.queries);
    RowsAhead after = {};
    if (task + 1 < last_task) {
      const int64_t next = (task + 1) / blocks, from = (task + 1) % blocks * kQueryRows;
      const int64_t next_b = next / a.heads, next_head = next % a.heads;
      const int64_t rows = min(a.queries - from, kQueryRows);
      after.add({a.queries_at(next_b, next_head, from), a.q_row(), a.size, rows});
      add_keys(a, next_b, a.key_head(next_head), 0, &after);
      const int64_t at = ((next_b * a.queries + from) * a.heads + next_head) * a.value_size;
      after.add({output<float>(args, 0) + at, a.y_row(), a.value_size, rows});
    }
    if (a.slopes != nullptr) {
      attend<true>(a, m, b, head, row, last, y, logs, after);
    } else {
      attend<false>(a, m, b, head, row, last, y, logs, after);
    }
    yield_to_others(args.yield_point);
  }
}

}  // namespace
}  // namespace chainrule
