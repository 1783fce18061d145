// Random numbers, moves, and operands that `check` must refuse.
#include <algorithm>
#include <cmath>

#include "run.h"

namespace chainrule {
namespace {

constexpr Dtype kF32 = Dtype::float32, kI32 = Dtype::int32, kU8 = Dtype::uint8, kBool = Dtype::boolean;

// --- random numbers

struct Block {
  uint32_t word[4];
};

// Salmon et al. 2011, as published.
Block philox(Block counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t first = uint64_t{0xd2511f53} * counter.word[0], second = uint64_t{0xcd9e8d57} * counter.word[2];
    counter = {{static_cast<uint32_t>(second >> 32) ^ counter.word[1] ^ key0, static_cast<uint32_t>(second),
                static_cast<uint32_t>(first >> 32) ^ counter.word[3] ^ key1, static_cast<uint32_t>(first)}};
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
  return counter;
}

bool answers(Block counter, uint32_t key0, uint32_t key1, Block expected) {
  Block block = philox(counter, key0, key1);
  return std::memcmp(&block, &expected, sizeof block) == 0;
}

// Distribution of the standard normal.
double phi(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }
double quantile(double p) {
  double low = -9.0, high = 9.0;
  for (int i = 0; i < 60; ++i) {
    double middle = 0.5 * (low + high);
    (phi(middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

double expected_random(const char* name, uint32_t bits, double a, double b) {
  double u = (bits >> 8) * 0x1p-24;
  if (std::strcmp(name, "randomUniform") == 0) return a + u * (b - a);
  if (std::strcmp(name, "randomNormal") == 0) return a + b * quantile(u + 0x1p-25);
  if (std::strcmp(name, "randomTruncatedNormal") == 0) {
    return a + b * quantile(phi(-2) + u * (phi(2) - phi(-2)));
  }
  return u < a ? 1.0 : 0.0;
}

void test_random_call(const char* name, int64_t n, double a, double b) {
  bool from_mask = std::strcmp(name, "randomBernoulli") == 0;
  const int32_t seed0 = -1234567, seed1 = 89, step = 1000, stream = -5;
  Call call(name);
  call.in(kI32, {2}).set<int32_t>({seed0, seed1});
  call.in(kI32, {1}).set<int32_t>({step});
  call.out(from_mask ? kBool : kF32, {n});
  call.attribute(stream), call.attribute(static_cast<float>(a));
  if (!from_mask) call.attribute(static_cast<float>(b));
  call.run();
  for (int64_t i = 0; i < n; ++i) {
    uint64_t number = static_cast<uint64_t>(i / 64 * 16 + i % 16);
    Block counter = {{static_cast<uint32_t>(number), static_cast<uint32_t>(number >> 32),
                      static_cast<uint32_t>(step), static_cast<uint32_t>(stream)}};
    Block block = philox(counter, static_cast<uint32_t>(seed0), static_cast<uint32_t>(seed1));
    double expected = expected_random(name, block.word[i % 64 / 16], a, b);
    double found = from_mask ? call.result<uint8_t>(0)[i] : static_cast<double>(call.result<float>(0)[i]);
    double scale = from_mask ? 0.0 : std::fabs(a) + std::fabs(b);
    if (!CHECK(close(found, expected, 1e-6, 1e-6 * scale))) {
      std::fprintf(stderr, "  %s[%d]: %.9g, not %.9g\n", name, static_cast<int>(i), found, expected);
    }
  }
}

}  // namespace

void test_random() {
  CHECK(answers({{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}));
  CHECK(answers({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}));
  CHECK(answers({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0,
                {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));
  for (int64_t n : {0, 1, 15, 16, 17, 63, 64, 65, 511, 512, 513, 3000}) {
    test_random_call("randomUniform", n, -0.5, 2);
    test_random_call("randomNormal", n, 1, 0.5);
    test_random_call("randomTruncatedNormal", n, 0, 2);
    test_random_call("randomBernoulli", n, 0.3125, 0);
  }
  test_random_call("randomBernoulli", 100, 0, 0);
  test_random_call("randomBernoulli", 100, 1, 0);
}

namespace {

// --- moves

void test_transpose(const std::vector<int64_t>& dims, const std::vector<int32_t>& permutation) {
  size_t rank = dims.size();
  Call call("transpose");
  Operand& x = call.in(kF32, dims);
  for (int64_t i = 0; i < x.tensor.count; ++i) x.as<float>()[i] = static_cast<float>(i);
  std::vector<int64_t> to, strides(rank), index(rank, 0);
  int64_t stride = 1;
  for (size_t i = rank; i-- > 0; stride *= dims[i]) strides[i] = stride;
  for (int32_t axis : permutation) to.push_back(dims[static_cast<size_t>(axis)]);
  call.out(kF32, to);
  call.attributes = permutation;
  call.run();
  bool same = true;
  for (int64_t at = 0; at < x.tensor.count; ++at) {
    int64_t from = 0;
    for (size_t i = 0; i < rank; ++i) from += index[i] * strides[static_cast<size_t>(permutation[i])];
    same = same && call.result<float>(0)[at] == static_cast<float>(from);
    for (size_t i = rank; i-- > 0;) {
      if (++index[i] < to[i]) break;
      index[i] = 0;
    }
  }
  if (!CHECK(same)) std::fprintf(stderr, "  transpose of rank %d\n", static_cast<int>(rank));
}

void test_copy(Dtype dtype, int64_t count) {
  Call call("copy");
  Operand& x = call.in(dtype, {count});
  for (size_t i = 0; i < x.size; ++i) x.as<uint8_t>()[i] = static_cast<uint8_t>(i * 7 + i / 256);
  call.out(dtype, {count});
  call.run();
  CHECK(x.size == 0 || std::memcmp(call.results[0].data(), x.tensor.data, x.size) == 0);
}

}  // namespace

void test_moves() {
  for (int64_t rows : {0, 1, 2, 15, 16, 17, 33, 64}) {
    for (int64_t columns : {1, 10, 15, 16, 17, 32, 100, 300}) test_transpose({rows, columns}, {1, 0});
  }
  for (std::vector<int64_t> dims : std::vector<std::vector<int64_t>>{{},
                                                                     {7},
                                                                     {3, 5, 2},
                                                                     {18, 1, 20},
                                                                     {2, 17, 3, 16},
                                                                     {33, 2, 2, 19},
                                                                     {1, 1, 1, 1},
                                                                     {2, 3, 1, 4, 17},
                                                                     {2, 3, 2, 16, 1, 3}}) {
    std::vector<int32_t> permutation;
    for (size_t i = 0; i < dims.size(); ++i) permutation.push_back(static_cast<int32_t>(i));
    do test_transpose(dims, permutation);
    while (std::next_permutation(permutation.begin(), permutation.end()));
  }
  for (Dtype dtype : {kF32, kI32, kU8, kBool, Dtype::float64}) {
    for (int64_t count : {0, 1, 17, 16384, 16385, 65535, 65537, 140000}) test_copy(dtype, count);
  }
}

namespace {

// --- operands that must be refused

struct Shape {
  Dtype dtype;
  std::vector<int64_t> dims;
};

bool refused(const char* name, const std::vector<Shape>& outputs, const std::vector<Shape>& inputs,
             const std::vector<int32_t>& attributes = {}) {
  Call call(name);
  for (const Shape& shape : outputs) call.out(shape.dtype, shape.dims);
  for (const Shape& shape : inputs) call.in(shape.dtype, shape.dims);
  call.attributes = attributes;
  return call.refusal() != nullptr;
}

Shape f32(std::vector<int64_t> dims) { return {kF32, dims}; }
Shape i32(std::vector<int64_t> dims) { return {kI32, dims}; }

void test_update_refusals() {
  const Shape one = f32({3}), rate = f32({1, 1});
  CHECK(!refused("sgd", {one}, {rate, one, one}, {0, 0, 0, 0}));
  for (const std::vector<int32_t>& groups : std::vector<std::vector<int32_t>>{
           {0, 0, 0, 1}, {0, 0, 0, -1}, {0, 0, 0, 0, 0}, {0, 0, 0}, {0, 0}, {},
           {1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}) {
    CHECK(refused("sgd", {one}, {rate, one, one}, groups));
  }
  CHECK(!refused("sgd", {one}, {f32({1, 4}), one, one}, {1, 0, 1, 0}));
  CHECK(!refused("sgd", {one, one}, {f32({1, 7}), one, one, one}, {1, 1, 1, 0}));
  CHECK(refused("sgd", {one, one}, {f32({1, 6}), one, one, one}, {1, 1, 1, 0}));
  CHECK(refused("sgd", {one}, {f32({1, 2}), one, one}, {0, 0, 0, 0}));
  CHECK(refused("sgd", {one}, {f32({0, 1}), one, one}, {0, 0, 0, 0}));
  CHECK(refused("sgd", {one}, {rate, one, f32({2})}, {0, 0, 0, 0}));
  CHECK(refused("sgd", {f32({2})}, {rate, one, one}, {0, 0, 0, 0}));
  CHECK(refused("sgd", {}, {rate, one, one}, {0, 0, 0, 0}));
  CHECK(refused("momentum", {one}, {f32({1, 2}), one, one, one}, {0, 0, 0, 0}));
  CHECK(refused("adam", {one, one, one}, {f32({1, 7}), one, one, one}, {0, 0, 0, 0}));
}

void test_moving_refusals() {
  CHECK(refused("slice", {f32({2, 3})}, {f32({2, 4})}, {0}) && refused("slice", {f32({3})}, {f32({4})}, {2}));
  CHECK(refused("slice", {f32({3})}, {f32({4})}, {-1}) && refused("slice", {f32({5})}, {f32({4})}, {0}));
  CHECK(refused("concatenate", {f32({2, 5})}, {f32({2, 2}), f32({2, 2})}, {1}));
  CHECK(refused("concatenate", {f32({2, 4})}, {f32({2, 2}), f32({1, 2})}, {1}));
  for (const int32_t mode : {0, 1, 2, 3}) {
    bool mirrors = mode != 0;
    for (const int32_t before : {3, -1}) {
      CHECK(refused("pad", {f32({5})}, {f32({3})}, {mode, 0, before}) == mirrors);
    }
    CHECK(refused("pad", {f32({5})}, {f32({3})}, {mode, 0}));
    CHECK(refused("pad", {f32({5, 1})}, {f32({3})}, {mode, 0, 1}));
  }
  for (const int32_t mode : {1, 2, 3}) CHECK(refused("pad", {f32({5})}, {f32({0})}, {mode, 0, 1}));
  CHECK(refused("pad", {f32({6})}, {f32({3})}, {1, 0, 3}));
  CHECK(refused("pad", {f32({7})}, {f32({3})}, {2, 0, 4}));
  CHECK(refused("pad", {f32({4})}, {f32({3})}, {4, 0, 1}));
  CHECK(refused("pad", {i32({4})}, {i32({3})}, {0, 0x7f000000, 1}));
  CHECK(refused("padGradient", {f32({3})}, {f32({4})}, {0, 1}));
  CHECK(refused("padGradient", {f32({3})}, {f32({6})}, {1, 3}));
  CHECK(refused("padGradient", {f32({3})}, {f32({4})}, {}));
  CHECK(refused("roll", {f32({3})}, {f32({3})}, {3}) && refused("roll", {f32({4})}, {f32({3})}, {0}));
  CHECK(refused("tile", {f32({5})}, {f32({3})}) && refused("tile", {f32({3})}, {f32({0})}));
  CHECK(refused("repeat", {f32({5})}, {f32({3})}, {0}) && refused("repeat", {f32({6})}, {f32({3})}, {1}));
  CHECK(refused("repeat", {f32({2, 3})}, {f32({2, 1})}, {0}));
  CHECK(refused("reverse", {f32({3})}, {f32({3})}, {2}));
  CHECK(refused("reverse", {f32({3})}, {f32({3})}, {0, 0}));
}

void test_index_refusals() {
  const Shape guard = i32({32});
  for (const int32_t axis : {-1, 2}) {
    CHECK(refused("gather", {f32({2}), guard}, {f32({3, 4}), i32({2})}, {axis, 0}));
    CHECK(refused("takeAlongAxis", {f32({3, 2}), guard}, {f32({3, 4}), i32({3, 2})}, {axis}));
    CHECK(refused("addAlongAxis", {f32({3, 4})}, {f32({3, 4}), i32({3, 2}), f32({3, 2})}, {axis}));
  }
  CHECK(refused("gather", {f32({2, 4}), i32({2})}, {f32({3, 4}), i32({2})}, {0, 0}));
  CHECK(refused("gather", {f32({3, 4}), guard}, {f32({3, 4}), i32({2})}, {0, 0}));
  CHECK(refused("gather", {f32({2, 4}), guard}, {f32({3, 4}), i32({2})}, {0, 1}));
  CHECK(refused("gather", {f32({3, 2}), guard}, {f32({3, 4}), i32({2, 2})}, {1, 1}));
  for (const char* name : {"scatterAdd", "scatterUpdate"}) {
    CHECK(refused(name, {f32({3, 5})}, {f32({3, 4}), i32({2}), f32({2, 4})}, {0, 0}));
    CHECK(refused(name, {f32({3, 4})}, {f32({3, 4}), i32({2}), f32({3, 4})}, {0, 0}));
  }
  CHECK(refused("scatterSum", {f32({3, 5})}, {i32({2}), f32({2, 4})}, {0, 0}));
  CHECK(refused("scatterSum", {f32({3, 4})}, {i32({2}), f32({3, 4})}, {0, 0}));
  CHECK(refused("scatterSum", {f32({3, 4})}, {i32({2}), f32({2, 4})}, {2, 0}));
  CHECK(refused("takeAlongAxis", {f32({3, 2}), i32({3})}, {f32({3, 4}), i32({3, 2})}, {1}));
  CHECK(refused("takeAlongAxis", {f32({2, 2}), guard}, {f32({3, 4}), i32({2, 2})}, {1}));
  CHECK(refused("takeAlongAxis", {f32({3, 3}), guard}, {f32({3, 4}), i32({3, 2})}, {1}));
  CHECK(refused("addAlongAxis", {f32({3, 4})}, {f32({3, 4}), i32({3, 2}), f32({3, 3})}, {1}));
  CHECK(refused("flattenIndices", {i32({5}), i32({64})}, {i32({5, 2})}, {3}));
  CHECK(refused("flattenIndices", {i32({5}), guard}, {i32({5, 2})}, {3, 4}));
  CHECK(refused("flattenIndices", {i32({5}), i32({64})}, {i32({5, 2})}, {3, -4}));
  CHECK(refused("flattenIndices", {i32({5}), i32({64})}, {i32({5, 2})}, {65536, 65536}));
  CHECK(refused("flattenIndices", {i32({4}), i32({64})}, {i32({5, 2})}, {3, 4}));
}

void test_line_refusals() {
  for (const char* name : {"min", "prod", "norm", "logSumExp"}) {
    CHECK(refused(name, {f32({2})}, {f32({2, 3})}, {2}) && refused(name, {f32({3})}, {f32({2, 3})}, {1}));
  }
  for (const char* name : {"any", "all"}) CHECK(refused(name, {{kBool, {3}}}, {{kBool, {2, 3}}}, {1}));
  CHECK(refused("argMin", {i32({2})}, {f32({2, 0})}, {1}));
  CHECK(refused("moments", {f32({2}), f32({3})}, {f32({2, 3})}, {1}));
  for (const char* name : {"cumsum", "cumprod"}) {
    CHECK(refused(name, {f32({3})}, {f32({3})}, {1, 0, 0}));
    CHECK(refused(name, {f32({4})}, {f32({3})}, {0, 0, 0}));
  }
  CHECK(refused("linearRecurrence", {f32({3})}, {f32({4}), f32({3})}, {0, 0}));
  CHECK(refused("linearRecurrence", {f32({3})}, {f32({3}), f32({3})}, {-1, 0}));
  CHECK(refused("sort", {f32({3}), i32({3})}, {f32({3})}, {1, 0}));
  CHECK(refused("sort", {f32({3}), i32({4})}, {f32({3})}, {0, 0}));
  for (const int32_t k : {0, 4}) CHECK(refused("topK", {f32({k}), i32({k})}, {f32({3})}, {k}));
  CHECK(refused("topK", {f32({2, 2}), i32({2, 2})}, {f32({3, 3})}, {2}));
  CHECK(refused("topK", {f32({3, 2}), i32({3, 1})}, {f32({3, 3})}, {2}));
}

// Indices outside add nothing, and -0 that arrives alone becomes 0, in rows that are marked and in others.
void test_sums_of_rows() {
  for (const int64_t width : {1, 16, 257}) {
    Operand indices(kI32, {5}, 1), updates(kF32, {5, width}, 2), sums(kF32, {70, width}, 3);
    indices.set(std::vector<int32_t>{2, -1, 69, 70, 2});
    const float rows[] = {1.0f, 50.0f, -0.0f, 50.0f, 2.0f};
    for (int64_t i = 0; i < 5 * width; ++i) updates.as<float>()[i] = rows[i / width];
    for (const KernelTable* table : tables_here()) {
      for (const bool backwards : {false, true}) {
        KernelRun{"scatterSum", &sums, {&indices, &updates}, {0, 0}}.run(*table, backwards);
        for (int64_t i = 0; i < 70 * width; ++i) {
          const float y = sums.as<float>()[i];
          CHECK(y == (i / width == 2 ? 3.0f : 0.0f) && !std::signbit(y));
        }
      }
    }
  }
}

// What lies outside is told, in the part of the work that finds it, and nothing is read or written there.
void test_indices_outside() {
  for (const int32_t bad : {3, -1, INT32_MAX, INT32_MIN}) {
    Call gather("gather"), take("takeAlongAxis");
    Call add("scatterAdd"), update("scatterUpdate"), along("addAlongAxis");
    const std::vector<float> numbers = {1, 2, 3};
    const std::vector<int32_t> indices = {2, bad, 0};
    for (Call* call : {&gather, &take, &add, &update, &along}) {
      call->in(Dtype::float32, {3}).set(numbers);
      call->in(Dtype::int32, {3}).set(indices);
      bool reads = call == &gather || call == &take;
      if (!reads) call->in(Dtype::float32, {3}).set(std::vector<float>{10, 20, 40});
      call->out(Dtype::float32, {3});
      if (reads) call->out(Dtype::int32, {32});
      call->attributes = {0, 0};
      if (call == &take || call == &along) call->attributes = {0};
      call->run();
    }
    for (Call* call : {&gather, &take}) {
      const float* y = call->result<float>(0);
      CHECK(y[0] == 3 && y[1] == 0 && y[2] == 1);
      const int32_t* guard = call->result<int32_t>(1);
      int64_t told = std::count(guard, guard + 32, bad < 0 && bad > INT32_MIN ? bad - 1 : bad);
      CHECK(told == 1 && std::count(guard, guard + 32, -1) == 31);
    }
    for (Call* call : {&add, &along}) {
      const float* y = call->result<float>(0);
      CHECK(y[0] == 41 && y[1] == 2 && y[2] == 13);
    }
    const float* y = update.result<float>(0);
    CHECK(y[0] == 40 && y[1] == 2 && y[2] == 10);
  }
}

}  // namespace

void test_refusals() {
  test_moving_refusals();
  test_index_refusals();
  test_line_refusals();
  test_indices_outside();
  test_sums_of_rows();
  for (const char* name : {"sum", "max"}) {
    CHECK(refused(name, {f32({2})}, {f32({2, 3})}, {2}) && refused(name, {f32({2})}, {f32({2, 3})}, {-1}));
    CHECK(refused(name, {f32({2})}, {f32({2, 3})}, {0}) && refused(name, {f32({2, 1})}, {f32({2, 3})}, {1}));
    CHECK(refused(name, {f32({})}, {f32({})}, {0}));
  }
  CHECK(refused("argMax", {i32({2})}, {f32({2, 0})}, {1}));
  CHECK(refused("total", {{Dtype::float64, {2}}}, {f32({2})}));
  CHECK(refused("finite", {i32({1})}, {f32({4097})}));
  CHECK(refused("stopIf", {i32({1})}, {Shape{Dtype::boolean, {2}}}));
  CHECK(refused("stopIf", {i32({2})}, {Shape{Dtype::boolean, {1}}}));
  CHECK(refused("softmax", {f32({})}, {f32({})}) && refused("logSoftmax", {f32({3, 2})}, {f32({2, 3})}));
  CHECK(refused("softmaxCrossentropy", {f32({2}), f32({2, 3}), i32({2})}, {f32({2, 3}), i32({3})}));
  CHECK(refused("softmaxCrossentropy", {f32({2}), f32({2, 2}), i32({2})}, {f32({2, 3}), i32({2})}));
  CHECK(refused("softmaxCrossentropy", {f32({2}), f32({2, 3}), i32({1})}, {f32({2, 3}), i32({2})}));
  CHECK(refused("softmaxCrossentropy", {f32({1}), f32({2, 3}), i32({2})}, {f32({2, 3}), i32({2})}));
  CHECK(refused("subtractOneHot", {f32({2, 2})}, {f32({2, 3}), i32({2}), f32({})}));
  CHECK(refused("subtractOneHot", {f32({2, 3})}, {f32({2, 3}), i32({1}), f32({})}));
  CHECK(refused("subtractOneHot", {f32({2, 3})}, {f32({2, 3}), i32({2}), f32({1})}));
  CHECK(refused("gatherRows", {f32({2, 4}), i32({2})}, {f32({4, 3}), i32({2})}, {0, 0}));
  CHECK(refused("gatherRows", {f32({3, 3}), i32({2})}, {f32({4, 3}), i32({2})}, {0, 0}));
  CHECK(refused("gatherRows", {f32({2, 3}), i32({1})}, {f32({4, 3}), i32({2})}, {0, 0}));
  CHECK(refused("gatherLabels", {i32({2}), i32({2})}, {i32({}), i32({2})}));
  CHECK(refused("pickClass", {f32({2}), i32({1})}, {f32({2, 3}), i32({2})}));
  CHECK(refused("pickClass", {f32({2}), i32({2})}, {f32({2, 3}), i32({3})}));
  CHECK(refused("scatterClass", {f32({2, 3})}, {f32({2}), i32({2})}, {4}));
  CHECK(refused("scatterClass", {f32({2, 3})}, {f32({1}), i32({2})}, {3}));
  CHECK(refused("randomUniform", {f32({2})}, {i32({1}), i32({1})}, {0, 0, 0}));
  CHECK(refused("randomBernoulli", {{kBool, {2}}}, {i32({2}), i32({0})}, {0, 0}));
  CHECK(refused("transpose", {f32({3, 2})}, {f32({2, 3})}, {1}));
  CHECK(refused("transpose", {f32({3, 3})}, {f32({2, 3})}, {1, 1}));
  CHECK(refused("transpose", {f32({2, 3})}, {f32({2, 3})}, {1, 0}));
  CHECK(refused("transpose", {f32({3, 2})}, {f32({2, 3})}, {2, 0}));
  CHECK(refused("copy", {f32({3})}, {f32({2})}));
  test_update_refusals();
}

}  // namespace chainrule
