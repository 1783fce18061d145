#include "runtime/steps.h"

#include <algorithm>
#include <cstring>

#include "runtime/cpu.h"
#include "runtime/profile.h"
#include "runtime/progress.h"
#include "runtime/red_zones.h"

namespace chainrule {
namespace {

// The descriptions of this many instructions stay in the L1 cache beside the data of small kernels.
constexpr size_t kCachedInstructions = 48;

bool all_finite(const Tensor& tensor) {
  if (tensor.dtype != Dtype::float32) return true;
  const auto* bytes = static_cast<const char*>(tensor.data);
  for (int64_t i = 0; i < tensor.count; ++i) {
    uint32_t word;
    std::memcpy(&word, bytes + i * 4, sizeof word);
    if ((word & 0x7f800000u) == 0x7f800000u) return false;
  }
  return true;
}

// In steps up to this long, other jobs are looked for only once, because looking takes as long as a small
// kernel.
constexpr double kBriefNs = 20e3;

// The addresses of the operands in one thread, and the memory of the job.
struct Frames {
  Frame* whole;
  Frame* last;  // of the steps with fewer rows, or nullptr
  char* arena;
};

// Runs all steps of a job in one thread of a team.
class StepRunner {
 public:
  // `frames` are those of the job's program and of the program of its steps with fewer rows.
  StepRunner(Team* team, Member* member, Job* job, const Frames& frames, int level)
      : team_(team),
        member_(*member),
        job_(*job),
        frames_(frames),
        level_(level),
        shared_(member->width > 1),
        profiled_(job->profile && leads()),
        prefetches_(job->program->instructions.size() > kCachedInstructions),
        brief_(job->program->step_cost_ns < kBriefNs),
        zones_(*job, frames.arena) {}

  void run() {
    const int64_t steps = job_.steps, every = job_.cycle.every;
    int64_t place = job_.cycle.phase;  // in the cycle
    for (int64_t step = 0; step < steps; ++step) {
      if (++place == every) place = 0;
      select(every > 0 && place == 0);
      zones_.begin_step();
      progress_.begin_step();
      frame_->set_yield_point(yield_point());
      if (!compute_all()) return;
      frame_->set_yield_point({});
      if (exchanges() && !exchange_all()) return;
      zones_.close();
      const Decision decision = synchronize_and_decide();
      if (decision.stop) return;
      commit();
      if (decision.nested) run_nested(decision.nested);
      frames_.whole->next_step(*p_);
      if (frames_.last) frames_.last->next_step(*p_);
    }
  }

 private:
  // The program and the frame of the next step.
  void select(bool last) {
    p_ = last ? job_.cycle.last : job_.program;
    frame_ = last ? frames_.last : frames_.whole;
  }

  bool leads() const { return member_.index == 0; }

  // All threads wait for each other and get the leader's decision. There are two slots: a slow thread may
  // still read the last one while the leader is on its way to the next barrier, but it cannot be further
  // behind.
  Decision synchronize(Decision decision) {
    progress_.pass_barrier();
    if (!shared_) return decision;
    Decision& slot = team_->slots[member_.barriers++ & 1];
    if (leads()) slot = decision;
    team_->barrier.wait(member_.width);
    return slot;
  }

  // The same, but the leader decides once all threads have arrived.
  Decision synchronize_and_decide() {
    if (!shared_) return decide();
    progress_.pass_barrier();
    Decision& slot = team_->slots[member_.barriers++ & 1];
    if (leads()) {
      team_->barrier.await_others(member_.width);
      slot = decide();
      team_->barrier.release(member_.width);
    } else {
      team_->barrier.wait(member_.width);
    }
    return slot;
  }

  // In the middle of a long instruction the leader may run other jobs; but not during a commit, when it holds
  // the state's lock.
  YieldPoint yield_point() {
    if (!leads() || level_ > 0 || !team_) return {};
    const auto yield = [](void* context) {
      auto* runner = static_cast<StepRunner*>(context);
      if (runner->others_wait()) runner->team_->between_instructions(&runner->job_);
    };
    return {yield, this};
  }

  bool others_wait() const {
    return level_ == 0 && team_ && team_->high_priority_waiting.load(std::memory_order_acquire);
  }

  bool stopped() const { return job_.report.end == RunEnd::cancelled; }

  // Between two instructions the leader runs other jobs and checks for cancellation, of which the other
  // threads learn at the next barrier.
  Decision between_instructions() {
    if (!leads()) return {};
    if (stopped()) return {true, nullptr};
    if (others_wait()) team_->between_instructions(&job_);
    const bool cancelled = job_.cancel && __atomic_load_n(job_.cancel, __ATOMIC_RELAXED) != 0;
    if (!cancelled && !job_.dropped.load(std::memory_order_relaxed)) return {};
    job_.report.end = RunEnd::cancelled;
    return {true, nullptr};
  }

