// Matrix products, bit by bit against their definition: one chain of fused multiply-adds in each block of
// 384, blocks added in ascending order, then the bias, then the activation. Also against double, with a
// tolerance.
#include "epilogues.h"
#include "run.h"

namespace chainrule {
namespace {

struct Shape {
  int64_t m, n, k;
  bool a_transposed, b_transposed;
};

float element_of(const Shape& s, const float* a, const float* b, int64_t i, int64_t j, double* exact) {
  float total = 0;
  *exact = 0;
  for (int64_t start = 0; start == 0 || start < s.k; start += 384) {
    float sum = 0;
    for (int64_t k = start; k < s.k && k < start + 384; ++k) {
      float x = a[s.a_transposed ? k * s.m + i : i * s.k + k];
      float y = b[s.b_transposed ? j * s.k + k : k * s.n + j];
      sum = std::fma(x, y, sum);
      *exact += static_cast<double>(x) * y;
    }
    total = start == 0 ? sum : total + sum;
  }
  return total;
}

std::vector<int64_t> dims_of(bool transposed, int64_t rows, int64_t columns) {
  return transposed ? std::vector<int64_t>{columns, rows} : std::vector<int64_t>{rows, columns};
}

// Attributes of a product of float32 numbers.
std::vector<int32_t> attributes_of(const Shape& s, bool with_bias = false, int32_t map = -1) {
  return {s.a_transposed, s.b_transposed, 0, with_bias, map};
}

void test_product(const Shape& s, const char* activation, bool with_bias, int64_t skew) {
  Numbers numbers(static_cast<uint32_t>(s.m * 1009 + s.n * 31 + s.k));
  Operand a(Dtype::float32, dims_of(s.a_transposed, s.m, s.k), skew);
  Operand b(Dtype::float32, dims_of(s.b_transposed, s.k, s.n), skew + 2);
  Operand bias(Dtype::float32, {s.n}, 5);
  Operand c(Dtype::float32, {s.m, s.n}, skew + 1);
  for (Operand* operand : {&a, &b, &bias}) numbers.fill(*operand);

  std::vector<float> expected;
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j) {
      double exact;
      float value = element_of(s, a.as<float>(), b.as<float>(), i, j, &exact);
      CHECK(std::fabs(value - exact) <= 1e-5 * (4.0 + static_cast<double>(s.k)));
      if (with_bias) value += bias.as<float>()[j];
      if (activation != nullptr && value < 0) value = 0;
      expected.push_back(value);
    }
  }
  KernelRun run = {"matmul", &c, {&a, &b}, {}};
  if (with_bias) run.inputs.push_back(&bias);
  for (const KernelTable* table : tables_here()) {
    const int32_t map = activation == nullptr ? -1 : find_map_op(*table, activation);
    run.attributes = attributes_of(s, with_bias, map);
    for (bool backwards : {false, true}) {
      run.run(*table, backwards);
      bool same = true;
      for (size_t i = 0; i < expected.size(); ++i) same = same && same_bits(c.as<float>()[i], expected[i]);
      if (!CHECK(same)) {
        std::fprintf(stderr, "  %s on %s: %ld x %ld x %ld, transposed %d %d\n", run.name, table->isa,
                     static_cast<long>(s.m), static_cast<long>(s.n), static_cast<long>(s.k), s.a_transposed,
                     s.b_transposed);
      }
    }
  }
}

