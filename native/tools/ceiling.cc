// What this machine can do at most, as a standard of comparison: multiply-adds in registers for different
// numbers of threads, reading and a triad in each cache and in main memory, and the cost of a barrier. Prints
// one line of JSON. Usage: ceiling [threads] [seconds of each measurement] [fma]; with `fma` it measures only
// multiply-adds.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/program.h"
#include "runtime/team.h"
#include "tools/fma_rate.h"
#include "tools/memory_rates.h"

using namespace chainrule;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Does some work in the thread of this index. Returns how much it has done.
using Work = std::function<double(int thread)>;

// The work per second of all threads together, which start at the same time.
double rate_once(int threads, double seconds, const Work& work) {
  std::atomic<int> ready{0};
  std::vector<double> rates(static_cast<size_t>(threads));
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t) {
    team.emplace_back([&, t] {
      ready.fetch_add(1);
      while (ready.load() < threads) std::this_thread::yield();
      const auto start = Clock::now();
      double done = 0;
      while (seconds_since(start) < seconds) done += work(t);
      rates[static_cast<size_t>(t)] = done / seconds_since(start);
    });
  }
  for (auto& thread : team) thread.join();
  double sum = 0;
  for (double one : rates) sum += one;
  return sum;
}

// The best of three.
double rate(int threads, double seconds, const Work& work) {
  double best = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const double once = rate_once(threads, seconds / 3, work);
    if (once > best) best = once;
  }
  return best;
}

struct Rates {
  double read, triad, in_place;
};

// On huge pages like the arrays of a model, but at different offsets within a page, or they would collide.
struct Arrays {
  Arena memory;
  int64_t floats;  // of each
  float *out, *x, *y;
  explicit Arrays(int64_t count) : floats(count) {
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

void pass_reading(const Arrays& a) {
  volatile int64_t keep = read_all(a.out, a.floats) | read_all(a.x, a.floats) | read_all(a.y, a.floats);
  (void)keep;
}
void pass_triad(const Arrays& a) { triad(a.out, a.x, a.y, a.floats); }
// As in an optimizer's pass, no line is read only because it will be written.
void pass_in_place(const Arrays& a) { triad(a.out, a.out, a.y, a.floats); }

// GB/s in one level. A pass counts as its three arrays, as in STREAM.
Rates rates_in(const Level& level, int threads, double seconds) {
  constexpr int64_t kPassBytes = 3 * sizeof(float);
  // A multiple of a page, so that all arrays have the same alignment.
  const int64_t floats = level.working / kPassBytes / 1024 * 1024;
  const int64_t passes = 1 + (int64_t{1} << 18) / level.working;
  std::vector<std::unique_ptr<Arrays>> all;
  for (int t = 0; t < threads; ++t) all.push_back(std::make_unique<Arrays>(floats));
  const auto rate_of = [&](void (*pass)(const Arrays&)) {
    const auto work = [&](int t) {
      for (int64_t i = 0; i < passes; ++i) pass(*all[static_cast<size_t>(t)]);
      return static_cast<double>(kPassBytes * floats * passes);
    };
    return rate(threads, seconds, work) / 1e9;
  };
  return {rate_of(pass_reading), rate_of(pass_triad), rate_of(pass_in_place)};
}

// Nanoseconds of a barrier at which all threads arrive at the same time; the best of some.
double barrier_ns(int threads) {
  struct Shared {
    Barrier barrier;
    double best = 1e9;
  } shared;
  const auto work = [](void* context, int index, int width) {
    auto* s = static_cast<Shared*>(context);
    constexpr int kBarriers = 2000;
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto start = Clock::now();
      for (int i = 0; i < kBarriers; ++i) s->barrier.wait(width);
      const double ns = seconds_since(start) * 1e9 / kBarriers;
      if (index == 0 && ns < s->best) s->best = ns;
    }
  };
  run_team(threads, work, &shared);
  return shared.best;
}

// Nanoseconds of an empty parallel region.
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

// For every power of two of threads, and for all.
void print_fma_rates(int threads, double seconds) {
  const Work fma = [](int) { return run_fmas(); };
  std::printf("\"fmaGflops\": [");
  for (int count = 1; count < threads; count *= 2) std::printf("%.1f, ", rate(count, seconds, fma) / 1e9);
  std::printf("%.1f]", rate(threads, seconds, fma) / 1e9);
}

void print_level(const Level& level, int threads, double seconds) {
  const Rates one = rates_in(level, 1, seconds), all = rates_in(level, threads, seconds);
  std::printf(
      "{\"name\": \"%s\", \"bytes\": %lld, \"readGBs\": [%.1f, %.1f], \"triadGBs\": [%.1f, %.1f], "
      "\"inPlaceGBs\": [%.1f, %.1f]}",
      level.name.c_str(), static_cast<long long>(level.bytes), one.read, all.read, one.triad, all.triad,
      one.in_place, all.in_place);
}

void print_levels(int threads, double seconds) {
  std::printf("\"levels\": [");
  const char* separator = "";
  for (const Level& level : memory_levels(threads)) {
    std::printf("%s", separator);
    print_level(level, threads, seconds / 3);
    separator = ", ";
  }
  std::printf("]");
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : static_cast<int>(std::thread::hardware_concurrency());
  const double seconds = argc > 2 ? std::atof(argv[2]) : 0.6;
  const bool fma_alone = argc > 3 && std::strcmp(argv[3], "fma") == 0;
  std::printf("{\"threads\": %d, ", threads);
  print_fma_rates(threads, seconds);
  std::printf(", ");
  if (fma_alone) std::printf("\"levels\": []");
  else print_levels(threads, seconds);
  const bool synchronizes = !fma_alone && threads > 1;
  std::printf(", \"barrierNs\": %.0f, \"regionNs\": %.0f}\n", synchronizes ? barrier_ns(threads) : 0,
              synchronizes ? region_ns(threads) : 0);
  return 0;
}
