// Compares the speed of variants that compute the same thing; the first one is what the library does now.
// They run alternately, so that a disturbance affects all of them, and the minimum of each counts. Results
// are compared bit by bit, because a variant with other results is no replacement.
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

// Numbers aligned to 64 bytes, the same in every run.
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

// The library's kernel whose signature begins with this text.
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
  // `flops` and `bytes` of one run; either may be 0.
  Race(std::string title, double flops, double bytes)
      : title_(std::move(title)), flops_(flops), bytes_(bytes) {}

  void add(std::string name, const Numbers& result, std::function<void()> run) {
    variants_.push_back({std::move(name), &result, std::move(run), 1, 1e30, true});
  }

  void run() {
    for (Variant& variant : variants_) prepare(variant);
    for (int repeat = 0; repeat < 15; ++repeat) {
      for (Variant& variant : variants_) variant.best = std::min(variant.best, time(variant));
    }
    std::printf("\n%s\n", title_.c_str());
    for (const Variant& variant : variants_) {
      const double us = variant.best * 1e6;
      std::printf("  %-34s %9.2f us", variant.name.c_str(), us);
      if (flops_ > 0) std::printf("  %7.1f GFLOP/s", flops_ / us / 1e3);
      if (bytes_ > 0) std::printf("  %7.1f GB/s", bytes_ / us / 1e3);
      std::printf("  %5.2f x now%s\n", variants_[0].best / variant.best, variant.same ? "" : "  OTHER BITS");
    }
  }

 private:
  struct Variant {
    std::string name;
    const Numbers* result;
    std::function<void()> run;
    int64_t calls;  // per measurement
    double best;    // seconds
    bool same;      // whether its result is that of the first variant
  };

  static double time(const Variant& variant) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < variant.calls; ++i) variant.run();
    return std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(variant.calls);
  }

  // Runs it once for its result, then finds out how many calls take a few milliseconds.
  void prepare(Variant& variant) {
    variant.run();
    const Numbers& first = *variants_[0].result;
    const auto bytes = static_cast<size_t>(first.count()) * sizeof(float);
    variant.same = std::memcmp(first.data(), variant.result->data(), bytes) == 0;
    while (time(variant) * static_cast<double>(variant.calls) < 4e-3 && variant.calls < (int64_t{1} << 24))
      variant.calls *= 2;
  }

  std::string title_;
  double flops_, bytes_;
  std::vector<Variant> variants_;
};

}  // namespace lab
