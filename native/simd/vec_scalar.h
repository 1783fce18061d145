// Plain C++: the reference for the other instruction sets. See vec.h for the meaning of each function.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chainrule {
namespace {

constexpr const char* kIsaName = "scalar";

struct Vec { float v[16]; };
struct IntVec { int32_t v[16]; };
struct Mask { int32_t v[16]; };  // 0 or -1
struct DoubleVec { double v[16]; };

template <class To, class Function>
VEC_INLINE To lanes(Function function) {
  To result;
  for (int i = 0; i < 16; ++i) result.v[i] = function(i);
  return result;
}

VEC_INLINE int32_t bits_of(float x) {
  int32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  return bits;
}
VEC_INLINE float float_of(int32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, 4);
  return x;
}

// a*b + c rounded once. Without the instruction: the product is exact in double, and the sum is rounded to
// odd, that is, its last bit says whether anything was cut off. Then rounding to float is correct (Boldo,
// Melquiond 2008).
VEC_INLINE float fused(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  double product = static_cast<double>(a) * b, addend = c;
  double sum = product + addend;
  double kept = sum - product;
  double lost = (product - (sum - kept)) + (addend - kept);
  int64_t bits;
  __builtin_memcpy(&bits, &sum, 8);
  int64_t away = (lost > 0) == (sum > 0) ? 1 : -1;
  bits += ((lost > 0) | (lost < 0)) & ~bits & 1 ? away : 0;
  __builtin_memcpy(&sum, &bits, 8);
  return static_cast<float>(sum);
#endif
}

VEC_INLINE Vec load(const float* p) { return lanes<Vec>([=](int i) { return p[i]; }); }
VEC_INLINE Vec load_tail(const float* p, int64_t n) {
  return lanes<Vec>([=](int i) { return i < n ? p[i] : 0.0f; });
}
VEC_INLINE void store_tail(float* p, Vec x, int64_t n) {
  for (int i = 0; i < n; ++i) p[i] = x.v[i];
}
VEC_INLINE void store(float* p, Vec x) { store_tail(p, x, 16); }
VEC_INLINE Vec splat(float x) { return lanes<Vec>([=](int) { return x; }); }
VEC_INLINE Vec zero() { return splat(0.0f); }

VEC_INLINE IntVec load_int(const int32_t* p) { return lanes<IntVec>([=](int i) { return p[i]; }); }
VEC_INLINE IntVec load_int_tail(const int32_t* p, int64_t n) {
  return lanes<IntVec>([=](int i) { return i < n ? p[i] : 0; });
}
VEC_INLINE void store_int_tail(int32_t* p, IntVec x, int64_t n) {
  for (int i = 0; i < n; ++i) p[i] = x.v[i];
}
VEC_INLINE void store_int(int32_t* p, IntVec x) { store_int_tail(p, x, 16); }
VEC_INLINE IntVec splat_int(int32_t x) { return lanes<IntVec>([=](int) { return x; }); }

VEC_INLINE Vec as_float(IntVec x) { return lanes<Vec>([&](int i) { return float_of(x.v[i]); }); }
VEC_INLINE IntVec as_int(Vec x) { return lanes<IntVec>([&](int i) { return bits_of(x.v[i]); }); }

VEC_INLINE Vec operator+(Vec a, Vec b) { return lanes<Vec>([&](int i) { return a.v[i] + b.v[i]; }); }
VEC_INLINE Vec operator-(Vec a, Vec b) { return lanes<Vec>([&](int i) { return a.v[i] - b.v[i]; }); }
VEC_INLINE Vec operator*(Vec a, Vec b) { return lanes<Vec>([&](int i) { return a.v[i] * b.v[i]; }); }
VEC_INLINE Vec operator/(Vec a, Vec b) { return lanes<Vec>([&](int i) { return a.v[i] / b.v[i]; }); }
VEC_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return lanes<Vec>([&](int i) { return fused(a.v[i], b.v[i], c.v[i]); });
}
VEC_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return lanes<Vec>([&](int i) { return fused(-a.v[i], b.v[i], c.v[i]); });
}
VEC_INLINE Vec sqrt(Vec x) { return lanes<Vec>([&](int i) { return __builtin_sqrtf(x.v[i]); }); }
VEC_INLINE Vec abs(Vec x) {
  return lanes<Vec>([&](int i) { return float_of(bits_of(x.v[i]) & 0x7fffffff); });
}
VEC_INLINE Vec neg(Vec x) { return lanes<Vec>([&](int i) { return -x.v[i]; }); }

