// Elementary functions against double: the error bounds that simd/math.h states, special values, and the same
// bits on every instruction set. Deep mode tests every 64th of all floats.
#include <algorithm>
#include <limits>

#include "run.h"

namespace chainrule {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

// The value of the last place of a float near `exact`.
double last_place(double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  return std::ldexp(1.0, std::max(exponent - 24, -149));
}

double distance(float got, double exact) {
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) && std::isnan(got) ? 0 : kInfinite;
  if (static_cast<double>(got) == exact) return 0;
  // Beyond the largest float infinity is correct, and so is the largest float within the bound.
  const double largest = std::numeric_limits<float>::max();
  if (std::isinf(got)) return std::fabs(exact) > largest && (got > 0) == (exact > 0) ? 0 : kInfinite;
  return std::fabs(got - exact) / last_place(exact);
}

struct Function {
  const char* name;
  double (*exact)(double);
  double bound;     // in last places
  uint32_t digest;  // of the results of the coarse sweep: the same on every machine
};

double exact_sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double exact_softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
double exact_log(double x) { return x == 0 ? -kInfinite : std::log(x); }

constexpr Function kFunctions[] = {
    {"exp", [](double x) { return std::exp(x); }, 1.1, 0xd559041a},
    {"expm1", [](double x) { return std::expm1(x); }, 1.6, 0x998928ff},
    {"erf", [](double x) { return std::erf(x); }, 1.5, 0x29098e9b},
    {"log", exact_log, 1.0, 0x5d80c9b8},
    {"tanh", [](double x) { return std::tanh(x); }, 2.5, 0x16629943},
    {"sigmoid", exact_sigmoid, 2.5, 0x31d63ffa},
    {"softplus", exact_softplus, 2.0, 0xb6bbefbc},
    {"sqrt", [](double x) { return std::sqrt(x); }, 0.5, 0xef5a025f},
    {"log1p", [](double x) { return std::log1p(x); }, 2.0, 0xabd3471b},
    {"log2", [](double x) { return x == 0 ? -kInfinite : std::log2(x); }, 1.5, 0xef69e53e},
    {"rsqrt", [](double x) { return x == 0 ? 1 / x : 1 / std::sqrt(x); }, 1.5, 0x1ee20943},
    {"reciprocal", [](double x) { return 1 / x; }, 0.5, 0x88dad6a8},
    {"floor", [](double x) { return std::floor(x); }, 0, 0x927ab253},
    {"ceil", [](double x) { return std::ceil(x); }, 0, 0x453c014f},
    {"round", [](double x) { return std::nearbyint(x); }, 0, 0x837f6113},
    {"sin", [](double x) { return std::sin(x); }, 1.6, 0xd140385d},
    {"cos", [](double x) { return std::cos(x); }, 1.6, 0x29d8c348},
    {"tan", [](double x) { return std::tan(x); }, 0.51, 0x81279941},
    {"asin", [](double x) { return std::asin(x); }, 2.0, 0x60a00777},
    {"acos", [](double x) { return std::acos(x); }, 1.5, 0x35d82061},
    {"atan", [](double x) { return std::atan(x); }, 1.6, 0x08acd359},
    {"sinh", [](double x) { return std::sinh(x); }, 3.0, 0xeabd3baa},
    {"cosh", [](double x) { return std::cosh(x); }, 3.0, 0x845fa4a4},
    {"asinh", [](double x) { return std::asinh(x); }, 2.5, 0x8397deac},
    {"acosh", [](double x) { return std::acosh(x); }, 2.5, 0x08887ee3},
    {"atanh", [](double x) { return std::atanh(x); }, 2.5, 0xd1311720},
};

// FNV-1a over the bits; all NaNs are treated alike.
void add_to(uint32_t* digest, const std::vector<float>& values) {
  for (float value : values) {
    uint32_t bits = 0x7fc00000;
    if (value == value) std::memcpy(&bits, &value, 4);
    *digest = (*digest ^ bits) * 16777619u;
  }
}

void compare(const Function& function, const std::vector<float>& x, uint32_t* digest) {
  std::vector<float> first;
  for (const KernelTable* table : tables_here()) {
    std::vector<float> y(x.size());
    const MapOp& op = table->map_ops[find_map_op(*table, function.name)];
    op.run(y.data(), x.data(), nullptr, nullptr, static_cast<int64_t>(x.size()));
    if (first.empty()) {
      first = y;
      add_to(digest, y);
      double worst = 0;
      size_t at = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        double off = distance(y[i], std::isnan(x[i]) ? x[i] : function.exact(x[i]));
        if (!(off <= worst)) worst = off, at = i;
      }
      if (!CHECK(worst <= function.bound)) {
        std::fprintf(stderr, "  %s(%a) = %a is %.3f off\n", function.name, x[at], y[at], worst);
      }
      continue;
    }
    bool same = true;
    for (size_t i = 0; i < x.size(); ++i) same = same && same_bits(y[i], first[i]);
    if (!CHECK(same)) std::fprintf(stderr, "  %s on %s\n", function.name, table->isa);
  }
}

