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

// A prediction with up to this much work is run between two instructions of another job, by one thread while
// its team waits. A longer one waits for the end of the step and gets the whole team.
constexpr double kServedBetweenNs = 200e3;

// A prediction with up to this much work runs inline on the calling thread, which would need as long to hand
// it over.
constexpr double kInlineMaxNs = 20e3;

// From here on a team is worth being waited for: there and back takes some 20 µs.
constexpr double kAwaitedFromNs = 100e3;

// Before a run with at least this much work, the cost of a barrier is measured, which takes a thousandth of
// it.
constexpr double kMeasuredFromNs = 10e6;
constexpr double kForgetting = 1.05;

// One thread may be faster than a team for steps up to this long, whatever caches the cores share. Only runs
// that are long enough and have several steps are compared.
constexpr double kTriedUpToNs = 500e3, kTellsFromNs = 200e3;
constexpr int64_t kTellsFromSteps = 4;

bool tries_both(const Job& job) {
  const Program& program = *job.program;
  return program.shared && !job.profile && job.steps >= kTellsFromSteps &&
         program.step_cost_ns <= kTriedUpToNs;
}

double cost_ns(const Job& job) { return job.program->step_cost_ns * static_cast<double>(job.steps); }

bool is_small(const Job& job) { return cost_ns(job) <= kServedBetweenNs; }

// The one executor of the process. It is never destroyed, because its thread may still be inside a kernel at
// exit.
class Executor final : public Team {
 public:
  Executor() { std::thread(&Executor::loop, this).detach(); }

  void submit(Job* job) {
    std::lock_guard<std::mutex> hold(mutex_);
    (job->high_priority ? high_priority_ : queue_).push_back(job);
    high_priority_waiting.store(!high_priority_.empty(), std::memory_order_release);
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
    drop(high_priority_);
    drop(queue_);
    for (const Running& one : running_) {
      if (one.job && one.owner == owner) one.job->dropped.store(true);
    }
    const auto has = [owner](const auto& list) {
      const auto is_owned = [owner](const auto& one) { return owner_of(one) == owner; };
      return std::any_of(list.begin(), list.end(), is_owned);
    };
    changed_.wait(hold, [&] { return !has(high_priority_) && !has(queue_) && !has(running_); });
  }

  int pending() {
    std::lock_guard<std::mutex> hold(mutex_);
    return pending_;
  }

  void between_instructions(Job* running) override {
    while (Job* job = take_high_priority(running, true)) {
      Member alone;
      if (prepare(job, 1, 1)) {
        hold_state(job, running);
        run_steps(this, &alone, job, 1);
      }
      finish(job);
    }
  }

  Job* next_high_priority(Job* running, int width) override {
    Job* job = take_high_priority(running, false);
    if (!job) return nullptr;
    if (prepare(job, width, 1)) return job;
    finish(job);
    return nullptr;
  }

  // If the enclosing job reads the same state, its lock is enough. Locking again could deadlock: a waiting
  // writer goes first, and it waits for the enclosing job.
  void hold_state(Job* job, const Job* around) override {
    if (!job->state || job->program->writes_state) return;
    if (around && around->reads_state && around->state == job->state) return;
    job->state->lock.lock_shared();
    job->reads_state = true;
  }

  void finish(Job* job) override {
    if (job->reads_state) job->state->lock.unlock_shared();
    job->reads_state = false;
    job->program->memory->on_executor.store(false);
    const void* const owner = job->owner;
    {
      std::lock_guard<std::mutex> hold(mutex_);
      const auto is_it = [job](const Running& one) { return one.job == job; };
      std::find_if(running_.begin(), running_.end(), is_it)->job = nullptr;
      --pending_;
    }
    // The owner is notified while it is still listed as running, or its environment could be gone by then;
    // but without the lock, because the owner may wake up immediately, often on this core.
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
    Job* job;  // nullptr once its owner is being notified
    const void* owner;
  };

  static const void* owner_of(const Job* job) { return job->owner; }
  static const void* owner_of(const Running& one) { return one.owner; }

  void loop() {
    for (;;) {
      Job* job;
      {
        std::unique_lock<std::mutex> hold(mutex_);
        changed_.wait(hold, [this] { return !high_priority_.empty() || !queue_.empty(); });
        std::deque<Job*>& list = high_priority_.empty() ? queue_ : high_priority_;
        job = list.front();
        list.pop_front();
        high_priority_waiting.store(!high_priority_.empty(), std::memory_order_release);
        running_.push_back({job, job->owner});
      }
      const int width = width_for(*job);
      if (prepare(job, width, 0)) {
        job->program->memory->sources.collapse(job->io);
        hold_state(job, nullptr);
        run_timed(job, width);
      }
      finish(job);
    }
  }

