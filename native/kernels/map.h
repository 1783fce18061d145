// Elementwise ops: a function for each line of map.def and each type that it computes in.
#pragma once

#include "../plan.h"
#include "../simd/bytes.h"
#include "../simd/gelu.h"
#include "../simd/integers.h"
#include "../simd/powers.h"
#include "../simd/trigonometry.h"
#include "convert.h"
#include "map_types.h"

namespace chainrule {
namespace {

VEC_INLINE Mask to_mask(Vec x) { return not_equal(x, zero()); }
// 0 for both zeros; NaN stays NaN.
VEC_INLINE Vec sign(Vec x) {
  const Vec one = splat(1.0f), positive = select(less(zero(), x), one, zero());
  return select(equal(x, x), positive - select(less(x, zero()), one, zero()), x);
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

// What registers hold: of a bool 1.0 or 0.0.
VEC_INLINE void set(Vec* to, Vec bits) { *to = bits; }
VEC_INLINE void set(IntVec* to, Vec bits) { *to = as_int(bits); }
VEC_INLINE Vec bits_of(Vec x) { return x; }
VEC_INLINE Vec bits_of(IntVec x) { return as_float(x); }
VEC_INLINE Vec bits_of(Mask m) { return select(m, splat(1.0f), zero()); }

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
    return place < Op::kArity && type_at(Op::kSignature, place, kType) == 'i';
  }
  VEC_INLINE Vec operator()(Vec a, Vec b, Vec c) const { return bits_of(result(a, b, c)); }
  VEC_INLINE auto result(Vec a, Vec b, Vec c) const {
    RegisterOf<is_integer(0)> x;
    RegisterOf<is_integer(1)> y;
    RegisterOf<is_integer(2)> z;
    set(&x.value, a);
    set(&y.value, b);
    set(&z.value, c);
    return Op::apply(x.value, y.value, z.value);
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

// What serves all elements stays in registers: a formula reads it in several places, each of which would be a
// load.
template <class Op, char kType>
void run_map_op_between(float* out, const float* a, const float* b, const float* c, int64_t n) {
  const Vec low = load(b), high = load(c);
  const auto f = [=](Vec x, Vec, Vec) __attribute__((always_inline)) {
    return Applied<Op, kType>{}(x, low, high);
  };
  map_lanes<1>(out, a, a, a, n, f);
}

// Elements of memory: a byte of each bool, of others the bits of their register.
template <bool kBool>
struct Stored {
  using Element = float;
};
template <>
struct Stored<true> {
  using Element = BoolByte;
};

VEC_INLINE void write_result(BoolByte* p, Mask result, int64_t n) { write(p, result, n); }
template <class Result>
VEC_INLINE void write_result(float* p, Result result, int64_t n) {
  store_upto(p, bits_of(result), n);
}

template <class Op, char kType>
struct OnStored {
  static constexpr bool is_bool(int place) { return type_at(Op::kSignature, place, kType) == 'b'; }
  static constexpr bool only_bools() {
    bool only = true;
    for (int place = 0; place <= Op::kArity; ++place) only = only && is_bool(place);
    return only;
  }

  template <int kPlace>
  static VEC_INLINE Vec read(const void* operand, int64_t at, int64_t n) {
    return read_reals(static_cast<const typename Stored<is_bool(kPlace)>::Element*>(operand) + at, n);
  }
  static VEC_INLINE void apply(void* out, const void* a, const void* b, const void* c, int64_t at,
                               int64_t n) {
    const Vec x = read<0>(a, at, n);
    const Vec y = Op::kArity > 1 ? read<1>(b, at, n) : x;
    const Vec z = Op::kArity > 2 ? read<2>(c, at, n) : x;
    auto* to = static_cast<typename Stored<is_bool(Op::kArity)>::Element*>(out) + at;
    write_result(to, Applied<Op, kType>{}.result(x, y, z), n);
  }
  static void run(void* out, const void* a, const void* b, const void* c, int64_t n) {
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) apply(out, a, b, c, i, kLanes);
    if (i < n) apply(out, a, b, c, i, n - i);
  }
};

// Bools alone: as many at a time as a register has bytes.
template <class Op>
struct OnBytes {
  static VEC_INLINE Bytes read(const void* operand, int64_t at, int64_t n) {
    return load_bytes_upto(static_cast<const uint8_t*>(operand) + at, n);
  }
  static VEC_INLINE void apply(void* out, const void* a, const void* b, const void* c, int64_t at,
                               int64_t n) {
    const Bytes x = read(a, at, n);
    const Bytes y = Op::kArity > 1 ? read(b, at, n) : x;
    const Bytes z = Op::kArity > 2 ? read(c, at, n) : x;
    store_bytes_upto(static_cast<uint8_t*>(out) + at, flags_of(Op::apply(x, y, z)), n);
  }
  static void run(void* out, const void* a, const void* b, const void* c, int64_t n) {
    int64_t i = 0;
    for (; i + kByteLanes <= n; i += kByteLanes) apply(out, a, b, c, i, kByteLanes);
    if (i < n) apply(out, a, b, c, i, n - i);
  }
};

using RunStored = void (*)(void*, const void*, const void*, const void*, int64_t);
template <class Op, char kType>
constexpr RunStored stored_form() {
  if constexpr (places_of(Op::kSignature, Op::kArity, kType, 'b') == 0) return nullptr;
  else if constexpr (OnStored<Op, kType>::only_bools()) return OnBytes<Op>::run;
  else return OnStored<Op, kType>::run;
}

using RunBetween = void (*)(float*, const float*, const float*, const float*, int64_t);
template <class Op, char kType>
constexpr RunBetween between_form() {
  if constexpr (Op::kArity < 3 || places_of(Op::kSignature, Op::kArity, kType, 'b') != 0) return nullptr;
  else return run_map_op_between<Op, kType>;
}

template <class Op, char kType>
constexpr auto kInstance = with_type(Op::kSignature, kType);

template <class Op, char kType>
constexpr MapOp map_row() {
  return {kInstance<Op, kType>.text,
          Op::kArity,
          places_of(Op::kSignature, Op::kArity, kType, 'i'),
          places_of(Op::kSignature, Op::kArity, kType, 'b'),
          run_map_op<Op, kType>,
          run_map_op_rows<Op, kType>,
          between_form<Op, kType>(),
          stored_form<Op, kType>()};
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
constexpr int32_t kReluGradRow = row_named("reluGrad(a: f32", 15);
constexpr int32_t kRelu6GradRow = row_named("relu6Grad(a: f32", 16);
static_assert(kSumRow >= 0 && kReluRow >= 0 && kRelu6Row >= 0 && kReluGradRow >= 0 && kRelu6GradRow >= 0,
              "maps that are made in registers");
constexpr const double (&kMapCostsNs)[kMapOpCount] = kMapTable.costs_ns;

}  // namespace
}  // namespace chainrule
