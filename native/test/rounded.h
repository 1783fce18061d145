// Numbers as bfloat16 has them, and the kernels that compute with them.
#pragma once

#include <limits>

#include "run.h"

namespace chainrule {

#if defined(__x86_64__)
extern const KernelTable kernels_avx512;
#endif

// Those of this machine, and that of AVX-512 without the bfloat16 instruction.
inline std::vector<const KernelTable*> all_tables() {
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : tables_here()) {
    tables.push_back(table);
#if defined(__x86_64__)
    if (std::strcmp(table->isa, "avx512") == 0) tables.push_back(&kernels_avx512);
#endif
  }
  return tables;
}

inline float rounded(float x) {
  if (std::isnan(x)) return std::numeric_limits<float>::quiet_NaN();
  if (std::fabs(x) < std::numeric_limits<float>::min()) return std::copysign(0.0f, x);
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t low = bits & 0xffff;
  bits -= low;
  if (low > 0x8000 || (low == 0x8000 && (bits & 0x10000))) bits += 0x10000;
  std::memcpy(&x, &bits, 4);
  return x;
}

}  // namespace chainrule
