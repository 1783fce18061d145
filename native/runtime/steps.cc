#include "runtime/steps.h"

#include <chrono>
#include <cstring>

#include "runtime/cpu.h"
#include "runtime/red_zones.h"

namespace chainrule {
namespace {

using Clock = std::chrono::steady_clock;

// The words about so many instructions stay in the first-level cache beside the data of small kernels.
constexpr size_t kNearInstructions = 48;

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

// Nanoseconds of a step up to which others are looked for once in it, for small kernels take no longer.
constexpr double kBriefNs = 20e3;

// One thread's way through a run.
class Walk {
 public:
  Walk(Team* team, Member* member, Job* job, Frame* frame, char* arena, int level)
      : team_(team),
        member_(*member),
        job_(*job),
        p_(*job->program),
        frame_(*frame),
        level_(level),
        shared_(member->width > 1),
        profile_(job->profile && leads()),
        far_apart_(job->program->instructions.size() > kNearInstructions),
        brief_(job->program->step_cost_ns < kBriefNs),
        zones_(*job, arena) {}

  void run() {
    const int64_t steps = job_.steps;
    for (int64_t step = 0; step < steps; ++step) {
      zones_.begin_step();
      next_ = met_at_ = 0;
      frame_.allow_pauses(pause());
      if (!compute_all()) return;
      frame_.allow_pauses({});
      zones_.close();
      const Decision decision = meet_to_decide();
      if (decision.stop) return;
      commit();
      if (decision.nested) run_nested(decision.nested);
      frame_.next_step();
    }
  }

 private:
  // What was done since the last meeting: nothing, something by the leader alone, something by all.
  enum class Pending { clean, serial, shared };

  bool leads() const { return member_.index == 0; }

  // All threads meet; what the leader brings is what everybody takes away. The slots take turns: a slow
  // thread may still read the last one while the leader is on its way to the next meeting, but it cannot be
  // further behind.
  Decision meet(Decision brought) {
    pending_ = Pending::clean;
    met_at_ = next_;
    if (!shared_) return brought;
    Decision& slot = team_->slots[member_.meetings++ & 1];
    if (leads()) slot = brought;
    team_->barrier.wait(member_.width);
    return slot;
  }

  // The same, the leader deciding once all are there.
  Decision meet_to_decide() {
    if (!shared_) return decide();
    pending_ = Pending::clean;
    met_at_ = next_;
    Decision& slot = team_->slots[member_.meetings++ & 1];
    if (leads()) {
      team_->barrier.await_others(member_.width);
      slot = decide();
      team_->barrier.release(member_.width);
    } else {
      team_->barrier.wait(member_.width);
    }
    return slot;
  }

  // In the middle of a long instruction the leader may serve others, but in no commit: it holds the state.
  Pause pause() {
    if (!leads() || level_ > 0 || !team_) return {};
    const auto offer = [](void* context) {
      auto* walk = static_cast<Walk*>(context);
      if (walk->others_wait()) walk->team_->between(&walk->job_);
    };
    return {offer, this};
  }

  bool others_wait() const {
    return level_ == 0 && team_ && team_->urgent_waiting.load(std::memory_order_acquire);
  }

  bool stopped() const { return job_.report.end == RunEnd::cancelled; }

  // The leader between two instructions: others are served, and a wish to stop is heard. The others hear of
  // it when they meet next.
  Decision between() {
    if (!leads()) return {};
    if (stopped()) return {true, nullptr};
    if (others_wait()) team_->between(&job_);
    const bool asked = job_.cancel && __atomic_load_n(job_.cancel, __ATOMIC_RELAXED) != 0;
    if (!asked && !job_.dropped.load(std::memory_order_relaxed)) return {};
    job_.report.end = RunEnd::cancelled;
    return {true, nullptr};
  }

