// What this machine can do at most, for comparing with: multiply-adds in registers alone, and a triad through
// memory, on one thread and on all. Prints one line of JSON. Usage: ceiling [threads] [seconds]
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kChains = 16;          // independent sums: more than latency times pipes anywhere
constexpr int64_t kInner = 100'000;  // rounds between looks at the clock

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) double fma_avx512() {
  __m512 sums[kChains];
  const __m512 x = _mm512_set1_ps(1.0000001f);
  for (auto& sum : sums) sum = x;
  for (int64_t i = 0; i < kInner; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, x, x);
  }
  volatile float keep = 0;
  for (auto& sum : sums) keep = keep + _mm512_cvtss_f32(sum);
  return 2.0 * 16 * kChains * kInner;
}

__attribute__((target("avx2,fma"))) double fma_avx2() {
  __m256 sums[kChains - 4];
  const __m256 x = _mm256_set1_ps(1.0000001f);
  for (auto& sum : sums) sum = x;
  for (int64_t i = 0; i < kInner; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, x, x);
  }
  volatile float keep = 0;
  for (auto& sum : sums) keep = keep + _mm256_cvtss_f32(sum);
  return 2.0 * 8 * (kChains - 4) * kInner;
}

double fma_rounds() {
  static const bool wide = __builtin_cpu_supports("avx512f");
  return wide ? fma_avx512() : fma_avx2();
}
#else
double fma_rounds() {
#if defined(__aarch64__)
  float32x4_t sums[kChains];
  const float32x4_t x = vdupq_n_f32(1.0000001f);
  for (auto& sum : sums) sum = x;
  for (int64_t i = 0; i < kInner; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = vfmaq_f32(x, sum, x);
  }
  volatile float keep = 0;
  for (auto& sum : sums) keep = keep + vgetq_lane_f32(sum, 0);
  return 2.0 * 4 * kChains * kInner;
#else
  return 0;
#endif
}
#endif

// Runs `work` on each thread until the time is over and gives the best rate that all reached together.
double rate(int threads, double seconds, const std::function<double(int)>& work) {
  double best = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::atomic<int> ready{0};
    std::vector<double> rates(static_cast<size_t>(threads));
    std::vector<std::thread> team;
    for (int t = 0; t < threads; ++t) {
      team.emplace_back([&, t] {
        ready.fetch_add(1);
        while (ready.load() < threads) std::this_thread::yield();
        const auto start = Clock::now();
        double done = 0;
        while (seconds_since(start) < seconds / 3) done += work(t);
        rates[static_cast<size_t>(t)] = done / seconds_since(start);
      });
    }
    double sum = 0;
    for (auto& thread : team) thread.join();
    for (double one : rates) sum += one;
    if (sum > best) best = sum;
  }
  return best;
}

double triad_rate(int threads, double seconds) {
  constexpr size_t kFloats = size_t{16} << 20;  // 64 MiB an array: beyond any cache share
  std::vector<std::vector<float>> a, b, c;
  for (int t = 0; t < threads; ++t) {
    a.emplace_back(kFloats, 1.0f);
    b.emplace_back(kFloats, 2.0f);
    c.emplace_back(kFloats, 3.0f);
  }
  return rate(threads, seconds, [&](int t) {
    float* __restrict out = a[static_cast<size_t>(t)].data();
    const float* __restrict x = b[static_cast<size_t>(t)].data();
    const float* __restrict y = c[static_cast<size_t>(t)].data();
    for (size_t i = 0; i < kFloats; ++i) out[i] = x[i] + 1.5f * y[i];
    return 12.0 * kFloats;
  });
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : static_cast<int>(std::thread::hardware_concurrency());
  const double seconds = argc > 2 ? std::atof(argv[2]) : 0.6;
  const auto fma = [](int) { return fma_rounds(); };
  std::printf("{\"threads\": %d, \"fmaGflops\": [%.1f, %.1f], \"triadGBs\": [%.1f, %.1f]}\n", threads,
              rate(1, seconds, fma) / 1e9, rate(threads, seconds, fma) / 1e9, triad_rate(1, seconds) / 1e9,
              triad_rate(threads, seconds) / 1e9);
  return 0;
}
