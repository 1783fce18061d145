#include "runtime/executor.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "runtime/calls.h"
#include "runtime/choice.h"
#include "runtime/cpu.h"
#include "runtime/job_queue.h"
#include "runtime/red_zones.h"
#include "runtime/sharing.h"
#include "runtime/steps.h"

namespace chainrule {
namespace {

using Clock = std::chrono::steady_clock;

// From here on a caller's job is shared with the executor's thread where that is awake; from the second on it
// is woken for it, and from the third on it brings its team along.
constexpr double kBesideFromNs = 30e3, kWokenFromNs = 500e3, kWithTeamFromNs = 2e6;

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

double ns_of(Clock::duration taken) { return std::chrono::duration<double, std::nano>(taken).count(); }

double step_ns(const Job& job, Clock::duration taken) {
  return ns_of(taken) / static_cast<double>(job.steps);
}

bool is_worth_help(const Job& job) {
  const Program& program = *job.program;
  const bool is_large = program.shared && job_cost_ns(job) >= kBesideFromNs;
  return is_large && !program.writes_state && thread_count() > 1 && !RedZones::active();
}

// The one executor of the process. It is never destroyed, because its thread may still be inside a kernel at
// exit.
class Executor final : public Team {
 public:
  Executor() : queue_(&high_priority_waiting) { std::thread(&Executor::loop, this).detach(); }

  JobQueue& queue() { return queue_; }
  int64_t runs_beside() const { return runs_beside_.load(); }

  // A job that its caller waits for: made by the caller, together with the executor's thread where that has
  // nothing to do. Nobody waits until it wakes, unless that is worth it; and one thread may be faster.
  void run_for_caller(Job* job) {
    const double cost_ns = job_cost_ns(*job);
    const bool tries = !job->profile && cost_ns < kWithTeamFromNs;
    const int width = cost_ns < kWithTeamFromNs ? 2 : std::min(thread_count(), kMaxThreads);
    const bool wanted = !(tries && is_faster_alone(*job));
    const bool together =
        wanted && queue_.reserve(cost_ns >= kWokenFromNs, cost_ns) && prepare_beside(job, width);
    const auto start = Clock::now();
    if (together) run_beside(job, width);
    else run_alone(job);
    const auto end = Clock::now();
    queue_.note_end(end);
    if (!tries) return;
    const std::lock_guard<std::mutex> hold(beside_mutex_);
    Choice& choice = beside_.of(job->program->fingerprint);
    if (wanted && !together) choice.try_again();
    else choice.note(!together, step_ns(*job, end - start));
  }

  void between_instructions(Job* running) override {
    while (Job* job = queue_.take_inside(running, true)) {
      Member alone;
      if (prepare(job, 1, 1)) {
        hold_state(job, running);
        run_steps(this, &alone, job, 1);
      }
      finish(job);
    }
  }

  Job* next_high_priority(Job* running, int width) override {
    if (running == caller_job_) return nullptr;  // its caller has work of its own
    Job* job = queue_.take_inside(running, false);
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
    give_back(job);
    queue_.end(job);
  }

  void* scratch(int level, int index, size_t bytes) override {
    Arena& arena = scratch_[level][index];
    arena.reserve(static_cast<int64_t>(bytes));
    return arena.data;
  }