// A product with another operand and a guarded one, compared with the plain one.
void test_epilogues(const Shape& s) {
  Numbers numbers(static_cast<uint32_t>(s.m * 31 + s.n * 1009 + s.k));
  Operand a(Dtype::float32, dims_of(s.a_transposed, s.m, s.k), 1),
      b(Dtype::float32, dims_of(s.b_transposed, s.k, s.n), 3);
  Operand other(Dtype::float32, {s.m, s.n}, 2), c(Dtype::float32, {s.m, s.n}, 5),
      plain(Dtype::float32, {s.m, s.n}, 0);
  Operand guard(Dtype::int32, {64}, 0);
  for (Operand* operand : {&a, &b, &other}) numbers.fill(*operand);
  // Sums beyond 6, too.
  for (int64_t i = 0; i < s.k * s.n; ++i) b.as<float>()[i] *= 8;
  fill_mask(&other);
  for (const KernelTable* table : tables_here()) {
    KernelRun matmul = {"matmul", &plain, {&a, &b}, attributes_of(s)};
    matmul.run(*table, false);
    for (const Mapped& map : kMapped) {
      KernelRun with = {"matmul", &c, {&a, &b}, attributes_of(s, false, find_map_op(*table, map.name))};
      if (map.takes_other) with.inputs.push_back(&other);
      with.run(*table, true);
      bool same = true;
      for (int64_t i = 0; i < s.m * s.n; ++i) {
        same = same && same_bits(c.as<float>()[i], map.of(plain.as<float>()[i], other.as<float>()[i]));
      }
      if (!CHECK(same)) std::fprintf(stderr, "  %s on %s\n", map.name, table->isa);
    }
    for (const bool infinite : {false, true}) {
      if (infinite && (s.k == 0 || s.m * s.n == 0)) continue;
      const float kept = s.k > 0 && s.m > 0 ? a.as<float>()[0] : 0;
      if (infinite) a.as<float>()[0] = std::numeric_limits<float>::infinity();
      matmul.run(*table, false);
      KernelRun checked = {"matmul", &c, {&a, &b}, attributes_of(s)};
      checked.second = &guard;
      checked.run(*table, true);
      int64_t first = -1;
      for (int64_t i = s.m * s.n; i-- > 0;) {
        CHECK(same_bits(c.as<float>()[i], plain.as<float>()[i]));
        if (!std::isfinite(plain.as<float>()[i])) first = i;
      }
      int64_t told = -1;
      for (int i = 0; i < 64; ++i) {
        const int64_t at = guard.as<int32_t>()[i];
        if (at >= 0 && (told < 0 || at < told)) told = at;
      }
      CHECK(told == first);
      if (infinite) a.as<float>()[0] = kept;
    }
  }
}

// Axes before the last two, of a and of b.
struct Batch {
  std::vector<int64_t> a, b;
};

std::vector<int64_t> joined(std::vector<int64_t> batch, const std::vector<int64_t>& matrix) {
  batch.insert(batch.end(), matrix.begin(), matrix.end());
  return batch;
}

std::vector<int64_t> broadcast(const Batch& batch) {
  const size_t rank = std::max(batch.a.size(), batch.b.size());
  std::vector<int64_t> to(rank, 1);
  for (const std::vector<int64_t>* from : {&batch.a, &batch.b}) {
    for (size_t i = 0; i < from->size(); ++i) {
      if ((*from)[i] != 1) to[rank - from->size() + i] = (*from)[i];
    }
  }
  return to;
}

// Which matrix of `from` belongs to number `index` of the batch `to`.
int64_t matrix_of(const std::vector<int64_t>& from, const std::vector<int64_t>& to, int64_t index) {
  int64_t at = 0, stride = 1;
  for (size_t i = 1; i <= to.size(); ++i) {
    const int64_t size = to[to.size() - i], position = index % size;
    index /= size;
    if (i > from.size()) continue;
    const int64_t own = from[from.size() - i];
    if (own != 1) at += position * stride;
    stride *= own;
  }
  return at;
}

