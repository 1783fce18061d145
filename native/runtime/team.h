// The team of threads: all of OpenMP stands in team.cc.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "runtime/scheduling.h"

namespace chainrule {

// Threads meet: spinning for a few microseconds, then asleep. Never sized by a request, always by who is
// there.
class Barrier {
 public:
  using Clock = std::chrono::steady_clock;

  void wait(int width);

  // The same in two halves, for one thread that has something to do before the others go on.
  void await_others(int width);
  void release(int width);

 private:
  struct Sleepers {
    std::atomic<int> count{0};
    std::condition_variable woken;
    Sleeper* first = nullptr;
  };

  template <typename Over>
  void sleep(Sleepers* sleepers, const Over& over);
  void wake(Sleepers* sleepers, int width);

  // Who waits looks at the second all the time: on a line of its own it does not hold up who arrives.
  static constexpr size_t kApart = 64;
  alignas(kApart) std::atomic<uint32_t> arrived_{0};
  alignas(kApart) std::atomic<uint32_t> generation_{0};
  std::mutex mutex_;  // of what follows
  Clock::time_point woken_at_, crowded_until_;
  Sleepers others_;
  Sleepers leader_;
};

// Nanoseconds of one meeting, by a thread of a team that calls this together. Some tens of microseconds.
double measure_meeting(Barrier* barrier, int width);

// Runs work(context, index, width) on up to `width` threads in one parallel region. Fewer may be granted.
void run_team(int width, void (*work)(void* context, int index, int width), void* context);

}  // namespace chainrule
