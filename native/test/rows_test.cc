// Reductions, softmax, gathers and guards, each against a plain reference.
#include <limits>

#include "call.h"

namespace chainrule {
namespace {

constexpr Dtype kF32 = Dtype::float32, kI32 = Dtype::int32, kU8 = Dtype::uint8;
const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInf = std::numeric_limits<float>::infinity();

// --- reductions

using Join = float (*)(float, float);
float add(float a, float b) { return a + b; }
float larger(float a, float b) { return a > b || a != a ? a : b; }

float over_lanes(std::vector<float> lanes, Join join) {
  for (size_t half = 8; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] = join(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

// The definition: sixteen lanes in each chunk of 4096, then the chunks in pairs, pairs of pairs …
float reduce_row(const float* x, int64_t n, float identity, Join join) {
  std::vector<float> sums;
  for (int64_t start = 0; start == 0 || start < n; start += 4096) {
    std::vector<float> lanes(16, identity);
    for (int64_t i = start; i < n && i < start + 4096; ++i) {
      float& lane = lanes[static_cast<size_t>(i % 16)];
      lane = join(lane, x[i]);
    }
    sums.push_back(over_lanes(lanes, join));
  }
  while (sums.size() > 1) {
    std::vector<float> joined;
    for (size_t i = 0; i < sums.size(); i += 2) {
      joined.push_back(i + 1 < sums.size() ? join(sums[i], sums[i + 1]) : sums[i]);
    }
    sums = joined;
  }
  return sums[0];
}

// Chunks of 256 rows, added in ascending order.
float reduce_column(const float* x, int64_t n, int64_t stride, float identity, Join join) {
  float all = identity;
  for (int64_t start = 0; start < n; start += 256) {
    float chunk = identity;
    for (int64_t row = start; row < n && row < start + 256; ++row) chunk = join(chunk, x[row * stride]);
    all = join(all, chunk);
  }
  return all;
}

int32_t arg_max(const float* x, int64_t n, int64_t stride) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i) {
    float a = x[best * stride], b = x[i * stride];
    if (a == a && (b > a || b != b)) best = i;
  }
  return static_cast<int32_t>(best);
}

enum class Special { none, ties, nan, zeros };

void salt(Operand& operand, Special special, Numbers& numbers) {
  float* x = operand.as<float>();
  for (int64_t i = 0; i < operand.tensor.count; ++i) {
    if (special == Special::ties) x[i] = static_cast<float>(numbers.below(3));
    if (special == Special::nan && numbers.below(40) == 0) x[i] = kNan;
    if (special == Special::zeros) x[i] = numbers.below(2) ? 0.0f : -0.0f;
  }
}

void test_reduce(int64_t outer, int64_t n, int64_t inner, Special special) {
  Numbers numbers(static_cast<uint32_t>(outer * 1000003 + n * 1009 + inner));
  for (const char* name : {"sum", "max", "argMax"}) {
    bool index = name[0] == 'a', sum = name[0] == 's';
    if (index && n == 0) continue;
    Call call(name);
    Operand& x = call.in(kF32, {outer, n, inner});
    numbers.fill(x);
    salt(x, special, numbers);
    call.out(index ? kI32 : kF32, {outer, inner});
    call.attribute(1);
    call.run();
    for (int64_t i = 0; i < outer * inner; ++i) {
      const float* from = x.as<float>() + i / inner * n * inner + i % inner;
      float identity = sum ? 0.0f : -kInf;
      Join join = sum ? add : larger;
      float expected =
          inner == 1 ? reduce_row(from, n, identity, join) : reduce_column(from, n, inner, identity, join);
      if (index) {
        CHECK(call.result<int32_t>(0)[i] == arg_max(from, n, inner));
      } else if (!CHECK(same_bits(call.result<float>(0)[i], expected))) {
        std::fprintf(stderr, "  %s [%d,%d,%d] %g %g\n", name, int(outer), int(n), int(inner),
                     double(call.result<float>(0)[i]), double(expected));
      }
    }
  }
}

void test_reductions() {
  for (int64_t n : {0, 1, 2, 15, 16, 17, 31, 33, 255, 4095, 4096, 4097, 8200, 20485, 28672}) {
    for (Special special : {Special::none, Special::ties, Special::nan, Special::zeros}) {
      test_reduce(1, n, 1, special);
      test_reduce(n > 1000 ? 2 : 7, n, 1, special);
    }
  }
  for (int64_t n : {0, 1, 3, 255, 256, 257, 513}) {
    for (int64_t inner : {2, 15, 16, 17, 63, 64, 65, 130}) {
      test_reduce(1, n, inner, Special::none);
      test_reduce(3, n, inner, inner == 17 ? Special::zeros : Special::nan);
    }
  }
  test_reduce(0, 5, 3, Special::none);
  test_reduce(5, 3, 0, Special::none);
  test_reduce(1000, 3, 1, Special::ties);
}

void test_total() {
  for (int64_t n : {0, 1, 15, 16, 17, 4095, 4096, 4097, 12289}) {
    Call call("total");
    Operand& x = call.in(kF32, {n});
    Numbers(7).fill(x);
    call.out(Dtype::float64, {});
    call.run();
    double expected = 0.0, size = 0.0;
    for (int64_t i = 0; i < n; ++i) {
      expected += static_cast<double>(x.as<float>()[i]);
      size += std::fabs(static_cast<double>(x.as<float>()[i]));
    }
    CHECK(std::fabs(*call.result<double>(0) - expected) <= 1e-15 * size);
  }
}

// --- softmax

struct SoftmaxRow {
  double largest, log_sum;
};
SoftmaxRow softmax_row(const float* x, int64_t n) {
  double largest = -INFINITY, sum = 0.0;
  for (int64_t i = 0; i < n; ++i) largest = std::fmax(largest, static_cast<double>(x[i]));
  for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]) - largest);
  return {largest, std::log(sum)};
}

