// AVX2 and FMA: two registers, lanes 0 to 7 and 8 to 15. See vec.h for the meaning of each function.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace chainrule {
namespace {

constexpr const char* kIsaName = "avx2";

struct Vec { __m256 low, high; };
struct IntVec { __m256i low, high; };
struct Mask { __m256 low, high; };
struct DoubleVec { __m256d v[4]; };

VEC_INLINE __m256i lane_numbers() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
VEC_INLINE __m256i lanes_below(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)), lane_numbers());
}
VEC_INLINE __m256i ints(__m256 x) { return _mm256_castps_si256(x); }
VEC_INLINE __m256 floats(__m256i x) { return _mm256_castsi256_ps(x); }

VEC_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
VEC_INLINE Vec load_tail(const float* p, int64_t n) {
  return {_mm256_maskload_ps(p, lanes_below(n)), _mm256_maskload_ps(p + 8, lanes_below(n - 8))};
}
VEC_INLINE void store(float* p, Vec x) {
  _mm256_storeu_ps(p, x.low);
  _mm256_storeu_ps(p + 8, x.high);
}
VEC_INLINE void store_tail(float* p, Vec x, int64_t n) {
  _mm256_maskstore_ps(p, lanes_below(n), x.low);
  _mm256_maskstore_ps(p + 8, lanes_below(n - 8), x.high);
}
VEC_INLINE Vec splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
VEC_INLINE Vec zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }

VEC_INLINE IntVec load_int(const int32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
}
VEC_INLINE IntVec load_int_tail(const int32_t* p, int64_t n) {
  return {_mm256_maskload_epi32(p, lanes_below(n)), _mm256_maskload_epi32(p + 8, lanes_below(n - 8))};
}
VEC_INLINE void store_int(int32_t* p, IntVec x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), x.high);
}
VEC_INLINE void store_int_tail(int32_t* p, IntVec x, int64_t n) {
  _mm256_maskstore_epi32(p, lanes_below(n), x.low);
  _mm256_maskstore_epi32(p + 8, lanes_below(n - 8), x.high);
}
VEC_INLINE IntVec splat_int(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }

VEC_INLINE Vec as_float(IntVec x) { return {floats(x.low), floats(x.high)}; }
VEC_INLINE IntVec as_int(Vec x) { return {ints(x.low), ints(x.high)}; }

VEC_INLINE Vec operator+(Vec a, Vec b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
VEC_INLINE Vec operator-(Vec a, Vec b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
VEC_INLINE Vec operator*(Vec a, Vec b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
VEC_INLINE Vec operator/(Vec a, Vec b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
VEC_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
VEC_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
}
VEC_INLINE Vec sqrt(Vec x) { return {_mm256_sqrt_ps(x.low), _mm256_sqrt_ps(x.high)}; }
VEC_INLINE Vec abs(Vec x) {
  __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.low), _mm256_andnot_ps(sign, x.high)};
}
VEC_INLINE Vec neg(Vec x) {
  __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(sign, x.low), _mm256_xor_ps(sign, x.high)};
}

VEC_INLINE Mask less(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}
VEC_INLINE Mask less_equal(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LE_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LE_OQ)};
}
VEC_INLINE Mask equal(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_EQ_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_EQ_OQ)};
}
VEC_INLINE Mask not_equal(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_NEQ_UQ), _mm256_cmp_ps(a.high, b.high, _CMP_NEQ_UQ)};
}
VEC_INLINE Mask equal_int(IntVec a, IntVec b) {
  return {floats(_mm256_cmpeq_epi32(a.low, b.low)), floats(_mm256_cmpeq_epi32(a.high, b.high))};
}
VEC_INLINE Mask less_int(IntVec a, IntVec b) {
  return {floats(_mm256_cmpgt_epi32(b.low, a.low)), floats(_mm256_cmpgt_epi32(b.high, a.high))};
}
VEC_INLINE Mask mask_and(Mask a, Mask b) {
  return {_mm256_and_ps(a.low, b.low), _mm256_and_ps(a.high, b.high)};
}
VEC_INLINE Mask mask_or(Mask a, Mask b) { return {_mm256_or_ps(a.low, b.low), _mm256_or_ps(a.high, b.high)}; }
VEC_INLINE Mask mask_not(Mask a) {
  __m256 all = floats(_mm256_set1_epi32(-1));
  return {_mm256_xor_ps(a.low, all), _mm256_xor_ps(a.high, all)};
}
VEC_INLINE bool any(Mask a) { return _mm256_movemask_ps(_mm256_or_ps(a.low, a.high)) != 0; }
VEC_INLINE Vec select(Mask m, Vec a, Vec b) {
  return {_mm256_blendv_ps(b.low, a.low, m.low), _mm256_blendv_ps(b.high, a.high, m.high)};
}
VEC_INLINE IntVec select(Mask m, IntVec a, IntVec b) { return as_int(select(m, as_float(a), as_float(b))); }

