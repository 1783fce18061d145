#include "runtime/team.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "runtime/scheduling.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace chainrule {
namespace {

// Rounds of looking before a thread sleeps, some 25 ns each: longer than the leader is alone in a step of an
// MLP, for waking a thread costs as much as a small product. Bounded, so that a thread that was preempted
// costs little.
constexpr int kSpins = 2000;

// Rounds of offering its core to others before the leader sleeps too, some 300 ns each where there is
// nobody: waking it would keep the whole team waiting.
constexpr int kYields = 1000;

// A thread that runs so long after it was woken had to wait for its core: others keep that busy, and there it
// is better to take turns on one. Asked again after a while.
constexpr std::chrono::microseconds kLate{500};
constexpr std::chrono::seconds kCrowded{1};

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
  const auto arrived = static_cast<int>(arrived_.fetch_add(1, std::memory_order_seq_cst)) + 1;
  if (arrived == width) return release(width);
  // A leader asleep in `await_others` is not among those that arrive.
  if (arrived == width - 1 && leader_.count.load(std::memory_order_seq_cst) != 0) wake(&leader_, width);
  for (int spin = 0; spin < kSpins; ++spin) {
    if (generation_.load(std::memory_order_acquire) != generation) return;
    pause();
  }
  sleep(&others_, [&] { return generation_.load(std::memory_order_seq_cst) != generation; });
}

void Barrier::release(int width) {
  arrived_.store(0, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_seq_cst);
  if (others_.count.load(std::memory_order_seq_cst) != 0) wake(&others_, width);
}

void Barrier::await_others(int width) {
  const auto others = static_cast<uint32_t>(width - 1);
  for (int round = 0; round < kSpins + kYields; ++round) {
    if (arrived_.load(std::memory_order_acquire) == others) return;
    if (round < kSpins) pause();
    else std::this_thread::yield();
  }
  sleep(&leader_, [&] { return arrived_.load(std::memory_order_seq_cst) == others; });
}

// Who sleeps has said so before it looks once more; who ends the wait looks for sleepers after ending it.
template <typename Over>
void Barrier::sleep(Sleepers* sleepers, const Over& over) {
  Sleeper self;
  std::unique_lock<std::mutex> lock(mutex_);
  self.next = sleepers->first;
  sleepers->first = &self;
  sleepers->count.fetch_add(1, std::memory_order_seq_cst);
  sleepers->woken.wait(lock, over);
  sleepers->count.fetch_sub(1, std::memory_order_seq_cst);
  if (self.is_kept_off() && Clock::now() - woken_at_ > kLate) crowded_until_ = Clock::now() + kCrowded;
  Sleeper** place = &sleepers->first;
  while (*place != &self) place = &(*place)->next;
  *place = self.next;
  lock.unlock();
  self.awake();
}

void Barrier::wake(Sleepers* sleepers, int width) {
  std::lock_guard<std::mutex> lock(mutex_);
  woken_at_ = Clock::now();
  if (woken_at_ >= crowded_until_) {
    for (Sleeper* one = sleepers->first; one; one = one->next) one->keep_off_this_cpu(width);
  }
  sleepers->woken.notify_all();
}

double measure_meeting(Barrier* barrier, int width) {
  using Clock = Barrier::Clock;
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
