// Products with operands in bfloat16, bit by bit against their definition: operands rounded to nearest even,
// k in pairs in one chain of fused multiply-adds, the second number of a pair first, in blocks of 768. Also
// against double on the rounded operands, with a tolerance.
#include "rounded.h"

namespace chainrule {

namespace {

struct Shape {
  int64_t m, n, k;
  bool a_transposed, b_transposed;
};

float element_of(const Shape& s, const float* a, const float* b, int64_t i, int64_t j) {
  const auto of_a = [&](int64_t k) { return rounded(a[s.a_transposed ? k * s.m + i : i * s.k + k]); };
  const auto of_b = [&](int64_t k) { return rounded(b[s.b_transposed ? j * s.k + k : k * s.n + j]); };
  float total = 0;
  double exact = 0;
  for (int64_t start = 0; start == 0 || start < s.k; start += 768) {
    const int64_t end = std::min(start + 768, s.k);
    float sum = 0;
    for (int64_t k = start; k < end; k += 2) {
      if (k + 1 < end) sum = std::fma(of_a(k + 1), of_b(k + 1), sum);
      sum = std::fma(of_a(k), of_b(k), sum);
    }
    for (int64_t k = start; k < end; ++k) exact += static_cast<double>(of_a(k)) * of_b(k);
    total = start == 0 ? sum : total + sum;
  }
  CHECK(std::fabs(total - exact) <= 1e-5 * (4.0 + static_cast<double>(s.k)));
  return total;
}

std::vector<int64_t> dims_of(bool transposed, int64_t rows, int64_t columns) {
  return transposed ? std::vector<int64_t>{columns, rows} : std::vector<int64_t>{rows, columns};
}

bool same_numbers(Operand& operand, const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!same_bits(operand.as<float>()[i], expected[i])) return false;
  }
  return true;
}

// The first number of the guard that is not -1, or -1.
int64_t told_by(Operand& guard) {
  int64_t first = -1;
  for (int64_t i = 0; i < guard.tensor.count; ++i) {
    const int64_t at = guard.as<int32_t>()[i];
    if (at >= 0 && (first < 0 || at < first)) first = at;
  }
  return first;
}

// Plain, with bias and activation, with another operand, and guarded.
void test_shape(const Shape& s, int64_t skew) {
  Numbers numbers(static_cast<uint32_t>(s.m * 1009 + s.n * 31 + s.k));
  Operand a(Dtype::float32, dims_of(s.a_transposed, s.m, s.k), skew);
  Operand b(Dtype::float32, dims_of(s.b_transposed, s.k, s.n), skew + 2);
  Operand bias(Dtype::float32, {s.n}, 5), other(Dtype::float32, {s.m, s.n}, 2);
  Operand c(Dtype::float32, {s.m, s.n}, skew + 1), guard(Dtype::int32, {64}, 0);
  for (Operand* operand : {&a, &b, &bias, &other}) numbers.fill(*operand);
  std::vector<float> plain, activated, with;
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j) {
      const float value = element_of(s, a.as<float>(), b.as<float>(), i, j);
      plain.push_back(value);
      activated.push_back(std::max(value + bias.as<float>()[j], 0.0f));
      with.push_back(other.as<float>()[i * s.n + j] > 0 ? value : 0.0f);
    }
  }
  const int32_t ta = s.a_transposed, tb = s.b_transposed;
  for (const KernelTable* table : all_tables()) {
    const int32_t relu = find_map_op(*table, "relu"), gradient = find_map_op(*table, "reluGrad");
    bool same = true;
    for (const bool backwards : {false, true}) {
      KernelRun{"matmul", &c, {&a, &b}, {ta, tb, 1, 0, -1}}.run(*table, backwards);
      same = same && same_numbers(c, plain);
      KernelRun{"matmul", &c, {&a, &b, &bias}, {ta, tb, 1, 1, relu}}.run(*table, backwards);
      same = same && same_numbers(c, activated);
      KernelRun{"matmul", &c, {&a, &b, &other}, {ta, tb, 1, 0, gradient}}.run(*table, backwards);
      same = same && same_numbers(c, with);
      KernelRun{"matmul", &c, {&a, &b}, {ta, tb, 1, 0, -1}, -1, &guard}.run(*table, backwards);
      same = same && same_numbers(c, plain) && told_by(guard) == -1;
    }
    if (!CHECK(same)) {
      std::fprintf(stderr, "  %s: %ld x %ld x %ld, transposed %d %d\n", table->isa, static_cast<long>(s.m),
                   static_cast<long>(s.n), static_cast<long>(s.k), ta, tb);
    }
  }
}