// A batch with all that an epilogue can have, each number against its definition.
void test_batch(const Batch& batch, const Shape& s) {
  const std::vector<int64_t> batches = broadcast(batch);
  int64_t count = 1;
  for (const int64_t size : batches) count *= size;
  Numbers numbers(static_cast<uint32_t>(count * 31 + s.m * 1009 + s.n * 17 + s.k));
  Operand a(Dtype::float32, joined(batch.a, dims_of(s.a_transposed, s.m, s.k)), 1);
  Operand b(Dtype::float32, joined(batch.b, dims_of(s.b_transposed, s.k, s.n)), 3);
  Operand c(Dtype::float32, joined(batches, {s.m, s.n}), 2);
  Operand other(Dtype::float32, joined(batches, {s.m, s.n}), 0);
  Operand bias(Dtype::float32, {s.n}, 1), guard(Dtype::int32, {64}, 0);
  for (Operand* operand : {&a, &b, &other, &bias}) numbers.fill(*operand);
  const int64_t elements = s.m * s.n, last = count * elements - 1;
  // The last number of all is not finite.
  if (last >= 0) other.as<float>()[last] = std::numeric_limits<float>::infinity();
  std::vector<float> plain, whole;
  for (int64_t at = 0; at < count; ++at) {
    const float* own_a = a.as<float>() + matrix_of(batch.a, batches, at) * s.m * s.k;
    const float* own_b = b.as<float>() + matrix_of(batch.b, batches, at) * s.k * s.n;
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < s.n; ++j) {
        double exact;
        const float value = element_of(s, own_a, own_b, i, j, &exact);
        plain.push_back(value);
        whole.push_back(value + bias.as<float>()[j] + other.as<float>()[plain.size() - 1]);
      }
    }
  }
  for (const KernelTable* table : tables_here()) {
    for (const bool backwards : {false, true}) {
      KernelRun run = {"matmul", &c, {&a, &b}, attributes_of(s)};
      run.run(*table, backwards);
      bool same = true;
      for (size_t i = 0; i < plain.size(); ++i) same = same && same_bits(c.as<float>()[i], plain[i]);
      run.inputs = {&a, &b, &bias, &other};
      run.attributes = attributes_of(s, true, find_map_op(*table, "add"));
      run.second = &guard;
      run.run(*table, backwards);
      for (size_t i = 0; i < whole.size(); ++i) same = same && same_bits(c.as<float>()[i], whole[i]);
      int64_t told = -1;
      for (int i = 0; i < 64; ++i) told = std::max(told, int64_t{guard.as<int32_t>()[i]});
      if (!CHECK(same && told == last)) {
        std::fprintf(stderr, "  %s: %ld of %ld x %ld x %ld, transposed %d %d\n", table->isa,
                     static_cast<long>(count), static_cast<long>(s.m), static_cast<long>(s.n),
                     static_cast<long>(s.k), s.a_transposed, s.b_transposed);
      }
    }
  }
}

void test_batches() {
  const Batch batches[] = {{{3}, {3}},          {{1}, {5}},       {{5}, {1}},
                           {{}, {2}},           {{4}, {}},        {{2, 1}, {1, 3}},
                           {{2, 1, 3}, {4, 1}}, {{1, 1}, {1}},    {{2, 1, 2, 1}, {1, 3, 1, 2}},
                           {{0}, {1}},          {{2, 0}, {2, 0}}, {{70}, {70}}};
  const Shape sizes[] = {{1, 1, 1, false, false},  {5, 9, 7, false, false},   {17, 1, 16, false, false},
                         {1, 17, 33, false, false}, {13, 49, 20, false, false}, {3, 15, 386, false, false},
                         {2, 3, 0, false, false},  {0, 3, 2, false, false},   {32, 130, 17, false, false}};
  for (const Batch& batch : batches) {
    for (Shape s : sizes) {
      for (int form = 0; form < 4; ++form) {
        s.a_transposed = (form & 1) != 0;
        s.b_transposed = (form & 2) != 0;
        test_batch(batch, s);
      }
    }
  }
  test_batch({{3}, {3}}, {130, 600, 70, false, true});
  test_batch({{2, 1}, {20}}, {70, 90, 40, true, false});
}