void test_softmax(int64_t rows, int64_t columns, float scale) {
  Numbers numbers(static_cast<uint32_t>(rows * 131 + columns));
  Call call("softmax"), log_call("logSoftmax"), loss_call("softmaxCrossentropy");
  Operand& x = call.in(kF32, {rows, columns});
  numbers.fill(x);
  for (int64_t i = 0; i < rows * columns; ++i) x.as<float>()[i] *= scale;
  std::vector<float> values(x.as<float>(), x.as<float>() + rows * columns);
  log_call.in(kF32, {rows, columns}).set(values);
  loss_call.in(kF32, {rows, columns}, 5).set(values);
  std::vector<int32_t> labels;
  for (int64_t b = 0; b < rows; ++b) labels.push_back(columns == 0 ? 0 : numbers.below(columns));
  if (rows > 2) labels[1] = -3, labels[2] = static_cast<int32_t>(columns);
  loss_call.in(kI32, {rows}).set(labels);
  call.out(kF32, {rows, columns});
  log_call.out(kF32, {rows, columns});
  loss_call.out(kF32, {rows});
  loss_call.out(kF32, {rows, columns});
  loss_call.out(kI32, {rows});
  call.run();
  log_call.run();
  loss_call.run();
  CHECK(call.results[0] == loss_call.results[1]);
  for (int64_t b = 0; b < rows; ++b) {
    const float* from = values.data() + b * columns;
    SoftmaxRow row = softmax_row(from, columns);
    for (int64_t i = 0; i < columns; ++i) {
      double expected = static_cast<double>(from[i]) - row.largest - row.log_sum;
      double size = 1.0 + std::fabs(static_cast<double>(from[i]) - row.largest);
      double y = static_cast<double>(call.result<float>(0)[b * columns + i]);
      double log_y = static_cast<double>(log_call.result<float>(0)[b * columns + i]);
      CHECK(close(y, std::exp(expected), 1e-5, 1e-38) && close(log_y, expected, 0, 1e-6 * size));
    }
    int32_t label = labels[static_cast<size_t>(b)], guard = loss_call.result<int32_t>(2)[b];
    float loss = loss_call.result<float>(0)[b];
    if (label < 0 || label >= columns) {
      CHECK(loss == 0.0f && guard == (label < 0 ? 0x7fffffff : label));
      continue;
    }
    double expected = row.largest + row.log_sum - static_cast<double>(from[label]);
    CHECK(guard == -1 && close(static_cast<double>(loss), expected, 0, 2e-6 * (1.0 + std::fabs(expected))));
  }
}

void test_softmaxes() {
  for (int64_t columns : {1, 2, 10, 15, 16, 17, 100, 4097}) {
    for (int64_t rows : {1, 3, 17, 33}) test_softmax(rows, columns, 3.0f);
  }
  test_softmax(600, 10, 40.0f);
  test_softmax(0, 10, 1.0f);
  test_softmax(5, 0, 1.0f);
  Call call("softmax");
  call.in(kF32, {3, 3}).set<float>({1, kNan, 2, -kInf, 0, -kInf, 88, 1000, -1000});
  call.out(kF32, {3, 3});
  call.run();
  const float* y = call.result<float>(0);
  CHECK(y[0] != y[0] && y[2] != y[2] && y[3] == 0 && y[4] == 1 && y[6] == 0 && y[7] == 1);
}

