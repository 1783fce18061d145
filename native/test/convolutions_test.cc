// Convolutions, bit by bit against their definition: one chain of fused multiply-adds in each block of 384
// terms, blocks added in ascending order, zeros for what lies outside. In bfloat16 a term is a pair of
// channels or of pixels, the second first. And what is refused.
#include "epilogues.h"
#include "rounded.h"

namespace chainrule {
namespace {

struct Shape {
  std::vector<int64_t> x, taps, y;  // sizes of the axes of space
  int64_t images, channels, outputs, groups;
  std::vector<int32_t> geometry;  // stride, dilation, padding before
};

std::vector<int64_t> dims_of(int64_t first, const std::vector<int64_t>& space, int64_t last) {
  std::vector<int64_t> dims = {first};
  dims.insert(dims.end(), space.begin(), space.end());
  dims.push_back(last);
  return dims;
}
std::vector<int64_t> kernel_dims(const Shape& s, int64_t parts = 0) {
  std::vector<int64_t> dims;
  if (parts > 0) dims.push_back(parts);
  dims.insert(dims.end(), s.taps.begin(), s.taps.end());
  dims.push_back(s.channels / s.groups);
  dims.push_back(s.outputs);
  return dims;
}

int64_t product(const std::vector<int64_t>& sizes) {
  int64_t all = 1;
  for (const int64_t size : sizes) all *= size;
  return all;
}
std::vector<int64_t> place_of(const std::vector<int64_t>& sizes, int64_t index) {
  std::vector<int64_t> at(sizes.size());
  for (size_t i = sizes.size(); i-- > 0; index /= sizes[i]) at[i] = index % sizes[i];
  return at;
}

// The pixel of x that a tap of a window reads, or -1.
int64_t pixel_of(const Shape& s, int64_t window, int64_t tap) {
  const std::vector<int64_t> at = place_of(s.y, window), offset = place_of(s.taps, tap);
  int64_t pixel = 0;
  for (size_t i = 0; i < s.x.size(); ++i) {
    const int32_t* own = s.geometry.data() + 3 * i;
    const int64_t position = at[i] * own[0] - own[2] + offset[i] * own[1];
    if (position < 0 || position >= s.x[i]) return -1;
    pixel = pixel * s.x[i] + position;
  }
  return pixel;
}

// A chain in blocks of 384 terms.
class Sum {
 public:
  void add(float a, float b) {
    if (terms_ > 0 && terms_ % 384 == 0) close();
    chain_ = std::fma(a, b, chain_);
    ++terms_;
  }
  void add_pair(float a, float b, float then_a, float then_b) {
    if (terms_ > 0 && terms_ % 384 == 0) close();
    chain_ = std::fma(a, b, std::fma(then_a, then_b, chain_));
    ++terms_;
  }
  float value() {
    close();
    return total_;
  }

