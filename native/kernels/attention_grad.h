// Gradients of attention: probabilities are made again from scores and the logarithms of their sums, a block
// of keys at a time, so that nothing is as large as the square of the length (Dao et al. 2022).
#pragma once

#include "attention.h"

namespace chainrule {
namespace {

// Rows of queries whose gradients reach the keys of a block in one product: a multiple of kQueryGroup.
constexpr int64_t kBackRows = 96;
// Operands before those that attention takes as well.
constexpr int32_t kBackOperands = 6;

struct BackMemory {
  float *keys, *values, *key_rows, *p, *ds, *dk, *dv, *q_rows, *dy_rows;
  float* shares;  // dy . y of each query of the heads that share keys
};

size_t attention_grad_scratch(const Args& args) {
  const Attention a = attention_sizes(args);
  int64_t size = a.padded(a.size), value_size = a.padded(a.value_size);
  int64_t floats = kKeyBlock * (3 * size + 2 * value_size + 2 * kBackRows) + kBackRows * (size + value_size) +
                   a.heads / max(a.key_heads, 1) * a.queries;
  return static_cast<size_t>(floats) * sizeof(float);
}

BackMemory back_memory(const Attention& a, void* scratch) {
  int64_t size = a.padded(a.size), value_size = a.padded(a.value_size);
  BackMemory m;
  m.keys = static_cast<float*>(scratch);
  m.values = m.keys + kKeyBlock * size;
  m.key_rows = m.values + kKeyBlock * value_size;
  m.dk = m.key_rows + kKeyBlock * size;
  m.dv = m.dk + kKeyBlock * size;
  m.p = m.dv + kKeyBlock * value_size;
  m.ds = m.p + kKeyBlock * kBackRows;
  m.q_rows = m.ds + kKeyBlock * kBackRows;
  m.dy_rows = m.q_rows + kBackRows * size;
  m.shares = m.dy_rows + kBackRows * value_size;
  return m;
}

// What arrives, and what leaves.
struct BackOperands {
  const float *y, *logs, *dy;
  float *dq, *dk, *dv;
};

VEC_INLINE float dot_rows(const float* a, const float* b, int64_t n) {
  Vec sum = zero();
  for (int64_t j = 0; j < n; j += kLanes) sum = fma(load_upto(a + j, n - j), load_upto(b + j, n - j), sum);
  return reduce_add(sum);
}

// From q . kT in p and dy . vT in ds of a row to its probabilities and the gradients of its scores.
template <bool kSloped>
VEC_INLINE void back_row(const Attention& a, const Row& at, int64_t width, float log_sum, float share,
                         float* p, float* ds) {
  const Scores<kSloped> scores(a, at);
  const Vec scale = splat(a.scale), logs = splat(log_sum * kLog2OfE), past = splat(share);
  const bool all = sees_all(a, at, width), drops = a.keep < 1.0f;
  Vec factors[4];
  if (drops) drawn(a, at, factors);
  for (int64_t v = 0; v < kKeyBlock / kLanes; ++v) {
    const int64_t j = v * kLanes;
    if (j >= width) {
      store(p + j, zero());
      store(ds + j, zero());
      continue;
    }
    Vec x = exp2_below(scores.at(p, j) - logs);
    if (!all) x = select(seen(a, at, j, width), x, zero());
    Vec d = load(ds + j);
    if (drops) d = d * factors[v];
    d = x * (d - past) * scale;
    if (!all) d = select(seen(a, at, j, width), d, zero());
    store(p + j, drops ? x * factors[v] : x);
    store(ds + j, d);
  }
}

// A block of keys as it lies, and in rows of whole vectors.
struct KeyRows {
  int64_t count;
  const float* rows;
  int64_t step;
  bool is_first;  // none of its gradients are known yet
  RowsAhead* next;
};

// What rows [row, last) of a head, at most kBackRows, give the keys of a block: p and ds hold their
// probabilities and the gradients of their scores.
void back_keys(const Attention& a, const BackMemory& m, const float* dy, Row at, int64_t last,
               const KeyRows& keys) {
  const int64_t row = at.row, rows = last - row;
  int64_t q_step, dy_step;
  const float* q = whole_rows(a.queries_at(at.batch, at.head, row), a.q_row(), rows, a.size, m.q_rows,
                              &q_step);
  dy = whole_rows(dy, a.y_row(), rows, a.value_size, m.dy_rows, &dy_step);
  const int64_t size = a.padded(a.size), value_size = a.padded(a.value_size);
  const bool more = !keys.is_first;
  if (!a.causal) {
    tile_product({m.ds, 1, kKeyBlock}, keys.count, q, q_step, size, rows, m.dk, size, more);
    tile_product({m.p, 1, kKeyBlock}, keys.count, dy, dy_step, value_size, rows, m.dv, value_size, more);
    return;
  }
  // Rows that do not see any of a few keys come first and count exactly zero.
  int64_t next = row;
  for (int64_t j = 0; j < keys.count; j += kQueryGroup) {
    while (next < last && a.width(next, at.first_key) <= j) next += a.group_rows(next, last);
    const int64_t few = min(keys.count - j, kQueryGroup), past = next - row, depth = last - next;
    const int64_t from = past * kKeyBlock + j;
    tile_product({m.ds + from, 1, kKeyBlock}, few, q + past * q_step, q_step, size, depth, m.dk + j * size,
                 size, more);
    tile_product({m.p + from, 1, kKeyBlock}, few, dy + past * dy_step, dy_step, value_size, depth,
                 m.dv + j * value_size, value_size, more);
  }
}

// Rows [row, last) of a head, at most kBackRows, and one block of keys.
void back_rows(const Attention& a, const BackMemory& m, const BackOperands& o, Row at, int64_t last,
               const float* shares, const KeyRows& keys) {
  const int64_t row = at.row, b = at.batch, head = at.head;
  const float* logs = o.logs + (b * a.heads + head) * a.queries;
  const float* first_dy = o.dy + (b * a.queries * a.heads + head) * a.value_size;
  for (int64_t next = row, rows; next < last; next += rows) {
    rows = a.group_rows(next, last);
    const int64_t width = a.width(next, at.first_key), r = next - row;
    if (width <= 0) continue;
    float *p = m.p + r * kKeyBlock, *ds = m.ds + r * kKeyBlock;
    tile_product({a.queries_at(b, head, next), a.q_row(), 1}, rows, m.keys, kKeyBlock, a.padded(width),
                 a.size, p, kKeyBlock, false);
    tile_product({first_dy + next * a.y_row(), a.y_row(), 1}, rows, m.values, kKeyBlock, a.padded(width),
                 a.value_size, ds, kKeyBlock, false);
    for (int64_t i = 0; i < rows; ++i) {
      const Row own = {b, head, next + i, at.first_key};
      keys.next->fetch();
      float *own_p = p + i * kKeyBlock, *own_ds = ds + i * kKeyBlock;
      if (a.slopes != nullptr) {
        back_row<true>(a, own, width, logs[own.row], shares[own.row], own_p, own_ds);
      } else {
        back_row<false>(a, own, width, logs[own.row], shares[own.row], own_p, own_ds);
      }
    }
    float* dq = o.dq + (a.queries_at(b, head, next) - a.q);
    tile_product({ds, kKeyBlock, 1}, rows, keys.rows, keys.step, a.size, width, dq, a.q_row(),
                 at.first_key > 0);
  }
  back_keys(a, m, first_dy + row * a.y_row(), at, last, keys);
}

void store_rows(float* to, int64_t step, const float* from, int64_t from_step, int64_t rows, int64_t size) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < size; j += kLanes) {
      store_upto(to + i * step + j, load(from + i * from_step + j), size - j);
    }
  }
}

