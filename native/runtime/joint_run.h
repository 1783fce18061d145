// A run that the executor's thread makes alone, and that another thread joins while it has nothing else to
// do: who waits for the run, or the helper thread. Instructions then never wait for a thread whose core
// another one needs, as those of a team do.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/program.h"

namespace chainrule {

class JointRun {
 public:
  // The leader's calls. `second` is the frame of who joins; one thread at a time does.
  void open(const Program& program, const Frame& second);
  // Runs all tasks of an instruction, of which who has joined makes some.
  void perform(const Frame& own, int32_t number);
  // From here on nobody joins; the helper thread has left when this returns.
  void close();

  // Makes what it can of the instructions under way until that is `over`, or until there has been nothing to
  // do for some time. The run must exist until this returns; it need not be open.
  void help_until(const std::atomic<bool>& over);

  // The helper, a thread of the process, joins as soon as the run is open.
  void invite_helper();

 private:
  friend class Helper;

  bool help();

  const Program* program_ = nullptr;
  const Frame* second_ = nullptr;
  // The instruction under way, into how many parts it is cut, and the first and the last part that nobody has
  // taken: see joint_run.cc.
  std::atomic<uint64_t> parts_{0};
  std::atomic<int32_t> done_{0};  // parts that who has joined has made
  std::atomic<bool> is_taken_{false};  // somebody has joined
  std::atomic<bool> has_helper_{false};
  std::atomic<bool> is_closed_{false};
  bool invites_helper_ = false;  // guarded by the helper thread's mutex
};

}  // namespace chainrule
