// Maps that follow a product or a convolution, by their formulas: some are made while sums are in registers.
#pragma once

#include "run.h"

namespace chainrule {

// A map of a complete sum, or of that and another number.
struct Mapped {
  const char* name;
  bool takes_other;
  float (*of)(float sum, float other);
};
constexpr Mapped kMapped[] = {
    {"relu", false, [](float sum, float) { return sum < 0 ? 0.0f : sum; }},
    {"relu6", false, [](float sum, float) { return sum < 0 ? 0.0f : sum > 6 ? 6.0f : sum; }},
    {"add", true, [](float sum, float other) { return sum + other; }},
    {"reluGrad", true, [](float sum, float other) { return other > 0 ? sum : 0.0f; }},
    {"relu6Grad", true, [](float sum, float other) { return other > 0 && other < 6 ? sum : 0.0f; }},
    {"neg", false, [](float sum, float) { return -sum; }},
};

// Numbers on both sides of 0 and of 6, and the two themselves.
inline void fill_mask(Operand* other) {
  for (int64_t i = 0; i < other->tensor.count; ++i) {
    float& number = other->as<float>()[i];
    number = i % 7 == 3 ? 6.0f : i % 7 == 5 ? 0.0f : number * 16;
  }
}

}  // namespace chainrule
