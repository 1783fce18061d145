// AVX-512 F, BW, VL, DQ: one register holds all sixteen lanes. See vec.h for the meaning of each function.
#pragma once

// GCC 12 warns about the undefined lanes of its own intrinsics.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <cpuid.h>
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <cstddef>
#include <cstdint>

namespace chainrule {
namespace {

constexpr const char* kIsaName = "avx512";

struct Vec {
  __m512 v;
};
struct IntVec {
  __m512i v;
};
struct Mask {
  __mmask16 v;
};
struct DoubleVec {
  __m512d low, high;
};
struct Half {
  __m256 v;
};

VEC_INLINE __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>((1u << static_cast<unsigned>(n)) - 1u);
}

VEC_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
VEC_INLINE Vec load_tail(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(first_lanes(n), p)}; }
VEC_INLINE void store(float* p, Vec x) { _mm512_storeu_ps(p, x.v); }
VEC_INLINE void store_tail(float* p, Vec x, int64_t n) { _mm512_mask_storeu_ps(p, first_lanes(n), x.v); }
VEC_INLINE Vec splat(float x) { return {_mm512_set1_ps(x)}; }
VEC_INLINE Vec zero() { return {_mm512_setzero_ps()}; }

VEC_INLINE IntVec load_int(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
VEC_INLINE IntVec load_int_tail(const int32_t* p, int64_t n) {
  return {_mm512_maskz_loadu_epi32(first_lanes(n), p)};
}
VEC_INLINE void store_int(int32_t* p, IntVec x) { _mm512_storeu_si512(p, x.v); }
VEC_INLINE void store_int_tail(int32_t* p, IntVec x, int64_t n) {
  _mm512_mask_storeu_epi32(p, first_lanes(n), x.v);
}
VEC_INLINE IntVec splat_int(int32_t x) { return {_mm512_set1_epi32(x)}; }

VEC_INLINE Vec as_float(IntVec x) { return {_mm512_castsi512_ps(x.v)}; }
VEC_INLINE IntVec as_int(Vec x) { return {_mm512_castps_si512(x.v)}; }

VEC_INLINE Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
VEC_INLINE Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
VEC_INLINE Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
VEC_INLINE Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
VEC_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
// With intrinsics, the compiler would hoist splats out of a loop and, short of registers, keep them in
// memory.
VEC_INLINE Vec fma_splat(const float* p, Vec b, Vec c) {
  __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(c.v) : "v"(b.v), "m"(*p));
  return c;
}
constexpr bool kMaskedLoads = true;
VEC_INLINE Vec load_masked(const float* p, Mask m) { return {_mm512_maskz_loadu_ps(m.v, p)}; }
VEC_INLINE Half load_half_masked(const float* p, Mask m) {
  return {_mm256_maskz_loadu_ps(static_cast<__mmask8>(m.v), p)};
}
VEC_INLINE Half splat_half(float x) { return {_mm256_set1_ps(x)}; }
VEC_INLINE Half half_of(Vec x) { return {_mm512_castps512_ps256(x.v)}; }
VEC_INLINE Half fma(Half a, Half b, Half c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
VEC_INLINE Vec widened(Half x) { return {_mm512_zextps256_ps512(x.v)}; }

// AMD's family 19h (Zen 4) computes sixteen lanes as two halves.
inline bool is_zen4() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(0, &a, &b, &c, &d) == 0 || b != signature_AMD_ebx) return false;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && ((a >> 8) & 15) + ((a >> 20) & 255) == 0x19;
}
VEC_INLINE bool halves_pay() {
  enum : int8_t { kUnknown, kNo, kYes };
  static int8_t known = kUnknown;
  int8_t found = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (found == kUnknown) {
    found = is_zen4() ? kYes : kNo;
    __atomic_store_n(&known, found, __ATOMIC_RELAXED);
  }
  return found == kYes;
}

VEC_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
VEC_INLINE Vec sqrt(Vec x) { return {_mm512_sqrt_ps(x.v)}; }
VEC_INLINE Vec abs(Vec x) { return {_mm512_and_ps(x.v, _mm512_castsi512_ps(_mm512_set1_epi32(0x7fffffff)))}; }
VEC_INLINE Vec neg(Vec x) { return {_mm512_xor_ps(x.v, _mm512_set1_ps(-0.0f))}; }

