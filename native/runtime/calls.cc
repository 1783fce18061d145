#include "runtime/calls.h"

#include <condition_variable>
#include <mutex>
#include <new>

#include "runtime/cpu.h"
#include "runtime/steps.h"

namespace chainrule {
namespace {

// A prediction with up to this much work runs inline on the calling thread, which would need as long to hand
// it over.
constexpr double kInlineMaxNs = 20e3;

// From here on a team is worth being waited for: there and back takes some 20 µs.
constexpr double kAwaitedFromNs = 100e3;

// On the calling thread, which holds the state's lock as a reader if the job reads the state.
void run_holding(Job* job, bool reads) {
  try {
    run_steps_here(job);
  } catch (const std::bad_alloc&) {
    job->report.end = RunEnd::memory;
  }
  if (reads) job->state->lock.unlock_shared();
}

// A thread that waits for its job.
struct Waiter {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
};

}  // namespace

void run_alone(Job* job) {
  const bool reads = job->state && !job->program->writes_state;
  if (reads) job->state->lock.lock_shared();
  run_holding(job, reads);
}

bool run_inline(Job* job) {
  if (job->program->writes_state || job_cost_ns(*job) > kInlineMaxNs) return false;
  if (job->state && !job->state->lock.try_lock_shared()) return false;
  run_holding(job, job->state != nullptr);
  return true;
}

void run_now(Job* job) {
  const bool is_small = !job->program->shared || job_cost_ns(*job) < kAwaitedFromNs;
  if (is_small || thread_count() == 1) return run_here(job);
  Waiter waiter;
  job->owner = &waiter;
  job->high_priority = true;
  job->finished = [](Job* done) {
    auto* const waiting = static_cast<Waiter*>(const_cast<void*>(done->owner));
    const std::lock_guard<std::mutex> hold(waiting->mutex);
    waiting->done = true;
    waiting->changed.notify_one();
  };
  submit(job);
  std::unique_lock<std::mutex> hold(waiter.mutex);
  waiter.changed.wait(hold, [&waiter] { return waiter.done; });
}

}  // namespace chainrule
