// On which core the operating system wakes a thread of a team.
#pragma once

#include <sched.h>
#include <sys/types.h>

namespace chainrule {

// A thread that sleeps until another thread of its team wakes it. Linux tends to wake it on the core of the
// thread that wakes it, where the two would compete for about 10 ms, until the system balances its load.
class Sleeper {
 public:
  Sleeper();

  // Called by the thread that will wake it: makes it wake on another core, if there are `width` cores.
  void keep_off_this_cpu(int width);
  bool is_kept_off() const { return kept_off_; }

  // Called by the thread itself once it is awake: allows it to run on all its cores again.
  void awake();

  Sleeper* next = nullptr;

 private:
  const pid_t thread_;
  bool kept_off_ = false;
  cpu_set_t allowed_;
};

}  // namespace chainrule