VEC_INLINE Mask less(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
VEC_INLINE Mask less_equal(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
VEC_INLINE Mask equal(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
VEC_INLINE Mask not_equal(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
VEC_INLINE Mask equal_int(IntVec a, IntVec b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
VEC_INLINE Mask less_int(IntVec a, IntVec b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
VEC_INLINE Mask mask_and(Mask a, Mask b) { return {static_cast<__mmask16>(a.v & b.v)}; }
VEC_INLINE Mask mask_or(Mask a, Mask b) { return {static_cast<__mmask16>(a.v | b.v)}; }
VEC_INLINE Mask mask_not(Mask a) { return {static_cast<__mmask16>(~a.v)}; }
VEC_INLINE bool any(Mask a) { return a.v != 0; }
VEC_INLINE Vec select(Mask m, Vec a, Vec b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
VEC_INLINE IntVec select(Mask m, IntVec a, IntVec b) { return {_mm512_mask_blend_epi32(m.v, b.v, a.v)}; }

// The instruction returns its second operand where either is NaN.
VEC_INLINE Vec min(Vec a, Vec b) { return {_mm512_mask_min_ps(a.v, equal(a, a).v, a.v, b.v)}; }
VEC_INLINE Vec max(Vec a, Vec b) { return {_mm512_mask_max_ps(a.v, equal(a, a).v, a.v, b.v)}; }
VEC_INLINE Vec at_least(Vec x, Vec low) { return {_mm512_max_ps(low.v, x.v)}; }
VEC_INLINE Vec at_most(Vec x, Vec high) { return {_mm512_min_ps(high.v, x.v)}; }
VEC_INLINE Vec round(Vec x) {
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
VEC_INLINE Vec floor(Vec x) {
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
VEC_INLINE Vec ceil(Vec x) {
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)};
}
VEC_INLINE Vec times_power_of_two(Vec x, Vec n) { return {_mm512_scalef_ps(x.v, n.v)}; }

// The instruction returns INT32_MIN for everything it cannot represent.
VEC_INLINE IntVec saturate(Vec x, __m512i converted) {
  __mmask16 above = _mm512_cmp_ps_mask(x.v, _mm512_set1_ps(2147483648.0f), _CMP_GE_OQ);
  __mmask16 number = _mm512_cmp_ps_mask(x.v, x.v, _CMP_ORD_Q);
  converted = _mm512_mask_mov_epi32(converted, above, _mm512_set1_epi32(0x7fffffff));
  return {_mm512_maskz_mov_epi32(number, converted)};
}
VEC_INLINE IntVec to_int_nearest(Vec x) {
  return saturate(x, _mm512_cvt_roundps_epi32(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
VEC_INLINE IntVec to_int_truncate(Vec x) { return saturate(x, _mm512_cvttps_epi32(x.v)); }
VEC_INLINE Vec to_float(IntVec x) { return {_mm512_cvtepi32_ps(x.v)}; }

VEC_INLINE IntVec operator+(IntVec a, IntVec b) { return {_mm512_add_epi32(a.v, b.v)}; }
VEC_INLINE IntVec operator-(IntVec a, IntVec b) { return {_mm512_sub_epi32(a.v, b.v)}; }
VEC_INLINE IntVec operator*(IntVec a, IntVec b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
VEC_INLINE IntVec operator&(IntVec a, IntVec b) { return {_mm512_and_si512(a.v, b.v)}; }
VEC_INLINE IntVec operator|(IntVec a, IntVec b) { return {_mm512_or_si512(a.v, b.v)}; }
VEC_INLINE IntVec operator^(IntVec a, IntVec b) { return {_mm512_xor_si512(a.v, b.v)}; }
VEC_INLINE IntVec shift_left(IntVec x, int n) { return {_mm512_sllv_epi32(x.v, _mm512_set1_epi32(n))}; }
VEC_INLINE IntVec shift_right_logical(IntVec x, int n) {
  return {_mm512_srlv_epi32(x.v, _mm512_set1_epi32(n))};
}
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, int n) {
  return {_mm512_srav_epi32(x.v, _mm512_set1_epi32(n))};
}
VEC_INLINE IntVec shift_left(IntVec x, IntVec n) { return {_mm512_sllv_epi32(x.v, n.v)}; }
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, IntVec n) { return {_mm512_srav_epi32(x.v, n.v)}; }

VEC_INLINE IntVec mul_wide(IntVec a, IntVec b, IntVec* high) {
  __m512i even = _mm512_mul_epu32(a.v, b.v);
  __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a.v, 32), _mm512_srli_epi64(b.v, 32));
  high->v = _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 32), 0xaaaa, odd);
  return {_mm512_mask_mov_epi32(even, 0xaaaa, _mm512_slli_epi64(odd, 32))};
}

VEC_INLINE Vec from_bytes(__m128i bytes) { return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))}; }
VEC_INLINE Vec load_u8(const uint8_t* p) {
  return from_bytes(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
VEC_INLINE Vec load_u8_tail(const uint8_t* p, int64_t n) {
  return from_bytes(_mm_maskz_loadu_epi8(first_lanes(n), p));
}
VEC_INLINE void store_u8(uint8_t* p, IntVec x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x.v));
}
VEC_INLINE void store_u8_tail(uint8_t* p, IntVec x, int64_t n) {
  _mm_mask_storeu_epi8(p, first_lanes(n), _mm512_cvtepi32_epi8(x.v));
}

VEC_INLINE IntVec load_u16(const uint16_t* p) {
  return {_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
VEC_INLINE IntVec load_u16_tail(const uint16_t* p, int64_t n) {
  return {_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_lanes(n), p))};
}
VEC_INLINE void store_u16(uint16_t* p, IntVec x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x.v));
}
VEC_INLINE void store_u16_tail(uint16_t* p, IntVec x, int64_t n) {
  _mm256_mask_storeu_epi16(p, first_lanes(n), _mm512_cvtepi32_epi16(x.v));
}

