// Which tile of C is fastest if b is already packed for it, and how much would that gain over the product as
// it is now? A tile of kRows x kVectors vectors, 384 deep, reads b from panels of its width, which stay
// packed between calls.
#include "lab.h"

using namespace chainrule;

namespace {

constexpr int64_t kDepth = 384;  // the same as the library's, or the bits differ

// c[rows, 16 kVectors] (+)= a . panel.
template <int kRows, int kVectors>
void tile(const float* a, int64_t a_row, int64_t a_step, const float* panel, int64_t depth, float* c,
          int64_t c_row, bool accumulate) {
  Vec sums[kRows][kVectors];
#pragma GCC unroll 32
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[i][v] = zero();
  }
  for (int64_t k = 0; k < depth; ++k) {
    Vec row[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) row[v] = load(panel + (k * kVectors + v) * kLanes);
#pragma GCC unroll 32
    for (int i = 0; i < kRows; ++i) {
      const Vec x = splat(a[i * a_row + k * a_step]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[i][v] = fma(x, row[v], sums[i][v]);
    }
  }
#pragma GCC unroll 32
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      float* to = c + i * c_row + v * kLanes;
      store(to, accumulate ? load(to) + sums[i][v] : sums[i][v]);
    }
  }
}

struct Shape {
  int64_t m, k, n;
  bool a_transposed, b_transposed;
};

// Panels of `width` columns, each with k after k; b is [k, n], or [n, k] if it is transposed.
void pack(const Shape& s, const float* b, int64_t width, float* to) {
  for (int64_t j = 0; j < s.n; j += width) {
    for (int64_t k = 0; k < s.k; ++k) {
      for (int64_t x = j; x < j + width; ++x) {
        *to++ = x >= s.n ? 0.0f : s.b_transposed ? b[x * s.k + k] : b[k * s.n + x];
      }
    }
  }
}

// All of C; rows that do not fill a tile are computed by a tile of one row.
template <int kRows, int kVectors>
void product(const Shape& s, const float* a, const float* packed, float* c) {
  const int64_t a_row = s.a_transposed ? 1 : s.k, a_step = s.a_transposed ? s.m : 1;
  constexpr int64_t kWidth = kVectors * kLanes;
  for (int64_t k = 0; k < s.k; k += kDepth) {
    const int64_t depth = std::min(kDepth, s.k - k);
    for (int64_t j = 0; j < s.n; j += kWidth) {
      const float* panel = packed + j * s.k + k * kWidth;
      int64_t i = 0;
      for (; i + kRows <= s.m; i += kRows) {
        tile<kRows, kVectors>(a + i * a_row + k * a_step, a_row, a_step, panel, depth, c + i * s.n + j, s.n,
                              k > 0);
      }
      for (; i < s.m; ++i) {
        tile<1, kVectors>(a + i * a_row + k * a_step, a_row, a_step, panel, depth, c + i * s.n + j, s.n,
                          k > 0);
      }
    }
  }
}

template <int kRows, int kVectors>
void add_tile(lab::Race& race, const Shape& s, const lab::Numbers& a, const lab::Numbers& b, lab::Numbers& c,
              lab::Numbers& packed) {
  constexpr int64_t kWidth = kVectors * kLanes;
  if (s.n % kWidth != 0) return;
  pack(s, b.data(), kWidth, packed.data());
  const std::string name = std::to_string(kRows) + " x " + std::to_string(kWidth) + ", b kept packed";
  race.add(name, c, [&] { product<kRows, kVectors>(s, a.data(), packed.data(), c.data()); });
}

void race(const char* name, const Shape& s) {
  lab::Numbers a(s.m * s.k), b(s.k * s.n), now(s.m * s.n);
  const Tensor inputs[] = {s.a_transposed ? lab::matrix(a, s.k, s.m) : lab::matrix(a, s.m, s.k),
                           s.b_transposed ? lab::matrix(b, s.n, s.k) : lab::matrix(b, s.k, s.n)};
  const Tensor outputs[] = {lab::matrix(now, s.m, s.n)};
  const int32_t attributes[] = {s.a_transposed, s.b_transposed, 0, 0, -1};
  const Kernel& kernel = lab::current_kernel("matmul(");
  Args args = {};
  args.outputs = outputs;
  args.inputs = inputs;
  args.attributes = attributes;
  args.outputCount = 1;
  args.inputCount = 2;
  args.attributeCount = 5;
  lab::Numbers scratch(static_cast<int64_t>(kernel.scratch_bytes(args)) / 4 + 16);
  args.scratch = scratch.data();
  const double flops = 2.0 * static_cast<double>(s.m) * static_cast<double>(s.k) * static_cast<double>(s.n);
  lab::Race race(std::string(name) + " " + std::to_string(s.m) + " x " + std::to_string(s.k) + " x " +
                     std::to_string(s.n) + ", one thread",
                 flops, 0);
  race.add("now", now, [&] { kernel.run(args, 0, kernel.tasks(args)); });
  lab::Numbers c1(now.count()), c2(now.count()), c3(now.count()), c4(now.count());
  lab::Numbers p1(b.count()), p2(b.count()), p3(b.count()), p4(b.count());
#if defined(__AVX512F__)
  add_tile<6, 4>(race, s, a, b, c1, p1);
  add_tile<8, 3>(race, s, a, b, c2, p2);
  add_tile<12, 2>(race, s, a, b, c3, p3);
  add_tile<14, 2>(race, s, a, b, c4, p4);
#else
  add_tile<4, 1>(race, s, a, b, c1, p1);
  add_tile<6, 1>(race, s, a, b, c2, p2);
  add_tile<2, 2>(race, s, a, b, c3, p3);
  add_tile<3, 2>(race, s, a, b, c4, p4);
#endif
  race.run();
}

}  // namespace

int main() {
  race("x.W", {128, 784, 512, false, false});
  race("xT.dy", {784, 128, 512, true, false});
  race("dy.WT", {128, 512, 768, false, true});
  race("x.W", {32, 784, 512, false, false});
  return 0;
}
