// Maps whose operands lie in memory as their ops take them: of one step, bools as bytes among them, and of
// steps that are one chain.
#include <deque>
#include <string>

#include "map_run.h"

namespace chainrule {
namespace {

// The row whose signature begins so, by which the type of its operands is chosen.
int32_t row_of(const std::string& begin) {
  const KernelTable& table = **tables_here().begin();
  for (int32_t row = 0; row < table.map_count; ++row) {
    const std::string signature = table.map_ops[row].signature;
    if (signature.compare(0, begin.size(), begin) == 0) return row;
  }
  CHECK(false);
  return -1;
}

double number(const Operand& operand, int64_t i) {
  if (operand.tensor.dtype != Dtype::int32) return static_cast<double>(read(operand, i));
  return static_cast<const int32_t*>(operand.tensor.data)[i];
}

// Ops over operands as they lie in memory, where a bool is a byte.
using Formula = double (*)(double a, double b, double c);
struct StoredRule {
  std::string row;
  std::vector<Dtype> operands;
  Dtype result;
  Formula formula;
};
constexpr Dtype kReal = Dtype::float32, kInteger = Dtype::int32, kBool = Dtype::boolean;

std::vector<StoredRule> stored_rules() {
  const Formula same = [](double a, double, double) { return a; };
  const Formula is_true = [](double a, double, double) -> double { return a != 0; };
  const Formula larger = [](double a, double b, double) { return a > b ? a : b; };
  const Formula select = [](double a, double b, double c) { return a != 0 ? b : c; };
  const Formula differ = [](double a, double b, double) -> double { return a != b; };
  std::vector<StoredRule> rules = {
      {"logicalAnd", {kBool, kBool}, kBool, [](double a, double b, double) -> double { return a * b; }},
      {"logicalOr", {kBool, kBool}, kBool, [](double a, double b, double) -> double { return a + b > 0; }},
      {"logicalXor", {kBool, kBool}, kBool, differ},
      {"logicalNot", {kBool}, kBool, [](double a, double, double) -> double { return a == 0; }},
      {"isNaN", {kReal}, kBool, [](double a, double, double) -> double { return a != a; }},
      {"isFinite", {kReal}, kBool, [](double a, double, double) -> double { return std::isfinite(a); }},
      {"cast(x: f32) -> y: bool", {kReal}, kBool, is_true},
      {"cast(x: i32) -> y: bool", {kInteger}, kBool, is_true},
      {"cast(x: bool) -> y: f32", {kBool}, kReal, same},
      {"cast(x: bool) -> y: i32", {kBool}, kInteger, same},
      {"cast(x: bool) -> y: bool", {kBool}, kBool, same},
      {"broadcastTo(x: bool", {kBool}, kBool, same},
      {"neg(x: i32", {kInteger}, kInteger, [](double a, double, double) { return -a; }},
      {"maximum(a: i32", {kInteger, kInteger}, kInteger, larger},
      {"select(condition: bool, a: f32", {kBool, kReal, kReal}, kReal, select},
      {"select(condition: bool, a: i32", {kBool, kInteger, kInteger}, kInteger, select},
      {"select(condition: bool, a: bool", {kBool, kBool, kBool}, kBool, select}};
  const std::pair<const char*, Formula> comparisons[] = {
      {"greater", [](double a, double b, double) -> double { return a > b; }},
      {"greaterEqual", [](double a, double b, double) -> double { return a >= b; }},
      {"less", [](double a, double b, double) -> double { return a < b; }},
      {"lessEqual", [](double a, double b, double) -> double { return a <= b; }},
      {"equal", [](double a, double b, double) -> double { return a == b; }},
      {"notEqual", differ}};
  for (const auto& [name, formula] : comparisons) {
    for (const Dtype type : {kReal, kInteger, kBool}) {
      const char* spelling = kDtypes[static_cast<int32_t>(type)].spelling;
      rules.push_back({std::string(name) + "(a: " + spelling, {type, type}, kBool, formula});
    }
  }
  return rules;
}

// Numbers of which some are equal, among floats all kinds, among integers those that no float32 tells apart.
constexpr int32_t kLarge = 1073741823;
void fill_stored(Operand& operand, Numbers& numbers) {
  const float special[] = {0.0f, -0.0f, 1.0f, kInf, -kInf, kNan, 1e-40f, -3e38f};
  for (int64_t i = 0; i < operand.tensor.count; ++i) {
    const uint32_t bits = numbers.bits() >> 8;
    if (operand.tensor.dtype == kReal) {
      operand.as<float>()[i] = bits % 3 == 0 ? special[bits / 3 % 8] : numbers.next();
    } else if (operand.tensor.dtype == kInteger) {
      const int32_t choice = static_cast<int32_t>(bits % 6);
      operand.as<int32_t>()[i] = (choice / 2 - 1) * kLarge + choice % 2;
    } else {
      operand.as<uint8_t>()[i] = bits & 1;
    }
  }
}

void expect_stored(const StoredRule& rule, int64_t n, int alias, std::vector<Operand*> inputs,
                   const std::vector<int32_t>& words, const std::vector<double>& expected) {
  Operand out(rule.result, {n}, 2);
  for (const KernelTable* table : tables_here()) {
    for (bool backwards : {false, true}) {
      Operand* target = alias < 0 ? &out : inputs[static_cast<size_t>(alias)];
      const std::vector<uint8_t> before(target->as<uint8_t>(), target->as<uint8_t>() + target->size);
      KernelRun{"map", &out, inputs, words, alias}.run(*table, backwards);
      bool same = true;
      for (size_t i = 0; i < expected.size(); ++i) {
        const double found = number(*target, static_cast<int64_t>(i));
        if (rule.result == kReal) {
          same = same && same_bits(static_cast<float>(found), static_cast<float>(expected[i]));
        } else {
          same = same && found == expected[i];
        }
      }
      const char* row = rule.row.c_str();
      if (!CHECK(same)) std::fprintf(stderr, "  %s of %d on %s\n", row, static_cast<int>(n), table->isa);
      if (!before.empty()) std::memcpy(target->tensor.data, before.data(), before.size());
    }
  }
}

void test_stored() {
  for (const StoredRule& rule : stored_rules()) {
    for (const int64_t n : {0, 1, 15, 16, 17, 31, 63, 64, 65, 130, 513, 4097, 9001}) {
      Numbers numbers(static_cast<uint32_t>(n) + 1);
      std::deque<Operand> operands;
      std::vector<Operand*> inputs;
      for (const Dtype dtype : rule.operands) {
        const auto skew = static_cast<int64_t>(2 * inputs.size() + 1);
        inputs.push_back(&operands.emplace_back(dtype, std::vector<int64_t>{n}, skew));
        fill_stored(*inputs.back(), numbers);
      }
      std::vector<double> expected;
      for (int64_t i = 0; i < n; ++i) {
        double x[3] = {};
        for (size_t k = 0; k < inputs.size(); ++k) x[k] = number(*inputs[k], i);
        expected.push_back(rule.formula(x[0], x[1], x[2]));
      }
      const auto arity = static_cast<int32_t>(inputs.size());
      int32_t integers = 0;
      for (int32_t k = 0; k < arity; ++k) {
        if (rule.operands[static_cast<size_t>(k)] == kInteger) integers |= 1 << k;
      }
      const int32_t second = arity > 1 ? 1 : -1, third = arity > 2 ? 2 : -1;
      const std::vector<int32_t> words = {0, integers, 1, 1, row_of(rule.row), 0, 0, second, third};
      expect_stored(rule, n, -1, inputs, words, expected);
      for (int alias = 0; alias < arity; ++alias) {
        const bool fits = bytes_of(rule.operands[static_cast<size_t>(alias)]) == bytes_of(rule.result);
        if (fits) expect_stored(rule, n, alias, inputs, words, expected);
      }
    }
  }
}

// One operand is the same for all elements: a constant of the program, or an array of one element.
void test_stored_beside_scalars() {
  const StoredRule greater = {"greater(a: f32", {kReal, kReal}, kBool, nullptr};
  const StoredRule select = {"select(condition: bool, a: f32", {kBool, kReal, kReal}, kReal, nullptr};
  for (const int64_t n : {1, 17, 512, 513, 9001}) {
    Numbers numbers(7);
    Operand x(kReal, {n}, 1), flags(kBool, {n}, 3), one(kReal, {1}, 0), flag(kBool, {1}, 0);
    for (Operand* operand : {&x, &flags}) fill_stored(*operand, numbers);
    one.as<float>()[0] = 0.25f;
    flag.as<uint8_t>()[0] = 1;
    std::vector<double> above, chosen, all;
    for (int64_t i = 0; i < n; ++i) {
      above.push_back(number(x, i) > 0.25);
      chosen.push_back(number(flags, i) != 0 ? number(x, i) : 0.25);
      all.push_back(number(x, i));
    }
    const int32_t by = row_of(greater.row), pick = row_of(select.row);
    expect_stored(greater, n, -1, {&x}, {1, bits_of(0.25f), 0, 1, 1, by, 0, 0, 1, -1}, above);
    expect_stored(greater, n, -1, {&x, &one}, {0, 0, 1, 1, by, 0, 0, 1, -1}, above);
    expect_stored(select, n, -1, {&flags, &x}, {1, bits_of(0.25f), 0, 1, 1, pick, 0, 0, 1, 2}, chosen);
    expect_stored(select, n, 1, {&flags, &x, &one}, {0, 0, 1, 1, pick, 0, 0, 1, 2}, chosen);
    expect_stored(select, n, -1, {&flag, &x, &one}, {0, 0, 1, 1, pick, 0, 0, 1, 2}, all);
  }
}

// Both bounds are the same for all elements, or one of them is; a NaN bounds nothing.
void test_between_scalars() {
  const Formula clip = [](double a, double b, double c) { return a < b ? b : c < a ? c : a; };
  const StoredRule real = {"clip(x: f32", {kReal, kReal, kReal}, kReal, clip};
  const StoredRule whole = {"clip(x: i32", {kInteger, kInteger, kInteger}, kInteger, clip};
  for (const int64_t n : {1, 15, 17, 512, 513, 9001}) {
    Numbers numbers(5);
    Operand x(kReal, {n}, 1), lows(kReal, {n}, 3), one(kReal, {1}, 0), wholes(kInteger, {n}, 1);
    for (Operand* operand : {&x, &lows, &wholes}) fill_stored(*operand, numbers);
    one.as<float>()[0] = 0.5f;
    const auto expected = [&](const StoredRule& rule, const Operand& of, double low, double high) {
      std::vector<double> all;
      for (int64_t i = 0; i < n; ++i) all.push_back(rule.formula(number(of, i), low, high));
      return all;
    };
    const int32_t by = row_of(real.row), of_wholes = row_of(whole.row);
    for (const float low : {-0.5f, 2.0f, -0.0f, kNan}) {
      const std::vector<double> all = expected(real, x, low, 0.5);
      for (const int alias : {-1, 0}) {
        expect_stored(real, n, alias, {&x}, {2, bits_of(low), bits_of(0.5f), 0, 1, 1, by, 0, 0, 1, 2}, all);
        expect_stored(real, n, alias, {&x, &one}, {1, bits_of(low), 0, 1, 1, by, 0, 0, 2, 1}, all);
      }
    }
    const std::vector<double> few = expected(whole, wholes, -kLarge + 1, 1);
    const std::vector<int32_t> bounds = {2, -kLarge + 1, 1, 7, 1, 1, of_wholes, 0, 0, 1, 2};
    for (const int alias : {-1, 0}) expect_stored(whole, n, alias, {&wholes}, bounds, few);
    std::vector<double> beside;
    for (int64_t i = 0; i < n; ++i) beside.push_back(clip(number(x, i), number(lows, i), 0.5));
    expect_stored(real, n, -1, {&x, &lows}, {1, bits_of(0.5f), 0, 1, 1, by, 0, 0, 1, 2}, beside);
  }
}

// A chain over whole operands, constants and an array of one element, of which a constant comes first.
void test_whole_chain() {
  for (const int64_t n : {1, 100, 127, 128, 129, 513, 4097, 9001}) {
    Numbers numbers(11);
    Operand x(kReal, {n}, 1), g(kReal, {n}, 3), one(kReal, {1}, 0), out(kReal, {n}, 2);
    for (Operand* operand : {&x, &g}) fill_stored(*operand, numbers);
    one.as<float>()[0] = 0.75f;
    std::vector<float> expected, clipped;
    for (int64_t i = 0; i < n; ++i) {
      const float own = x.as<float>()[i], other = g.as<float>()[i];
      expected.push_back(smaller(larger(1.5f, (1.5f - own) * other), 4.0f) / 0.75f);
      clipped.push_back(smaller(larger(own, 1.5f), 4.0f));
    }
    // Registers: x 0, g 1, one 2, constants 3 and 4, tile 5.
    const std::vector<int32_t> words = words_of({1.5f, 4.0f}, 1, {{"sub", 0, 3, 0, -1},
                                                                 {"mul", 0, 5, 1, -1},
                                                                 {"maximum", 0, 3, 5, -1},
                                                                 {"minimum", 0, 5, 4, -1},
                                                                 {"div", 0, 5, 2, -1}});
    for (const int alias : {-1, 0, 1}) {
      expect({"map", &out, {&x, &g, &one}, words, alias}, expected, "whole chain");
    }
    const std::vector<int32_t> clip =
        words_of({1.5f, 4.0f}, 1, {{"maximum", 0, 0, 1, -1}, {"minimum", 0, 3, 2, -1}});
    for (const int alias : {-1, 0}) expect({"map", &out, {&x}, clip, alias}, clipped, "clip");
    // Of constants alone, and of one that goes on beside what moves.
    const std::vector<int32_t> constant =
        words_of({1.5f, 4.0f}, 1, {{"sub", 0, 1, 2, -1}, {"mul", 0, 3, 1, -1}});
    expect({"map", &out, {&x}, constant}, std::vector<float>(static_cast<size_t>(n), -3.75f), "constants");
  }
}

}  // namespace

void test_direct_maps() {
  test_stored();
  test_stored_beside_scalars();
  test_between_scalars();
  test_whole_chain();
}

}  // namespace chainrule