  // Visits the instructions of [first, last) in order, loops run through; ends early when `visit` says so.
  template <typename Visit>
  bool each(int32_t first, int32_t last, const Visit& visit) {
    for (int32_t at = first; at < last; ++at) {
      const BodyItem& item = p_.items[static_cast<size_t>(at)];
      if (item.kind == BodyItem::instruction) {
        if (!visit(item.index)) return false;
        continue;
      }
      const Loop& loop = p_.loops[static_cast<size_t>(item.index)];
      int64_t& round = frame_.round(item.index);
      if (item.kind == BodyItem::loop) {
        round = 0;
        if (loop.count == 0) at = item.partner;
        else if (passes(loop)) {
          pending_ = Pending::serial;
          at = item.partner;
        }
        continue;
      }
      carry(loop);
      frame_.advance(loop);
      if (pending_ == Pending::clean) pending_ = Pending::serial;  // as after passing
      if (++round < loop.count && !passes(loop)) at = item.partner;
      else frame_.rewind(loop, round);
    }
    return true;
  }

  // Nobody meets in a loop without shared instructions: who has no work in it goes on to where all meet next.
  // A leader that has been told to stop has none either.
  bool passes(const Loop& loop) const {
    const bool idle = leads() ? stopped() : true;
    return shared_ && idle && !loop.shared && pending_ != Pending::shared;
  }

  void carry(const Loop& loop) {
    if (loop.carries.empty()) return;
    if (pending_ == Pending::shared) meet({});
    pending_ = Pending::serial;
    if (!leads()) return;
    zones_.close();
    for (const Loop::Carry& carry : loop.carries) {
      if (carry.bytes == 0) continue;
      std::memmove(frame_.operand(carry.destination).data, frame_.operand(carry.source).data,
                   static_cast<size_t>(carry.bytes));
    }
  }

  // One thread goes straight through a plan without loops: a small model's step is a microsecond.
  bool goes_straight() const { return !shared_ && !profile_ && p_.loops.empty() && !RedZones::active(); }

  bool compute_all() {
    if (!goes_straight()) return each(0, p_.commit_item, [this](int32_t number) { return compute(number); });
    for (int32_t number = 0; number < p_.commit_item; ++number) {
      if (!brief_ && between().stop) return false;
      run_alone(number);
    }
    return true;
  }

  void run_alone(int32_t number) {
    if (far_apart_) frame_.prefetch(number + 1);
    frame_.run(number);
  }

  bool compute(int32_t number) {
    const bool shared = shared_ && p_.instructions[static_cast<size_t>(number)].shared;
    Decision decision = between();
    if (needs_meeting(number, shared)) decision = meet(decision);
    else if (shared_) decision.stop = false;  // only at a meeting all threads stop together
    if (decision.stop) return false;
    perform(number, shared);
    return true;
  }

  // Before reading what another thread wrote, and before writing what another may still read. What one
  // thread does alone it does in order.
  bool needs_meeting(int32_t number, bool shared) const {
    if (pending_ == Pending::clean) return false;
    if (pending_ == Pending::serial && !shared) return false;
    const Instruction& instruction = p_.instructions[static_cast<size_t>(number)];
    return instruction.after_shared >= met_at_ || (shared && instruction.after_serial >= met_at_);
  }

  void perform(int32_t number, bool shared) {
    if (shared) pending_ = Pending::shared;
    else if (pending_ == Pending::clean) pending_ = Pending::serial;
    next_ = number + 1;
    if (profile_) mark(number);
    if (far_apart_) frame_.prefetch(number + 1);
    if (leads() ? stopped() : !shared) return;
    const Instruction& instruction = p_.instructions[static_cast<size_t>(number)];
    const Args& args = frame_.args(number);
    zones_.open(args);
    if (!shared) return instruction.kernel->run(args, 0, instruction.tasks);
    const int64_t first = instruction.tasks * member_.index / member_.width;
    const int64_t last = instruction.tasks * (member_.index + 1) / member_.width;
    if (first < last) instruction.kernel->run(args, first, last);
  }

  // Time goes to the instruction begun last, with the wait for its slower threads. -1 ends the step. Atomic,
  // for a run on the executor and one on a calling thread may both count.
  void mark(int32_t number) {
    const auto now = Clock::now();
    if (marked_ >= 0) {
      double& sum = p_.profile_ns[static_cast<size_t>(marked_)];
      double ns;
      __atomic_load(&sum, &ns, __ATOMIC_RELAXED);
      ns += std::chrono::duration<double, std::nano>(now - mark_).count();
      __atomic_store(&sum, &ns, __ATOMIC_RELAXED);
    }
    marked_ = number;
    mark_ = now;
  }