// dy . y of all rows of the heads that share keys, and zeros as dq of those that see none.
void prepare_queries(const Attention& a, const BackMemory& m, const BackOperands& o, int64_t b,
                     int64_t first_head, int64_t heads) {
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t row = 0; row < a.queries; ++row) {
      const int64_t number = (b * a.queries + row) * a.heads + first_head + head;
      const int64_t pair = number * a.value_size;
      m.shares[head * a.queries + row] = dot_rows(o.dy + pair, o.y + pair, a.value_size);
      if (a.keys > 0 && a.width(row, 0) > 0) continue;
      float* dq = o.dq + number * a.size;
      for (int64_t j = 0; j < a.size; j += kLanes) store_upto(dq + j, zero(), a.size - j);
    }
  }
}

// What the gradients of a head of keys read first.
RowsAhead first_rows(const Attention& a, const BackOperands& o, int64_t b, int64_t key_head) {
  RowsAhead next = {};
  const int64_t head = key_head * (a.heads / a.key_heads);
  const int64_t pair = (b * a.queries * a.heads + head) * a.value_size;
  const int64_t queries = min(a.queries, kBackRows);
  next.add({o.y + pair, a.y_row(), a.value_size, queries});
  next.add({o.dy + pair, a.y_row(), a.value_size, queries});
  next.add({a.queries_at(b, head, 0), a.q_row(), a.size, queries});
  add_keys(a, b, key_head, 0, &next);
  next.add({o.dq + (a.queries_at(b, head, 0) - a.q), a.q_row(), a.size, queries});
  return next;
}