  // Visits the instructions of items [first, last) in order, with all iterations of loops, until `visit`
  // returns false.
  template <typename Visit>
  bool each(int32_t first, int32_t last, const Visit& visit) {
    for (int32_t at = first; at < last; ++at) {
      const BodyItem& item = p_->items[static_cast<size_t>(at)];
      if (item.kind == BodyItem::instruction) {
        if (!visit(item.index)) return false;
        continue;
      }
      const Loop& loop = p_->loops[static_cast<size_t>(item.index)];
      int64_t& iteration = frame_->iteration(item.index);
      if (item.kind == BodyItem::loop) {
        iteration = 0;
        if (is_of_leader(loop) && progress_.waits_for_all()) synchronize({});
        if (loop.count == 0) at = item.partner;
        else if (skips(loop)) {
          progress_.skip(loop);
          at = item.partner;
        }
        continue;
      }
      frame_->advance(loop, iteration);
      progress_.end(loop);  // as if the loop had been skipped
      if (++iteration < loop.count && !skips(loop)) {
        if (turns(loop) && progress_.turn(loop)) synchronize({});
        at = item.partner;
      } else {
        frame_->rewind(loop, iteration);
      }
    }
    return true;
  }

  // A loop without shared instructions has no barriers, once what was shared before it is done. So threads
  // without work in it go on to the next barrier, and a leader that has been told to stop has no work either.
  bool skips(const Loop& loop) const { return is_of_leader(loop) && (!leads() || stopped()); }

  bool is_of_leader(const Loop& loop) const {
    return shared_ && share_of(loop) == LoopShare::alone;
  }

  // Whether barriers may be due between its iterations.
  bool turns(const Loop& loop) const {
    return shared_ && !alone_ && share_of(loop) == LoopShare::shared;
  }

  LoopShare share_of(const Loop& loop) const {
    return p_->shared_loops[static_cast<size_t>(&loop - p_->loops.data())];
  }

  // A single thread runs a plan without loops in a simpler way, because a small model's step takes a
  // microsecond.
  bool is_simple() const { return !shared_ && !profiled_ && p_->loops.empty() && !RedZones::active(); }

  bool compute_all() {
    if (!is_simple()) return each(0, p_->exchange_item, [this](int32_t number) { return compute(number); });
    for (int32_t number = 0; number < p_->exchange_item; ++number) {
      if (!brief_ && between_instructions().stop) return false;
      run_alone(number);
    }
    return true;
  }

  bool exchanges() const { return p_->exchange_item < p_->commit_item; }

  // Nobody leaves the step from here on but by a guard: the other processes would wait for what is missing.
  bool exchange_all() {
    if (synchronize(between_instructions()).stop) return false;
    return each(p_->exchange_item, p_->commit_item, [this](int32_t number) {
      const bool shared = shared_ && p_->shares[static_cast<size_t>(number)].shared;
      if (needs_barrier(number, shared)) synchronize({});
      perform(number, shared);
      return true;
    });
  }

  void run_alone(int32_t number) {
    if (prefetches_) frame_->prefetch(number + 1);
    if (job_.is_joint) job_.joint.perform(*frame_, number);
    else frame_->run(number);
  }

  bool compute(int32_t number) {
    const bool shared = shared_ && p_->shares[static_cast<size_t>(number)].shared;
    Decision decision = between_instructions();
    if (needs_barrier(number, shared)) decision = synchronize(decision);
    else if (shared_) decision.stop = false;  // all threads can stop together only at a barrier
    if (decision.stop) return false;
    perform(number, shared);
    return true;
  }

  bool needs_barrier(int32_t number, bool shared) const {
    return progress_.needs_barrier(p_->shares[static_cast<size_t>(number)], shared);
  }

  void perform(int32_t number, bool shared) {
    progress_.perform(number, shared);
    if (profiled_) profile_.mark(*p_, number);
    if (prefetches_) frame_->prefetch(number + 1);
    if (leads() ? stopped() : !shared) return;
    const Instruction& instruction = p_->instructions[static_cast<size_t>(number)];
    const Args& args = frame_->args(number);
    zones_.open(args);
    if (!shared) return instruction.kernel->run(args, 0, instruction.tasks);
    const int64_t first = instruction.tasks * member_.index / member_.width;
    const int64_t last = instruction.tasks * (member_.index + 1) / member_.width;
    if (first < last) instruction.kernel->run(args, first, last);
  }