void test_refused_products() {
  Operand a(Dtype::float32, {4, 8}, 0), b(Dtype::float32, {8, 3}, 0), c(Dtype::float32, {4, 3}, 0);
  Operand bias(Dtype::float32, {3}, 0), short_bias(Dtype::float32, {2}, 0), vector(Dtype::float32, {8}, 0);
  Operand few(Dtype::int32, {8}, 0);
  const KernelTable& table = **tables_here().begin();
  const int32_t add = find_map_op(table, "add"), relu = find_map_op(table, "relu");
  const int32_t choice = find_map_op(table, "select");
  const auto refused = [&](std::vector<Operand*> inputs, std::vector<int32_t> attributes) {
    KernelRun run = {"matmul", &c, inputs, attributes};
    return run.refusal(table) != nullptr;
  };
  CHECK(!refused({&a, &b}, {0, 0, 0, 0, -1}));
  CHECK(refused({&a, &b}, {1, 0, 0, 0, -1}));
  CHECK(refused({&a, &b}, {0, 1, 0, 0, -1}));
  CHECK(refused({&b, &a}, {0, 0, 0, 0, -1}));
  CHECK(refused({&a, &vector}, {0, 0, 0, 0, -1}));
  CHECK(!refused({&a, &b, &bias}, {0, 0, 0, 1, relu}));
  CHECK(!refused({&a, &b, &bias, &c}, {0, 0, 1, 1, add}));
  CHECK(refused({&a, &b, &c, &bias}, {0, 0, 0, 1, add}));
  CHECK(refused({&a, &b, &bias}, {0, 0, 0, 0, -1}));
  CHECK(refused({&a, &b}, {0, 0, 0, 1, -1}));
  CHECK(refused({&a, &b, &short_bias}, {0, 0, 0, 1, -1}));
  CHECK(refused({&a, &b}, {0, 0, 0, 0, add}));
  CHECK(refused({&a, &b, &a}, {0, 0, 0, 0, add}));
  CHECK(refused({&a, &b, &c, &c}, {0, 0, 0, 0, choice}));
  CHECK(refused({&a, &b}, {0, 0, 0, 0, table.map_count}));
  CHECK(refused({&a, &b}, {0, 0, 0, 0, -2}));
  KernelRun guarded = {"matmul", &c, {&a, &b}, {0, 0, 0, 0, -1}};
  guarded.second = &few;
  CHECK(guarded.refusal(table) != nullptr);
  a.tensor.dims[0] = -1;
  CHECK(refused({&a, &b}, {0, 0, 0, 0, -1}));
}

// Batch axes of a, b and c that are no broadcast of each other.
void test_refused_batches() {
  const KernelTable& table = **tables_here().begin();
  const auto refused = [&](std::vector<int64_t> a, std::vector<int64_t> b, std::vector<int64_t> c) {
    Operand x(Dtype::float32, joined(std::move(a), {4, 8}), 0);
    Operand y(Dtype::float32, joined(std::move(b), {8, 3}), 0);
    Operand z(Dtype::float32, joined(std::move(c), {4, 3}), 0);
    return (KernelRun{"matmul", &z, {&x, &y}, {0, 0, 0, 0, -1}}).refusal(table) != nullptr;
  };
  CHECK(!refused({2}, {2}, {2}));
  CHECK(!refused({2, 1}, {3}, {2, 3}));
  CHECK(!refused({0}, {1}, {0}));
  CHECK(refused({2}, {3}, {3}));
  CHECK(refused({2}, {2}, {3}));
  CHECK(refused({1}, {1}, {2}));
  CHECK(refused({2}, {2}, {}));
  CHECK(refused({2}, {}, {2, 2}));
  CHECK(refused({}, {}, {1}));
  CHECK(refused({2, 3}, {2}, {2, 3}));
  CHECK(refused({2, 3}, {2, 3}, {3, 2}));
  CHECK(refused({0}, {1}, {1}));
  CHECK(refused({0}, {2}, {0}));
}

void test_transposed() {
  // Few rows and a transposed b: in pairs of groups and single groups, with tails of k and of the columns.
  test_product({1, 48, 769, false, true}, "relu", true, 3);
  test_product({5, 113, 390, false, true}, nullptr, true, 1);
  test_product({6, 33, 17, false, true}, "relu", false, 0);
  test_product({10, 96, 400, false, true}, "relu", true, 2);
  // A transposed b copied in panels of three and four vectors: whole, ending in part of a vector or in half
  // of one; cut alike where there are six vectors and more, but not for few rows.
  for (const int64_t n : {33, 40, 41, 47, 48, 49, 56, 57, 63, 96, 100, 145, 601}) {
    for (const int64_t m : {6, 7, 8, 9, 19}) test_product({m, n, 391, false, true}, nullptr, true, 1);
    test_product({20, n, 5, true, true}, "relu", false, 2);
  }
  // A transposed b that the first tile of six rows copies: blocks of k of no whole steps, or of too
  // few of them, and rows of b too far apart for that.
  test_product({18, 150, 779, false, true}, "relu", true, 1);
  test_product({13, 64, 389, false, true}, nullptr, true, 2);
  test_product({17, 129, 6, true, true}, "relu", true, 0);
  test_product({18, 150, 256, false, true}, nullptr, true, 1);
  test_product({131, 200, 401, true, true}, nullptr, false, 2);
}

}  // namespace