  // The order of tests before a commit: guards in plan order, then cancellation. From then on nothing stops
  // it.
  Decision decide() {
    if (stopped()) return {true, nullptr};
    for (size_t number = 0; number < p_.guards.size(); ++number) {
      const Tensor& guard = frame_.operand(p_.guards[number].operand);
      const auto* words = static_cast<const int32_t*>(guard.data);
      int32_t all = -1;
      for (int64_t i = 0; i < guard.count; ++i) all &= words[i];
      for (int64_t i = 0; all != -1 && i < guard.count; ++i) {
        if (words[i] == -1) continue;
        RunReport& report = job_.report;
        report.end = RunEnd::guard;
        report.guard = static_cast<int32_t>(number);
        report.position = static_cast<int32_t>(i);
        report.value = words[i];
        if (p_.guards[number].kind == Guard::notFinite) find_anomaly();
        return {true, nullptr};
      }
    }
    Decision decision = between();
    if (decision.stop) return decision;
    if (others_wait()) decision.nested = team_->next_urgent(&job_, member_.width);
    if (p_.writes_state && job_.state) job_.state->lock.lock();
    return decision;
  }

  // The step's compute phase once more, by the leader alone: inputs and state are as they were.
  void find_anomaly() {
    pending_ = Pending::clean;
    each(0, p_.commit_item, [this](int32_t number) {
      perform(number, false);
      const Args& args = frame_.args(number);
      for (int32_t out = 0; out < args.outputCount; ++out) {
        if (all_finite(args.outputs[out])) continue;
        job_.report.anomaly = number;
        return false;
      }
      return true;
    });
    zones_.close();
  }

  void commit() {
    const auto count = static_cast<int32_t>(p_.items.size());
    if (goes_straight()) {
      for (int32_t number = p_.commit_item; number < count; ++number) run_alone(number);
    } else {
      commit_in_turn(count);
    }
    if (profile_) mark(-1);
    if (!leads()) return;
    zones_.close();
    if (p_.writes_state && job_.state) job_.state->lock.unlock();
    ++job_.report.steps;
  }

  void commit_in_turn(int32_t count) {
    each(p_.commit_item, count, [this](int32_t number) {
      const bool shared = shared_ && p_.instructions[static_cast<size_t>(number)].shared;
      if (needs_meeting(number, shared)) meet({});
      perform(number, shared);
      return true;
    });
    if (pending_ != Pending::clean) meet({});
  }

  // After the commit: it may read the same state, whose lock the commit held.
  void run_nested(Job* job) {
    if (leads()) team_->hold_state(job, &job_);
    meet({});
    run_steps(team_, &member_, job, level_ + 1);
    meet({});  // no thread may look at a job that its owner has been told is finished
    if (leads()) team_->finish(job);
  }

  Team* const team_;
  Member& member_;
  Job& job_;
  Program& p_;
  Frame& frame_;
  const int level_;
  const bool shared_;
  const bool profile_;
  const bool far_apart_;
  const bool brief_;
  int32_t next_ = 0;    // the instruction after the last one performed
  int32_t met_at_ = 0;  // what `next_` was when all threads last met
  Pending pending_ = Pending::clean;
  RedZones zones_;
  int32_t marked_ = -1;
  Clock::time_point mark_;
};

}  // namespace

void run_steps(Team* team, Member* member, Job* job, int level) {
  const DenormalsKept denormals;
  Program& program = *job->program;
  Frame& frame = program.executor_frames[static_cast<size_t>(member->index)];
  char* const state = job->state ? job->state->data : nullptr;
  void* const scratch = team->scratch(level, member->index, program.scratch_bytes);
  frame.bind(state, program.executor_arena.data, job->io, scratch);
  Walk(team, member, job, &frame, program.executor_arena.data, level).run();
}

void run_steps_here(Job* job) {
  const DenormalsKept denormals;
  Program& program = *job->program;
  program.caller_arena.reserve(program.arena_bytes);
  program.caller_scratch.reserve(static_cast<int64_t>(program.scratch_bytes));
  char* const state = job->state ? job->state->data : nullptr;
  program.caller_frame->prepare(program);
  program.caller_frame->bind(state, program.caller_arena.data, job->io, program.caller_scratch.data);
  Member alone;
  Walk(nullptr, &alone, job, program.caller_frame.get(), program.caller_arena.data, 0).run();
}

}  // namespace chainrule
