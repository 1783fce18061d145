// One call of a kernel in a test: operands are at odd addresses between guarded zones. The kernel runs on
// every instruction set, all tasks in one call and then one by one backwards. All runs must give the same
// bits and stay within bounds.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "check.h"

namespace chainrule {

constexpr size_t kZone = 64;  // bytes on either side that must not be written
constexpr uint8_t kZoneByte = 0xa5, kPoisonByte = 0xcd;

class Operand {
 public:
  // `skew` elements past a multiple of 64 bytes.
  Operand(Dtype dtype, const std::vector<int64_t>& dims, int64_t skew) {
    tensor = {nullptr, dtype, static_cast<int32_t>(dims.size()), {}, 1};
    for (size_t i = 0; i < dims.size(); ++i) tensor.dims[i] = dims[i];
    bool none = std::find(dims.begin(), dims.end(), 0) != dims.end();
    for (size_t i = 0; i < dims.size() && !none; ++i) tensor.count *= dims[i];
    if (none) tensor.count = 0;
    size = static_cast<size_t>(tensor.count * bytes_of(dtype));
    memory.assign(size + 4 * kZone + 64, kZoneByte);
    size_t start = reinterpret_cast<size_t>(memory.data()) + kZone;
    start = (start + 63) / 64 * 64 + static_cast<size_t>(skew * bytes_of(dtype));
    tensor.data = memory.data() + (start - reinterpret_cast<size_t>(memory.data()));
    std::memset(tensor.data, kPoisonByte, size);
  }
  Operand(const Operand&) = delete;

  template <class Element>
  Element* as() { return static_cast<Element*>(tensor.data); }
  template <class Element>
  Operand& set(const std::vector<Element>& values) {
    CHECK(static_cast<int64_t>(values.size()) == tensor.count);
    if (!values.empty()) std::memcpy(tensor.data, values.data(), values.size() * sizeof(Element));
    return *this;
  }
  Operand& poison() {
    std::memset(tensor.data, kPoisonByte, size);
    return *this;
  }
  bool zones_are_whole() const {
    const uint8_t* data = static_cast<const uint8_t*>(tensor.data);
    for (size_t i = 1; i <= kZone; ++i) {
      if (data[-static_cast<ptrdiff_t>(i)] != kZoneByte || data[size + i - 1] != kZoneByte) return false;
    }
    return true;
  }

  Tensor tensor;
  size_t size;

 private:
  std::vector<uint8_t> memory;
};

inline bool same_results(Dtype dtype, const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  if (dtype != Dtype::float32 || a == b) return a == b;
  for (size_t i = 0; i < a.size(); i += 4) {
    float x, y;
    std::memcpy(&x, a.data() + i, 4);
    std::memcpy(&y, b.data() + i, 4);
    if (!same_bits(x, y)) return false;
  }
  return true;
}

struct Call {
  const char* name;
  std::deque<Operand> outputs, inputs;
  std::vector<int32_t> attributes;
  std::vector<int> in_place;                  // per output the input whose memory it is, or -1
  std::vector<std::vector<uint8_t>> results;  // of the last run, per output

  explicit Call(const char* kernel) : name(kernel) {}

  Operand& in(Dtype dtype, const std::vector<int64_t>& dims, int64_t skew = 1) {
    return inputs.emplace_back(dtype, dims, skew);
  }
  Operand& out(Dtype dtype, const std::vector<int64_t>& dims, int alias = -1) {
    in_place.push_back(alias);
    return outputs.emplace_back(dtype, dims, 3);
  }
  void attribute(float value) {
    int32_t bits;
    std::memcpy(&bits, &value, 4);
    attributes.push_back(bits);
  }
  void attribute(int32_t value) { attributes.push_back(value); }

  template <class Element>
  const Element* result(size_t output) const {
    return reinterpret_cast<const Element*>(results[output].data());
  }