// --- rows and classes

template <class Element>
void test_gather(Dtype dtype, int64_t source_rows, int64_t columns, int64_t batch) {
  Numbers numbers(static_cast<uint32_t>(columns * 17 + batch));
  std::vector<Element> source(static_cast<size_t>(source_rows * columns));
  for (Element& value : source) value = static_cast<Element>(numbers.below(200));
  std::vector<int32_t> rows;
  for (int64_t b = 0; b < batch; ++b) rows.push_back(numbers.below(source_rows));
  if (batch > 3) rows[1] = -1, rows[2] = static_cast<int32_t>(source_rows);
  for (const char* name : {"gatherRows", "gatherLabels"}) {
    bool labels = name[6] == 'L';
    Call call(name);
    Operand& x = call.in(dtype, {source_rows, columns}, 5).set(source);
    call.in(kI32, {batch}).set(rows);
    call.out(labels ? kI32 : kF32, {batch, columns});
    call.out(kI32, {batch});
    if (!labels) call.attribute(0.3f), call.attribute(-0.7f);
    x.tensor.dims[0] = -1;
    CHECK(call.refusal() == nullptr);
    x.tensor.dims[0] = source_rows;
    call.run();
    for (int64_t b = 0; b < batch; ++b) {
      int32_t row = rows[static_cast<size_t>(b)];
      bool inside = row >= 0 && row < source_rows;
      CHECK(call.result<int32_t>(1)[b] == (inside ? -1 : 0x7fffffff));
      for (int64_t i = 0; i < columns; ++i) {
        float value = inside ? static_cast<float>(source[static_cast<size_t>(row * columns + i)]) : 0.0f;
        int64_t at = b * columns + i;
        float expected = inside ? std::fma(value, 0.3f, -0.7f) : 0.0f;
        CHECK(labels ? call.result<int32_t>(0)[at] == static_cast<int32_t>(value)
                     : same_bits(call.result<float>(0)[at], expected));
      }
    }
  }
}

void test_gather_guards() {
  Call call("gatherRows");
  std::vector<float> source(4 * 37, 1.0f);
  source[37 + 36] = kNan, source[2 * 37 + 5] = -kInf, source[2 * 37 + 20] = kNan, source[3 * 37] = kInf;
  call.in(kF32, {4, 37}).set(source);
  call.in(kI32, {5}).set<int32_t>({0, 1, 2, 3, 4});
  call.out(kF32, {5, 37});
  call.out(kI32, {5});
  call.attribute(0.0f), call.attribute(1.0f);
  call.run();
  const int32_t* guard = call.result<int32_t>(1);
  CHECK(guard[0] == -1 && guard[1] == 36 && guard[2] == 5 && guard[3] == 0 && guard[4] == 0x7fffffff);

  Call labels("gatherLabels");
  labels.in(kF32, {2, 4}).set<float>({1, -2147483648.0f, -0.0f, 7, 3, 0.5f, 2147483648.0f, kNan});
  labels.in(kI32, {3}).set<int32_t>({1, 0, 1});
  labels.out(kI32, {3, 4});
  labels.out(kI32, {3});
  labels.run();
  const int32_t* y = labels.result<int32_t>(0);
  guard = labels.result<int32_t>(1);
  CHECK(guard[0] == 1 && guard[1] == -1 && guard[2] == 1);
  CHECK(y[0] == 3 && y[1] == 0 && y[2] == 0 && y[3] == 0);
  CHECK(y[4] == 1 && y[5] == std::numeric_limits<int32_t>::min() && y[6] == 0 && y[7] == 7);
}

