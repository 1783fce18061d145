// Whether a program runs faster on a team of threads or on one: what it costs that data move from core to
// core depends on the machine and on what else runs there, so both are tried. The bits are the same.
#pragma once

#include <algorithm>

namespace chainrule {

class Choice {
 public:
  // Of the next run. Some runs in turns, the first of all being no measure; then the slower one is tried
  // again after some runs, and after twice as many the next time.
  bool alone() {
    if (first_ < kInTurns) return first_ % 2 != 0;
    if (++runs_ < pause_) return is_faster_alone();
    runs_ = 0;
    pause_ = std::min(2 * pause_, kLongestPause);
    return !is_faster_alone();
  }

  // Nanoseconds of a step in such a run. The least of the last few counts, for a thread may be kept from its
  // core.
  void note(bool alone, double step_ns) {
    if (first_ < kInTurns) ++first_;
    const bool before = is_faster_alone();
    double& least = alone ? alone_ns_ : team_ns_;
    least = least == 0 ? step_ns : std::min(step_ns, least * kForgetting);
    if (is_faster_alone() == before) return;
    pause_ = kShortestPause;
    runs_ = 0;
  }

 private:
  static constexpr int kInTurns = 6, kShortestPause = 32, kLongestPause = 1024;
  static constexpr double kForgetting = 1.05;

  bool is_faster_alone() const { return alone_ns_ != 0 && alone_ns_ < team_ns_; }

  double team_ns_ = 0, alone_ns_ = 0;  // 0 where it was not tried
  int first_ = 0, runs_ = 0, pause_ = kShortestPause;
};

}  // namespace chainrule
