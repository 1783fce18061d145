// NEON on 64-bit ARM: four registers of four lanes. See vec.h for the meaning of each function.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace chainrule {
namespace {

constexpr const char* kIsaName = "neon";

struct Vec { float32x4_t v[4]; };
struct IntVec { int32x4_t v[4]; };
struct Mask { uint32x4_t v[4]; };
struct DoubleVec { float64x2_t v[8]; };

template <class To, class Function>
VEC_INLINE To quarters(Function function) {
  To result;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) result.v[i] = function(i);
  return result;
}

template <class Element>
struct Tail {
  Element lanes[16];
};
template <class Element>
VEC_INLINE Tail<Element> copy_in(const Element* p, int64_t n) {
  Tail<Element> tail = {};
  for (int64_t i = 0; i < n; ++i) tail.lanes[i] = p[i];
  return tail;
}
template <class Element>
VEC_INLINE void copy_out(Element* p, const Tail<Element>& tail, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = tail.lanes[i];
}

VEC_INLINE Vec load(const float* p) {
  return quarters<Vec>([=](int i) { return vld1q_f32(p + 4 * i); });
}
VEC_INLINE Vec load_tail(const float* p, int64_t n) { return load(copy_in(p, n).lanes); }
VEC_INLINE void store(float* p, Vec x) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, x.v[i]);
}
VEC_INLINE void store_tail(float* p, Vec x, int64_t n) {
  Tail<float> tail;
  store(tail.lanes, x);
  copy_out(p, tail, n);
}
VEC_INLINE Vec splat(float x) {
  float32x4_t all = vdupq_n_f32(x);
  return {{all, all, all, all}};
}
VEC_INLINE Vec zero() { return splat(0.0f); }

VEC_INLINE IntVec load_int(const int32_t* p) {
  return quarters<IntVec>([=](int i) { return vld1q_s32(p + 4 * i); });
}
VEC_INLINE IntVec load_int_tail(const int32_t* p, int64_t n) { return load_int(copy_in(p, n).lanes); }
VEC_INLINE void store_int(int32_t* p, IntVec x) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) vst1q_s32(p + 4 * i, x.v[i]);
}
VEC_INLINE void store_int_tail(int32_t* p, IntVec x, int64_t n) {
  Tail<int32_t> tail;
  store_int(tail.lanes, x);
  copy_out(p, tail, n);
}
VEC_INLINE IntVec splat_int(int32_t x) {
  int32x4_t all = vdupq_n_s32(x);
  return {{all, all, all, all}};
}

VEC_INLINE Vec as_float(IntVec x) {
  return quarters<Vec>([&](int i) { return vreinterpretq_f32_s32(x.v[i]); });
}
VEC_INLINE IntVec as_int(Vec x) {
  return quarters<IntVec>([&](int i) { return vreinterpretq_s32_f32(x.v[i]); });
}

VEC_INLINE Vec operator+(Vec a, Vec b) {
  return quarters<Vec>([&](int i) { return vaddq_f32(a.v[i], b.v[i]); });
}
VEC_INLINE Vec operator-(Vec a, Vec b) {
  return quarters<Vec>([&](int i) { return vsubq_f32(a.v[i], b.v[i]); });
}
VEC_INLINE Vec operator*(Vec a, Vec b) {
  return quarters<Vec>([&](int i) { return vmulq_f32(a.v[i], b.v[i]); });
}
VEC_INLINE Vec operator/(Vec a, Vec b) {
  return quarters<Vec>([&](int i) { return vdivq_f32(a.v[i], b.v[i]); });
}
VEC_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return quarters<Vec>([&](int i) { return vfmaq_f32(c.v[i], a.v[i], b.v[i]); });
}
VEC_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return quarters<Vec>([&](int i) { return vfmsq_f32(c.v[i], a.v[i], b.v[i]); });
}
VEC_INLINE Vec sqrt(Vec x) { return quarters<Vec>([&](int i) { return vsqrtq_f32(x.v[i]); }); }
VEC_INLINE Vec abs(Vec x) { return quarters<Vec>([&](int i) { return vabsq_f32(x.v[i]); }); }
VEC_INLINE Vec neg(Vec x) { return quarters<Vec>([&](int i) { return vnegq_f32(x.v[i]); }); }