  // What `check` of the first table returns: nullptr if the operands fit.
  const char* refusal() {
    const KernelTable* const* tables;
    usable_tables(&tables);
    return find_kernel(*tables[0], name)->check(arguments());
  }

  void run() {
    const KernelTable* const* tables;
    int count = usable_tables(&tables);
    std::vector<std::vector<uint8_t>> first;
    for (int i = 0; i < count; ++i) {
      const Kernel* kernel = find_kernel(*tables[i], name);
      if (!CHECK(kernel != nullptr)) return;
      for (bool backwards : {false, true}) {
        run_once(*kernel, backwards);
        if (first.empty()) first = results;
        for (size_t k = 0; k < results.size(); ++k) {
          bool same = same_results(outputs[k].tensor.dtype, results[k], first[k]);
          if (!CHECK(same)) std::fprintf(stderr, "  %s on %s, result %zu\n", name, tables[i]->isa, k);
        }
      }
    }
  }

 private:
  std::vector<Tensor> output_tensors, input_tensors;

  Args arguments() {
    output_tensors.clear();
    input_tensors.clear();
    for (Operand& operand : inputs) input_tensors.push_back(operand.tensor);
    for (size_t k = 0; k < outputs.size(); ++k) {
      output_tensors.push_back(outputs[k].tensor);
      if (in_place[k] >= 0) output_tensors[k].data = input_tensors[static_cast<size_t>(in_place[k])].data;
    }
    Args args = {};
    args.outputs = output_tensors.data();
    args.inputs = input_tensors.data();
    args.attributes = attributes.data();
    args.outputCount = static_cast<int32_t>(outputs.size());
    args.inputCount = static_cast<int32_t>(inputs.size());
    args.attributeCount = static_cast<int32_t>(attributes.size());
    return args;
  }

  void run_once(const Kernel& kernel, bool backwards) {
    std::vector<std::vector<uint8_t>> saved;
    for (Operand& operand : inputs) {
      const uint8_t* data = operand.as<uint8_t>();
      saved.emplace_back(data, data + operand.size);
    }
    for (Operand& operand : outputs) operand.poison();
    Args args = arguments();
    const char* wrong = kernel.check(args);
    if (!CHECK(wrong == nullptr)) std::fprintf(stderr, "  %s: %s\n", name, wrong);
    if (wrong != nullptr) return;
    int64_t tasks = kernel.tasks(args);
    CHECK(tasks >= 1 && kernel.cost_ns(args) > 0 && kernel.scratch_bytes == nullptr);
    if (!backwards) kernel.run(args, 0, tasks);
    for (int64_t task = tasks; backwards && task-- > 0;) kernel.run(args, task, task + 1);
    results.clear();
    for (size_t k = 0; k < outputs.size(); ++k) {
      const uint8_t* data = static_cast<const uint8_t*>(output_tensors[k].data);
      results.emplace_back(data, data + outputs[k].size);
      CHECK(outputs[k].zones_are_whole());
    }
    for (size_t k = 0; k < inputs.size(); ++k) {
      CHECK(inputs[k].zones_are_whole());
      if (!saved[k].empty()) std::memcpy(inputs[k].tensor.data, saved[k].data(), saved[k].size());
    }
  }
};

// The same numbers on every machine: in [-2, 2), with 24 random bits.
class Numbers {
 public:
  explicit Numbers(uint32_t seed) : state(seed * 2654435761u + 12345u) {}
  uint32_t bits() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state >> 32);
  }
  float next() { return static_cast<float>(bits() >> 8) * 0x1p-22f - 2.0f; }
  int32_t below(int64_t limit) { return static_cast<int32_t>(bits() % static_cast<uint64_t>(limit)); }
  void fill(Operand& operand) {
    for (int64_t i = 0; i < operand.tensor.count; ++i) operand.as<float>()[i] = next();
  }

 private:
  uint64_t state;
};

inline bool close(double a, double b, double relative, double absolute = 0.0) {
  return std::fabs(a - b) <= absolute + relative * std::fabs(b) || a == b;
}

}  // namespace chainrule