// The instruction returns its second operand where either is NaN.
VEC_INLINE Vec min(Vec a, Vec b) {
  return select(not_equal(a, a), a, Vec{_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)});
}
VEC_INLINE Vec max(Vec a, Vec b) {
  return select(not_equal(a, a), a, Vec{_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)});
}
VEC_INLINE Vec at_least(Vec x, Vec low) {
  return {_mm256_max_ps(low.low, x.low), _mm256_max_ps(low.high, x.high)};
}
VEC_INLINE Vec at_most(Vec x, Vec high) {
  return {_mm256_min_ps(high.low, x.low), _mm256_min_ps(high.high, x.high)};
}

template <int kDirection>
VEC_INLINE Vec rounded(Vec x) {
  constexpr int kHow = kDirection | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.low, kHow), _mm256_round_ps(x.high, kHow)};
}
VEC_INLINE Vec round(Vec x) { return rounded<_MM_FROUND_TO_NEAREST_INT>(x); }
VEC_INLINE Vec floor(Vec x) { return rounded<_MM_FROUND_TO_NEG_INF>(x); }
VEC_INLINE Vec ceil(Vec x) { return rounded<_MM_FROUND_TO_POS_INF>(x); }

// The instruction returns INT32_MIN for everything it cannot represent.
VEC_INLINE IntVec saturate(Vec x, IntVec converted) {
  Mask above = less_equal(splat(2147483648.0f), x);
  Vec inside = select(above, as_float(splat_int(0x7fffffff)), as_float(converted));
  return as_int(select(equal(x, x), inside, zero()));
}
VEC_INLINE IntVec to_int_nearest(Vec x) {
  const Vec near = round(x);
  return saturate(x, {_mm256_cvttps_epi32(near.low), _mm256_cvttps_epi32(near.high)});
}
VEC_INLINE IntVec to_int_truncate(Vec x) {
  return saturate(x, {_mm256_cvttps_epi32(x.low), _mm256_cvttps_epi32(x.high)});
}
VEC_INLINE Vec to_float(IntVec x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }

VEC_INLINE IntVec operator+(IntVec a, IntVec b) {
  return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}
VEC_INLINE IntVec operator-(IntVec a, IntVec b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
VEC_INLINE IntVec operator*(IntVec a, IntVec b) {
  return {_mm256_mullo_epi32(a.low, b.low), _mm256_mullo_epi32(a.high, b.high)};
}
VEC_INLINE IntVec operator&(IntVec a, IntVec b) {
  return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
}
VEC_INLINE IntVec operator|(IntVec a, IntVec b) {
  return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}
VEC_INLINE IntVec operator^(IntVec a, IntVec b) {
  return {_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)};
}
VEC_INLINE IntVec shift_left(IntVec x, int n) {
  __m256i count = _mm256_set1_epi32(n);
  return {_mm256_sllv_epi32(x.low, count), _mm256_sllv_epi32(x.high, count)};
}
VEC_INLINE IntVec shift_right_logical(IntVec x, int n) {
  __m256i count = _mm256_set1_epi32(n);
  return {_mm256_srlv_epi32(x.low, count), _mm256_srlv_epi32(x.high, count)};
}
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, int n) {
  __m256i count = _mm256_set1_epi32(n);
  return {_mm256_srav_epi32(x.low, count), _mm256_srav_epi32(x.high, count)};
}
VEC_INLINE IntVec shift_left(IntVec x, IntVec n) {
  return {_mm256_sllv_epi32(x.low, n.low), _mm256_sllv_epi32(x.high, n.high)};
}
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, IntVec n) {
  return {_mm256_srav_epi32(x.low, n.low), _mm256_srav_epi32(x.high, n.high)};
}

VEC_INLINE __m256i mul_wide_half(__m256i a, __m256i b, __m256i* high) {
  __m256i even = _mm256_mul_epu32(a, b);
  __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
  return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}
VEC_INLINE IntVec mul_wide(IntVec a, IntVec b, IntVec* high) {
  IntVec low, upper;
  low.low = mul_wide_half(a.low, b.low, &upper.low);
  low.high = mul_wide_half(a.high, b.high, &upper.high);
  *high = upper;
  return low;
}

VEC_INLINE Vec load_u8(const uint8_t* p) {
  __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
          _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)))};
}
VEC_INLINE Vec load_u8_tail(const uint8_t* p, int64_t n) {
  uint8_t bytes[16] = {};
  for (int64_t i = 0; i < n; ++i) bytes[i] = p[i];
  return load_u8(bytes);
}
VEC_INLINE void store_u8(uint8_t* p, IntVec x) {
  __m256i pairs = _mm256_permute4x64_epi64(_mm256_packus_epi32(x.low, x.high), 0xd8);
  __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}
VEC_INLINE void store_u8_tail(uint8_t* p, IntVec x, int64_t n) {
  uint8_t bytes[16];
  store_u8(bytes, x);
  for (int64_t i = 0; i < n; ++i) p[i] = bytes[i];
}

