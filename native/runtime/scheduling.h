// Where the operating system wakes a thread of a team.
#pragma once

#include <sched.h>
#include <sys/types.h>

namespace chainrule {

// A thread that sleeps until another of its team wakes it. Linux likes to wake it on the core of the one that
// wakes it, where the two would take turns for some 10 ms, until the system balances its load.
class Sleeper {
 public:
  Sleeper();

  // By the thread that will wake it: it shall wake on another core, if there is one for each of `width`.
  void keep_off_this_cpu(int width);
  bool is_kept_off() const { return kept_off_; }

  // By the thread itself, once awake: all its cores are free to it again.
  void awake();

  Sleeper* next = nullptr;

 private:
  const pid_t thread_;
  bool kept_off_ = false;
  cpu_set_t allowed_;
};

}  // namespace chainrule