// Every `step`-th of all floats, in tiles.
uint32_t sweep(const Function& function, uint32_t step) {
  uint32_t digest = 2166136261u;
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += step) {
    uint32_t word = static_cast<uint32_t>(bits);
    float value;
    std::memcpy(&value, &word, 4);
    x.push_back(value);
    if (x.size() < static_cast<size_t>(kTile)) continue;
    compare(function, x, &digest);
    x.clear();
  }
  if (!x.empty()) compare(function, x, &digest);
  return digest;
}

void test_special_values() {
  using Limits = std::numeric_limits<float>;
  const float infinity = Limits::infinity(), nan = Limits::quiet_NaN();
  const float smallest = Limits::denorm_min(), normal = Limits::min();
  const std::vector<float> values = {
      0.0f,    -0.0f,   1.0f,     -1.0f,     infinity, -infinity, nan,      smallest,  -smallest, normal,
      -normal, 88.72f,  88.7229f, -87.3f,    -103.9f,  -103.98f,  -104.0f,  0x1p-24f,  0x1p-12f,  3.4e38f,
      -3.4e38f, 0x1.fffffep-1f, 0x1.000002p+0f, 9.0f, 9.02f, -20.0f, 0x1.6a09e6p-1f, 0x1.6a09e8p+0f, 0.5f};
  uint32_t digest = 0;
  for (const Function& function : kFunctions) compare(function, values, &digest);
  for (const KernelTable* table : tables_here()) {
    const auto of = [&](const char* name, float x) {
      float y;
      table->map_ops[find_map_op(*table, name)].run(&y, &x, nullptr, nullptr, 1);
      return y;
    };
    CHECK(of("exp", -infinity) == 0 && of("exp", infinity) == infinity && of("exp", 88.73f) == infinity);
    CHECK(of("exp", -103.9f) == smallest && of("exp", 0.0f) == 1);
    CHECK(of("log", 0.0f) == -infinity && of("log", -0.0f) == -infinity && of("log", 1.0f) == 0);
    CHECK(same_bits(of("expm1", -0.0f), -0.0f) && of("expm1", -infinity) == -1);
    CHECK(of("expm1", infinity) == infinity && of("expm1", smallest) == smallest);
    CHECK(same_bits(of("erf", -0.0f), -0.0f) && of("erf", 3.92f) == 1 && of("erf", -infinity) == -1);
    CHECK(std::isnan(of("log", -1.0f)) && of("log", infinity) == infinity);
    CHECK(same_bits(of("tanh", -0.0f), -0.0f) && of("tanh", infinity) == 1 && of("tanh", 9.02f) == 1);
    CHECK(of("sigmoid", 0.0f) == 0.5f && of("sigmoid", -infinity) == 0 && of("sigmoid", infinity) == 1);
    CHECK(of("softplus", -infinity) == 0 && of("softplus", infinity) == infinity);
    CHECK(of("relu", -1.0f) == 0 && std::isnan(of("relu", nan)) && std::isnan(of("sign", nan)));
  }
}

struct BinaryFunction {
  const char* name;
  double (*exact)(float, float);
  double bound;
};

// As Python's %: the sign of the divisor; the sum is rounded as the op rounds it.
double exact_mod(float a, float b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? static_cast<float>(rest + b) : rest;
}

constexpr BinaryFunction kBinaryFunctions[] = {
    {"pow", [](float a, float b) { return std::pow(double{a}, double{b}); }, 1},
    {"atan2", [](float a, float b) { return std::atan2(double{a}, double{b}); }, 2},
    {"floorDiv", [](float a, float b) -> double { return std::floor(a / b); }, 0},
    {"mod", exact_mod, 0},
};