VEC_INLINE IntVec load_u16(const uint16_t* p) {
  __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm256_cvtepu16_epi32(_mm256_castsi256_si128(halves)),
          _mm256_cvtepu16_epi32(_mm256_extracti128_si256(halves, 1))};
}
VEC_INLINE IntVec load_u16_tail(const uint16_t* p, int64_t n) {
  uint16_t halves[16] = {};
  for (int64_t i = 0; i < n; ++i) halves[i] = p[i];
  return load_u16(halves);
}
VEC_INLINE void store_u16(uint16_t* p, IntVec x) {
  __m256i halves = _mm256_permute4x64_epi64(_mm256_packus_epi32(x.low, x.high), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), halves);
}
VEC_INLINE void store_u16_tail(uint16_t* p, IntVec x, int64_t n) {
  uint16_t halves[16];
  store_u16(halves, x);
  for (int64_t i = 0; i < n; ++i) p[i] = halves[i];
}

VEC_INLINE float reduce_add(Vec x) {
  __m256 eight = _mm256_add_ps(x.low, x.high);
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
VEC_INLINE float reduce_max(Vec x) {
  Vec y = max(x, Vec{x.high, x.low});
  y = max(y, Vec{_mm256_permute2f128_ps(y.low, y.low, 1), y.low});
  y = max(y, Vec{_mm256_permute_ps(y.low, 0x4e), y.low});
  y = max(y, Vec{_mm256_permute_ps(y.low, 0xb1), y.low});
  return _mm256_cvtss_f32(y.low);
}

VEC_INLINE DoubleVec to_double(Vec x) {
  __m128 first = _mm256_castps256_ps128(x.low), second = _mm256_extractf128_ps(x.low, 1);
  __m128 third = _mm256_castps256_ps128(x.high), fourth = _mm256_extractf128_ps(x.high, 1);
  return {{_mm256_cvtps_pd(first), _mm256_cvtps_pd(second), _mm256_cvtps_pd(third), _mm256_cvtps_pd(fourth)}};
}
VEC_INLINE DoubleVec to_double(IntVec x) {
  __m128i first = _mm256_castsi256_si128(x.low), second = _mm256_extracti128_si256(x.low, 1);
  __m128i third = _mm256_castsi256_si128(x.high), fourth = _mm256_extracti128_si256(x.high, 1);
  return {{_mm256_cvtepi32_pd(first), _mm256_cvtepi32_pd(second), _mm256_cvtepi32_pd(third),
           _mm256_cvtepi32_pd(fourth)}};
}
// Of all that an int32 does not hold the instruction makes INT32_MIN: what 2^31 wraps to.
VEC_INLINE IntVec to_int_wrapping(DoubleVec x) {
  return {_mm256_set_m128i(_mm256_cvttpd_epi32(x.v[1]), _mm256_cvttpd_epi32(x.v[0])),
          _mm256_set_m128i(_mm256_cvttpd_epi32(x.v[3]), _mm256_cvttpd_epi32(x.v[2]))};
}
VEC_INLINE DoubleVec operator+(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < 4; ++i) a.v[i] = _mm256_add_pd(a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec operator*(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < 4; ++i) a.v[i] = _mm256_mul_pd(a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec operator-(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < 4; ++i) a.v[i] = _mm256_sub_pd(a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec operator/(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < 4; ++i) a.v[i] = _mm256_div_pd(a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec fma(DoubleVec a, DoubleVec b, DoubleVec c) {
  for (int i = 0; i < 4; ++i) a.v[i] = _mm256_fmadd_pd(a.v[i], b.v[i], c.v[i]);
  return a;
}
VEC_INLINE DoubleVec fnma(DoubleVec a, DoubleVec b, DoubleVec c) {
  for (int i = 0; i < 4; ++i) a.v[i] = _mm256_fnmadd_pd(a.v[i], b.v[i], c.v[i]);
  return a;
}
VEC_INLINE DoubleVec splat_double(double x) {
  const __m256d all = _mm256_set1_pd(x);
  return {{all, all, all, all}};
}
VEC_INLINE Vec to_float(DoubleVec x) {
  return {_mm256_set_m128(_mm256_cvtpd_ps(x.v[1]), _mm256_cvtpd_ps(x.v[0])),
          _mm256_set_m128(_mm256_cvtpd_ps(x.v[3]), _mm256_cvtpd_ps(x.v[2]))};
}
VEC_INLINE double reduce_add(DoubleVec x) {
  __m256d four = _mm256_add_pd(_mm256_add_pd(x.v[0], x.v[2]), _mm256_add_pd(x.v[1], x.v[3]));
  __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

VEC_INLINE void transpose_8x8(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  __m256 a[8], b[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) a[i] = _mm256_loadu_ps(from + i * from_stride);
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
    a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
    a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
    a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(to + i * to_stride, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
  }
}
VEC_INLINE void transpose_16x16(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  for (int i = 0; i < 16; i += 8) {
    for (int j = 0; j < 16; j += 8) {
      transpose_8x8(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
    }
  }
}

}  // namespace
}  // namespace chainrule