 private:
  void loop() {
    for (;;) {
      Job* const job = queue_.next();
      if (!job) {
        help_caller();
        continue;
      }
      const int width = job->is_joint ? 1 : width_for(*job);
      if (prepare(job, job->is_joint ? 2 : width, 0)) {
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
    if (job_cost_ns(job) > kMeasuredFromNs && program.shared) measure_barriers(width);
    share(job);
    if (!program.shared) return 1;
    return tries_both(job) && team_.of(program.fingerprint).alone() ? 1 : width;
  }

  void share(const Job& job) {
    share_work(job.program, shared_from_ns_);
    if (job.cycle.last) share_work(job.cycle.last, shared_from_ns_);
  }

  void run_timed(Job* job, int width) {
    const bool tells = tries_both(*job) && thread_count() > 1;
    const auto start = Clock::now();
    run(job, width);
    const auto taken = Clock::now() - start;
    if (!tells || job->report.steps < kTellsFromSteps || ns_of(taken) < kTellsFromNs) return;
    team_.of(job->program->fingerprint).note(width == 1, step_ns(*job, taken));
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

  bool is_faster_alone(const Job& job) {
    const std::lock_guard<std::mutex> hold(beside_mutex_);
    return beside_.of(job.program->fingerprint).alone();
  }

  // For a caller that has reserved the executor's thread, which is let go if there is not enough memory for
  // both, or nothing to share.
  bool prepare_beside(Job* job, int width) {
    share(*job);
    if (job->program->shared && prepare(job, width, 0)) return true;
    job->report = RunReport{};
    give_back(job);
    queue_.let_go();
    return false;
  }

  // The caller leads; the executor's thread, and its team if there are more than two, come after it.
  void run_beside(Job* job, int width) {
    hold_state(job, nullptr);
    caller_job_ = job;
    caller_width_ = width;
    queue_.call();
    caller_barrier_.wait(2);
    Member leader{0, caller_width_, 0};
    run_steps(this, &leader, job, 0);
    barrier.wait(leader.width);  // until nobody uses the job any more
    caller_job_ = nullptr;
    give_back(job);
    ++runs_beside_;
    queue_.let_go();
  }

  void help_caller() {
    const auto work = [](void* argument, int index, int granted) {
      auto* const self = static_cast<Executor*>(argument);
      if (index == 0) {
        self->caller_width_ = granted + 1;
        self->caller_barrier_.wait(2);
      }
      Member member{index + 1, granted + 1, 0};
      run_steps(self, &member, self->caller_job_, 0);
      self->barrier.wait(member.width);
    };
    if (caller_width_ == 2) work(this, 0, 1);
    else run_team(caller_width_ - 1, work, this);
  }

  void give_back(Job* job) {
    if (job->reads_state) job->state->lock.unlock_shared();
    job->reads_state = false;
    job->program->memory->on_executor.store(false);
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

  static constexpr int kMaxThreads = 1024;

  JobQueue queue_;
  double barrier_ns_ = 1e9;
  double shared_from_ns_ = kSharedFromNs;
  Choices team_;
  // The job of a caller that has reserved the executor's thread, and how many run it.
  Job* caller_job_ = nullptr;
  int caller_width_ = 0;
  Barrier caller_barrier_;
  std::atomic<int64_t> runs_beside_{0};
  std::mutex beside_mutex_;
  Choices beside_;
  Arena scratch_[2][kMaxThreads];
};

Executor& executor() {
  static Executor* const the_executor = new Executor;
  return *the_executor;
}

std::atomic<bool> executor_started{false};

}  // namespace

bool may_be_joint(const Job& job) {
  static const int cpus = available_cpus();
  const Program& program = *job.program;
  const bool is_plain = program.loops.empty() && !program.writes_state && !RedZones::active();
  return cpus == 2 && thread_count() == 2 && is_plain && job.steps == 1 && !job.cycle.last;
}

void submit(Job* job) {
  Executor& the_executor = executor();
  executor_started.store(true);
  the_executor.queue().submit(job);
}

void drain(const void* owner) {
  if (executor_started.load()) executor().queue().drain(owner);
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

double job_cost_ns(const Job& job) {
  return job.program->step_cost_ns * static_cast<double>(job.steps);
}

int pending_jobs() { return executor_started.load() ? executor().queue().pending() : 0; }

int64_t jobs_beside() { return executor_started.load() ? executor().runs_beside() : 0; }

void run_here(Job* job) {
  if (!is_worth_help(*job)) return run_alone(job);
  Executor* the_executor = nullptr;
  try {
    the_executor = &executor();
  } catch (const std::system_error&) {
    return run_alone(job);  // there can be no other thread
  }
  executor_started.store(true);
  the_executor->run_for_caller(job);
}

}  // namespace chainrule
