#include "runtime/executor.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <thread>

#include "runtime/choice.h"
#include "runtime/cpu.h"
#include "runtime/red_zones.h"
#include "runtime/sharing.h"
#include "runtime/steps.h"

namespace chainrule {
namespace {

// Nanoseconds of work up to which a prediction is served between two instructions, by one thread while its
// team waits; a longer one waits for the step's end and gets the whole team.
constexpr double kServedBetweenNs = 200e3;

// Nanoseconds of work up to which a prediction is made at once on the thread that asks: to hand it over would
// cost that thread as much.
constexpr double kMadeAtOnceNs = 20e3;

// Nanoseconds of work in a run from which the threads' meetings are measured before it: a thousandth of it.
constexpr double kMeasuredFromNs = 10e6;
constexpr double kForgetting = 1.05;

// Nanoseconds of a step up to which one thread may be faster than a team, whatever the cores share, and of a
// run that tells; a single step tells nothing.
constexpr double kTriedUpToNs = 500e3, kTellsFromNs = 200e3;
constexpr int64_t kTellsFromSteps = 4;

bool tries_both(const Job& job) {
  const Program& program = *job.program;
  return program.shared && !job.profile && job.steps >= kTellsFromSteps &&
         program.step_cost_ns <= kTriedUpToNs;
}

double cost_ns(const Job& job) { return job.program->step_cost_ns * static_cast<double>(job.steps); }

bool is_small(const Job& job) { return cost_ns(job) <= kServedBetweenNs; }

// The one executor of the process. It is never destroyed: at exit its thread may still be inside a kernel.
class Executor final : public Team {
 public:
  Executor() { std::thread(&Executor::loop, this).detach(); }

  void submit(Job* job) {
    std::lock_guard<std::mutex> hold(mutex_);
    (job->urgent ? urgent_ : queue_).push_back(job);
    urgent_waiting.store(!urgent_.empty(), std::memory_order_release);
    ++pending_;
    changed_.notify_all();
  }

  void drain(const void* owner) {
    std::unique_lock<std::mutex> hold(mutex_);
    const auto drop = [owner](const auto& list) {
      for (Job* job : list) {
        if (job->owner == owner) job->dropped.store(true);
      }
    };
    drop(urgent_);
    drop(queue_);
    for (const Running& one : running_) {
      if (one.job && one.owner == owner) one.job->dropped.store(true);
    }
    const auto has = [owner](const auto& list) {
      const auto is_owned = [owner](const auto& one) { return owner_of(one) == owner; };
      return std::any_of(list.begin(), list.end(), is_owned);
    };
    changed_.wait(hold, [&] { return !has(urgent_) && !has(queue_) && !has(running_); });
  }

  int pending() {
    std::lock_guard<std::mutex> hold(mutex_);
    return pending_;
  }

  void between(Job* running) override {
    while (Job* job = take_urgent(running, true)) {
      Member alone;
      if (prepare(job, 1, 1)) {
        hold_state(job, running);
        run_steps(this, &alone, job, 1);
      }
      finish(job);
    }
  }

  Job* next_urgent(Job* running, int width) override {
    Job* job = take_urgent(running, false);
    if (!job) return nullptr;
    if (prepare(job, width, 1)) return job;
    finish(job);
    return nullptr;
  }

  // Where the job around it reads the same state, that one's share is enough; to ask for a second one could
  // wait for a writer that waits for the first.
  void hold_state(Job* job, const Job* around) override {
    if (!job->state || job->program->writes_state) return;
    if (around && around->reads_state && around->state == job->state) return;
    job->state->lock.lock_shared();
    job->reads_state = true;
  }

  void finish(Job* job) override {
    if (job->reads_state) job->state->lock.unlock_shared();
    job->reads_state = false;
    job->program->on_executor.store(false);
    const void* const owner = job->owner;
    {
      std::lock_guard<std::mutex> hold(mutex_);
      const auto is_it = [job](const Running& one) { return one.job == job; };
      std::find_if(running_.begin(), running_.end(), is_it)->job = nullptr;
      --pending_;
    }
    // The owner is told while it still counts among those that run, or its environment could be gone, but
    // without the lock: it wakes at once, and often on this core.
    job->finished(job);
    {
      std::lock_guard<std::mutex> hold(mutex_);
      const auto is_told = [owner](const Running& one) { return !one.job && one.owner == owner; };
      running_.erase(std::find_if(running_.begin(), running_.end(), is_told));
    }
    changed_.notify_all();
  }

  void* scratch(int level, int index, size_t bytes) override {
    Arena& arena = scratch_[level][index];
    arena.reserve(static_cast<int64_t>(bytes));
    return arena.data;
  }

 private:
  struct Running {
    Job* job;  // nullptr from when its owner is told
    const void* owner;
  };

  static const void* owner_of(const Job* job) { return job->owner; }
  static const void* owner_of(const Running& one) { return one.owner; }

  void loop() {
    for (;;) {
      Job* job;
      {
        std::unique_lock<std::mutex> hold(mutex_);
        changed_.wait(hold, [this] { return !urgent_.empty() || !queue_.empty(); });
        std::deque<Job*>& list = urgent_.empty() ? queue_ : urgent_;
        job = list.front();
        list.pop_front();
        urgent_waiting.store(!urgent_.empty(), std::memory_order_release);
        running_.push_back({job, job->owner});
      }
      const int width = width_for(*job);
      if (prepare(job, width, 0)) {
        hold_state(job, nullptr);
        run_timed(job, width);
      }
      finish(job);
    }
  }