VEC_INLINE float reduce_add(Vec x) {
  __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1));
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
VEC_INLINE float reduce_max(Vec x) {
  Vec y = max(x, Vec{_mm512_shuffle_f32x4(x.v, x.v, 0x4e)});
  y = max(y, Vec{_mm512_shuffle_f32x4(y.v, y.v, 0xb1)});
  y = max(y, Vec{_mm512_permute_ps(y.v, 0x4e)});
  y = max(y, Vec{_mm512_permute_ps(y.v, 0xb1)});
  return _mm512_cvtss_f32(y.v);
}

VEC_INLINE DoubleVec to_double(Vec x) {
  return {_mm512_cvtps_pd(_mm512_castps512_ps256(x.v)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(x.v, 1))};
}
VEC_INLINE DoubleVec to_double(IntVec x) {
  return {_mm512_cvtepi32_pd(_mm512_castsi512_si256(x.v)),
          _mm512_cvtepi32_pd(_mm512_extracti32x8_epi32(x.v, 1))};
}
// Of all that an int32 does not hold the instruction makes INT32_MIN: what 2^31 wraps to.
VEC_INLINE IntVec to_int_wrapping(DoubleVec x) {
  const __m512i low = _mm512_castsi256_si512(_mm512_cvttpd_epi32(x.low));
  return {_mm512_inserti32x8(low, _mm512_cvttpd_epi32(x.high), 1)};
}
VEC_INLINE DoubleVec operator+(DoubleVec a, DoubleVec b) {
  return {_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)};
}
VEC_INLINE DoubleVec operator*(DoubleVec a, DoubleVec b) {
  return {_mm512_mul_pd(a.low, b.low), _mm512_mul_pd(a.high, b.high)};
}
VEC_INLINE DoubleVec operator-(DoubleVec a, DoubleVec b) {
  return {_mm512_sub_pd(a.low, b.low), _mm512_sub_pd(a.high, b.high)};
}
VEC_INLINE DoubleVec operator/(DoubleVec a, DoubleVec b) {
  return {_mm512_div_pd(a.low, b.low), _mm512_div_pd(a.high, b.high)};
}
VEC_INLINE DoubleVec fma(DoubleVec a, DoubleVec b, DoubleVec c) {
  return {_mm512_fmadd_pd(a.low, b.low, c.low), _mm512_fmadd_pd(a.high, b.high, c.high)};
}
VEC_INLINE DoubleVec fnma(DoubleVec a, DoubleVec b, DoubleVec c) {
  return {_mm512_fnmadd_pd(a.low, b.low, c.low), _mm512_fnmadd_pd(a.high, b.high, c.high)};
}
VEC_INLINE DoubleVec splat_double(double x) { return {_mm512_set1_pd(x), _mm512_set1_pd(x)}; }
VEC_INLINE Vec to_float(DoubleVec x) {
  const __m512 low = _mm512_castps256_ps512(_mm512_cvtpd_ps(x.low));
  return {_mm512_insertf32x8(low, _mm512_cvtpd_ps(x.high), 1)};
}
VEC_INLINE double reduce_add(DoubleVec x) {
  __m512d eight = _mm512_add_pd(x.low, x.high);
  __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
  __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

// Loads four rows; returns where the next ones start. Without the asm statement the compiler reads each row
// once for every use, and keeps sixteen addresses where two strides suffice.
VEC_INLINE const float* load_four(const float* from, int64_t stride, int64_t three_strides, __m512* to) {
  to[0] = _mm512_loadu_ps(from);
  to[1] = _mm512_loadu_ps(from + stride);
  to[2] = _mm512_loadu_ps(from + 2 * stride);
  to[3] = _mm512_loadu_ps(from + three_strides);
  from += 4 * stride;
  __asm__("" : "+v"(to[0]), "+v"(to[1]), "+v"(to[2]), "+v"(to[3]), "+r"(from));
  return from;
}

// Interleaves pairs, then quadruples within each quarter of a register, then exchanges quarters.
VEC_INLINE void load_transposed(const float* from, int64_t from_stride, Vec (&to)[16]) {
  __m512 a[16], b[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) from = load_four(from, from_stride, 3 * from_stride, a + i);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      __m512d low = _mm512_castps_pd(b[i + j]), high = _mm512_castps_pd(b[i + j + 2]);
      a[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
      a[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    __m512 even01 = _mm512_shuffle_f32x4(a[i], a[i + 4], 0x88);
    __m512 odd01 = _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd);
    __m512 even23 = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0x88);
    __m512 odd23 = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0xdd);
    to[i].v = _mm512_shuffle_f32x4(even01, even23, 0x88);
    to[i + 4].v = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
    to[i + 8].v = _mm512_shuffle_f32x4(even01, even23, 0xdd);
    to[i + 12].v = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
  }
}