 private:
  void close() {
    total_ = first_ ? chain_ : total_ + chain_;
    first_ = false;
    chain_ = 0;
  }
  float chain_ = 0, total_ = 0;
  int64_t terms_ = 0;
  bool first_ = true;
};

std::vector<float> forward(const Shape& s, const float* x, const float* w, bool in_pairs) {
  std::vector<float> y;
  const int64_t each = s.channels / s.groups, per = s.outputs / s.groups;
  for (int64_t image = 0; image < s.images; ++image) {
    for (int64_t window = 0; window < product(s.y); ++window) {
      for (int64_t output = 0; output < s.outputs; ++output) {
        Sum sum;
        for (int64_t tap = 0; tap < product(s.taps); ++tap) {
          const int64_t pixel = pixel_of(s, window, tap);
          const int64_t inside = std::max<int64_t>(pixel, 0);
          const float* from = x + (image * product(s.x) + inside) * s.channels + output / per * each;
          const auto of_x = [&](int64_t channel) {
            return pixel < 0 || channel >= each ? 0 : from[channel];
          };
          const auto of_w = [&](int64_t channel) {
            return channel >= each ? 0 : w[(tap * each + channel) * s.outputs + output];
          };
          for (int64_t channel = 0; channel < each; ++channel) {
            if (!in_pairs) sum.add(of_x(channel), of_w(channel));
            else if (channel % 2 == 0)
              sum.add_pair(of_x(channel), of_w(channel), of_x(channel + 1), of_w(channel + 1));
          }
        }
        y.push_back(sum.value());
      }
    }
  }
  return y;
}

// Parts of blocks of 384 pixels.
std::vector<float> kernel_gradient(const Shape& s, const float* x, const float* dy, int64_t parts,
                                   bool in_pairs) {
  std::vector<float> dw;
  const int64_t each = s.channels / s.groups, per = s.outputs / s.groups;
  const int64_t pixels = s.images * product(s.y), blocks = (pixels + 383) / 384;
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t first = blocks * part / parts * 384;
    const int64_t end = std::min(blocks * (part + 1) / parts * 384, pixels);
    for (int64_t tap = 0; tap < product(s.taps); ++tap) {
      for (int64_t channel = 0; channel < each; ++channel) {
        for (int64_t output = 0; output < s.outputs; ++output) {
          Sum sum;
          const auto of_x = [&](int64_t at) {
            const int64_t image = at / product(s.y), pixel = pixel_of(s, at % product(s.y), tap);
            const int64_t from =
                (image * product(s.x) + pixel) * s.channels + output / per * each + channel;
            return pixel < 0 || at >= end ? 0 : x[from];
          };
          const auto of_y = [&](int64_t at) { return at >= end ? 0 : dy[at * s.outputs + output]; };
          for (int64_t at = first; at < end; ++at) {
            if (!in_pairs) sum.add(of_x(at), of_y(at));
            else if ((at - first) % 2 == 0) sum.add_pair(of_x(at), of_y(at), of_x(at + 1), of_y(at + 1));
          }
          dw.push_back(sum.value());
        }
      }
    }
  }
  return dw;
}

// In double: the terms of a pixel of x come in an order of their own.
std::vector<double> input_gradient(const Shape& s, const float* dy, const float* w) {
  std::vector<double> dx(static_cast<size_t>(s.images * product(s.x) * s.channels));
  const int64_t each = s.channels / s.groups, per = s.outputs / s.groups;
  for (int64_t image = 0; image < s.images; ++image) {
    for (int64_t window = 0; window < product(s.y); ++window) {
      for (int64_t tap = 0; tap < product(s.taps); ++tap) {
        const int64_t pixel = pixel_of(s, window, tap);
        if (pixel < 0) continue;
        for (int64_t output = 0; output < s.outputs; ++output) {
          const double own = dy[(image * product(s.y) + window) * s.outputs + output];
          for (int64_t channel = 0; channel < each; ++channel) {
            const int64_t to = (image * product(s.x) + pixel) * s.channels + output / per * each + channel;
            dx[static_cast<size_t>(to)] += own * w[(tap * each + channel) * s.outputs + output];
          }
        }
      }
    }
  }
  return dx;
}

std::vector<int32_t> attributes_of(const Shape& s, bool bias, int32_t map, bool in_bfloat16) {
  // Direct sums, whose bits are known.
  std::vector<int32_t> words = {bias, map, 1, in_bfloat16};
  words.insert(words.end(), s.geometry.begin(), s.geometry.end());
  return words;
}

void expect_bits(const char* what, const char* isa, const float* found, const std::vector<float>& expected) {
  bool same = true;
  for (size_t i = 0; i < expected.size(); ++i) same = same && same_bits(found[i], expected[i]);
  if (!CHECK(same)) std::fprintf(stderr, "  %s on %s\n", what, isa);
}

std::vector<float> numbers_of(Operand& operand, bool in_bfloat16) {
  std::vector<float> numbers(operand.as<float>(), operand.as<float>() + operand.tensor.count);
  for (float& x : numbers) x = in_bfloat16 ? rounded(x) : x;
  return numbers;
}

// Maps of sums that are made directly, or by Winograd's products.
void test_maps(KernelRun run, const std::vector<int64_t>& dims, const KernelTable& table, bool backwards) {
  const std::vector<Operand*> inputs = run.inputs;
  Operand& y = *run.output;
  Operand other(Dtype::float32, dims, 1);
  Numbers(5).fill(other);
  fill_mask(&other);
  for (const int32_t direct : {1, 0}) {
    run.inputs = inputs;
    run.attributes[1] = -1;
    run.attributes[2] = direct;
    run.run(table, backwards);
    const std::vector<float> sums(y.as<float>(), y.as<float>() + y.tensor.count);
    for (const Mapped& map : kMapped) {
      run.inputs = inputs;
      run.attributes[1] = find_map_op(table, map.name);
      if (map.takes_other) run.inputs.push_back(&other);
      run.run(table, backwards);
      std::vector<float> expected;
      for (const float sum : sums) expected.push_back(map.of(sum, other.as<float>()[expected.size()]));
      expect_bits(map.name, table.isa, y.as<float>(), expected);
    }
  }
}

void test_convolution(const Shape& s, bool in_bfloat16) {
  Numbers numbers(static_cast<uint32_t>(product(s.x) * 31 + s.channels * 7 + s.outputs));
  Operand x(Dtype::float32, dims_of(s.images, s.x, s.channels), 1);
  Operand y(Dtype::float32, dims_of(s.images, s.y, s.outputs), 2);
  Operand w(Dtype::float32, kernel_dims(s), 3), bias(Dtype::float32, {s.outputs}, 1);
  Operand channel_bias(Dtype::float32, {s.channels}, 1), dw(Dtype::float32, kernel_dims(s, 3), 0);
  Operand dx(Dtype::float32, dims_of(s.images, s.x, s.channels), 3);
  Operand dy(Dtype::float32, dims_of(s.images, s.y, s.outputs), 0);
  for (Operand* operand : {&x, &w, &bias, &channel_bias, &dy}) numbers.fill(*operand);
  const std::vector<float> of_x = numbers_of(x, in_bfloat16), of_w = numbers_of(w, in_bfloat16);
  const std::vector<float> of_dy = numbers_of(dy, in_bfloat16);
  // Sums beyond 6, too.
  for (int64_t i = 0; i < s.outputs; ++i) bias.as<float>()[i] *= 8;
  std::vector<float> plain = forward(s, of_x.data(), of_w.data(), in_bfloat16), biased = plain;
  for (size_t i = 0; i < biased.size(); ++i) {
    biased[i] += bias.as<float>()[i % static_cast<size_t>(s.outputs)];
  }
  const std::vector<float> kernel = kernel_gradient(s, of_x.data(), of_dy.data(), 3, in_bfloat16);
  const std::vector<double> input = input_gradient(s, of_dy.data(), of_w.data());
  std::vector<int32_t> of_kernel = s.geometry;
  of_kernel.insert(of_kernel.begin(), {1, in_bfloat16});
  std::vector<float> first;
  for (const KernelTable* table : all_tables()) {
    for (const bool backwards : {false, true}) {
      KernelRun run = {"conv", &y, {&x, &w}, attributes_of(s, false, -1, in_bfloat16)};
      run.run(*table, backwards);
      expect_bits("conv", table->isa, y.as<float>(), plain);
      run.inputs.push_back(&bias);
      run.attributes = attributes_of(s, true, -1, in_bfloat16);
      run.run(*table, backwards);
      expect_bits("conv with bias", table->isa, y.as<float>(), biased);
      test_maps(run, dims_of(s.images, s.y, s.outputs), *table, backwards);
      run = {"convKernel", &dw, {&x, &dy}, of_kernel};
      run.run(*table, backwards);
      expect_bits("convKernel", table->isa, dw.as<float>(), kernel);
      run = {"convInput", &dx, {&dy, &w, &channel_bias}, attributes_of(s, true, -1, in_bfloat16)};
      run.run(*table, backwards);
      if (first.empty()) first.assign(dx.as<float>(), dx.as<float>() + dx.tensor.count);
      expect_bits("convInput", table->isa, dx.as<float>(), first);
      for (size_t i = 0; i < input.size(); ++i) {
        const double exact = input[i] + channel_bias.as<float>()[i % static_cast<size_t>(s.channels)];
        CHECK(std::fabs(first[i] - exact) <= 1e-4 * (1 + static_cast<double>(product(s.taps))));
      }
      test_maps(run, dims_of(s.images, s.x, s.channels), *table, backwards);
    }
  }
}

size_t memory_of(KernelRun run, const KernelTable& table) {
  return find_kernel(table, run.name)->scratch_bytes(run.arguments(table));
}

// A thread needs no windows of a whole image: by direct sums hardly more than for a product, by Winograd's
// products at most three quarters more, however large the image is.
void test_memory_of_convolutions() {
  const int64_t sizes[][2] = {{64, 64}, {128, 128}, {256, 256}, {3, 32}, {1, 32}, {64, 3}, {16, 48}};
  Operand a(Dtype::float32, {64, 64}, 0), b(Dtype::float32, {64, 64}, 0), c(Dtype::float32, {64, 64}, 0);
  for (const KernelTable* table : all_tables()) {
    const size_t product = memory_of({"matmul", &c, {&a, &b}, {0, 0, 0, 0, -1}}, *table);
    for (const auto& [channels, outputs] : sizes) {
      for (const int64_t side : {16, 96}) {
        Operand x(Dtype::float32, {1, side, side, channels}, 0);
        Operand y(Dtype::float32, {1, side, side, outputs}, 0);
        Operand w(Dtype::float32, {3, 3, channels, outputs}, 0);
        Operand dw(Dtype::float32, {2, 3, 3, channels, outputs}, 0);
        for (const int32_t direct : {0, 1}) {
          const size_t most = direct ? product + (32 << 10) : product + product / 4 * 3;
          const std::vector<int32_t> words = {0, -1, direct, 0, 1, 1, 1, 1, 1, 1};
          const std::vector<int32_t> of_kernel = {direct, 0, 1, 1, 1, 1, 1, 1};
          CHECK(memory_of({"conv", &y, {&x, &w}, words}, *table) <= most);
          CHECK(memory_of({"convInput", &x, {&y, &w}, words}, *table) <= most);
          CHECK(memory_of({"convKernel", &dw, {&x, &y}, of_kernel}, *table) <= most);
        }
      }
    }
  }
}

void test_refused_convolutions() {
  const KernelTable& table = **tables_here().begin();
  const auto refused = [&](std::vector<int64_t> x, std::vector<int64_t> w, std::vector<int64_t> y,
                           std::vector<int32_t> geometry, bool in_bfloat16 = false) {
    Operand a(Dtype::float32, x, 0), b(Dtype::float32, w, 0), c(Dtype::float32, y, 0);
    std::vector<int32_t> words = {0, -1, 0, in_bfloat16}, of_kernel = {0, in_bfloat16};
    words.insert(words.end(), geometry.begin(), geometry.end());
    of_kernel.insert(of_kernel.end(), geometry.begin(), geometry.end());
    w.insert(w.begin(), 2);
    Operand parts(Dtype::float32, w, 0);
    const bool all[] = {(KernelRun{"conv", &c, {&a, &b}, words}).refusal(table) != nullptr,
                        (KernelRun{"convInput", &a, {&c, &b}, words}).refusal(table) != nullptr,
                        (KernelRun{"convKernel", &parts, {&a, &c}, of_kernel}).refusal(table) != nullptr};
    CHECK(all[0] == all[1] && all[1] == all[2]);
    return all[0];
  };
  CHECK(!refused({2, 5, 4}, {3, 4, 6}, {2, 3, 6}, {1, 1, 0}));
  CHECK(!refused({2, 5, 4}, {3, 2, 6}, {2, 9, 6}, {1, 1, 0}));
  CHECK(!refused({0, 5, 5, 4}, {3, 3, 4, 6}, {0, 3, 3, 6}, {1, 1, 0, 2, 1, 1}));
  CHECK(refused({5, 4}, {4, 6}, {5, 6}, {}));
  CHECK(refused({2, 5, 4}, {3, 4, 6}, {2, 3, 6}, {1, 1}));
  CHECK(refused({2, 5, 4}, {3, 4, 6}, {2, 3, 6}, {1, 1, 0, 0}));
  CHECK(refused({2, 5, 4}, {3, 4, 6}, {2, 3, 6}, {0, 1, 0}));
  CHECK(refused({2, 5, 4}, {3, 4, 6}, {2, 3, 6}, {1, 0, 0}));
  CHECK(refused({2, 5, 4}, {3, 4, 6}, {2, 3, 6}, {1, 1, -1}));
  CHECK(refused({2, 5, 4}, {3, 4, 6}, {2, 3, 6}, {INT32_MAX, 1, 0}));
  CHECK(refused({2, 5, 4}, {3, 3, 6}, {2, 3, 6}, {1, 1, 0}));
  CHECK(refused({2, 5, 4}, {3, 2, 5}, {2, 3, 5}, {1, 1, 0}));
  CHECK(refused({2, 5, 4}, {3, 4, 6}, {2, 3, 5}, {1, 1, 0}));
  CHECK(refused({2, 5, 4}, {3, 4, 6}, {1, 3, 6}, {1, 1, 0}));
  CHECK(refused({2, 5, 4}, {3, 3, 4, 6}, {2, 3, 6}, {1, 1, 0}));
  CHECK(refused({2, 5, 5, 4}, {3, 3, 4, 6}, {2, 3, 6}, {1, 1, 0, 1, 1, 0}));
  CHECK(refused({2, 5, 0}, {3, 4, 6}, {2, 3, 6}, {1, 1, 0}));
  CHECK(refused({2, 5, 4}, {3, 0, 6}, {2, 3, 6}, {1, 1, 0}));
  // Single channels are no products.
  CHECK(!refused({2, 5, 4}, {3, 1, 4}, {2, 3, 4}, {1, 1, 0}));
  CHECK(!refused({2, 5, 4}, {3, 1, 8}, {2, 3, 8}, {1, 1, 0}, true));
  CHECK(refused({2, 5, 4}, {3, 1, 4}, {2, 3, 4}, {1, 1, 0}, true));
}

void test_refused_pools() {
  const KernelTable& table = **tables_here().begin();
  const auto refused = [&](std::vector<int64_t> x, std::vector<int64_t> y, std::vector<int32_t> geometry) {
    Operand a(Dtype::float32, x, 0), b(Dtype::float32, y, 0), c(Dtype::float32, x, 0);
    const auto is_refused = [&](const char* name, Operand* to, std::vector<Operand*> from) {
      return (KernelRun{name, to, std::move(from), geometry}).refusal(table) != nullptr;
    };
    const bool all[] = {is_refused("windowLargest", &b, {&a, &c}),
                        is_refused("windowLargestGradient", &a, {&c, &b}),
                        is_refused("windowMean", &b, {&a}), is_refused("windowMeanGradient", &a, {&b})};
    CHECK(all[0] == all[1] && all[1] == all[2] && all[2] == all[3]);
    return all[0];
  };
  CHECK(!refused({2, 6, 3}, {2, 3, 3}, {2, 2, 0}));
  CHECK(!refused({2, 6, 3}, {2, 9, 3}, {0, 1, 0}));
  CHECK(refused({6, 3}, {3, 3}, {}));
  CHECK(refused({2, 6, 3}, {2, 3, 3}, {2, 2}));
  CHECK(refused({2, 6, 3}, {2, 3, 3}, {-1, 2, 0}));
  CHECK(refused({2, 6, 3}, {2, 3, 3}, {2, 0, 0}));
  CHECK(refused({2, 6, 3}, {2, 3, 3}, {2, 2, -1}));
  CHECK(refused({2, 6, 3}, {2, 3, 4}, {2, 2, 0}));
  CHECK(refused({2, 6, 3}, {1, 3, 3}, {2, 2, 0}));
  CHECK(refused({2, 6, 6, 3}, {2, 3, 3}, {2, 2, 0, 2, 2, 0}));
}

}  // namespace

