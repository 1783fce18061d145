// What the tests of maps share: programs as words, results compared on all instruction sets.
#pragma once

#include <limits>

#include "run.h"

namespace chainrule {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

inline int32_t bits_of(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

struct Step {
  const char* op;
  int32_t tile, a, b, c;
};

inline std::vector<int32_t> words_of(const std::vector<float>& constants, int32_t tiles,
                                     const std::vector<Step>& steps) {
  std::vector<int32_t> words = {static_cast<int32_t>(constants.size())};
  for (float constant : constants) words.push_back(bits_of(constant));
  words.push_back(0);
  words.push_back(tiles);
  words.push_back(static_cast<int32_t>(steps.size()));
  for (const Step& step : steps) {
    const int32_t op = find_map_op(**tables_here().begin(), step.op);
    for (int32_t word : {op, step.tile, step.a, step.b, step.c}) words.push_back(word);
  }
  return words;
}

inline float read(const Operand& operand, int64_t i) {
  const void* data = operand.tensor.data;
  if (operand.tensor.dtype == Dtype::float32) return static_cast<const float*>(data)[i];
  if (operand.tensor.dtype == Dtype::int32) return static_cast<float>(static_cast<const int32_t*>(data)[i]);
  return static_cast<const uint8_t*>(data)[i];
}

// On all instruction sets, tasks forwards and backwards. `expected` holds results as floats, whatever their
// dtype.
inline void expect(KernelRun run, const std::vector<float>& expected, const char* what) {
  std::vector<uint8_t> before;
  Operand* target = run.alias < 0 ? run.output : run.inputs[static_cast<size_t>(run.alias)];
  before.assign(target->as<uint8_t>(), target->as<uint8_t>() + target->size);
  for (const KernelTable* table : tables_here()) {
    for (bool backwards : {false, true}) {
      if (!before.empty()) std::memcpy(target->tensor.data, before.data(), before.size());
      run.run(*table, backwards);
      bool same = true;
      for (size_t i = 0; i < expected.size(); ++i) {
        same = same && same_bits(read(*target, static_cast<int64_t>(i)), expected[i]);
      }
      if (!CHECK(same)) std::fprintf(stderr, "  %s on %s\n", what, table->isa);
    }
  }
  if (!before.empty()) std::memcpy(target->tensor.data, before.data(), before.size());
}

inline float larger(float a, float b) { return a > b || a != a ? a : b; }
inline float smaller(float a, float b) { return a < b || a != a ? a : b; }

}  // namespace chainrule