// Pairs of what functions treat apart, of any bits, and of numbers of moderate size.
void test_binary_functions() {
  const float infinity = std::numeric_limits<float>::infinity();
  const float special[] = {0.0f,   -0.0f,   1.0f,  -1.0f,  2.0f,    -3.0f,        0.5f,           -0.5f,
                           infinity, -infinity, NAN, 1e-40f, -1e-40f, 3e38f,        -3e38f,         7.0f,
                           -7.0f,  0x1p+24f, 31.0f, -0x1p-126f, -16777215.0f, 0x1.000002p+0f,
                           0x1.fffffep-1f};
  constexpr uint32_t kSpecial = sizeof special / sizeof special[0];
  std::vector<float> a, b;
  for (float left : special) {
    for (float right : special) a.push_back(left), b.push_back(right);
  }
  uint64_t state = 88172645463325252u;
  const auto next = [&state] {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return static_cast<uint32_t>(state >> 20);
  };
  const int count = deep_mode() ? 4000000 : 60000;
  for (int i = 0; i < count; ++i) {
    const uint32_t left = next(), right = next();
    float pair[2];
    std::memcpy(&pair[0], &left, 4);
    std::memcpy(&pair[1], &right, 4);
    if (i % 3 == 1) pair[0] = std::ldexp(1.0f + (left >> 9) * 0x1p-23f, static_cast<int>(left % 41) - 20);
    if (i % 3 == 1) pair[1] = (static_cast<float>(right % 40000) - 20000.0f) / 1000.0f;
    if (i % 3 == 2) pair[0] = static_cast<float>(left % 2001) - 1000.0f, pair[1] = special[right % kSpecial];
    a.push_back(pair[0]), b.push_back(pair[1]);
  }
  for (const BinaryFunction& function : kBinaryFunctions) {
    std::vector<float> first;
    for (const KernelTable* table : tables_here()) {
      std::vector<float> y(a.size());
      const MapOp& op = table->map_ops[find_map_op(*table, function.name)];
      op.run(y.data(), a.data(), b.data(), nullptr, static_cast<int64_t>(a.size()));
      if (first.empty()) first = y;
      double worst = 0;
      size_t at = 0;
      bool same = true;
      for (size_t i = 0; i < a.size(); ++i) {
        const double off = distance(y[i], function.exact(a[i], b[i]));
        if (!(off <= worst)) worst = off, at = i;
        same = same && same_bits(y[i], first[i]);
      }
      if (!CHECK(worst <= function.bound && same)) {
        std::fprintf(stderr, "  %s(%a, %a) on %s is %.3f off\n", function.name, a[at], b[at], table->isa,
                     worst);
      }
    }
  }
}

// By Halley's method on the complementary error function, which is accurate in the tails.
double exact_quantile(double p) {
  const double tail = std::min(p, 1 - p);
  double x = tail > 0.1 ? 0.0 : std::sqrt(-2 * std::log(tail));
  for (int i = 0; i < 60; ++i) {
    double off = 0.5 * std::erfc(x / std::sqrt(2.0)) - tail;
    double step = off * std::sqrt(2 * 3.14159265358979323846) * std::exp(x * x / 2);
    x += step / (1 - x * step / 2);
    if (std::fabs(step) <= 1e-16 * std::fabs(x)) break;
  }
  return p < 0.5 ? -x : x;
}

// There is no op for the quantile itself, but normal numbers are quantiles of the uniform ones from the same
// bits.
void test_quantile() {
  const int64_t count = deep_mode() ? 1 << 22 : 1 << 16;
  Operand seed(Dtype::int32, {2}, 0), step(Dtype::int32, {1}, 0);
  seed.set<int32_t>({7, 11});
  step.set<int32_t>({3});
  Operand uniform(Dtype::float32, {count}, 0), normal(Dtype::float32, {count}, 0);
  const int32_t zero = 0, one = 0x3f800000;
  for (bool is_normal : {false, true}) {
    KernelRun run = {"randomUniform", &uniform, {&seed, &step}, {5, zero, one}};
    if (is_normal) run.name = "randomNormal", run.output = &normal;
    run.run(**tables_here().begin(), false);
  }
  double worst = 0;
  for (int64_t i = 0; i < count; ++i) {
    double p = uniform.as<float>()[i] + 0x1p-25;
    worst = std::max(worst, distance(normal.as<float>()[i], exact_quantile(p)));
  }
  if (!CHECK(worst <= 6)) std::fprintf(stderr, "  the normal quantile is %.3f off\n", worst);
}

}  // namespace

void test_math() {
  test_special_values();
  for (const Function& function : kFunctions) {
    uint32_t digest = sweep(function, 20011);
    if (!CHECK(digest == function.digest)) std::fprintf(stderr, "  %s: 0x%08x\n", function.name, digest);
    if (deep_mode()) sweep(function, 64);
  }
  test_binary_functions();
  test_quantile();
}

}  // namespace chainrule