void test_convolutions() {
  const Shape shapes[] = {
      {{7}, {3}, {7}, 2, 3, 5, 1, {1, 1, 1}},
      {{13}, {3}, {4}, 2, 12, 20, 1, {4, 2, 3}},
      {{5, 7}, {3, 3}, {5, 7}, 2, 20, 33, 1, {1, 1, 1, 1, 1, 1}},
      {{13, 26}, {3, 3}, {13, 26}, 2, 50, 17, 1, {1, 1, 1, 1, 1, 1}},
      {{26, 13}, {5, 3}, {13, 7}, 2, 1, 64, 1, {2, 1, 2, 2, 1, 1}},
      {{9, 7}, {2, 2}, {3, 2}, 3, 3, 16, 1, {3, 1, 0, 4, 1, 0}},
      {{3, 3}, {5, 5}, {3, 3}, 1, 64, 48, 1, {1, 1, 2, 1, 1, 2}},
      {{25, 27}, {3, 3}, {12, 13}, 2, 3, 8, 1, {2, 1, 0, 2, 1, 0}},
      {{9, 7}, {2, 2}, {3, 2}, 3, 3, 7, 1, {3, 1, 0, 4, 1, 0}},
      {{9, 8}, {3, 3}, {5, 4}, 2, 6, 9, 3, {2, 2, 2, 2, 3, 3}},
      {{7, 9}, {3, 3}, {7, 9}, 2, 70, 70, 70, {1, 1, 1, 1, 1, 1}},
      {{7, 9}, {3, 3}, {4, 5}, 2, 20, 20, 20, {2, 1, 1, 2, 1, 1}},
      {{9, 8}, {3, 3}, {4, 4}, 2, 150, 150, 150, {2, 1, 0, 2, 1, 0}},
      {{9, 7}, {2, 2}, {3, 2}, 3, 20, 20, 20, {3, 1, 0, 4, 1, 0}},
      {{9, 1}, {3, 3}, {9, 1}, 2, 20, 20, 20, {1, 2, 2, 2, 3, 3}},
      {{11, 9}, {3, 2}, {3, 3}, 2, 5, 5, 5, {5, 1, 2, 4, 1, 0}},
      {{8, 8}, {13, 13}, {4, 4}, 1, 5, 5, 5, {2, 1, 6, 2, 1, 6}},
      {{3, 4, 5}, {2, 3, 3}, {2, 4, 3}, 2, 20, 20, 20, {2, 1, 0, 1, 1, 1, 2, 1, 1}},
      {{4, 4}, {20, 20}, {4, 4}, 1, 5, 5, 5, {1, 1, 9, 1, 1, 9}},
      {{3, 4, 5}, {2, 3, 3}, {3, 4, 3}, 2, 3, 12, 1, {1, 1, 0, 1, 1, 1, 2, 1, 1}},
      {{20, 20}, {3, 3}, {20, 20}, 3, 16, 16, 1, {1, 1, 1, 1, 1, 1}},
      {{30, 9}, {3, 3}, {30, 9}, 2, 3, 33, 1, {1, 1, 1, 1, 1, 1}},
      {{5, 5}, {1, 1}, {5, 5}, 0, 3, 4, 1, {1, 1, 0, 1, 1, 0}},
  };
  for (const Shape& shape : shapes) {
    test_convolution(shape, false);
    if (shape.groups == 1 || shape.groups != shape.channels) test_convolution(shape, true);
  }
  test_memory_of_convolutions();
  test_refused_convolutions();
  test_refused_pools();
}

}  // namespace chainrule
