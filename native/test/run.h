// Runs a kernel with scratch memory on one instruction set, all tasks in one call or one by one backwards,
// and checks that it stays within its operands and its scratch memory.
#pragma once

#include "call.h"

namespace chainrule {

constexpr size_t kScratchZone = 256;

struct Tables {
  const KernelTable* const* first;
  int count;
  const KernelTable* const* begin() const { return first; }
  const KernelTable* const* end() const { return first + count; }
};
inline Tables tables_here() {
  Tables tables;
  tables.count = usable_tables(&tables.first);
  return tables;
}

struct KernelRun {
  const char* name;
  Operand* output;
  std::vector<Operand*> inputs;
  std::vector<int32_t> attributes;
  int alias = -1;             // the input that the output overwrites
  Operand* second = nullptr;  // another output

  Args arguments(const KernelTable& table) {
    tensors.clear();
    for (Operand* input : inputs) tensors.push_back(input->tensor);
    results[0] = output->tensor;
    if (alias >= 0) results[0].data = tensors[static_cast<size_t>(alias)].data;
    if (second != nullptr) results[1] = second->tensor;
    const int32_t count = second == nullptr ? 1 : 2;
    Args args = {results, tensors.data(), attributes.data(), count, 0, 0, table.map_ops, nullptr, nullptr};
    args.inputCount = static_cast<int32_t>(inputs.size());
    args.attributeCount = static_cast<int32_t>(attributes.size());
    return args;
  }

  const char* refusal(const KernelTable& table) { return find_kernel(table, name)->check(arguments(table)); }

  void run(const KernelTable& table, bool backwards) {
    const Kernel& kernel = *find_kernel(table, name);
    Args args = arguments(table);
    const char* wrong = kernel.check(args);
    if (!CHECK(wrong == nullptr)) std::fprintf(stderr, "  %s: %s\n", name, wrong);
    if (wrong != nullptr) return;
    size_t needed = kernel.scratch_bytes == nullptr ? 0 : kernel.scratch_bytes(args);
    if (scratch.size() < needed + kScratchZone + 64) scratch.resize(needed + kScratchZone + 64);
    size_t start = (64 - reinterpret_cast<size_t>(scratch.data()) % 64) % 64;
    args.scratch = scratch.data() + start;
    // Poison it with NaNs, so that a read of what was not written shows.
    std::memset(args.scratch, 0xff, needed);
    std::memset(scratch.data() + start + needed, kZoneByte, kScratchZone);
    if (alias < 0) output->poison();
    if (second != nullptr) second->poison();
    int64_t tasks = kernel.tasks(args);
    CHECK(tasks >= 1 && kernel.cost_ns(args) > 0);
    if (!backwards) kernel.run(args, 0, tasks);
    for (int64_t task = tasks; backwards && task-- > 0;) kernel.run(args, task, task + 1);
    bool whole = output->zones_are_whole() && (second == nullptr || second->zones_are_whole());
    for (Operand* input : inputs) whole = whole && input->zones_are_whole();
    for (size_t i = 0; i < kScratchZone; ++i) whole = whole && scratch[start + needed + i] == kZoneByte;
    if (!CHECK(whole)) std::fprintf(stderr, "  %s on %s writes where it may not\n", name, table.isa);
  }

  Tensor results[2] = {};  // from here on: used by `run`
  std::vector<Tensor> tensors = {};
  std::vector<uint8_t> scratch = {};
};

}  // namespace chainrule