// All gradients of one head of keys and the heads of queries that share it; `after` is what the next task
// reads first.
void attend_back(const Attention& a, const BackMemory& m, const BackOperands& o, int64_t b, int64_t key_head,
                 const RowsAhead& after) {
  const int64_t heads = a.heads / a.key_heads, first = key_head * heads;
  prepare_queries(a, m, o, b, first, heads);
  const int64_t size = a.padded(a.size), value_size = a.padded(a.value_size);
  for (int64_t key = 0; key < a.keys; key += kKeyBlock) {
    RowsAhead next = after;
    if (key + kKeyBlock < a.keys) {
      next = {};
      add_keys(a, b, key_head, key + kKeyBlock, &next);
    }
    KeyRows keys = {min(a.keys - key, kKeyBlock), nullptr, 0, true, &next};
    const float* from = a.keys_at(b, key_head, key);
    float *dk = o.dk + (from - a.k), *dv = o.dv + (a.values_at(b, key_head, key) - a.v);
    next.add({dk, a.k_row(), a.size, keys.count});
    next.add({dv, a.v_row(), a.value_size, keys.count});
    pack_keys(a, b, key_head, key, keys.count, m.keys);
    Float32::pack_transposed(m.values, kKeyBlock, a.values_at(b, key_head, key), a.v_row(), a.value_size,
                             keys.count);
    keys.rows = whole_rows(from, a.k_row(), keys.count, a.size, m.key_rows, &keys.step);
    for (int64_t head = first; head < first + heads; ++head) {
      for (int64_t row = 0; row < a.queries; row += kBackRows) {
        const int64_t last = min(row + kBackRows, a.queries);
        if (a.width(last - 1, key) <= 0) continue;
        back_rows(a, m, o, {b, head, row, key}, last, m.shares + (head - first) * a.queries, keys);
        keys.is_first = false;
      }
    }
    if (keys.is_first) {
      clear(m.dk, kKeyBlock * size);
      clear(m.dv, kKeyBlock * value_size);
    }
    store_rows(dk, a.k_row(), m.dk, size, keys.count, a.size);
    store_rows(dv, a.v_row(), m.dv, value_size, keys.count, a.value_size);
  }
}

const char* check_attention_grad(const Args& args) {
  if (const char* wrong = check_heads(args)) return wrong;
  const Tensor &q = args.inputs[0], &v = args.inputs[2], &logs = args.inputs[4];
  bool fits = is_like(args.inputs[3], q.dims[0], q.dims[1], q.dims[2], v.dims[3]) &&
              same_dims(args.inputs[3], args.inputs[5]) && logs.rank == 3 && logs.dims[0] == q.dims[0] &&
              logs.dims[1] == q.dims[2] && logs.dims[2] == q.dims[1];
  for (int32_t i = 0; i < 3; ++i) fits = fits && same_dims(args.inputs[i], args.outputs[i]);
  return fits ? check_more(args, kBackOperands) : "the gradients of attention have other sizes";
}

int64_t attention_grad_tasks(const Args& args) {
  return max(args.inputs[1].dims[0] * args.inputs[1].dims[2], 1);
}

double attention_grad_cost(const Args& args) { return attention_cost_of(args, 5); }

void run_attention_grad(const Args& args, int64_t first_task, int64_t last_task) {
  const Attention a = attention_of(args, kBackOperands);
  const BackMemory m = back_memory(a, args.scratch);
  const BackOperands o = {input<float>(args, 3),  input<float>(args, 4),  input<float>(args, 5),
                          output<float>(args, 0), output<float>(args, 1), output<float>(args, 2)};
  for (int64_t task = first_task; task < last_task; ++task) {
    if (a.batch == 0) return;
    RowsAhead after = {};
    if (task + 1 < last_task) after = first_rows(a, o, (task + 1) / a.key_heads, (task + 1) % a.key_heads);
    attend_back(a, m, o, task / a.key_heads, task % a.key_heads, after);
    yield_to_others(args.yield_point);
  }
}

#define ATTENTION_ATTRIBUTES \
  " {scale: f32, causal: bool, placed: bool, keyed: bool, masked: bool, sloped: bool, keep: f32, stream: i32}"

constexpr Kernel kAttentionKernels[] = {
    {"attention(q: f32, k: f32, v: f32, ...more: any) -> y: f32, logs: f32" ATTENTION_ATTRIBUTES,
     check_attention, attention_tasks, attention_cost, attention_scratch, run_attention, 0},
    {"attentionGrad(q: f32, k: f32, v: f32, y: f32, logs: f32, dy: f32, ...more: any) -> "
     "dq: f32, dk: f32, dv: f32" ATTENTION_ATTRIBUTES,
     check_attention_grad, attention_grad_tasks, attention_grad_cost, attention_grad_scratch,
     run_attention_grad, 0},
};

#undef ATTENTION_ATTRIBUTES

}  // namespace
}  // namespace chainrule
