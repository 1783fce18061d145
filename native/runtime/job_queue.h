// Which jobs wait for the executor's thread, which of them it runs, and which caller has reserved it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "runtime/executor.h"

namespace chainrule {

class JobQueue {
 public:
  using Clock = std::chrono::steady_clock;

  // Keeps `high_priority_waiting` up to date.
  explicit JobQueue(std::atomic<bool>* high_priority_waiting) : waiting_(*high_priority_waiting) {}

  void submit(Job* job);

  // Cancels all jobs of an owner and waits until none of them is queued or running.
  void drain(const void* owner);

  // Jobs that are queued or running.
  int pending();

  // Of the executor's thread, which waits here: its next job, or nullptr where a caller has called it.
  Job* next();

  // The first job of high priority, a small one or a larger one, that may run inside `running`: its memory
  // must not be in use. Else nullptr.
  Job* take_inside(const Job* running, bool small);

  // Tells the owner of a running job that it has ended.
  void end(Job* job);

  // A caller keeps the executor's thread from other jobs until it lets it go. False if that thread has one,
  // or sleeps and is not worth waking for a job of this cost, of at most some milliseconds.
  bool reserve(bool is_worth_waking, double cost_ns);
  void call();
  void let_go();

  // A caller's job has ended, in whatever way it was run: the next one may come soon.
  void note_end(Clock::time_point at) { ended_at_.store(at.time_since_epoch().count()); }

 private:
  struct Running {
    Job* job;  // nullptr once its owner is being notified
    const void* owner;
  };

  bool has_queued() const { return !high_priority_.empty() || !queue_.empty(); }
  void tell();
  void look(std::unique_lock<std::mutex>* hold);
  Job* take(std::deque<Job*>* list, std::deque<Job*>::iterator place);

  std::atomic<bool>& waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job*> high_priority_;
  std::deque<Job*> queue_;
  std::vector<Running> running_;  // the current job and those that run inside it
  int pending_ = 0;
  // The executor's thread waits here; it does so awake.
  bool is_idle_ = false, is_awake_ = false;
  int looks_ = 0;  // how often at most
  bool is_reserved_ = false, is_called_ = false;
  std::atomic<bool> has_news_{false};  // for a thread that waits awake
  std::atomic<Clock::rep> ended_at_{0};
};

// With up to this much work, a prediction is run between two instructions of another job, by one thread while
// its team waits. A longer one waits for the end of the step and gets the whole team.
bool is_served_between(const Job& job);

}  // namespace chainrule
