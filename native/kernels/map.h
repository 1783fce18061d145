// Elementwise ops: a function for each line of map.def and each type that it computes in, over up to kTile
// elements.
#pragma once

#include "../plan.h"
#include "../simd/gelu.h"
#include "../simd/integers.h"
#include "../simd/powers.h"
#include "../simd/trigonometry.h"
#include "map_types.h"

namespace chainrule {
namespace {

// In registers a bool is 1.0 or 0.0.
VEC_INLINE Vec from_mask(Mask m) { return select(m, splat(1.0f), zero()); }
VEC_INLINE Mask to_mask(Vec x) { return not_equal(x, zero()); }
// 0 for both zeros; NaN stays NaN.
VEC_INLINE Vec sign(Vec x) {
  return select(equal(x, x), from_mask(less(zero(), x)) - from_mask(less(x, zero())), x);
}

template <int kArity, class Function>
VEC_INLINE void map_lanes(float* out, const float* a, const float* b, const float* c, int64_t n, Function f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Vec x = load(a + i);
    Vec y = kArity > 1 ? load(b + i) : x;
    Vec z = kArity > 2 ? load(c + i) : x;
    store(out + i, f(x, y, z));
  }
  if (i == n) return;
  Vec x = load_tail(a + i, n - i);
  Vec y = kArity > 1 ? load_tail(b + i, n - i) : x;
  Vec z = kArity > 2 ? load_tail(c + i, n - i) : x;
  store_tail(out + i, f(x, y, z), n - i);
}

// The same for functions of many instructions, of which one copy is enough.
template <int kArity, class Function>
VEC_INLINE void map_long(float* out, const float* a, const float* b, const float* c, int64_t n, Function f) {
  for (int64_t i = 0; i < n; i += kLanes) {
    Vec x = load_upto(a + i, n - i);
    Vec y = kArity > 1 ? load_upto(b + i, n - i) : x;
    Vec z = kArity > 2 ? load_upto(c + i, n - i) : x;
    store_upto(out + i, f(x, y, z), n - i);
  }
}

// Rough ns for 16 elements from which a function is long.
constexpr double kLongFromNs = 5.5;

// What map.def says of each op.
#define MAP_OP(name, arity, signature, cost, result)                                             \
  struct Map_##name {                                                                            \
    static constexpr char kSignature[] = signature;                                              \
    static constexpr int kArity = arity;                                                         \
    static constexpr double kCostNs = cost;                                                      \
    template <class A, class B, class C>                                                         \
    static VEC_INLINE auto apply([[maybe_unused]] A a, [[maybe_unused]] B b,                     \
                                 [[maybe_unused]] C c) {                                         \
      return result;                                                                             \
    }                                                                                            \
  };
#include "map.def"
#undef MAP_OP

VEC_INLINE void set(Vec* to, Vec bits) { *to = bits; }
VEC_INLINE void set(IntVec* to, Vec bits) { *to = as_int(bits); }
VEC_INLINE Vec bits_of(Vec x) { return x; }
VEC_INLINE Vec bits_of(IntVec x) { return as_float(x); }

template <bool kInteger>
struct RegisterOf {
  Vec value;
};
template <>
struct RegisterOf<true> {
  IntVec value;
};

// An op on registers, whatever they hold.
template <class Op, char kType>
struct Applied {
  static constexpr bool is_integer(int place) {
    return place < Op::kArity && is_integer_at(Op::kSignature, place, kType);
  }
  VEC_INLINE Vec operator()(Vec a, Vec b, Vec c) const {
    RegisterOf<is_integer(0)> x;
    RegisterOf<is_integer(1)> y;
    RegisterOf<is_integer(2)> z;
    set(&x.value, a);
    set(&y.value, b);
    set(&z.value, c);
    return bits_of(Op::apply(x.value, y.value, z.value));
  }
};

