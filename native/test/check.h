// A minimal test harness: it counts checks, prints those that fail, and goes on.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "plan.h"

namespace chainrule {

struct Checks {
  int passed = 0;
  int failed = 0;
};

inline Checks& checks() {
  static Checks all;
  return all;
}

inline bool check(bool holds, const char* what, const char* file, int line) {
  Checks& all = checks();
  holds ? ++all.passed : ++all.failed;
  if (!holds && all.failed <= 20) std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
  return holds;
}

// The bits of two floats, or both NaN: which NaN an operation returns differs between processors.
inline bool same_bits(float a, float b) {
  if (a != a || b != b) return a != a && b != b;
  uint32_t x, y;
  std::memcpy(&x, &a, 4);
  std::memcpy(&y, &b, 4);
  return x == y;
}

// Prints the counts and returns the exit code of the test: 1 if a check failed or none was made.
inline int report() {
  Checks& all = checks();
  if (all.passed + all.failed == 0) {
    std::fprintf(stderr, "nothing was checked\n");
    ++all.failed;
  }
  std::printf("%d passed, %d failed\n", all.passed, all.failed);
  return all.failed == 0 ? 0 : 1;
}

// Tables of the instruction sets that this machine supports, scalar first. In kernels_test.cc.
int usable_tables(const KernelTable* const** tables);

// The kernel whose signature begins with `name(`.
inline const Kernel* find_kernel(const KernelTable& table, const char* name) {
  size_t length = std::strlen(name);
  for (int i = 0; i < table.kernel_count; ++i) {
    const char* signature = table.kernels[i].signature;
    if (std::strncmp(signature, name, length) == 0 && signature[length] == '(') return table.kernels + i;
  }
  return nullptr;
}

inline int find_map_op(const KernelTable& table, const char* name) {
  size_t length = std::strlen(name);
  for (int i = 0; i < table.map_count; ++i) {
    const char* signature = table.map_ops[i].signature;
    if (std::strncmp(signature, name, length) == 0 && signature[length] == '(') return i;
  }
  return -1;
}

// Whether this run makes all checks (npm run test:deep).
bool deep_mode();

}  // namespace chainrule

#define CHECK(condition) ::chainrule::check((condition), #condition, __FILE__, __LINE__)
