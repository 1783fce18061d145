// Waiting awake, for what is sooner there than a sleeping thread would wake.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace chainrule {

inline void relax_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// About what a look takes.
constexpr double kLookNs = 25;

// Looks so often at most. Whether it came.
template <typename Came>
bool spin(int looks, const Came& came) {
  for (int look = 0; look < looks; ++look) {
    if (came()) return true;
    relax_cpu();
  }
  return false;
}

}  // namespace chainrule