VEC_INLINE void transpose_16x16(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  Vec transposed[16];
  load_transposed(from, from_stride, transposed);
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    store(to, transposed[i]);
    store(to + to_stride, transposed[i + 1]);
    store(to + 2 * to_stride, transposed[i + 2]);
    store(to + 3 * to_stride, transposed[i + 3]);
    to += 4 * to_stride;
    __asm__("" : "+r"(to));
  }
}

VEC_INLINE void store_8x4(const __m256 (&rows)[4], float* to, int64_t to_stride) {
  const __m256d low01 = _mm256_castps_pd(_mm256_unpacklo_ps(rows[0], rows[1]));
  const __m256d high01 = _mm256_castps_pd(_mm256_unpackhi_ps(rows[0], rows[1]));
  const __m256d low23 = _mm256_castps_pd(_mm256_unpacklo_ps(rows[2], rows[3]));
  const __m256d high23 = _mm256_castps_pd(_mm256_unpackhi_ps(rows[2], rows[3]));
  _mm256_storeu_ps(to, _mm256_castpd_ps(_mm256_unpacklo_pd(low01, low23)));
  _mm256_storeu_ps(to + to_stride, _mm256_castpd_ps(_mm256_unpackhi_pd(low01, low23)));
  _mm256_storeu_ps(to + 2 * to_stride, _mm256_castpd_ps(_mm256_unpacklo_pd(high01, high23)));
  _mm256_storeu_ps(to + 3 * to_stride, _mm256_castpd_ps(_mm256_unpackhi_pd(high01, high23)));
}

// Halves of registers are read as quarters, which takes a load in place of a shuffle. Returns where the next
// eight rows start.
VEC_INLINE const float* transpose_8x4(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  __m256 rows[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(from));
    rows[i] = _mm256_insertf128_ps(low, _mm_loadu_ps(from + 4 * from_stride), 1);
    from += from_stride;
    __asm__("" : "+v"(rows[i]), "+r"(from));
  }
  store_8x4(rows, to, to_stride);
  return from + 4 * from_stride;
}

VEC_INLINE void transpose_16x4(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  from = transpose_8x4(from, from_stride, to, to_stride);
  transpose_8x4(from, from_stride, to + 8, to_stride);
}

VEC_INLINE void transpose_upto_8x4(const float* from, int64_t from_stride, int64_t n, float* to,
                                   int64_t to_stride) {
  const float* row[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    row[i] = from;
    from += i + 1 < n ? from_stride : 0;
  }
  __m256 rows[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(row[i]));
    rows[i] = _mm256_insertf128_ps(low, _mm_loadu_ps(row[i + 4]), 1);
  }
  store_8x4(rows, to, to_stride);
}

}  // namespace
}  // namespace chainrule