VEC_INLINE Mask less(Vec a, Vec b) { return lanes<Mask>([&](int i) { return -(a.v[i] < b.v[i]); }); }
VEC_INLINE Mask less_equal(Vec a, Vec b) { return lanes<Mask>([&](int i) { return -(a.v[i] <= b.v[i]); }); }
VEC_INLINE Mask equal(Vec a, Vec b) { return lanes<Mask>([&](int i) { return -(a.v[i] == b.v[i]); }); }
VEC_INLINE Mask not_equal(Vec a, Vec b) { return lanes<Mask>([&](int i) { return -(a.v[i] != b.v[i]); }); }
VEC_INLINE Mask equal_int(IntVec a, IntVec b) {
  return lanes<Mask>([&](int i) { return -(a.v[i] == b.v[i]); });
}
VEC_INLINE Mask less_int(IntVec a, IntVec b) {
  return lanes<Mask>([&](int i) { return -(a.v[i] < b.v[i]); });
}
VEC_INLINE Mask mask_and(Mask a, Mask b) { return lanes<Mask>([&](int i) { return a.v[i] & b.v[i]; }); }
VEC_INLINE Mask mask_or(Mask a, Mask b) { return lanes<Mask>([&](int i) { return a.v[i] | b.v[i]; }); }
VEC_INLINE Mask mask_not(Mask a) { return lanes<Mask>([&](int i) { return ~a.v[i]; }); }
VEC_INLINE bool any(Mask a) {
  int32_t joined = 0;
  for (int i = 0; i < 16; ++i) joined |= a.v[i];
  return joined != 0;
}
VEC_INLINE Vec select(Mask m, Vec a, Vec b) {
  return lanes<Vec>([&](int i) { return m.v[i] ? a.v[i] : b.v[i]; });
}
VEC_INLINE IntVec select(Mask m, IntVec a, IntVec b) {
  return lanes<IntVec>([&](int i) { return (a.v[i] & m.v[i]) | (b.v[i] & ~m.v[i]); });
}

VEC_INLINE float min_or_nan(float a, float b) { return (a < b) | (a != a) ? a : b; }
VEC_INLINE float max_or_nan(float a, float b) { return (a > b) | (a != a) ? a : b; }
VEC_INLINE Vec min(Vec a, Vec b) { return lanes<Vec>([&](int i) { return min_or_nan(a.v[i], b.v[i]); }); }
VEC_INLINE Vec max(Vec a, Vec b) { return lanes<Vec>([&](int i) { return max_or_nan(a.v[i], b.v[i]); }); }
VEC_INLINE Vec at_least(Vec x, Vec low) { return select(less(x, low), low, x); }
VEC_INLINE Vec at_most(Vec x, Vec high) { return select(less(high, x), high, x); }

VEC_INLINE int32_t truncated(float x) {
  if (x != x) return 0;
  if (x >= 2147483648.0f) return 0x7fffffff;
  return x < -2147483648.0f ? INT32_MIN : static_cast<int32_t>(x);
}
// Adding and subtracting 2^23 rounds to an integer, ties to even; from there on all floats are integers.
VEC_INLINE float rounded(float x) {
  float magic = float_of((bits_of(x) & INT32_MIN) | 0x4b000000);
  return max_or_nan(x, -x) < 8388608.0f ? (x + magic) - magic : x;
}
VEC_INLINE IntVec to_int_truncate(Vec x) { return lanes<IntVec>([&](int i) { return truncated(x.v[i]); }); }
VEC_INLINE IntVec to_int_nearest(Vec x) {
  return lanes<IntVec>([&](int i) { return truncated(rounded(x.v[i])); });
}
VEC_INLINE Vec to_float(IntVec x) { return lanes<Vec>([&](int i) { return static_cast<float>(x.v[i]); }); }

