// What this machine can do at most, for comparing with: multiply-adds in registers for each number of
// threads, reading and a triad in each cache and in memory, and what it costs that the threads of a team
// meet. Prints one line of JSON. Usage: ceiling [threads] [seconds of each measurement] [fma]: the last
// leaves out the rest.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/program.h"
#include "runtime/team.h"
#include "tools/memory_rates.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

using namespace chainrule;

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

struct Rates {
  double read, triad, in_place;
};

// On huge pages, as the arrays of a model are; not at the same place in a page, where they would collide.
struct Arrays {
  Arena memory;
  float *out, *x, *y;
  explicit Arrays(int64_t floats) {
    constexpr int64_t kSkew = 17 * 16;
    memory.reserve((3 * floats + 2 * kSkew) * 4);
    out = reinterpret_cast<float*>(memory.data);
    x = out + floats + kSkew;
    y = x + floats + kSkew;
    for (float* array : {out, x, y}) {
      for (int64_t i = 0; i < floats; ++i) array[i] = static_cast<float>(i % 97);
    }
  }
  Arrays(const Arrays&) = delete;
};

// GB/s in one level; a triad counts its three arrays, as STREAM does.
Rates rates_in(const Level& level, int threads, double seconds) {
  // Whole pages, so that the arrays are as long as they are aligned.
  const int64_t floats = level.working / 12 / 1024 * 1024;
  const int64_t passes = 1 + (int64_t{1} << 18) / level.working;
  std::vector<std::unique_ptr<Arrays>> all;
  for (int t = 0; t < threads; ++t) all.push_back(std::make_unique<Arrays>(floats));
  const auto measure = [&](double bytes, const std::function<void(const Arrays&)>& pass) {
    const auto work = [&](int t) {
      for (int64_t i = 0; i < passes; ++i) pass(*all[static_cast<size_t>(t)]);
      return bytes * static_cast<double>(floats * passes);
    };
    return rate(threads, seconds, work) / 1e9;
  };
  Rates rates = {};
  rates.read = measure(12, [&](const Arrays& a) {
    volatile int64_t keep = read_all(a.out, floats) | read_all(a.x, floats) | read_all(a.y, floats);
    (void)keep;
  });
  rates.triad = measure(12, [&](const Arrays& a) { triad(a.out, a.x, a.y, floats); });
  // No line is read for the sake of writing it, as in an optimizer's pass.
  rates.in_place = measure(12, [&](const Arrays& a) { triad(a.out, a.out, a.y, floats); });
  return rates;
}

// Nanoseconds of one meeting of a team whose members come at the same time; the best of some.
double barrier_ns(int threads) {
  struct Meetings {
    Barrier barrier;
    double best = 1e9;
  } meetings;
  const auto work = [](void* context, int index, int width) {
    auto* m = static_cast<Meetings*>(context);
    constexpr int kMeetings = 2000;
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto start = Clock::now();
      for (int i = 0; i < kMeetings; ++i) m->barrier.wait(width);
      const double ns = seconds_since(start) * 1e9 / kMeetings;
      if (index == 0 && ns < m->best) m->best = ns;
    }
  };
  run_team(threads, work, &meetings);
  return meetings.best;
}

// Nanoseconds of a parallel region in which nothing is done.
double region_ns(int threads) {
  double best = 1e9;
  for (int repeat = 0; repeat < 20; ++repeat) {
    constexpr int kRegions = 200;
    const auto start = Clock::now();
    for (int i = 0; i < kRegions; ++i) run_team(threads, [](void*, int, int) {}, nullptr);
    const double ns = seconds_since(start) * 1e9 / kRegions;
    if (ns < best) best = ns;
  }
  return best;
}

void print_level(const Level& level, int threads, double seconds) {
  const Rates one = rates_in(level, 1, seconds), all = rates_in(level, threads, seconds);
  std::printf(
      "{\"name\": \"%s\", \"bytes\": %lld, \"readGBs\": [%.1f, %.1f], \"triadGBs\": [%.1f, %.1f], "
      "\"inPlaceGBs\": [%.1f, %.1f]}",
      level.name.c_str(), static_cast<long long>(level.bytes), one.read, all.read, one.triad, all.triad,
      one.in_place, all.in_place);
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : static_cast<int>(std::thread::hardware_concurrency());
  const double seconds = argc > 2 ? std::atof(argv[2]) : 0.6;
  const bool fma_alone = argc > 3 && std::strcmp(argv[3], "fma") == 0;
  const auto fma = [](int) { return fma_rounds(); };
  std::printf("{\"threads\": %d, \"fmaGflops\": [", threads);
  // Every power of two, and all.
  for (int count = 1; count < threads; count *= 2) std::printf("%.1f, ", rate(count, seconds, fma) / 1e9);
  std::printf("%.1f], \"levels\": [", rate(threads, seconds, fma) / 1e9);
  if (!fma_alone) {
    const std::vector<Level> levels = memory_levels(threads);
    for (const Level& level : levels) {
      print_level(level, threads, seconds / 3);
      if (&level != &levels.back()) std::printf(", ");
    }
  }
  const bool meets = !fma_alone && threads > 1;
  std::printf("], \"barrierNs\": %.0f, \"regionNs\": %.0f}\n", meets ? barrier_ns(threads) : 0,
              meets ? region_ns(threads) : 0);
  return 0;
}