VEC_INLINE Mask less(Vec a, Vec b) {
  return quarters<Mask>([&](int i) { return vcltq_f32(a.v[i], b.v[i]); });
}
VEC_INLINE Mask less_equal(Vec a, Vec b) {
  return quarters<Mask>([&](int i) { return vcleq_f32(a.v[i], b.v[i]); });
}
VEC_INLINE Mask equal(Vec a, Vec b) {
  return quarters<Mask>([&](int i) { return vceqq_f32(a.v[i], b.v[i]); });
}
VEC_INLINE Mask equal_int(IntVec a, IntVec b) {
  return quarters<Mask>([&](int i) { return vceqq_s32(a.v[i], b.v[i]); });
}
VEC_INLINE Mask less_int(IntVec a, IntVec b) {
  return quarters<Mask>([&](int i) { return vcltq_s32(a.v[i], b.v[i]); });
}
VEC_INLINE Mask mask_and(Mask a, Mask b) {
  return quarters<Mask>([&](int i) { return vandq_u32(a.v[i], b.v[i]); });
}
VEC_INLINE Mask mask_or(Mask a, Mask b) {
  return quarters<Mask>([&](int i) { return vorrq_u32(a.v[i], b.v[i]); });
}
VEC_INLINE Mask mask_not(Mask a) { return quarters<Mask>([&](int i) { return vmvnq_u32(a.v[i]); }); }
VEC_INLINE Mask not_equal(Vec a, Vec b) { return mask_not(equal(a, b)); }
VEC_INLINE bool any(Mask a) {
  return vmaxvq_u32(vorrq_u32(vorrq_u32(a.v[0], a.v[1]), vorrq_u32(a.v[2], a.v[3]))) != 0;
}
VEC_INLINE Vec select(Mask m, Vec a, Vec b) {
  return quarters<Vec>([&](int i) { return vbslq_f32(m.v[i], a.v[i], b.v[i]); });
}
VEC_INLINE IntVec select(Mask m, IntVec a, IntVec b) {
  return quarters<IntVec>([&](int i) { return vbslq_s32(m.v[i], a.v[i], b.v[i]); });
}

// Not FMIN and FMAX: they order the zeros, which x86 does not.
VEC_INLINE Vec min(Vec a, Vec b) { return select(mask_or(less(a, b), not_equal(a, a)), a, b); }
VEC_INLINE Vec max(Vec a, Vec b) { return select(mask_or(less(b, a), not_equal(a, a)), a, b); }
VEC_INLINE Vec at_least(Vec x, Vec low) { return select(less(x, low), low, x); }
VEC_INLINE Vec at_most(Vec x, Vec high) { return select(less(high, x), high, x); }

VEC_INLINE Vec round(Vec x) { return quarters<Vec>([&](int i) { return vrndnq_f32(x.v[i]); }); }
VEC_INLINE Vec floor(Vec x) { return quarters<Vec>([&](int i) { return vrndmq_f32(x.v[i]); }); }
VEC_INLINE Vec ceil(Vec x) { return quarters<Vec>([&](int i) { return vrndpq_f32(x.v[i]); }); }

// The instructions saturate, and convert NaN to 0.
VEC_INLINE IntVec to_int_nearest(Vec x) {
  return quarters<IntVec>([&](int i) { return vcvtnq_s32_f32(x.v[i]); });
}
VEC_INLINE IntVec to_int_truncate(Vec x) {
  return quarters<IntVec>([&](int i) { return vcvtq_s32_f32(x.v[i]); });
}
VEC_INLINE Vec to_float(IntVec x) { return quarters<Vec>([&](int i) { return vcvtq_f32_s32(x.v[i]); }); }

