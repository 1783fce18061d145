// A race between ways to do the same thing: the first is what the library does now. All run in turns, so that
// what disturbs one disturbs the others; what counts is the least time of each. Results are compared bit by
// bit, for a faster way that gives other numbers is another way.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "../../native/kernels/all.h"

namespace lab {

using Clock = std::chrono::steady_clock;

// 64-byte aligned numbers, the same at each run.
class Numbers {
 public:
  explicit Numbers(int64_t count) : count_(count) {
    data_ = static_cast<float*>(std::aligned_alloc(64, static_cast<size_t>((count * 4 + 63) / 64 * 64)));
    uint32_t state = 0x9e3779b9u;
    for (int64_t i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      data_[i] = static_cast<float>(state >> 8) / 16777216.0f - 0.5f;
    }
  }
  ~Numbers() { std::free(data_); }
  Numbers(const Numbers&) = delete;
  float* data() const { return data_; }
  int64_t count() const { return count_; }

 private:
  int64_t count_;
  float* data_;
};

inline chainrule::Tensor matrix(const Numbers& numbers, int64_t rows, int64_t columns) {
  chainrule::Tensor tensor = {};
  tensor.data = numbers.data();
  tensor.rank = 2;
  tensor.dims[0] = rows;
  tensor.dims[1] = columns;
  tensor.count = rows * columns;
  return tensor;
}

// A kernel as it is now, by the begin of its signature.
inline const chainrule::Kernel& current_kernel(const char* begin) {
  for (int32_t i = 0; i < chainrule::kTable.kernel_count; ++i) {
    const chainrule::Kernel& kernel = chainrule::kTable.kernels[i];
    if (std::strncmp(kernel.signature, begin, std::strlen(begin)) == 0) return kernel;
  }
  std::fprintf(stderr, "lab: no kernel %s\n", begin);
  std::exit(2);
}

class Race {
 public:
  // `flops` and `bytes` of one run: either may be 0.
  Race(std::string title, double flops, double bytes)
      : title_(std::move(title)), flops_(flops), bytes_(bytes) {}

  void add(std::string name, const Numbers& result, std::function<void()> run) {
    ways_.push_back({std::move(name), &result, std::move(run), 1, 1e30, true});
  }

  void run() {
    for (Way& way : ways_) prepare(way);
    for (int round = 0; round < 15; ++round) {
      for (Way& way : ways_) way.best = std::min(way.best, time(way));
    }
    std::printf("\n%s\n", title_.c_str());
    for (const Way& way : ways_) {
      const double us = way.best * 1e6;
      std::printf("  %-34s %9.2f us", way.name.c_str(), us);
      if (flops_ > 0) std::printf("  %7.1f GFLOP/s", flops_ / us / 1e3);
      if (bytes_ > 0) std::printf("  %7.1f GB/s", bytes_ / us / 1e3);
      std::printf("  %5.2f x now%s\n", ways_[0].best / way.best, way.same ? "" : "  OTHER BITS");
    }
  }

 private:
  struct Way {
    std::string name;
    const Numbers* result;
    std::function<void()> run;
    int64_t calls;  // of one measurement
    double best;    // seconds
    bool same;      // as the first way's result
  };

  static double time(const Way& way) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < way.calls; ++i) way.run();
    return std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(way.calls);
  }

  // Runs it once for its result, then finds out how often it runs in a few milliseconds.
  void prepare(Way& way) {
    way.run();
    const Numbers& first = *ways_[0].result;
    way.same = std::memcmp(first.data(), way.result->data(), static_cast<size_t>(first.count()) * 4) == 0;
    while (time(way) * static_cast<double>(way.calls) < 4e-3 && way.calls < (int64_t{1} << 24))
      way.calls *= 2;
  }

  std::string title_;
  double flops_, bytes_;
  std::vector<Way> ways_;
};

}  // namespace lab
