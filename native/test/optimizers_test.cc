// Every optimizer's update, bit by bit against its formula in plain floats, with all combinations of extras.
#include <string>

#include "call.h"

namespace chainrule {
namespace {

constexpr Dtype kF32 = Dtype::float32;

float flushed(float x) { return std::fabs(x) < 0x1p-126f ? 0.0f : x; }
float decayed(float keep, float before, float rest, float x) {
  return flushed(std::fma(keep, before, rest * x));
}
float decayed_square(float keep, float before, float rest, float x) {
  return flushed(std::fma(keep, before, (rest * x) * x));
}
float sign_of(float x) { return static_cast<float>((x > 0.0f) - (x < 0.0f)); }

// The new parameter and moments of one element, in place: x = (p, g, moments …); h are the hyperparameters.
using Formula = void (*)(const float* h, float* x);

void sgd(const float* h, float* x) { x[0] = std::fma(-h[0], x[1], x[0]); }

template <bool kNesterov>
void momentum(const float* h, float* x) {
  x[2] = flushed(std::fma(h[1], x[2], x[1]));
  x[0] = std::fma(-h[0], kNesterov ? std::fma(h[1], x[2], x[1]) : x[2], x[0]);
}

template <bool kCentered, bool kMomentum>
void rmsprop(const float* h, float* x) {
  float variance = x[2] = decayed_square(h[1], x[2], h[2], x[1]);
  if (kCentered) {
    x[3] = decayed(h[1], x[3], h[2], x[1]);
    variance = std::fmax(std::fma(-x[3], x[3], x[2]), 0.0f);
  }
  float root = std::sqrt(variance) + h[3];
  float& velocity = x[3 + kCentered];
  if (kMomentum) velocity = flushed(std::fma(h[4], velocity, x[1] / root));
  x[0] = kMomentum ? std::fma(-h[0], velocity, x[0]) : x[0] - (h[0] * x[1]) / root;
}

void adagrad(const float* h, float* x) {
  x[2] = flushed(std::fma(x[1], x[1], x[2]));
  x[0] = x[0] - (h[0] * x[1]) / (std::sqrt(x[2] + h[1]) + h[2]);
}

void adadelta(const float* h, float* x) {
  x[2] = decayed_square(h[1], x[2], h[2], x[1]);
  float step = std::sqrt(x[3] + h[3]) / std::sqrt(x[2] + h[3]) * x[1];
  x[0] = std::fma(-h[0], step, x[0]);
  x[3] = decayed_square(h[1], x[3], h[2], step);
}

template <bool kAmsgrad>
void adam(const float* h, float* x) {
  x[2] = decayed(h[1], x[2], h[2], x[1]);
  x[3] = decayed_square(h[3], x[3], h[4], x[1]);
  if (kAmsgrad) x[4] = std::fmax(x[4], x[3]);
  x[0] = x[0] - (h[0] * x[2]) / std::fma(std::sqrt(x[3 + kAmsgrad]), h[5], h[6]);
}

void adamax(const float* h, float* x) {
  x[2] = decayed(h[1], x[2], h[2], x[1]);
  x[3] = std::fmax(h[3] * x[3], std::fabs(x[1]) + h[4]);
  x[0] = x[0] - (h[0] * x[2]) / x[3];
}

void nadam(const float* h, float* x) {
  x[2] = decayed(h[2], x[2], h[3], x[1]);
  x[3] = decayed_square(h[4], x[3], h[5], x[1]);
  x[0] = x[0] - std::fma(h[1], x[2], h[0] * x[1]) / std::fma(std::sqrt(x[3]), h[6], h[7]);
}

void lion(const float* h, float* x) {
  x[0] = std::fma(-h[0], sign_of(std::fma(h[1], x[2], h[2] * x[1])), x[0]);
  x[2] = decayed(h[3], x[2], h[4], x[1]);
}

void accumulate(const float* h, float* x) { x[0] = h[0] * (x[0] + x[1]); }

struct Update {
  const char* name;
  int width;
  std::vector<float> hyper;
  Formula formula;
};

const std::vector<Update>& updates() {
  static const std::vector<Update> all = {
      {"sgd", 2, {0.01f}, sgd},
      {"momentum", 3, {0.01f, 0.9f}, momentum<false>},
      {"nesterov", 3, {0.01f, 0.9f}, momentum<true>},
      {"rmsprop", 3, {0.01f, 0.9f, 0.1f, 1e-7f}, rmsprop<false, false>},
      {"rmspropMomentum", 4, {0.01f, 0.9f, 0.1f, 1e-7f, 0.9f}, rmsprop<false, true>},
      {"rmspropCentered", 4, {0.01f, 0.9f, 0.1f, 1e-7f}, rmsprop<true, false>},
      {"rmspropCenteredMomentum", 5, {0.01f, 0.9f, 0.1f, 1e-7f, 0.9f}, rmsprop<true, true>},
      {"adagrad", 3, {0.01f, 0.1f, 1e-7f}, adagrad},
      {"adadelta", 4, {1.0f, 0.95f, 0.05f, 1e-6f}, adadelta},
      {"adam", 4, {0.01f, 0.9f, 0.1f, 0.99f, 0.01f, 1.5f, 1e-7f}, adam<false>},
      {"amsgrad", 5, {0.01f, 0.9f, 0.1f, 0.99f, 0.01f, 1.5f, 1e-7f}, adam<true>},
      {"adamax", 4, {0.01f, 0.9f, 0.1f, 0.99f, 1e-7f}, adamax},
      {"nadam", 4, {0.01f, 0.02f, 0.9f, 0.1f, 0.99f, 0.01f, 1.5f, 1e-7f}, nadam},
      {"lion", 3, {0.01f, 0.9f, 0.1f, 0.99f, 0.01f}, lion},
      {"accumulate", 2, {0.5f}, accumulate},
  };
  return all;
}

struct Extras {
  bool decays, averages, pauses;
};

// The formula with its extras, for one element of `width` operands.
void apply(const Update& update, Extras extras, const float* row, int columns, int width, float* x) {
  if (extras.pauses && row[columns - 1] == 0.0f) return;
  const float* more = row + update.hyper.size();
  if (extras.decays) {
    x[1] = std::fma(more[1], x[0], x[1]);
    x[0] = more[0] * x[0];
    more += 2;
  }
  update.formula(row, x);
  if (!extras.averages) return;
  float& average = x[width - 1];
  average = decayed(more[0], average, more[1], x[0]);
  if (more[2] != 0.0f) x[0] = average;
}

// Two rows: the second group decays, overwrites and is active; the first one is inactive if `pauses` is on.
std::vector<float> table_of(const Update& update, Extras extras) {
  std::vector<float> table;
  for (int group = 0; group < 2; ++group) {
    float chosen = static_cast<float>(group);
    for (float number : update.hyper) table.push_back(number * (1.0f - 0.25f * chosen));
    if (extras.decays) table.insert(table.end(), {1.0f - 0.125f * chosen, 0.05f * chosen});
    if (extras.averages) table.insert(table.end(), {0.9f, 0.1f, chosen});
    if (extras.pauses) table.push_back(chosen);
  }
  return table;
}

void fill_operand(Operand& operand, int field, Numbers& numbers) {
  for (int64_t i = 0; i < operand.tensor.count; ++i) {
    float& x = operand.as<float>()[i];
    x = numbers.next();
    if (field > 1) x = x * x;
    // Gradients of zero with moments close to FLT_MIN, which must then be flushed to zero.
    if (i % 5 == 0 && field > 0) x = field == 1 ? 0.0f : 1.2e-38f;
  }
}

void test_update(const Update& update, Extras extras, bool in_place) {
  const std::vector<int64_t> sizes = {1, 0, 15, 4096, 16, 4097, 17, 10000};
  int width = update.width + extras.averages;
  Numbers numbers(static_cast<uint32_t>(width));
  std::vector<float> table = table_of(update, extras);
  int columns = static_cast<int>(table.size() / 2);
  Call call(update.name);
  call.in(kF32, {2, columns}).set(table);
  for (bool extra : {extras.decays, extras.averages, extras.pauses}) {
    call.attribute(static_cast<int32_t>(extra));
  }
  for (size_t s = 0; s < sizes.size(); ++s) {
    call.attribute(static_cast<int32_t>(s % 3 != 0));
    for (int field = 0; field < width; ++field) {
      fill_operand(call.in(kF32, {sizes[s]}, field), field, numbers);
      int alias = in_place ? static_cast<int>(call.inputs.size()) - 1 : -1;
      if (field != 1) call.out(kF32, {sizes[s]}, alias);
    }
  }
  call.run();
  for (size_t s = 0; s < sizes.size(); ++s) {
    size_t first_input = 1 + s * static_cast<size_t>(width);
    size_t first_output = s * static_cast<size_t>(width - 1);
    bool same = true;
    for (int64_t i = 0; i < sizes[s]; ++i) {
      float x[6];
      for (int k = 0; k < width; ++k) x[k] = call.inputs[first_input + static_cast<size_t>(k)].as<float>()[i];
      apply(update, extras, table.data() + (s % 3 != 0) * columns, columns, width, x);
      for (int k = 0; k < width; ++k) {
        if (k == 1) continue;
        size_t output = first_output + static_cast<size_t>(k == 0 ? 0 : k - 1);
        same = same && same_bits(call.result<float>(output)[i], x[k]);
      }
    }
    if (!CHECK(same)) std::fprintf(stderr, "  %s, segment of %d\n", update.name, static_cast<int>(sizes[s]));
  }
}

}  // namespace

void test_optimizers() {
  for (const Update& update : updates()) {
    for (int bits = 0; bits < 16; ++bits) {
      test_update(update, {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0}, (bits & 8) != 0);
    }
  }
  Call nothing("sgd");
  nothing.in(kF32, {1, 1}).set<float>({0.1f});
  nothing.attributes = {0, 0, 0};
  nothing.run();
}

}  // namespace chainrule
