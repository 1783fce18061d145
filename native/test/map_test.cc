// The fused map: every op, ways to broadcast, dtypes in and out, programs of many steps, bad programs.
#include <algorithm>

#include "map_run.h"

namespace chainrule {
namespace {

constexpr Dtype kTypes[] = {Dtype::float32, Dtype::int32, Dtype::uint8, Dtype::boolean};
void fill(Operand& operand, Numbers& numbers) {
  for (int64_t i = 0; i < operand.tensor.count; ++i) {
    switch (operand.tensor.dtype) {
      case Dtype::float32: operand.as<float>()[i] = numbers.next(); break;
      case Dtype::int32: operand.as<int32_t>()[i] = static_cast<int32_t>(numbers.bits()); break;
      case Dtype::uint8: operand.as<uint8_t>()[i] = static_cast<uint8_t>(numbers.bits()); break;
      default: operand.as<uint8_t>()[i] = numbers.bits() >> 7 & 1;
    }
  }
}

// Element i of the result reads this element of the operand.
int64_t source_of(const Tensor& from, const Tensor& to, int64_t i) {
  int64_t at = 0, stride = 1;
  for (int32_t axis = 1; axis <= to.rank; ++axis) {
    int64_t position = i % to.dims[to.rank - axis];
    i /= to.dims[to.rank - axis];
    if (axis > from.rank) continue;
    int64_t size = from.dims[from.rank - axis];
    if (size != 1) at += position * stride;
    stride *= size;
  }
  return at;
}

struct Rule {
  const char* op;
  int operands;
  float (*result)(float a, float b, float c);
};
const Rule kRules[] = {
    {"neg", 1, [](float a, float, float) { return -a; }},
    {"abs", 1, [](float a, float, float) { return std::fabs(a); }},
    {"sign", 1, [](float a, float, float) { return a != a ? a : static_cast<float>((a > 0) - (a < 0)); }},
    {"square", 1, [](float a, float, float) { return a * a; }},
    {"sqrt", 1, [](float a, float, float) { return std::sqrt(a); }},
    {"relu", 1, [](float a, float, float) { return a < 0 ? 0.0f : a; }},
    {"add", 2, [](float a, float b, float) { return a + b; }},
    {"sub", 2, [](float a, float b, float) { return a - b; }},
    {"mul", 2, [](float a, float b, float) { return a * b; }},
    {"div", 2, [](float a, float b, float) { return a / b; }},
    {"maximum", 2, [](float a, float b, float) { return larger(a, b); }},
    {"minimum", 2, [](float a, float b, float) { return smaller(a, b); }},
    {"greater", 2, [](float a, float b, float) { return static_cast<float>(a > b); }},
    {"greaterEqual", 2, [](float a, float b, float) { return static_cast<float>(a >= b); }},
    {"less", 2, [](float a, float b, float) { return static_cast<float>(a < b); }},
    {"lessEqual", 2, [](float a, float b, float) { return static_cast<float>(a <= b); }},
    {"equal", 2, [](float a, float b, float) { return static_cast<float>(a == b); }},
    {"notEqual", 2, [](float a, float b, float) { return static_cast<float>(a != b); }},
    {"logicalAnd", 2, [](float a, float b, float) { return static_cast<float>(a != 0 && b != 0); }},
    {"logicalOr", 2, [](float a, float b, float) { return static_cast<float>(a != 0 || b != 0); }},
    {"logicalNot", 1, [](float a, float, float) { return static_cast<float>(a == 0); }},
    {"select", 3, [](float a, float b, float c) { return a != 0 ? b : c; }},
    {"cast", 1, [](float a, float, float) { return a; }},
    {"broadcastTo", 1, [](float a, float, float) { return a; }},
};

// Each op alone, on ordinary numbers and on all pairs of special ones, with sizes around vectors, tiles and
// tasks.
void test_ops() {
  const float special[] = {0.0f, -0.0f, 1.0f, -1.5f, kInf, -kInf, kNan, 1e-40f, -1e-40f, 3e38f, -3e38f};
  for (const Rule& rule : kRules) {
    for (int64_t n : {0, 1, 15, 16, 17, 130, 511, 512, 513, 4097, 9001}) {
      Numbers numbers(static_cast<uint32_t>(n));
      Operand x(Dtype::float32, {n}, 1), y(Dtype::float32, {n}, 3), z(Dtype::float32, {n}, 0);
      Operand out(Dtype::float32, {n}, 2);
      for (Operand* operand : {&x, &y, &z}) fill(*operand, numbers);
      for (int64_t i = 0; i < std::min<int64_t>(n, 121); ++i) {
        x.as<float>()[i] = special[i / 11];
        y.as<float>()[i] = special[i % 11];
      }
      std::vector<float> expected;
      for (int64_t i = 0; i < n; ++i) {
        expected.push_back(rule.result(x.as<float>()[i], y.as<float>()[i], z.as<float>()[i]));
      }
      std::vector<Operand*> inputs = {&x, &y, &z};
      inputs.resize(static_cast<size_t>(rule.operands));
      Step step = {rule.op, 0, 0, rule.operands > 1 ? 1 : -1, rule.operands > 2 ? 2 : -1};
      for (int alias = -1; alias < rule.operands; ++alias) {
        expect({"map", &out, inputs, words_of({}, 1, {step}), alias}, expected, rule.op);
      }
    }
  }
}

// a + b with b broadcast along some axes, of every dtype that is converted to float32 when it is read.
void test_broadcast() {
  using Dims = std::vector<int64_t>;
  const std::pair<Dims, Dims> shapes[] = {
      {{130, 10}, {10}},
      {{130, 10}, {130, 1}},
      {{33, 784}, {784}},
      {{33, 784}, {33, 1}},
      {{33, 784}, {1}},
      {{33, 784}, {}},
      {{33, 784}, {1, 1, 784}},
      {{3, 1, 700}, {5, 1}},
      {{5, 7, 11, 13}, {7, 1, 13}},
      {{5, 7, 11, 13}, {5, 1, 11, 1}},
      {{2, 3, 4, 5, 6, 7}, {3, 1, 5, 1, 7}},
      {{0, 4}, {4}},
      {{4, 0}, {4, 1}},
      {{1, 1}, {1}},
      {{600, 1}, {1, 3}},
  };
  for (const auto& [left, right] : shapes) {
    Dims joined(std::max(left.size(), right.size()), 1);
    for (const Dims& dims : {left, right}) {
      for (size_t i = 0; i < dims.size(); ++i) {
        int64_t& size = joined[joined.size() - 1 - i];
        if (dims[dims.size() - 1 - i] != 1) size = dims[dims.size() - 1 - i];
      }
    }
    for (Dtype dtype : kTypes) {
      Numbers numbers(5);
      Operand a(Dtype::float32, left, 1), b(dtype, right, 3), out(Dtype::float32, joined, 2);
      fill(a, numbers);
      fill(b, numbers);
      std::vector<float> expected;
      for (int64_t i = 0; i < out.tensor.count; ++i) {
        expected.push_back(read(a, source_of(a.tensor, out.tensor, i)) +
                           read(b, source_of(b.tensor, out.tensor, i)));
      }
      expect({"map", &out, {&a, &b}, words_of({}, 1, {{"add", 0, 0, 1, -1}})}, expected, "broadcast");
    }
  }
}

float stored(float x, Dtype dtype) {
  if (dtype == Dtype::float32) return x;
  if (dtype == Dtype::boolean) return x != 0 ? 1.0f : 0.0f;
  if (x != x) return 0;
  const double low = dtype == Dtype::uint8 ? 0 : -2147483648.0;
  const double high = dtype == Dtype::uint8 ? 255 : 2147483647.0;
  return static_cast<float>(static_cast<int64_t>(std::min(std::max<double>(x, low), high)));
}

void test_stores() {
  const float values[] = {0.0f,  -0.0f,  0.9f,   -0.9f, 1.5f,  -1.5f, 254.9f, 255.0f,         256.0f,
                          -1.0f, kNan,   kInf,   -kInf, 2e9f,  3e9f,  -3e9f,  2147483648.0f,  -2147483648.0f,
                          1e30f, 1e-40f, 7.999f, 100.f, -7.9f, 16777217.f};
  for (int64_t n : {1, 7, 16, 24, 600}) {
    Operand x(Dtype::float32, {n}, 1);
    for (int64_t i = 0; i < n; ++i) x.as<float>()[i] = values[i % 24];
    for (Dtype dtype : kTypes) {
      Operand out(dtype, {n}, 3);
      std::vector<float> expected;
      for (int64_t i = 0; i < n; ++i) expected.push_back(stored(x.as<float>()[i], dtype));
      expect({"map", &out, {&x}, words_of({}, 1, {{"cast", 0, 0, -1, -1}})}, expected, "store");
    }
  }
}

// Constants, reused tiles and an operand that is read twice: max((x*x + 2) / (|x*x| + 0.5), bias).
void test_program() {
  for (int64_t rows : {1, 3, 200}) {
    Operand x(Dtype::float32, {rows, 37}, 1), bias(Dtype::float32, {37}, 2);
    Operand out(Dtype::float32, {rows, 37}, 0);
    Numbers numbers(3);
    fill(x, numbers);
    fill(bias, numbers);
    std::vector<float> expected;
    for (int64_t i = 0; i < rows * 37; ++i) {
      float square = x.as<float>()[i] * x.as<float>()[i];
      expected.push_back(larger((square + 2.0f) / (std::fabs(square) + 0.5f), bias.as<float>()[i % 37]));
    }
    // Registers: x 0, bias 1, constants 2 and 3, tiles 4 and 5.
    std::vector<int32_t> words = words_of({2.0f, 0.5f}, 2, {{"mul", 0, 0, 0, -1},
                                                            {"abs", 1, 4, -1, -1},
                                                            {"add", 1, 5, 3, -1},
                                                            {"add", 0, 4, 2, -1},
                                                            {"div", 1, 4, 5, -1},
                                                            {"maximum", 0, 5, 1, -1}});
    expect({"map", &out, {&x, &bias}, words}, expected, "program");
    expect({"map", &out, {&x, &bias}, words, 0}, expected, "program in place");
  }
}

// Each step takes up what the one before made, as either operand: by every op that passes it on in registers,
// and one that does not.
void test_chain() {
  for (const int64_t rows : {1, 7, 96, 700}) {
    Operand x(Dtype::float32, {rows, 32}, 1), g(Dtype::float32, {rows, 32}, 3), row(Dtype::float32, {32}, 2);
    Operand out(Dtype::float32, {rows, 32}, 0);
    Numbers numbers(9);
    for (Operand* operand : {&x, &g, &row}) fill(*operand, numbers);
    if (rows > 1) {
      const float special[] = {0.0f, -0.0f, kInf, -kInf, kNan, 1e-40f};
      for (int64_t i = 0; i < 72; ++i) {
        x.as<float>()[i] = special[i % 6];
        g.as<float>()[i] = special[i / 6 % 6];
      }
    }
    std::vector<float> expected;
    for (int64_t i = 0; i < rows * 32; ++i) {
      const float own = x.as<float>()[i], other = g.as<float>()[i], along = row.as<float>()[i % 32];
      const float size = std::fabs((own - along) * along), square = (size + other) * (size + other);
      const float top = larger(2.0f - -square, other), quotient = other / smaller(along, top);
      const float kept = own > 0 ? quotient : 0.0f, masked = 0 < kept && kept < 6 ? own : 0.0f;
      const float last = masked < 0 ? 0.0f : masked;
      expected.push_back(last > 6 ? 6.0f : last);
    }
    // Registers: x 0, g 1, row 2, constant 3, tile 4.
    const std::vector<int32_t> words = words_of({2.0f}, 1, {{"sub", 0, 0, 2, -1},
                                                           {"mul", 0, 4, 2, -1},
                                                           {"abs", 0, 4, -1, -1},
                                                           {"add", 0, 4, 1, -1},
                                                           {"square", 0, 4, -1, -1},
                                                           {"neg", 0, 4, -1, -1},
                                                           {"sub", 0, 3, 4, -1},
                                                           {"maximum", 0, 4, 1, -1},
                                                           {"minimum", 0, 2, 4, -1},
                                                           {"div", 0, 1, 4, -1},
                                                           {"reluGrad", 0, 4, 0, -1},
                                                           {"relu6Grad", 0, 0, 4, -1},
                                                           {"relu", 0, 4, -1, -1},
                                                           {"relu6", 0, 4, -1, -1}});
    for (const int alias : {-1, 0, 1}) expect({"map", &out, {&x, &g, &row}, words, alias}, expected, "chain");
  }
}

void test_refused_programs() {
  Operand x(Dtype::float32, {4, 8}, 0), row(Dtype::float32, {8}, 0), odd(Dtype::float32, {3}, 0);
  Operand large(Dtype::float32, {2, 4, 8}, 0), out(Dtype::float32, {4, 8}, 0);
  const KernelTable& table = **tables_here().begin();
  const auto refused = [&](std::vector<Operand*> inputs, std::vector<int32_t> words) {
    KernelRun run = {"map", &out, inputs, words};
    return run.refusal(table) != nullptr;
  };
  const std::vector<int32_t> good = words_of({1.0f}, 2, {{"add", 0, 0, 1, -1}, {"mul", 1, 3, 2, -1}});
  CHECK(!refused({&x, &row}, good));
  CHECK(refused({&x, &odd}, good));
  CHECK(refused({&x, &large}, good));
  CHECK(refused(std::vector<Operand*>(13, &x), good));
  CHECK(refused({&x, &row}, {}));
  for (size_t length = 0; length < good.size(); ++length) {
    std::vector<int32_t> shorter = good;
    shorter.resize(length);
    CHECK(refused({&x, &row}, shorter));
  }
  std::vector<int32_t> longer = good;
  longer.push_back(0);
  CHECK(refused({&x, &row}, longer));
  // Every word but the constant, one after another, is replaced by numbers that are not allowed there.
  for (size_t i = 0; i < good.size(); ++i) {
    if (i == 1) continue;
    for (int32_t bad : {-2147483647 - 1, -2, 99, 1 << 20, 2147483647}) {
      std::vector<int32_t> words = good;
      words[i] = bad;
      CHECK(refused({&x, &row}, words));
    }
  }
  CHECK(refused({&x, &row}, words_of({1.0f}, 2, {{"add", 0, 0, 4, -1}})));   // reads a tile that is empty
  CHECK(refused({&x, &row}, words_of({1.0f}, 1, {{"add", 1, 0, 1, -1}})));   // writes no tile
  CHECK(refused({&x, &row}, words_of({1.0f}, 1, {{"neg", 0, 0, 1, -1}})));   // an operand too many
  CHECK(refused({&x, &row}, words_of({1.0f}, 1, {{"add", 0, 0, -1, -1}})));  // one too few
  CHECK(refused({&x, &row}, words_of({1.0f}, 9, {{"add", 0, 0, 1, -1}})));
  CHECK(refused({&x, &row}, words_of({}, 1, std::vector<Step>(65, {"neg", 0, 0, -1, -1}))));
  CHECK(refused({&x, &row}, words_of(std::vector<float>(17, 1.0f), 1, {{"neg", 0, 0, -1, -1}})));
  // Ops of int32 read registers that hold it, and no float32 is read as one.
  Operand whole(Dtype::int32, {4, 8}, 0), half(Dtype::float16, {4, 8}, 0);
  std::vector<int32_t> bitwise = words_of({}, 1, {{"bitwiseNot", 0, 0, -1, -1}});
  CHECK(refused({&whole}, bitwise));
  bitwise[1] = 1;
  CHECK(!refused({&whole}, bitwise));
  CHECK(refused({&x}, bitwise));
  CHECK(refused({&half}, bitwise));
  bitwise[1] = 3;
  CHECK(refused({&whole}, bitwise));
}

}  // namespace

void test_maps() {
  test_ops();
  test_broadcast();
  test_stores();
  test_program();
  test_chain();
  test_refused_programs();
}

}  // namespace chainrule