VEC_INLINE uint32_t u(int32_t x) { return static_cast<uint32_t>(x); }
VEC_INLINE int32_t s(uint32_t x) { return static_cast<int32_t>(x); }
VEC_INLINE IntVec operator+(IntVec a, IntVec b) {
  return lanes<IntVec>([&](int i) { return s(u(a.v[i]) + u(b.v[i])); });
}
VEC_INLINE IntVec operator-(IntVec a, IntVec b) {
  return lanes<IntVec>([&](int i) { return s(u(a.v[i]) - u(b.v[i])); });
}
VEC_INLINE IntVec operator&(IntVec a, IntVec b) {
  return lanes<IntVec>([&](int i) { return a.v[i] & b.v[i]; });
}
VEC_INLINE IntVec operator|(IntVec a, IntVec b) {
  return lanes<IntVec>([&](int i) { return a.v[i] | b.v[i]; });
}
VEC_INLINE IntVec operator^(IntVec a, IntVec b) {
  return lanes<IntVec>([&](int i) { return a.v[i] ^ b.v[i]; });
}
VEC_INLINE IntVec shift_left(IntVec x, int n) {
  return lanes<IntVec>([&](int i) { return s(u(x.v[i]) << n); });
}
VEC_INLINE IntVec shift_right_logical(IntVec x, int n) {
  return lanes<IntVec>([&](int i) { return s(u(x.v[i]) >> n); });
}
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, int n) {
  return lanes<IntVec>([&](int i) { return x.v[i] >> n; });
}

VEC_INLINE IntVec mul_wide(IntVec a, IntVec b, IntVec* high) {
  IntVec low;
  for (int i = 0; i < 16; ++i) {
    uint64_t product = static_cast<uint64_t>(u(a.v[i])) * u(b.v[i]);
    low.v[i] = s(static_cast<uint32_t>(product));
    high->v[i] = s(static_cast<uint32_t>(product >> 32));
  }
  return low;
}

VEC_INLINE Vec load_u8(const uint8_t* p) {
  return lanes<Vec>([=](int i) { return static_cast<float>(p[i]); });
}
VEC_INLINE Vec load_u8_tail(const uint8_t* p, int64_t n) {
  return lanes<Vec>([=](int i) { return i < n ? static_cast<float>(p[i]) : 0.0f; });
}
VEC_INLINE void store_u8_tail(uint8_t* p, IntVec x, int64_t n) {
  for (int i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(x.v[i]);
}
VEC_INLINE void store_u8(uint8_t* p, IntVec x) { store_u8_tail(p, x, 16); }

VEC_INLINE float reduce_add(Vec x) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) x.v[i] = x.v[i] + x.v[i + half];
  }
  return x.v[0];
}
VEC_INLINE float reduce_max(Vec x) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) x.v[i] = max_or_nan(x.v[i], x.v[i + half]);
  }
  return x.v[0];
}

VEC_INLINE DoubleVec to_double(Vec x) {
  return lanes<DoubleVec>([&](int i) { return static_cast<double>(x.v[i]); });
}
VEC_INLINE DoubleVec operator+(DoubleVec a, DoubleVec b) {
  return lanes<DoubleVec>([&](int i) { return a.v[i] + b.v[i]; });
}
VEC_INLINE DoubleVec operator*(DoubleVec a, DoubleVec b) {
  return lanes<DoubleVec>([&](int i) { return a.v[i] * b.v[i]; });
}
VEC_INLINE DoubleVec operator-(DoubleVec a, DoubleVec b) {
  return lanes<DoubleVec>([&](int i) { return a.v[i] - b.v[i]; });
}
VEC_INLINE DoubleVec operator/(DoubleVec a, DoubleVec b) {
  return lanes<DoubleVec>([&](int i) { return a.v[i] / b.v[i]; });
}
VEC_INLINE DoubleVec fma(DoubleVec a, DoubleVec b, DoubleVec c) {
  return lanes<DoubleVec>([&](int i) { return __builtin_fma(a.v[i], b.v[i], c.v[i]); });
}
VEC_INLINE DoubleVec fnma(DoubleVec a, DoubleVec b, DoubleVec c) {
  return lanes<DoubleVec>([&](int i) { return __builtin_fma(-a.v[i], b.v[i], c.v[i]); });
}
VEC_INLINE DoubleVec splat_double(double x) {
  return lanes<DoubleVec>([&](int) { return x; });
}
VEC_INLINE Vec to_float(DoubleVec x) {
  return lanes<Vec>([&](int i) { return static_cast<float>(x.v[i]); });
}
VEC_INLINE double reduce_add(DoubleVec x) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) x.v[i] = x.v[i] + x.v[i + half];
  }
  return x.v[0];
}

VEC_INLINE void transpose_16x16(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) to[j * to_stride + i] = from[i * from_stride + j];
  }
}

}  // namespace
}  // namespace chainrule