// A product with 1 is the rounded number itself: in whole vectors and in tails, in both layouts.
void test_rounding() {
  const float infinity = std::numeric_limits<float>::infinity();
  const float largest = std::numeric_limits<float>::max(), least = std::numeric_limits<float>::min();
  std::vector<float> values = {0.0f,
                               -0.0f,
                               1.0f,
                               0x1.01p0f,
                               0x1.03p0f,
                               0x1.0100002p0f,
                               0x1.02fffep0f,
                               -0x1.01p0f,
                               -0x1.03p0f,
                               infinity,
                               -infinity,
                               largest,
                               -largest,
                               least,
                               -least,
                               least / 2,
                               -least / 2,
                               std::numeric_limits<float>::denorm_min(),
                               0x1.fffffep-127f,
                               std::numeric_limits<float>::quiet_NaN(),
                               -std::numeric_limits<float>::quiet_NaN(),
                               3.14159274f,
                               -1e-30f,
                               1e30f};
  const int64_t n = static_cast<int64_t>(values.size());
  CHECK(rounded(0x1.01p0f) == 1.0f && rounded(0x1.03p0f) == 0x1.04p0f && std::isinf(rounded(largest)));
  // A finite number may be rounded to infinity; then the product is not finite, and the guard says where.
  Operand numbers(Dtype::float32, {n}, 1), one(Dtype::float32, {1, 1}, 1), c(Dtype::float32, {n}, 1);
  Operand guard(Dtype::int32, {64}, 0);
  numbers.set(values);
  one.set<float>({1.0f});
  std::vector<float> expected;
  for (const float value : values) expected.push_back(rounded(value) + 0.0f);  // a sum begins with plus zero
  const auto lay = [&](Operand& operand, int64_t rows, int64_t columns) {
    operand.tensor.rank = 2;
    operand.tensor.dims[0] = rows;
    operand.tensor.dims[1] = columns;
  };
  for (const KernelTable* table : all_tables()) {
    for (const bool column : {false, true}) {
      for (const int32_t transposed : {0, 1}) {
        const bool upright = column != (transposed != 0);
        lay(numbers, upright ? n : 1, upright ? 1 : n);
        lay(c, column ? n : 1, column ? 1 : n);
        KernelRun run = {"matmul", &c, {&one, &numbers}, {0, transposed, 1, 0, -1}, -1, &guard};
        if (column) run = {"matmul", &c, {&numbers, &one}, {transposed, 0, 1, 0, -1}, -1, &guard};
        run.run(*table, false);
        CHECK(same_numbers(c, expected));
        CHECK(told_by(guard) == 9);
      }
    }
  }
}

// A batch is made product by product: the same bits as those of each alone.
void test_batch() {
  constexpr int64_t kBatches = 5, kRows = 18, kInner = 33, kColumns = 47;
  Operand a(Dtype::float32, {kBatches, kRows, kInner}, 1), b(Dtype::float32, {kInner, kColumns}, 3);
  Operand c(Dtype::float32, {kBatches, kRows, kColumns}, 0);
  Numbers numbers(7);
  for (Operand* operand : {&a, &b}) numbers.fill(*operand);
  const Shape s = {kRows, kColumns, kInner, false, false};
  for (const KernelTable* table : all_tables()) {
    KernelRun{"matmul", &c, {&a, &b}, {0, 0, 1, 0, -1}}.run(*table, true);
    bool same = true;
    for (int64_t i = 0; i < kBatches * kRows; ++i) {
      const float* own = a.as<float>() + i / kRows * kRows * kInner;
      for (int64_t j = 0; j < kColumns; ++j) {
        const float expected = element_of(s, own, b.as<float>(), i % kRows, j);
        same = same && same_bits(c.as<float>()[i * kColumns + j], expected);
      }
    }
    CHECK(same);
  }
}

}  // namespace

void test_bfloat16_products() {
  uint32_t number = 0;
  for (int64_t m : {0, 1, 2, 5, 7, 13, 97}) {
    for (int64_t n : {0, 1, 15, 17, 64, 65, 130}) {
      for (int64_t k : {0, 1, 2, 3, 31, 32, 33, 767, 768, 769, 1537}) {
        for (int form = 0; form < 4; ++form) {
          // One in 16 of all sizes and forms.
          if (!deep_mode() && ++number * 2654435761u >> 16 & 15) continue;
          test_shape({m, n, k, (form & 1) != 0, (form & 2) != 0}, (m + k) % 4 * 3);
        }
      }
    }
  }
  for (int form = 0; form < 4; ++form) {
    test_shape({113, 70, 100, (form & 1) != 0, (form & 2) != 0}, 4);
    test_shape({70, 1, 131, (form & 1) != 0, (form & 2) != 0}, 3);
    test_shape({1, 600, 45, (form & 1) != 0, (form & 2) != 0}, 1);
  }
  test_rounding();
  test_batch();
}

}  // namespace chainrule
