// How far a thread of a team has come since the last barrier, by which it knows when the next one is due.
// All threads of the team come to the same answers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "runtime/program.h"

namespace chainrule {

class Progress {
 public:
  void begin_step() {
    next_ = synchronized_at_ = 0;
    behind_from_ = kNone;
  }

  void pass_barrier() {
    pending_ = Pending::clean;
    synchronized_at_ = next_;
    behind_from_ = kNone;
  }

  // Forgets what was done: all other threads wait.
  void forget() { pending_ = Pending::clean; }

  void perform(int32_t number, bool shared) {
    if (shared) pending_ = Pending::shared;
    else if (pending_ == Pending::clean) pending_ = Pending::serial;
    next_ = number + 1;
  }

  // Threads must synchronize before one reads what another has written, or writes what another may still
  // read. What the leader does alone, it does in order.
  bool needs_barrier(const Share& share, bool shared) const {
    if (pending_ == Pending::clean) return false;
    if (pending_ == Pending::serial && !shared) return false;
    if (share.after_shared >= synchronized_at_ || (shared && share.after_serial >= synchronized_at_)) {
      return true;
    }
    return share.around_shared >= behind_from_ || (shared && share.around_serial >= behind_from_);
  }

  bool waits_for_nobody() const { return pending_ == Pending::clean; }
  bool waits_for_all() const { return pending_ == Pending::shared; }

  // A loop whose instructions the leader performs alone, as if it were one of them.
  void skip(const Loop& loop) {
    pending_ = Pending::serial;
    next_ = loop.last;
  }

  void end(const Loop& loop) {
    if (pending_ == Pending::clean) pending_ = Pending::serial;
    next_ = loop.last;
  }

  // Before the next iteration: what was done since the last barrier is from now on one iteration behind. True
  // if some of it would be two, before which there must be a barrier.
  bool turn(const Loop& loop) {
    const int32_t done_from = std::max(synchronized_at_, loop.first);
    next_ = loop.first;
    if (behind_from_ != kNone) return true;
    behind_from_ = done_from;
    synchronized_at_ = std::min(synchronized_at_, loop.first);
    return false;
  }

 private:
  // Nothing, something by the leader alone, or something by all threads.
  enum class Pending { clean, serial, shared };
  static constexpr int32_t kNone = std::numeric_limits<int32_t>::max();

  Pending pending_ = Pending::clean;
  int32_t next_ = 0;             // the instruction after the last one performed
  int32_t synchronized_at_ = 0;  // from here on, instructions may not be finished
  int32_t behind_from_ = kNone;  // from here on, those of a loop's previous iteration may not be, either
};

}  // namespace chainrule
