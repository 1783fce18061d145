// Which instructions are shared among threads, and where these must synchronize before them.
#pragma once

#include "runtime/program.h"

namespace chainrule {

// Instructions with at least this much work are shared, until the executor has measured the cost of a
// barrier: it is about twenty barriers among cores with a common cache.
constexpr double kSharedFromNs = 1500;

// The same for a measured barrier. Cores without a common cache synchronize and exchange data several times
// more slowly. Bounded and in coarse steps, because each change has to go through the whole program.
inline double shared_from_ns(double barrier_ns) {
  constexpr double kBarriers = 20, kStep = 1.5, kMinNs = 1000, kMaxNs = 5000;
  double from_ns = kMinNs;
  while (from_ns < barrier_ns * kBarriers && from_ns < kMaxNs) from_ns *= kStep;
  return from_ns;
}

// Decides both for all instructions. Meanwhile the program must not run on more than one thread.
void share_work(Program* program, double from_ns);

}  // namespace chainrule