VEC_INLINE IntVec operator+(IntVec a, IntVec b) {
  return quarters<IntVec>([&](int i) { return vaddq_s32(a.v[i], b.v[i]); });
}
VEC_INLINE IntVec operator-(IntVec a, IntVec b) {
  return quarters<IntVec>([&](int i) { return vsubq_s32(a.v[i], b.v[i]); });
}
VEC_INLINE IntVec operator*(IntVec a, IntVec b) {
  return quarters<IntVec>([&](int i) { return vmulq_s32(a.v[i], b.v[i]); });
}
VEC_INLINE IntVec operator&(IntVec a, IntVec b) {
  return quarters<IntVec>([&](int i) { return vandq_s32(a.v[i], b.v[i]); });
}
VEC_INLINE IntVec operator|(IntVec a, IntVec b) {
  return quarters<IntVec>([&](int i) { return vorrq_s32(a.v[i], b.v[i]); });
}
VEC_INLINE IntVec operator^(IntVec a, IntVec b) {
  return quarters<IntVec>([&](int i) { return veorq_s32(a.v[i], b.v[i]); });
}
VEC_INLINE IntVec shift_left(IntVec x, int n) {
  return quarters<IntVec>([&](int i) { return vshlq_s32(x.v[i], vdupq_n_s32(n)); });
}
VEC_INLINE IntVec shift_right_logical(IntVec x, int n) {
  return quarters<IntVec>([&](int i) {
    return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(x.v[i]), vdupq_n_s32(-n)));
  });
}
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, int n) {
  return quarters<IntVec>([&](int i) { return vshlq_s32(x.v[i], vdupq_n_s32(-n)); });
}
VEC_INLINE IntVec shift_left(IntVec x, IntVec n) {
  return quarters<IntVec>([&](int i) { return vshlq_s32(x.v[i], n.v[i]); });
}
VEC_INLINE IntVec shift_right_arithmetic(IntVec x, IntVec n) {
  return quarters<IntVec>([&](int i) { return vshlq_s32(x.v[i], vnegq_s32(n.v[i])); });
}

VEC_INLINE IntVec mul_wide(IntVec a, IntVec b, IntVec* high) {
  IntVec low, upper;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    uint32x4_t x = vreinterpretq_u32_s32(a.v[i]), y = vreinterpretq_u32_s32(b.v[i]);
    uint32x4_t first = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(x), vget_low_u32(y)));
    uint32x4_t second = vreinterpretq_u32_u64(vmull_high_u32(x, y));
    low.v[i] = vreinterpretq_s32_u32(vuzp1q_u32(first, second));
    upper.v[i] = vreinterpretq_s32_u32(vuzp2q_u32(first, second));
  }
  *high = upper;
  return low;
}

VEC_INLINE Vec load_u8(const uint8_t* p) {
  uint8x16_t bytes = vld1q_u8(p);
  uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
  return {{vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))), vcvtq_f32_u32(vmovl_high_u16(low)),
           vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))), vcvtq_f32_u32(vmovl_high_u16(high))}};
}
VEC_INLINE Vec load_u8_tail(const uint8_t* p, int64_t n) { return load_u8(copy_in(p, n).lanes); }
VEC_INLINE void store_u8(uint8_t* p, IntVec x) {
  uint16x8_t low = vcombine_u16(vqmovun_s32(x.v[0]), vqmovun_s32(x.v[1]));
  uint16x8_t high = vcombine_u16(vqmovun_s32(x.v[2]), vqmovun_s32(x.v[3]));
  vst1q_u8(p, vcombine_u8(vqmovn_u16(low), vqmovn_u16(high)));
}
VEC_INLINE void store_u8_tail(uint8_t* p, IntVec x, int64_t n) {
  Tail<uint8_t> tail;
  store_u8(tail.lanes, x);
  copy_out(p, tail, n);
}

VEC_INLINE IntVec load_u16(const uint16_t* p) {
  return quarters<IntVec>([=](int i) { return vreinterpretq_s32_u32(vmovl_u16(vld1_u16(p + 4 * i))); });
}
VEC_INLINE IntVec load_u16_tail(const uint16_t* p, int64_t n) { return load_u16(copy_in(p, n).lanes); }
VEC_INLINE void store_u16(uint16_t* p, IntVec x) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) vst1_u16(p + 4 * i, vmovn_u32(vreinterpretq_u32_s32(x.v[i])));
}
VEC_INLINE void store_u16_tail(uint16_t* p, IntVec x, int64_t n) {
  Tail<uint16_t> tail;
  store_u16(tail.lanes, x);
  copy_out(p, tail, n);
}

