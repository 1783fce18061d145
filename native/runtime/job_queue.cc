#include "runtime/job_queue.h"

#include <algorithm>

#include "runtime/program.h"
#include "runtime/spin.h"

namespace chainrule {
namespace {

constexpr double kServedBetweenNs = 200e3;

// For so long the executor's thread looks for the next call before it sleeps. It is woken to look if the job
// of the caller before ended so recently; then it looks for as long as this caller's own run takes, too.
constexpr std::chrono::microseconds kSoon{100};
constexpr int kLooks = static_cast<int>(std::chrono::nanoseconds(kSoon).count() / kLookNs);

}  // namespace

bool is_served_between(const Job& job) { return job_cost_ns(job) <= kServedBetweenNs; }

// Something has changed, for those who wait awake or asleep.
void JobQueue::tell() {
  has_news_.store(true, std::memory_order_release);
  changed_.notify_all();
}

void JobQueue::submit(Job* job) {
  const std::lock_guard<std::mutex> hold(mutex_);
  (job->high_priority ? high_priority_ : queue_).push_back(job);
  waiting_.store(!high_priority_.empty(), std::memory_order_release);
  ++pending_;
  tell();
}

void JobQueue::drain(const void* owner) {
  std::unique_lock<std::mutex> hold(mutex_);
  for (const auto* list : {&high_priority_, &queue_}) {
    for (Job* job : *list) {
      if (job->owner == owner) job->dropped.store(true);
    }
  }
  for (const Running& one : running_) {
    if (one.job && one.owner == owner) one.job->dropped.store(true);
  }
  const auto is_owned = [owner](const Job* job) { return job->owner == owner; };
  const auto runs = [owner](const Running& one) { return one.owner == owner; };
  changed_.wait(hold, [&] {
    return std::none_of(high_priority_.begin(), high_priority_.end(), is_owned) &&
           std::none_of(queue_.begin(), queue_.end(), is_owned) &&
           std::none_of(running_.begin(), running_.end(), runs);
  });
}

int JobQueue::pending() {
  const std::lock_guard<std::mutex> hold(mutex_);
  return pending_;
}

Job* JobQueue::take(std::deque<Job*>* list, std::deque<Job*>::iterator place) {
  Job* const job = *place;
  list->erase(place);
  waiting_.store(!high_priority_.empty(), std::memory_order_release);
  running_.push_back({job, job->owner});
  return job;
}

Job* JobQueue::next() {
  std::unique_lock<std::mutex> hold(mutex_);
  is_idle_ = true;
  while (!is_called_ && (is_reserved_ || !has_queued())) {
    if (looks_ > 0) look(&hold);
    else changed_.wait(hold);
  }
  is_idle_ = false;
  if (is_called_) {
    is_called_ = false;
    looks_ = kLooks;  // when it comes back
    return nullptr;
  }
  std::deque<Job*>& list = high_priority_.empty() ? queue_ : high_priority_;
  return take(&list, list.begin());
}

// Stays awake for a while, in which the lock is not held.
void JobQueue::look(std::unique_lock<std::mutex>* hold) {
  const int looks = looks_;
  looks_ = 0;
  is_awake_ = true;
  has_news_.store(false, std::memory_order_relaxed);
  hold->unlock();
  spin(looks, [this] { return has_news_.load(std::memory_order_acquire); });
  hold->lock();
  is_awake_ = false;
}

Job* JobQueue::take_inside(const Job* running, bool small) {
  const std::lock_guard<std::mutex> hold(mutex_);
  for (auto place = high_priority_.begin(); place != high_priority_.end(); ++place) {
    const Job& job = **place;
    const bool writes_same = job.program->writes_state && job.state == running->state;
    const bool is_free = !job.program->memory->on_executor.load() && !writes_same;
    if (is_free && is_served_between(job) == small) return take(&high_priority_, place);
  }
  return nullptr;
}

void JobQueue::end(Job* job) {
  const void* const owner = job->owner;
  {
    const std::lock_guard<std::mutex> hold(mutex_);
    const auto is_it = [job](const Running& one) { return one.job == job; };
    std::find_if(running_.begin(), running_.end(), is_it)->job = nullptr;
    --pending_;
  }
  // The owner is notified while it is still listed as running, or its environment could be gone by then; but
  // without the lock, because the owner may wake up immediately, often on this core.
  job->finished(job);
  {
    const std::lock_guard<std::mutex> hold(mutex_);
    const auto is_told = [owner](const Running& one) { return !one.job && one.owner == owner; };
    running_.erase(std::find_if(running_.begin(), running_.end(), is_told));
  }
  changed_.notify_all();
}

bool JobQueue::reserve(bool is_worth_waking, double cost_ns) {
  const std::lock_guard<std::mutex> hold(mutex_);
  if (!is_idle_ || is_reserved_ || has_queued()) return false;
  is_reserved_ = is_awake_ || is_worth_waking;
  if (is_reserved_) return true;
  const Clock::duration ended_at(ended_at_.load());
  if (Clock::now().time_since_epoch() - ended_at > kSoon) return false;
  looks_ = kLooks + static_cast<int>(cost_ns / kLookNs);
  tell();
  return false;
}

void JobQueue::call() {
  const std::lock_guard<std::mutex> hold(mutex_);
  is_called_ = true;
  tell();
}

void JobQueue::let_go() {
  const std::lock_guard<std::mutex> hold(mutex_);
  is_reserved_ = false;
  if (has_queued()) tell();
}

}  // namespace chainrule