  // Before a commit: checks the guards in plan order, then cancellation. After that nothing stops the commit.
  Decision decide() {
    if (stopped()) return {true, nullptr};
    for (size_t number = 0; number < p_->guards.size(); ++number) {
      const Tensor& guard = frame_->operand(p_->guards[number].operand);
      const auto* words = static_cast<const int32_t*>(guard.data);
      int32_t all = -1;
      for (int64_t i = 0; i < guard.count; ++i) all &= words[i];
      for (int64_t i = 0; all != -1 && i < guard.count; ++i) {
        if (words[i] == -1) continue;
        RunReport& report = job_.report;
        report.end = RunEnd::guard;
        report.guard = static_cast<int32_t>(number);
        const int64_t each = guard.count / p_->guards[number].iterations;
        report.position = static_cast<int32_t>(i % each);
        if (p_->guards[number].iterations > 1) report.iteration = static_cast<int32_t>(i / each);
        report.value = words[i];
        if (p_->guards[number].kind == Guard::notFinite) find_anomaly();
        return {true, nullptr};
      }
    }
    Decision decision;
    if (!exchanges()) decision = between_instructions();
    if (decision.stop) return decision;
    if (others_wait()) decision.nested = team_->next_high_priority(&job_, member_.width);
    if (p_->writes_state && job_.state) job_.state->lock.lock();
    return decision;
  }

  // Repeats the compute phase of the step in the leader alone; inputs and state are still the same. What was
  // exchanged with other processes is not exchanged again.
  void find_anomaly() {
    progress_.forget();
    alone_ = true;
    each(0, p_->exchange_item, [this](int32_t number) {
      perform(number, false);
      const Args& args = frame_->args(number);
      for (int32_t out = 0; out < args.outputCount; ++out) {
        if (all_finite(args.outputs[out])) continue;
        job_.report.anomaly = number;
        const int32_t loop = p_->instructions[static_cast<size_t>(number)].loop;
        if (loop >= 0) job_.report.anomaly_iteration = static_cast<int32_t>(frame_->iteration(loop));
        return false;
      }
      return true;
    });
    zones_.close();
  }

  void commit() {
    const auto count = static_cast<int32_t>(p_->items.size());
    if (is_simple()) {
      for (int32_t number = p_->commit_item; number < count; ++number) run_alone(number);
    } else {
      commit_together(count);
    }
    if (profiled_) profile_.mark(*p_, -1);
    if (!leads()) return;
    zones_.close();
    if (p_->writes_state && job_.state) job_.state->lock.unlock();
    ++job_.report.steps;
  }

  void commit_together(int32_t count) {
    each(p_->commit_item, count, [this](int32_t number) {
      const bool shared = shared_ && p_->shares[static_cast<size_t>(number)].shared;
      if (needs_barrier(number, shared)) synchronize({});
      perform(number, shared);
      return true;
    });
    if (!progress_.waits_for_nobody()) synchronize({});
  }

  // After the commit, because the job may read the same state, and the commit held its lock.
  void run_nested(Job* job) {
    if (leads()) team_->hold_state(job, &job_);
    synchronize({});
    run_steps(team_, &member_, job, level_ + 1);
    synchronize({});  // no thread may use a job after its owner has been notified
    if (leads()) team_->finish(job);
  }

  Team* const team_;
  Member& member_;
  Job& job_;
  const Frames frames_;
  const Program* p_ = nullptr;  // of the step under way, and its frame
  Frame* frame_ = nullptr;
  const int level_;
  const bool shared_;
  const bool profiled_;
  const bool prefetches_;
  const bool brief_;
  Progress progress_;
  bool alone_ = false;  // the leader repeats a step without its team
  RedZones zones_;
  Profile profile_;
};

}  // namespace

void run_steps(Team* team, Member* member, Job* job, int level) {
  const DenormalsKept denormals;
  char* const state = job->state ? job->state->data : nullptr;
  char* const arena = job->program->memory->executor_arena.data;
  const auto bound = [&](Program* program, int index) -> Frame* {
    if (!program) return nullptr;
    Frame& frame = program->executor_frames[static_cast<size_t>(index)];
    frame.bind(state, arena, job->io, team->scratch(level, index, program->scratch_bytes));
    return &frame;
  };
  Frame* const last = bound(job->cycle.last, member->index);
  if (job->is_joint) job->joint.open(*job->program, *bound(job->program, 1));
  StepRunner(team, member, job, {bound(job->program, member->index), last, arena}, level).run();
  if (job->is_joint) job->joint.close();
}

void run_steps_here(Job* job) {
  const DenormalsKept denormals;
  RunMemory& memory = *job->program->memory;
  Program* const fewer = job->cycle.last;
  memory.caller_arena.reserve(job->program->arena_bytes);
  const size_t scratch = std::max(job->program->scratch_bytes, fewer ? fewer->scratch_bytes : 0);
  memory.caller_scratch.reserve(static_cast<int64_t>(scratch));
  char* const state = job->state ? job->state->data : nullptr;
  char* const arena = memory.caller_arena.data;
  CallerFrames& frames = *job->program->caller_frames;
  const auto bound = [&](Program* program, Frame* frame) -> Frame* {
    if (!program) return nullptr;
    frame->prepare(*program);
    frame->bind(state, arena, job->io, memory.caller_scratch.data);
    return frame;
  };
  Member alone;
  Frame* const last = bound(fewer, &frames[1]);
  StepRunner(nullptr, &alone, job, {bound(job->program, &frames[0]), last, arena}, 0).run();
}

}  // namespace chainrule
