#include "runtime/joint_run.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "runtime/cpu.h"
#include "runtime/spin.h"

namespace chainrule {
namespace {

// An instruction is cut into parts of about this much work, but not into more than so many. A thread takes
// several at a time, fewer towards the end: large pieces are made faster, and who is late costs little.
constexpr double kPartNs = 4e3;
constexpr int64_t kMostParts = 16;

// How often a thread looks for work, or for who has to finish, before it yields its core, about 25 ns each
// time; and how often it yields before it gives up, or sleeps.
constexpr int kSpins = 2000, kYields = 1000;
constexpr std::chrono::microseconds kNap{50};

int64_t parts_of(const Instruction& instruction) {
  const auto worthwhile = static_cast<int64_t>(instruction.cost_ns / kPartNs);
  return std::max<int64_t>(1, std::min({worthwhile, instruction.tasks, kMostParts}));
}

// The parts of an instruction that nobody has taken: the leader takes the first of them, who has joined the
// last, so that each has neighbouring ones.
struct Parts {
  int64_t instruction, count, first, end;

  explicit Parts(uint64_t word)
      : instruction(static_cast<int64_t>(word >> 24)),
        count(static_cast<int64_t>(word >> 16 & 0xff)),
        first(static_cast<int64_t>(word >> 8 & 0xff)),
        end(static_cast<int64_t>(word & 0xff)) {}

  static uint64_t word(int64_t instruction, int64_t count) {
    return static_cast<uint64_t>(instruction) << 24 | static_cast<uint64_t>(count) << 16 |
           static_cast<uint64_t>(count);
  }
};
constexpr int kFirstBits = 8;

// How many of the parts that are left a thread takes, of two or of one.
uint64_t share_of(int64_t left, bool has_joined) {
  return static_cast<uint64_t>(std::max<int64_t>(1, left / (has_joined ? 4 : 2)));
}

// Makes the parts [first, last).
void run_parts(const Instruction& instruction, const Args& args, int64_t first, int64_t last, int64_t count) {
  instruction.kernel->run(args, instruction.tasks * first / count, instruction.tasks * last / count);
}

// Waits a little longer each time.
void pause(int looks) {
  if (looks < kSpins) relax_cpu();
  else if (looks < kSpins + kYields) std::this_thread::yield();
  else std::this_thread::sleep_for(kNap);
}

}  // namespace

// The thread that joins runs for which nobody waits, on a core that is then idle. Started by the first of
// them, and never ended.
class Helper {
 public:
  void note_open(JointRun* run) {
    const std::lock_guard<std::mutex> hold(mutex_);
    open_ = run;
    if (run->invites_helper_) changed_.notify_one();
  }

  void note_closed() {
    const std::lock_guard<std::mutex> hold(mutex_);
    open_ = nullptr;
  }

  void invite(JointRun* run) {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (!start()) return;
    run->invites_helper_ = true;
    if (open_ == run) changed_.notify_one();
  }

 private:
  // False where there can be no more threads.
  bool start() {
    if (is_started_) return true;
    try {
      std::thread(&Helper::loop, this).detach();
    } catch (const std::system_error&) {
      return false;
    }
    return is_started_ = true;
  }

  void loop() {
    for (;;) {
      JointRun* const run = next();
      while (!run->is_closed_.load(std::memory_order_acquire)) {
        run->help_until(run->is_closed_);
        if (!run->is_closed_.load(std::memory_order_acquire)) std::this_thread::sleep_for(kNap);
      }
      run->has_helper_.store(false, std::memory_order_release);
    }
  }

  JointRun* next() {
    std::unique_lock<std::mutex> hold(mutex_);
    changed_.wait(hold, [this] { return open_ && open_->invites_helper_; });
    open_->invites_helper_ = false;
    open_->has_helper_.store(true, std::memory_order_relaxed);
    return open_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  JointRun* open_ = nullptr;
  bool is_started_ = false;
};

namespace {

Helper& helper() {
  static Helper* const the_helper = new Helper;
  return *the_helper;
}

}  // namespace

void JointRun::open(const Program& program, const Frame& second) {
  program_ = &program;
  second_ = &second;
  helper().note_open(this);
}

void JointRun::perform(const Frame& own, int32_t number) {
  const Instruction& instruction = program_->instructions[static_cast<size_t>(number)];
  const int64_t count = parts_of(instruction);
  if (count == 1) return own.run(number);
  done_.store(0, std::memory_order_relaxed);
  parts_.store(Parts::word(number, count), std::memory_order_release);
  int64_t made = 0;
  uint64_t word = Parts::word(number, count);
  for (Parts open(word); open.first < open.end; open = Parts(word)) {
    const uint64_t taken = share_of(open.end - open.first, is_taken_.load(std::memory_order_relaxed));
    const uint64_t rest = word + (taken << kFirstBits);
    if (!parts_.compare_exchange_weak(word, rest, std::memory_order_acq_rel)) continue;
    const auto size = static_cast<int64_t>(taken);
    run_parts(instruction, own.args(number), open.first, open.first + size, count);
    made += size;
    word = parts_.load(std::memory_order_relaxed);
  }
  for (int looks = 0; made + done_.load(std::memory_order_acquire) < count; ++looks) pause(looks);
}

void JointRun::close() {
  helper().note_closed();
  is_closed_.store(true, std::memory_order_release);
  for (int looks = 0; has_helper_.load(std::memory_order_acquire); ++looks) pause(looks);
}

bool JointRun::help() {
  uint64_t word = parts_.load(std::memory_order_acquire);
  for (;;) {
    const Parts open(word);
    if (open.first >= open.end) return false;
    const uint64_t taken = share_of(open.end - open.first, true);
    if (!parts_.compare_exchange_weak(word, word - taken, std::memory_order_acq_rel)) continue;
    const auto number = static_cast<int32_t>(open.instruction), size = static_cast<int32_t>(taken);
    const Instruction& instruction = program_->instructions[static_cast<size_t>(number)];
    run_parts(instruction, second_->args(number), open.end - size, open.end, open.count);
    done_.fetch_add(size, std::memory_order_release);
    return true;
  }
}

void JointRun::help_until(const std::atomic<bool>& over) {
  if (is_taken_.exchange(true, std::memory_order_acquire)) return;
  const DenormalsKept denormals;
  for (int looks = 0; looks < kSpins + kYields && !over.load(std::memory_order_acquire); ++looks) {
    if (help()) looks = 0;
    else pause(looks);
  }
  is_taken_.store(false, std::memory_order_release);
}

void JointRun::invite_helper() { helper().invite(this); }

}  // namespace chainrule
