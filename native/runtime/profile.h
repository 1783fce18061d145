// The time that each instruction of a run takes, including the wait for slower threads.
#pragma once

#include <chrono>

#include "runtime/program.h"

namespace chainrule {

class Profile {
 public:
  // Adds the time since the last mark to the instruction that began then; -1 ends the step. Atomic, because a
  // run on the executor and one on a calling thread may both add time.
  void mark(const Program& program, int32_t number) {
    const auto now = Clock::now();
    if (marked_ >= 0) {
      double& sum = (*program.profile_ns)[static_cast<size_t>(marked_)];
      double ns;
      __atomic_load(&sum, &ns, __ATOMIC_RELAXED);
      ns += std::chrono::duration<double, std::nano>(now - mark_).count();
      __atomic_store(&sum, &ns, __ATOMIC_RELAXED);
    }
    marked_ = number;
    mark_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  int32_t marked_ = -1;
  Clock::time_point mark_;
};

}  // namespace chainrule
