// Whether a program runs faster on a team of threads or on one thread. How expensive it is to move data
// between cores depends on the machine and on what else runs there, so both are tried. The bits are the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace chainrule {

class Choice {
 public:
  // Whether the next run should use one thread. The first runs try both. After that the slower way is tried
  // again from time to time, each time after twice as many runs. A trial is of several runs in a row: what a
  // second thread reads is at first in no cache of its core.
  bool alone() {
    if (first_ < 2 * kInARow) return first_ >= kInARow;
    if (++runs_ < interval_) return is_faster_alone();
    const bool slower = !is_faster_alone();
    if (runs_ + 1 < interval_ + kInARow) return slower;
    runs_ = 0;
    interval_ = std::min(2 * interval_, kMaxInterval);
    return slower;
  }

  // The next run is to try what could not be had in this one.
  void try_again() {
    if (first_ == 2 * kInARow && runs_ > 0) --runs_;
  }

  // Records the time of a step in such a run. The minimum of recent runs counts, because a thread may have
  // been preempted; an old minimum slowly loses weight.
  void note(bool alone, double step_ns) {
    if (first_ < 2 * kInARow) ++first_;
    const bool before = is_faster_alone();
    double& least = alone ? alone_ns_ : team_ns_;
    least = least == 0 ? step_ns : std::min(step_ns, least * kForgetting);
    if (is_faster_alone() == before) return;
    interval_ = is_faster_alone() ? kMinInterval : kMinTeamInterval;
    runs_ = 0;
  }

 private:
  // A team is tried again soon: one busy core is enough to make it look slow, and the first runs of a program
  // often come while the engine still compiles JavaScript on the other one.
  static constexpr int kInARow = 3, kMinInterval = 4, kMinTeamInterval = 32, kMaxInterval = 1024;
  static constexpr double kForgetting = 1.05;

  bool is_faster_alone() const { return alone_ns_ != 0 && alone_ns_ < team_ns_; }

  double team_ns_ = 0, alone_ns_ = 0;  // 0 if not tried yet
  int first_ = 0, runs_ = 0, interval_ = kMinTeamInterval;
};

// Those of many plans, found by fingerprint, because a model that is compiled again has the same plan. Of two
// plans that share an entry, the older one is forgotten.
class Choices {
 public:
  Choice& of(uint64_t fingerprint) {
    Known& known = known_[fingerprint % kPlans];
    if (known.fingerprint != fingerprint) known = {fingerprint, {}};
    return known.choice;
  }

 private:
  static constexpr size_t kPlans = 256;
  struct Known {
    uint64_t fingerprint = 0;
    Choice choice;
  };
  Known known_[kPlans];
};

}  // namespace chainrule
