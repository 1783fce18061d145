#include "runtime/team.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "runtime/scheduling.h"
#include "runtime/spin.h"

namespace chainrule {
namespace {

// How often a thread looks before it sleeps, about 25 ns each time. That is longer than the serial part of an
// MLP's step, because waking a thread costs as much as a small product. Bounded, so that a preempted thread
// costs little.
constexpr int kSpins = 2000;

// How often the leader then yields its core before it sleeps too, about 300 ns each if no other thread wants
// it: the whole team would have to wait until the leader is awake again.
constexpr int kYields = 1000;

// A thread that starts to run this long after it was woken had to wait for its core, so the machine is busy.
// Then threads may wake on the same core; after a while they are kept apart again.
constexpr std::chrono::microseconds kLate{500};
constexpr std::chrono::seconds kCrowded{1};

}  // namespace

void Barrier::wait(int width) {
  if (width <= 1) return;
  const uint32_t generation = generation_.load(std::memory_order_acquire);
  const auto arrived = static_cast<int>(arrived_.fetch_add(1, std::memory_order_seq_cst)) + 1;
  if (arrived == width) return release(width);
  // A leader that sleeps in `await_others` does not count as arrived.
  if (arrived == width - 1 && leader_.count.load(std::memory_order_seq_cst) != 0) wake(&leader_, width);
  if (spin(kSpins, [&] { return generation_.load(std::memory_order_acquire) != generation; })) return;
  sleep(&others_, [&] { return generation_.load(std::memory_order_seq_cst) != generation; });
}

void Barrier::release(int width) {
  arrived_.store(0, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_seq_cst);
  if (others_.count.load(std::memory_order_seq_cst) != 0) wake(&others_, width);
}

void Barrier::await_others(int width) {
  const auto others = static_cast<uint32_t>(width - 1);
  const auto arrived = [&] { return arrived_.load(std::memory_order_acquire) == others; };
  if (spin(kSpins, arrived)) return;
  for (int look = 0; look < kYields; ++look) {
    if (arrived()) return;
    std::this_thread::yield();
  }
  sleep(&leader_, [&] { return arrived_.load(std::memory_order_seq_cst) == others; });
}

// A thread counts itself as a sleeper before it looks once more, and the thread that ends the wait looks for
// sleepers afterwards. So no sleeper is missed.
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

double measure_barrier(Barrier* barrier, int width) {
  using Clock = Barrier::Clock;
  constexpr int kRepeats = 4, kBarriers = 25;
  double best = 1e9;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    barrier->wait(width);
    const auto start = Clock::now();
    for (int i = 0; i < kBarriers; ++i) barrier->wait(width);
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / kBarriers);
  }
  return best;
}

#if defined(__SANITIZE_THREAD__)
// The thread sanitizer does not understand how OpenMP's threads synchronize, but it understands std::thread.
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