void test_classes(int64_t rows, int64_t classes) {
  Numbers numbers(static_cast<uint32_t>(rows + classes));
  std::vector<int32_t> labels;
  for (int64_t b = 0; b < rows; ++b) labels.push_back(numbers.below(classes + 2) - 1);
  Call pick("pickClass"), scatter("scatterClass"), apart("subtractOneHot"), within("subtractOneHot");
  Call scaled("subtractOneHot");
  Operand& x = pick.in(kF32, {rows, classes});
  numbers.fill(x);
  std::vector<float> values(x.as<float>(), x.as<float>() + rows * classes);
  Operand& y = scatter.in(kF32, {rows});
  numbers.fill(y);
  apart.in(kF32, {rows, classes}).set(values);
  within.in(kF32, {rows, classes}).set(values);
  scaled.in(kF32, {rows, classes}).set(values);
  for (Call* call : {&pick, &scatter, &apart, &within, &scaled}) call->in(kI32, {rows}).set(labels);
  for (Call* call : {&apart, &within}) call->in(kF32, {}).set<float>({-0.3f});
  Operand& scales = scaled.in(kF32, {rows});
  numbers.fill(scales);
  pick.out(kF32, {rows});
  pick.out(kI32, {rows});
  scatter.out(kF32, {rows, classes});
  scatter.attribute(static_cast<int32_t>(classes));
  apart.out(kF32, {rows, classes});
  within.out(kF32, {rows, classes}, 0);
  scaled.out(kF32, {rows, classes});
  for (Call* call : {&pick, &scatter, &apart, &within, &scaled}) call->run();
  CHECK(apart.results[0] == within.results[0]);
  for (int64_t b = 0; b < rows; ++b) {
    int32_t label = labels[static_cast<size_t>(b)];
    bool inside = label >= 0 && label < classes;
    CHECK(pick.result<int32_t>(1)[b] == (inside ? -1 : label < 0 ? 0x7fffffff : label));
    CHECK(pick.result<float>(0)[b] == (inside ? values[static_cast<size_t>(b * classes + label)] : 0.0f));
    for (int64_t i = 0; i < classes; ++i) {
      float p = values[static_cast<size_t>(b * classes + i)];
      CHECK(scatter.result<float>(0)[b * classes + i] == (i == label ? y.as<float>()[b] : 0.0f));
      float q = i == label ? p - 1.0f : p;
      CHECK(apart.result<float>(0)[b * classes + i] == q * -0.3f);
      CHECK(scaled.result<float>(0)[b * classes + i] == q * scales.as<float>()[b]);
    }
  }
}

void test_finite() {
  for (int64_t n : {0, 1, 15, 17, 63, 64, 65, 4095, 4096, 4097, 9000}) {
    for (int64_t bad : {int64_t{-1}, int64_t{0}, n / 2, n - 1}) {
      if (bad >= n) continue;
      Call call("finite");
      Operand& x = call.in(kF32, {n});
      Numbers(3).fill(x);
      for (int64_t i = 0; i < n; i += 7) x.as<float>()[i] = i % 2 ? 3.4e38f : 1e-42f;
      if (bad >= 0) x.as<float>()[bad] = bad % 2 ? kNan : -kInf;
      int64_t chunks = (n + 4095) / 4096;
      call.out(kI32, {chunks});
      call.run();
      for (int64_t i = 0; i < chunks; ++i) {
        CHECK(call.result<int32_t>(0)[i] == (bad >= 0 && bad / 4096 == i ? bad : -1));
      }
    }
  }
}

void test_finite_each() {
  Call call("finiteEach");
  for (const float bad : {0.0f, kNan, kInf, -kInf}) call.in(kF32, {9}).as<float>()[7] = bad;
  call.in(kF32, {});
  call.in(kF32, {0});
  call.out(kI32, {6});
  call.run();
  const int32_t* guard = call.result<int32_t>(0);
  const int32_t expected[] = {-1, 7, 7, 7, -1, -1};
  for (int i = 0; i < 6; ++i) CHECK(guard[i] == expected[i]);
}

void test_stop() {
  for (uint8_t value : {0, 1, 255}) {
    Call call("stopIf");
    *call.in(Dtype::boolean, {}).as<uint8_t>() = value;
    call.out(kI32, {1});
    call.run();
    CHECK(call.result<int32_t>(0)[0] == (value == 0 ? -1 : 0));
  }
}

void test_rows() {
  for (int64_t columns : {0, 1, 3, 15, 16, 17, 784, 785}) {
    test_gather<float>(kF32, 9, columns, 5);
    test_gather<uint8_t>(kU8, 9, columns, 37);
    test_gather<int32_t>(kI32, 9, columns, 1);
  }
  test_gather<float>(kF32, 100, 2, 5000);
  test_gather<uint8_t>(kU8, 100, 5, 0);
  test_gather_guards();
  for (int64_t classes : {1, 10, 16, 33}) {
    for (int64_t rows : {0, 1, 31, 1500}) test_classes(rows, classes);
  }
}

}  // namespace

void test_rows_and_reductions() {
  test_reductions();
  test_total();
  test_softmaxes();
  test_rows();
  test_finite();
  test_finite_each();
  test_stop();
}

}  // namespace chainrule
