// No instruction set in particular: the reference for the others. See vec.h for the meaning of each function.
// Vectors are those of GCC and Clang, which cut them to what the processor has; as arrays of sixteen numbers
// they would keep the compiler busy for minutes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chainrule {
namespace {

constexpr const char* kIsaName = "scalar";

typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));
typedef uint32_t Unsigneds __attribute__((vector_size(64)));
typedef double Doubles __attribute__((vector_size(128)));
typedef int64_t Longs __attribute__((vector_size(128)));

struct Vec { Floats v; };
struct IntVec { Ints v; };
struct Mask { Ints v; };  // 0 or -1
struct DoubleVec { Doubles v; };

VEC_INLINE Vec load(const float* p) {
  Vec result;
  __builtin_memcpy(&result, p, sizeof result);
  return result;
}
VEC_INLINE Vec load_tail(const float* p, int64_t n) {
  float lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
VEC_INLINE void store(float* p, Vec x) { __builtin_memcpy(p, &x, sizeof x); }
VEC_INLINE void store_tail(float* p, Vec x, int64_t n) {
  float lanes[16];
  store(lanes, x);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
VEC_INLINE Vec zero() { return {Floats{}}; }
VEC_INLINE Vec splat(float x) { return {x - Floats{}}; }

VEC_INLINE IntVec load_int(const int32_t* p) {
  IntVec result;
  __builtin_memcpy(&result, p, sizeof result);
  return result;
}
VEC_INLINE IntVec load_int_tail(const int32_t* p, int64_t n) {
  int32_t lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load_int(lanes);
}
VEC_INLINE void store_int(int32_t* p, IntVec x) { __builtin_memcpy(p, &x, sizeof x); }
VEC_INLINE void store_int_tail(int32_t* p, IntVec x, int64_t n) {
  int32_t lanes[16];
  store_int(lanes, x);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
VEC_INLINE IntVec splat_int(int32_t x) { return {x - Ints{}}; }

VEC_INLINE Vec as_float(IntVec x) { return {(Floats)x.v}; }
VEC_INLINE IntVec as_int(Vec x) { return {(Ints)x.v}; }

VEC_INLINE Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
VEC_INLINE Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
VEC_INLINE Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
VEC_INLINE Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
VEC_INLINE Vec neg(Vec x) { return {-x.v}; }

#if defined(__FMA__) || defined(__aarch64__)
VEC_INLINE Vec fma(Vec a, Vec b, Vec c) {
  float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = __builtin_fmaf(a.v[i], b.v[i], c.v[i]);
  return load(lanes);
}
#else
// Without the instruction: the product is exact in double, and the sum is rounded to odd, that is, its last
// bit says whether anything was cut off. Then rounding to float is correct (Boldo, Melquiond 2008). A call,
// because it is long.
COMPILED_ONCE Vec fma(const Vec& a, const Vec& b, const Vec& c) {
  Doubles product = __builtin_convertvector(a.v, Doubles) * __builtin_convertvector(b.v, Doubles);
  Doubles addend = __builtin_convertvector(c.v, Doubles);
  Doubles sum = product + addend, kept = sum - product;
  Doubles lost = (product - (sum - kept)) + (addend - kept);
  Longs bits = (Longs)sum;
  Longs away = ((lost > 0.0) ^ (sum > 0.0)) | 1;  // 1 where both have the same sign, else -1
  Longs even = -(~bits & 1), inexact = (lost > 0.0) | (lost < 0.0);
  return {__builtin_convertvector((Doubles)(bits + (away & even & inexact)), Floats)};
}
#endif
VEC_INLINE Vec fnma(Vec a, Vec b, Vec c) { return fma(neg(a), b, c); }
VEC_INLINE Vec sqrt(Vec x) {
  float lanes[16];
  store(lanes, x);
  for (int i = 0; i < 16; ++i) lanes[i] = __builtin_sqrtf(lanes[i]);
  return load(lanes);
}
VEC_INLINE Vec abs(Vec x) { return {(Floats)((Ints)x.v & 0x7fffffff)}; }

VEC_INLINE Mask less(Vec a, Vec b) { return {a.v < b.v}; }
VEC_INLINE Mask less_equal(Vec a, Vec b) { return {a.v <= b.v}; }
VEC_INLINE Mask equal(Vec a, Vec b) { return {a.v == b.v}; }
VEC_INLINE Mask not_equal(Vec a, Vec b) { return {a.v != b.v}; }
VEC_INLINE Mask equal_int(IntVec a, IntVec b) { return {a.v == b.v}; }
VEC_INLINE Mask less_int(IntVec a, IntVec b) { return {a.v < b.v}; }
VEC_INLINE Mask mask_and(Mask a, Mask b) { return {a.v & b.v}; }
VEC_INLINE Mask mask_or(Mask a, Mask b) { return {a.v | b.v}; }
VEC_INLINE Mask mask_not(Mask a) { return {~a.v}; }
VEC_INLINE bool any(Mask a) {
  int32_t joined = 0;
  for (int i = 0; i < 16; ++i) joined |= a.v[i];
  return joined != 0;
}
VEC_INLINE IntVec select(Mask m, IntVec a, IntVec b) { return {(a.v & m.v) | (b.v & ~m.v)}; }
VEC_INLINE Vec select(Mask m, Vec a, Vec b) { return as_float(select(m, as_int(a), as_int(b))); }

VEC_INLINE Vec min(Vec a, Vec b) { return select({(a.v < b.v) | (a.v != a.v)}, a, b); }
VEC_INLINE Vec max(Vec a, Vec b) { return select({(a.v > b.v) | (a.v != a.v)}, a, b); }
VEC_INLINE Vec at_least(Vec x, Vec low) { return select(less(x, low), low, x); }
VEC_INLINE Vec at_most(Vec x, Vec high) { return select(less(high, x), high, x); }

// From 2^23 on every float is an integer.
VEC_INLINE Vec round(Vec x) {
  Ints sign = (Ints)x.v & INT32_MIN;
  Vec shift = splat(8388608.0f), near = (abs(x) + shift) - shift;
  return select(less(abs(x), shift), Vec{(Floats)((Ints)near.v | sign)}, x);
}
VEC_INLINE Vec floor(Vec x) {
  Ints sign = (Ints)x.v & INT32_MIN;
  Vec near = round(x), below = near - select(less(x, near), splat(1.0f), zero());
  return {(Floats)((Ints)below.v | sign)};
}
VEC_INLINE Vec ceil(Vec x) { return neg(floor(neg(x))); }

VEC_INLINE int32_t truncated(float x) {
  if (x != x) return 0;
  if (x >= 2147483648.0f) return 0x7fffffff;
  return x < -2147483648.0f ? INT32_MIN : static_cast<int32_t>(x);
}
VEC_INLINE IntVec to_int_truncate(Vec x) {
  int32_t lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = truncated(x.v[i]);
  return load_int(lanes);
}
// Adding and subtracting 2^23 rounds to an integer, ties to even; from there on all floats are integers.
VEC_INLINE IntVec to_int_nearest(Vec x) {
  Vec magic = {(Floats)(((Ints)x.v & INT32_MIN) | 0x4b000000)};
  return to_int_truncate(select(less(abs(x), splat(8388608.0f)), (x + magic) - magic, x));
}
VEC_INLINE Vec to_float(IntVec x) { return {__builtin_convertvector(x.v, Floats)}; }

// Overflow wraps around.
VEC_INLINE IntVec operator+(IntVec a, IntVec b) { return {(Ints)((Unsigneds)a.v + (Unsigneds)b.v)}; }
VEC_INLINE IntVec operator-(IntVec a, IntVec b) { return {(Ints)((Unsigneds)a.v - (Unsigneds)b.v)}; }
VEC_INLINE IntVec operator*(IntVec a, IntVec b) { return {(Ints)((Unsigneds)a.v * (Unsigneds)b.v)}; }
VEC_INLINE IntVec operator&(IntVec a, IntVec b) { return {a.v & b.v}; }
VEC_INLINE IntVec operator|(IntVec a, IntVec b) { return {a.v | b.v}; }
VEC_INLINE IntVec operator^(IntVec a, IntVec b) { return {a.v ^ b.v}; }
VEC_INLINE IntVec shift_left(IntVec x, int n) { return {(Ints)((Unsigneds)x.v << n)}; }
VEC_INLINE IntVec shift_right_logical(IntVec x, int n) { return {(Ints)((Unsigneds)x.v >> n)}; }
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, int n) { return {x.v >> n}; }
VEC_INLINE IntVec shift_left(IntVec x, IntVec n) { return {(Ints)((Unsigneds)x.v << (Unsigneds)n.v)}; }
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, IntVec n) { return {x.v >> n.v}; }

VEC_INLINE IntVec mul_wide(IntVec a, IntVec b, IntVec* high) {
  uint32_t low[16], top[16];
  for (int i = 0; i < 16; ++i) {
    uint64_t product = static_cast<uint64_t>(static_cast<uint32_t>(a.v[i])) * static_cast<uint32_t>(b.v[i]);
    low[i] = static_cast<uint32_t>(product);
    top[i] = static_cast<uint32_t>(product >> 32);
  }
  *high = load_int(reinterpret_cast<const int32_t*>(top));
  return load_int(reinterpret_cast<const int32_t*>(low));
}

VEC_INLINE Vec load_u8_tail(const uint8_t* p, int64_t n) {
  float lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = static_cast<float>(p[i]);
  return load(lanes);
}
VEC_INLINE Vec load_u8(const uint8_t* p) { return load_u8_tail(p, 16); }
VEC_INLINE void store_u8_tail(uint8_t* p, IntVec x, int64_t n) {
  int32_t lanes[16];
  store_int(lanes, x);
  for (int i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(lanes[i]);
}
VEC_INLINE void store_u8(uint8_t* p, IntVec x) { store_u8_tail(p, x, 16); }

VEC_INLINE IntVec load_u16_tail(const uint16_t* p, int64_t n) {
  int32_t lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load_int(lanes);
}
VEC_INLINE IntVec load_u16(const uint16_t* p) { return load_u16_tail(p, 16); }
VEC_INLINE void store_u16_tail(uint16_t* p, IntVec x, int64_t n) {
  int32_t lanes[16];
  store_int(lanes, x);
  for (int i = 0; i < n; ++i) p[i] = static_cast<uint16_t>(lanes[i]);
}
VEC_INLINE void store_u16(uint16_t* p, IntVec x) { store_u16_tail(p, x, 16); }

VEC_INLINE float max_or_nan(float a, float b) { return (a > b) | (a != a) ? a : b; }
VEC_INLINE float reduce_add(Vec x) {
  float lanes[16];
  store(lanes, x);
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] = lanes[i] + lanes[i + half];
  }
  return lanes[0];
}
VEC_INLINE float reduce_max(Vec x) {
  float lanes[16];
  store(lanes, x);
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] = max_or_nan(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

VEC_INLINE DoubleVec to_double(Vec x) { return {__builtin_convertvector(x.v, Doubles)}; }
VEC_INLINE DoubleVec to_double(IntVec x) { return {__builtin_convertvector(x.v, Doubles)}; }
VEC_INLINE IntVec to_int_wrapping(DoubleVec x) {
  return {__builtin_convertvector(__builtin_convertvector(x.v, Longs), Ints)};
}
VEC_INLINE DoubleVec operator+(DoubleVec a, DoubleVec b) { return {a.v + b.v}; }
VEC_INLINE DoubleVec operator*(DoubleVec a, DoubleVec b) { return {a.v * b.v}; }
VEC_INLINE DoubleVec operator-(DoubleVec a, DoubleVec b) { return {a.v - b.v}; }
VEC_INLINE DoubleVec operator/(DoubleVec a, DoubleVec b) { return {a.v / b.v}; }
VEC_INLINE DoubleVec splat_double(double x) { return {x - Doubles{}}; }
VEC_INLINE Vec to_float(DoubleVec x) { return {__builtin_convertvector(x.v, Floats)}; }
// Lane by lane, because a product of doubles has no wider type to be exact in.
__attribute__((noinline)) void fma_lanes(const double* a, const double* b, double* c) {
  for (int i = 0; i < 16; ++i) c[i] = __builtin_fma(a[i], b[i], c[i]);
}
VEC_INLINE DoubleVec fma(DoubleVec a, DoubleVec b, DoubleVec c) {
  fma_lanes(reinterpret_cast<const double*>(&a), reinterpret_cast<const double*>(&b),
            reinterpret_cast<double*>(&c));
  return c;
}
VEC_INLINE DoubleVec fnma(DoubleVec a, DoubleVec b, DoubleVec c) { return fma({-a.v}, b, c); }
VEC_INLINE double reduce_add(DoubleVec x) {
  double lanes[16];
  __builtin_memcpy(lanes, &x, sizeof lanes);
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] = lanes[i] + lanes[i + half];
  }
  return lanes[0];
}

VEC_INLINE void transpose_16x16(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
#pragma GCC unroll 1
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) to[j * to_stride + i] = from[i * from_stride + j];
  }
}

}  // namespace
}  // namespace chainrule