  int width_for(const Job& job) {
    Program& program = *job.program;
    const int width = std::min(thread_count(), kMostThreads);
    if (width == 1 || RedZones::active()) return 1;
    if (cost_ns(job) > kMeasuredFromNs && program.shared) measure_meetings(width);
    share_work(&program, shared_from_ns_);
    if (!program.shared) return 1;
    return tries_both(job) && choice_of(program).alone() ? 1 : width;
  }

  void run_timed(Job* job, int width) {
    using Clock = std::chrono::steady_clock;
    const bool tells = tries_both(*job) && thread_count() > 1;
    const auto start = Clock::now();
    run(job, width);
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    if (!tells || job->report.steps < kTellsFromSteps || ns < kTellsFromNs) return;
    choice_of(*job->program).note(width == 1, ns / job->report.steps);
  }

  // A model that is compiled again has the same plan. One of two that meet in their place is forgotten.
  Choice& choice_of(const Program& program) {
    Known& known = known_[program.fingerprint % kPlans];
    if (known.fingerprint != program.fingerprint) known = {program.fingerprint, {}};
    return known.choice;
  }

  // What a meeting costs decides what is worth one. A thread may have been kept from its core meanwhile: the
  // least of the last few measurements counts.
  void measure_meetings(int width) {
    const auto measure = [](void* argument, int index, int granted) {
      auto* self = static_cast<Executor*>(argument);
      const double ns = measure_meeting(&self->barrier, granted);
      if (index == 0) self->meeting_ns_ = std::min(ns, self->meeting_ns_ * kForgetting);
    };
    run_team(width, measure, this);
    shared_from_ns_ = shared_from_ns(meeting_ns_);
  }

  void run(Job* job, int width) {
    struct Context {
      Executor* executor;
      Job* job;
    } context{this, job};
    const auto work = [](void* argument, int index, int granted) {
      const auto* context = static_cast<Context*>(argument);
      Member member{index, granted, 0};
      run_steps(context->executor, &member, context->job, 0);
    };
    if (width == 1) work(&context, 0, 1);
    else run_team(width, work, &context);
  }

  // All memory that `width` threads will need: nothing may fail inside a parallel region. False where there
  // is none: the job ends with that.
  bool prepare(Job* job, int width, int level) {
    Program& program = *job->program;
    program.on_executor.store(true);
    try {
      program.executor_arena.reserve(program.arena_bytes);
      if (program.executor_frames.size() < static_cast<size_t>(width)) {
        program.executor_frames = std::vector<Frame>(static_cast<size_t>(width));
      }
      for (int index = 0; index < width; ++index) {
        program.executor_frames[static_cast<size_t>(index)].prepare(program);
        scratch(level, index, program.scratch_bytes);
      }
      return true;
    } catch (const std::bad_alloc&) {
      job->report.end = RunEnd::memory;
      return false;
    }
  }

  // The first urgent job that may run inside `running`: of the size asked for, on memory that is not in use.
  Job* take_urgent(const Job* running, bool small) {
    std::lock_guard<std::mutex> hold(mutex_);
    for (auto place = urgent_.begin(); place != urgent_.end(); ++place) {
      Job* job = *place;
      const bool writes_same = job->program->writes_state && job->state == running->state;
      if (is_small(*job) != small || job->program->on_executor.load() || writes_same) continue;
      urgent_.erase(place);
      urgent_waiting.store(!urgent_.empty(), std::memory_order_release);
      running_.push_back({job, job->owner});
      return job;
    }
    return nullptr;
  }

  static constexpr int kMostThreads = 1024;
  static constexpr size_t kPlans = 256;
  struct Known {
    uint64_t fingerprint = 0;
    Choice choice;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job*> urgent_;
  std::deque<Job*> queue_;
  std::vector<Running> running_;  // the one being run, and those run inside it
  int pending_ = 0;
  double meeting_ns_ = 1e9;
  double shared_from_ns_ = kSharedFromNs;
  Known known_[kPlans];
  Arena scratch_[2][kMostThreads];
};

Executor& executor() {
  static Executor* const the_executor = new Executor;
  return *the_executor;
}

std::atomic<bool> executor_started{false};

// On the calling thread, which holds a reader's share of the state where the job reads it.
void run_holding(Job* job, bool reads) {
  try {
    run_steps_here(job);
  } catch (const std::bad_alloc&) {
    job->report.end = RunEnd::memory;
  }
  if (reads) job->state->lock.unlock_shared();
}

}  // namespace

void submit(Job* job) {
  Executor& the_executor = executor();
  executor_started.store(true);
  the_executor.submit(job);
}

void drain(const void* owner) {
  if (executor_started.load()) executor().drain(owner);
}

int pending_jobs() { return executor_started.load() ? executor().pending() : 0; }

void run_here(Job* job) {
  const bool reads = job->state && !job->program->writes_state;
  if (reads) job->state->lock.lock_shared();
  run_holding(job, reads);
}

bool run_at_once(Job* job) {
  if (job->program->writes_state || cost_ns(*job) > kMadeAtOnceNs) return false;
  if (job->state && !job->state->lock.try_lock_shared()) return false;
  run_holding(job, job->state != nullptr);
  return true;
}

}  // namespace chainrule