VEC_INLINE float reduce_add(Vec x) {
  float32x4_t four = vaddq_f32(vaddq_f32(x.v[0], x.v[2]), vaddq_f32(x.v[1], x.v[3]));
  float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
VEC_INLINE float reduce_max(Vec x) {
  Vec y = max(x, Vec{{x.v[2], x.v[3], x.v[0], x.v[1]}});
  y = max(y, Vec{{y.v[1], y.v[0], y.v[3], y.v[2]}});
  y = max(y, quarters<Vec>([&](int i) { return vextq_f32(y.v[i], y.v[i], 2); }));
  y = max(y, quarters<Vec>([&](int i) { return vrev64q_f32(y.v[i]); }));
  return vgetq_lane_f32(y.v[0], 0);
}

VEC_INLINE DoubleVec to_double(Vec x) {
  DoubleVec result;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    result.v[2 * i] = vcvt_f64_f32(vget_low_f32(x.v[i]));
    result.v[2 * i + 1] = vcvt_high_f64_f32(x.v[i]);
  }
  return result;
}
VEC_INLINE DoubleVec to_double(IntVec x) {
  DoubleVec result;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    result.v[2 * i] = vcvtq_f64_s64(vmovl_s32(vget_low_s32(x.v[i])));
    result.v[2 * i + 1] = vcvtq_f64_s64(vmovl_high_s32(x.v[i]));
  }
  return result;
}
VEC_INLINE IntVec to_int_wrapping(DoubleVec x) {
  return quarters<IntVec>([&](int i) {
    return vcombine_s32(vmovn_s64(vcvtq_s64_f64(x.v[2 * i])), vmovn_s64(vcvtq_s64_f64(x.v[2 * i + 1])));
  });
}
VEC_INLINE DoubleVec operator+(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < 8; ++i) a.v[i] = vaddq_f64(a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec operator*(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < 8; ++i) a.v[i] = vmulq_f64(a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec operator-(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < 8; ++i) a.v[i] = vsubq_f64(a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec operator/(DoubleVec a, DoubleVec b) {
  for (int i = 0; i < 8; ++i) a.v[i] = vdivq_f64(a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec fma(DoubleVec a, DoubleVec b, DoubleVec c) {
  for (int i = 0; i < 8; ++i) a.v[i] = vfmaq_f64(c.v[i], a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec fnma(DoubleVec a, DoubleVec b, DoubleVec c) {
  for (int i = 0; i < 8; ++i) a.v[i] = vfmsq_f64(c.v[i], a.v[i], b.v[i]);
  return a;
}
VEC_INLINE DoubleVec splat_double(double x) {
  DoubleVec result;
  for (int i = 0; i < 8; ++i) result.v[i] = vdupq_n_f64(x);
  return result;
}
VEC_INLINE Vec to_float(DoubleVec x) {
  return quarters<Vec>([&](int i) { return vcvt_high_f32_f64(vcvt_f32_f64(x.v[2 * i]), x.v[2 * i + 1]); });
}
VEC_INLINE double reduce_add(DoubleVec x) {
  for (int half = 4; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) x.v[i] = vaddq_f64(x.v[i], x.v[i + half]);
  }
  return vgetq_lane_f64(x.v[0], 0) + vgetq_lane_f64(x.v[0], 1);
}

VEC_INLINE void transpose_4x4(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  float32x4_t a = vld1q_f32(from), b = vld1q_f32(from + from_stride);
  float32x4_t c = vld1q_f32(from + 2 * from_stride), d = vld1q_f32(from + 3 * from_stride);
  float64x2_t even_ab = vreinterpretq_f64_f32(vtrn1q_f32(a, b));
  float64x2_t odd_ab = vreinterpretq_f64_f32(vtrn2q_f32(a, b));
  float64x2_t even_cd = vreinterpretq_f64_f32(vtrn1q_f32(c, d));
  float64x2_t odd_cd = vreinterpretq_f64_f32(vtrn2q_f32(c, d));
  vst1q_f32(to, vreinterpretq_f32_f64(vtrn1q_f64(even_ab, even_cd)));
  vst1q_f32(to + to_stride, vreinterpretq_f32_f64(vtrn1q_f64(odd_ab, odd_cd)));
  vst1q_f32(to + 2 * to_stride, vreinterpretq_f32_f64(vtrn2q_f64(even_ab, even_cd)));
  vst1q_f32(to + 3 * to_stride, vreinterpretq_f32_f64(vtrn2q_f64(odd_ab, odd_cd)));
}
VEC_INLINE void transpose_16x16(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 16; j += 4) {
      transpose_4x4(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
    }
  }
}

}  // namespace
}  // namespace chainrule
