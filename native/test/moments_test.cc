// Mean and variance down columns, and the sums that their gradients need, bit by bit: one chain in each chunk
// of 256 rows, the chunks added in ascending order.
#include "call.h"

namespace chainrule {
namespace {

constexpr Dtype kF32 = Dtype::float32;

// Σ value(row) for rows [0, n).
template <class Value>
float sum_down(int64_t n, Value value) {
  float all = 0;
  for (int64_t start = 0; start < n; start += 256) {
    float chunk = 0;
    for (int64_t row = start; row < std::min(n, start + 256); ++row) chunk = chunk + value(row);
    all = all + chunk;
  }
  return all;
}

// Of [outer, n, inner], along n.
void test_columns(int64_t outer, int64_t n, int64_t inner) {
  Numbers numbers(static_cast<uint32_t>(n * 131 + inner));
  Call moments("moments"), centered("centeredSums");
  const float* x = moments.in(kF32, {outer, n, inner}).as<float>();
  const float* dy = centered.in(kF32, {outer, n, inner}).as<float>();
  numbers.fill(moments.inputs[0]);
  numbers.fill(centered.inputs[0]);
  centered.in(kF32, {outer, n, inner}).set(std::vector<float>(x, x + outer * n * inner));
  const float* mean = centered.in(kF32, {outer, inner}).as<float>();
  numbers.fill(centered.inputs[2]);
  for (Call* call : {&moments, &centered}) {
    call->out(kF32, {outer, inner});
    call->out(kF32, {outer, inner});
    call->attribute(1);
    call->run();
  }
  const float count = static_cast<float>(n);
  for (int64_t i = 0; i < outer * inner; ++i) {
    const float* own = x + i / inner * n * inner + i % inner;
    const float* gradient = dy + i / inner * n * inner + i % inner;
    const float center = sum_down(n, [&](int64_t row) { return own[row * inner]; }) / count;
    const auto square = [&](int64_t row) {
      const float away = own[row * inner] - center;
      return away * away;
    };
    const auto along = [&](int64_t row) {
      const float away = own[row * inner] - mean[i];
      return gradient[row * inner] * away;
    };
    CHECK(same_bits(moments.result<float>(0)[i], center));
    CHECK(same_bits(moments.result<float>(1)[i], sum_down(n, square) / count));
    CHECK(same_bits(centered.result<float>(0)[i],
                    sum_down(n, [&](int64_t row) { return gradient[row * inner]; })));
    CHECK(same_bits(centered.result<float>(1)[i], sum_down(n, along)));
  }
}

}  // namespace

void test_moments() {
  for (const int64_t n : {1, 255, 256, 511, 512, 1023, 1025, 2313}) {
    for (const int64_t inner : {5, 16, 32, 48, 64, 80}) test_columns(inner == 5 ? 3 : 2, n, inner);
  }
}

}  // namespace chainrule
