// The team of threads. Only team.cc uses OpenMP.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "runtime/scheduling.h"

namespace chainrule {

// Where threads wait for each other: first spinning for a few microseconds, then asleep. `width` is the
// number of threads that are really there, which may be fewer than were requested.
class Barrier {
 public:
  using Clock = std::chrono::steady_clock;

  void wait(int width);

  // The same in two halves, for one thread that has something to do before the others continue.
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

  // Waiting threads read generation_ all the time. On a cache line of its own, that does not slow down
  // arrivals.
  static constexpr size_t kApart = 64;
  alignas(kApart) std::atomic<uint32_t> arrived_{0};
  alignas(kApart) std::atomic<uint32_t> generation_{0};
  std::mutex mutex_;  // protects what follows
  Clock::time_point woken_at_, crowded_until_;
  Sleepers others_;
  Sleepers leader_;
};

// Nanoseconds of one barrier. All threads of a team call this together; it takes some tens of microseconds.
double measure_barrier(Barrier* barrier, int width);

// Runs work(context, index, width) on up to `width` threads in one parallel region. There may be fewer
// threads.
void run_team(int width, void (*work)(void* context, int index, int width), void* context);

}  // namespace chainrule