void test_products() {
  uint32_t number = 0;
  for (int64_t m : {0, 1, 2, 3, 5, 6, 7, 12, 13, 25, 97}) {
    for (int64_t n : {0, 1, 3, 15, 16, 17, 48, 63, 64, 65, 130, 257}) {
      for (int64_t k : {0, 1, 2, 15, 16, 17, 383, 384, 385, 769}) {
        for (int form = 0; form < 4; ++form) {
          // One in 32 of all sizes and forms.
          if (!deep_mode() && ++number * 2654435761u >> 16 & 31) continue;
          bool with_bias = (m + n + k) % 3 != 0;
          const char* activation = (m + n + form) % 2 == 0 ? "relu" : nullptr;
          test_product({m, n, k, (form & 1) != 0, (form & 2) != 0}, activation, with_bias, (m + k) % 4 * 3);
        }
      }
    }
  }
  test_product({1024, 20, 400, true, false}, "relu", true, 4);
  test_product({100, 1024, 10, false, false}, nullptr, true, 4);
  test_product({200, 300, 40, false, true}, nullptr, false, 0);
  // Few rows of a wide b, in one and several blocks of columns.
  test_product({1, 1100, 500, false, false}, "relu", true, 1);
  test_product({2, 300, 1000, false, false}, nullptr, true, 1);
  test_product({1, 1037, 2100, false, false}, "relu", true, 1);
  test_transposed();
  // Swapped operands: whole vectors of rows and tails, in one and several blocks of k.
  test_product({16, 130, 385, false, true}, "relu", true, 1);
  test_product({32, 257, 769, false, true}, "relu", true, 0);
  test_product({47, 100, 17, false, true}, nullptr, true, 3);
  test_product({127, 1000, 400, false, true}, "relu", false, 1);
  // Rows shared where columns would be: what is left over is half a vector.
  for (const bool first : {false, true}) test_product({25, 49, 1188, first, !first}, "relu", true, 1);
  // Last columns as half a vector, as rows of the transpose and as both; tasks that end within a vector of
  // columns, within rows, and where rows are cut after whole vectors.
  for (int form = 0; form < 4; ++form) {
    const bool ta = (form & 1) != 0, tb = (form & 2) != 0;
    test_product({130, 104, 390, ta, tb}, "relu", true, 1);
    test_product({75, 91, 20, ta, tb}, nullptr, true, 2);
    test_product({41, 20, 400, ta, tb}, nullptr, false, 3);
    test_product({24, 333, 50, ta, tb}, "relu", true, 0);
    test_product({190, 65, 40, ta, tb}, nullptr, true, 1);
    test_product({14, 600, 70, ta, tb}, "relu", true, 2);
    test_product({200, 17, 90, ta, tb}, nullptr, true, 3);
  }
  for (int form = 0; form < 4; ++form) {
    for (int64_t m : {17, 97, 1030})
      test_product({m, 1, 390, (form & 1) != 0, (form & 2) != 0}, "relu", true, 3);
  }
  for (int64_t m : {0, 1, 2, 7, 128}) {
    for (int64_t n : {0, 1, 3, 64, 130, 300}) {
      for (int64_t k : {0, 1, 17, 400}) {
        for (int form = 0; form < 4; ++form) test_epilogues({m, n, k, (form & 1) != 0, (form & 2) != 0});
      }
    }
  }
  test_epilogues({32, 301, 400, false, true});
  test_epilogues({127, 1000, 30, false, true});
  test_epilogues({1024, 1, 1030, true, false});
  test_epilogues({1024, 1, 1030, false, false});
  test_batches();
  test_refused_products();
  test_refused_batches();
}

}  // namespace chainrule