// Over rows that are `row` floats apart: one call for a tile of a matrix product. Products take no ops of
// three operands; these would read b in place of c.
template <class Op, char kType>
COMPILED_ONCE void run_map_op_rows(float* out, const float* a, const float* b, int64_t row, int64_t rows,
                                   int64_t n) {
  constexpr Applied<Op, kType> f;
  for (int64_t i = 0; i < rows; ++i) {
    const float* other = Op::kArity > 1 ? b + i * row : nullptr;
    if constexpr (Op::kCostNs < kLongFromNs) {
      map_lanes<Op::kArity>(out + i * row, a + i * row, other, other, n, f);
    } else {
      map_long<Op::kArity>(out + i * row, a + i * row, other, other, n, f);
    }
  }
}

template <class Op, char kType>
void run_map_op(float* out, const float* a, const float* b, const float* c, int64_t n) {
  if constexpr (Op::kCostNs < kLongFromNs) {
    map_lanes<Op::kArity>(out, a, b, c, n, Applied<Op, kType>{});
  } else {
    static_assert(Op::kArity < 3, "an op of three operands is not long");
    run_map_op_rows<Op, kType>(out, a, b, n, 1, n);
  }
}

template <class Op, char kType>
constexpr auto kInstance = with_type(Op::kSignature, kType);

template <class Op, char kType>
constexpr MapOp map_row() {
  return {kInstance<Op, kType>.text, Op::kArity, integers_of(Op::kSignature, Op::kArity, kType),
          run_map_op<Op, kType>, run_map_op_rows<Op, kType>};
}

// The rows of one op, and the cost of each.
struct MapRows {
  MapOp rows[3];
  int32_t count;
  double cost_ns;
};
template <class Op>
constexpr MapRows rows_of() {
  constexpr char kVariable = variable_of(Op::kSignature);
  if constexpr (kVariable == 'T') {
    return {{map_row<Op, 'f'>(), map_row<Op, 'i'>(), map_row<Op, 'b'>()}, 3, Op::kCostNs};
  } else if constexpr (kVariable == 'N') {
    return {{map_row<Op, 'f'>(), map_row<Op, 'i'>(), {}}, 2, Op::kCostNs};
  } else {
    return {{map_row<Op, 'f'>(), {}, {}}, 1, Op::kCostNs};
  }
}

#define MAP_OP(name, arity, signature, cost, result) rows_of<Map_##name>(),
constexpr MapRows kMapRows[] = {
#include "map.def"
};
#undef MAP_OP

constexpr int32_t count_rows() {
  int32_t count = 0;
  for (const MapRows& op : kMapRows) count += op.count;
  return count;
}
constexpr int32_t kMapOpCount = count_rows();

struct MapTable {
  MapOp ops[kMapOpCount];
  double costs_ns[kMapOpCount];
};
constexpr MapTable table_of_rows() {
  MapTable table = {};
  int32_t next = 0;
  for (const MapRows& op : kMapRows) {
    for (int32_t i = 0; i < op.count; ++i) {
      table.ops[next] = op.rows[i];
      table.costs_ns[next++] = op.cost_ns;
    }
  }
  return table;
}
constexpr MapTable kMapTable = table_of_rows();
constexpr const MapOp (&kMapOps)[kMapOpCount] = kMapTable.ops;

// The row whose signature begins so, up to `size` letters.
constexpr int32_t row_named(const char* begin, int32_t size) {
  for (int32_t row = 0; row < kMapOpCount; ++row) {
    int32_t same = 0;
    while (same < size && kMapOps[row].signature[same] == begin[same]) ++same;
    if (same == size) return row;
  }
  return -1;
}
constexpr int32_t kSumRow = row_named("add(a: f32", 10);
constexpr int32_t kReluRow = row_named("relu(x: f32", 11), kRelu6Row = row_named("relu6(x: f32", 12);
static_assert(kSumRow >= 0 && kReluRow >= 0 && kRelu6Row >= 0, "maps that are made in registers");
constexpr const double (&kMapCostsNs)[kMapOpCount] = kMapTable.costs_ns;

}  // namespace
}  // namespace chainrule
