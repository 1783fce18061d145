// Multiply-adds in registers: as many as the CPU can do in the widest vectors that it has.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace chainrule {

constexpr int kChains = 16;              // independent sums: more than latency times pipes on any CPU
constexpr int64_t kFmaRepeats = 100'000;  // between two looks at the clock

#if defined(__x86_64__)
__attribute__((target("avx512f"))) inline double fma_avx512() {
  __m512 sums[kChains];
  const __m512 x = _mm512_set1_ps(1.0000001f);
  for (auto& sum : sums) sum = x;
  for (int64_t i = 0; i < kFmaRepeats; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, x, x);
  }
  volatile float keep = 0;
  for (auto& sum : sums) keep = keep + _mm512_cvtss_f32(sum);
  return 2.0 * 16 * kChains * kFmaRepeats;
}

// With fewer chains, because there are only sixteen registers.
__attribute__((target("avx2,fma"))) inline double fma_avx2() {
  constexpr int kFewerChains = kChains - 4;
  __m256 sums[kFewerChains];
  const __m256 x = _mm256_set1_ps(1.0000001f);
  for (auto& sum : sums) sum = x;
  for (int64_t i = 0; i < kFmaRepeats; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, x, x);
  }
  volatile float keep = 0;
  for (auto& sum : sums) keep = keep + _mm256_cvtss_f32(sum);
  return 2.0 * 8 * kFewerChains * kFmaRepeats;
}

// Returns the number of floating-point operations that it has done.
inline double run_fmas() {
  static const bool wide = __builtin_cpu_supports("avx512f");
  return wide ? fma_avx512() : fma_avx2();
}
#elif defined(__aarch64__)
inline double run_fmas() {
  float32x4_t sums[kChains];
  const float32x4_t x = vdupq_n_f32(1.0000001f);
  for (auto& sum : sums) sum = x;
  for (int64_t i = 0; i < kFmaRepeats; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = vfmaq_f32(x, sum, x);
  }
  volatile float keep = 0;
  for (auto& sum : sums) keep = keep + vgetq_lane_f32(sum, 0);
  return 2.0 * 4 * kChains * kFmaRepeats;
}
#else
inline double run_fmas() { return 0; }
#endif

}  // namespace chainrule
