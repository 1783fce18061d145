#include "runtime/team.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace chainrule {
namespace {

// Rounds of looking before a thread sleeps, some 25 ns each: longer than the leader is alone in a step of an
// MLP, for waking a thread costs as much as a small product. Bounded, so that a thread that was preempted
// costs little.
constexpr int kSpins = 2000;

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

void Barrier::wait(int width) {
  if (width <= 1) return;
  const uint32_t generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<uint32_t>(width)) {
    release();
    return;
  }
  for (int spin = 0; spin < kSpins; ++spin) {
    if (generation_.load(std::memory_order_acquire) != generation) return;
    pause();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  wake_.wait(lock, [&] { return generation_.load(std::memory_order_seq_cst) != generation; });
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
}

void Barrier::release() {
  arrived_.store(0, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  std::lock_guard<std::mutex> lock(mutex_);
  wake_.notify_all();
}

void Barrier::await_others(int width) {
  const auto others = static_cast<uint32_t>(width - 1);
  for (int spin = 0; arrived_.load(std::memory_order_acquire) != others; ++spin) {
    if (spin < kSpins) pause();
    else std::this_thread::yield();
  }
}

double measure_meeting(Barrier* barrier, int width) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRounds = 4, kMeetings = 25;
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    barrier->wait(width);
    const auto start = Clock::now();
    for (int i = 0; i < kMeetings; ++i) barrier->wait(width);
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / kMeetings);
  }
  return best;
}

#if defined(__SANITIZE_THREAD__)
// The sanitizer does not see how OpenMP's threads wait for each other; it does see these.
void run_team(int width, void (*work)(void* context, int index, int width), void* context) {
  std::vector<std::thread> others;
  for (int index = 1; index < width; ++index) others.emplace_back(work, context, index, width);
  work(context, 0, width);
  for (std::thread& other : others) other.join();
}
#else
void run_team(int width, void (*work)(void* context, int index, int width), void* context) {
#pragma omp parallel num_threads(width)
  work(context, omp_get_thread_num(), omp_get_num_threads());
}
#endif

}  // namespace chainrule