  int width_for(const Job& job) {
    Program& program = *job.program;
    const int width = std::min(thread_count(), kMaxThreads);
    if (width == 1 || RedZones::active()) return 1;
    if (cost_ns(job) > kMeasuredFromNs && program.shared) measure_barriers(width);
    share_work(&program, shared_from_ns_);
    if (job.cycle.last) share_work(job.cycle.last, shared_from_ns_);
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

  // Found by fingerprint, because a model that is compiled again has the same plan. Of two plans that share
  // an entry, the older one is forgotten.
  Choice& choice_of(const Program& program) {
    Known& known = known_[program.fingerprint % kPlans];
    if (known.fingerprint != program.fingerprint) known = {program.fingerprint, {}};
    return known.choice;
  }

  // The cost of a barrier decides which instructions are worth sharing. The minimum of recent measurements
  // counts, because a thread may have been preempted during one.
  void measure_barriers(int width) {
    const auto measure = [](void* argument, int index, int granted) {
      auto* self = static_cast<Executor*>(argument);
      const double ns = measure_barrier(&self->barrier, granted);
      if (index == 0) self->barrier_ns_ = std::min(ns, self->barrier_ns_ * kForgetting);
    };
    run_team(width, measure, this);
    shared_from_ns_ = shared_from_ns(barrier_ns_);
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

  // Allocates all memory that `width` threads will need, because nothing may fail inside a parallel region.
  // If there is not enough, the job ends with that and false is returned.
  bool prepare(Job* job, int width, int level) {
    RunMemory& memory = *job->program->memory;
    memory.on_executor.store(true);
    try {
      memory.executor_arena.reserve(job->program->arena_bytes);
      for (Program* program : {job->program, job->cycle.last}) {
        if (program) prepare_frames(program, width, level);
      }
      return true;
    } catch (const std::bad_alloc&) {
      job->report.end = RunEnd::memory;
      return false;
    }
  }

  void prepare_frames(Program* program, int width, int level) {
    if (program->executor_frames.size() < static_cast<size_t>(width)) {
      program->executor_frames = std::vector<Frame>(static_cast<size_t>(width));
    }
    for (int index = 0; index < width; ++index) {
      program->executor_frames[static_cast<size_t>(index)].prepare(*program);
      scratch(level, index, program->scratch_bytes);
    }
  }

  // The first high-priority job of the wanted size that may run inside `running`: its memory must not be
  // in use.
  Job* take_high_priority(const Job* running, bool small) {
    std::lock_guard<std::mutex> hold(mutex_);
    for (auto place = high_priority_.begin(); place != high_priority_.end(); ++place) {
      Job* job = *place;
      const bool writes_same = job->program->writes_state && job->state == running->state;
      if (is_small(*job) != small || job->program->memory->on_executor.load() || writes_same) continue;
      high_priority_.erase(place);
      high_priority_waiting.store(!high_priority_.empty(), std::memory_order_release);
      running_.push_back({job, job->owner});
      return job;
    }
    return nullptr;
  }

  static constexpr int kMaxThreads = 1024;
  static constexpr size_t kPlans = 256;
  struct Known {
    uint64_t fingerprint = 0;
    Choice choice;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job*> high_priority_;
  std::deque<Job*> queue_;
  std::vector<Running> running_;  // the current job and those that run inside it
  int pending_ = 0;
  double barrier_ns_ = 1e9;
  double shared_from_ns_ = kSharedFromNs;
  Known known_[kPlans];
  Arena scratch_[2][kMaxThreads];
};

Executor& executor() {
  static Executor* const the_executor = new Executor;
  return *the_executor;
}

std::atomic<bool> executor_started{false};

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

void submit(Job* job) {
  Executor& the_executor = executor();
  executor_started.store(true);
  the_executor.submit(job);
}

void drain(const void* owner) {
  if (executor_started.load()) executor().drain(owner);
}

void set_rows(Job* job, Program* loaded, int64_t rows, int64_t last, int64_t every, int64_t phase) {
  job->kept[0] = program_for_rows(loaded, rows != 0 ? rows : loaded->rows.most);
  job->program = job->kept[0].get();
  job->cycle = {};
  if (every == 0) return;
  job->kept[1] = program_for_rows(loaded, last);
  if (every < 0 || phase < 0 || phase >= every || last > job->program->rows.most) {
    throw PlanError("the rows of the steps are out of range");
  }
  // Steps of one size have one frame, which each step moves but once.
  if (job->kept[1] != job->kept[0]) job->cycle = {job->kept[1].get(), every, phase};
}

double job_cost_ns(const Job& job) { return cost_ns(job); }

int pending_jobs() { return executor_started.load() ? executor().pending() : 0; }

void run_here(Job* job) {
  const bool reads = job->state && !job->program->writes_state;
  if (reads) job->state->lock.lock_shared();
  run_holding(job, reads);
}

bool run_inline(Job* job) {
  if (job->program->writes_state || cost_ns(*job) > kInlineMaxNs) return false;
  if (job->state && !job->state->lock.try_lock_shared()) return false;
  run_holding(job, job->state != nullptr);
  return true;
}

void run_now(Job* job) {
  if (!job->program->shared || cost_ns(*job) < kAwaitedFromNs || thread_count() == 1) return run_here(job);
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
