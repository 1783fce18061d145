// The memory of a model's state, and the lock that its commits hold.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace chainrule {

// Many readers or one writer. A waiting writer goes first, so a reader waits for one commit at most. A free
// lock is taken with a single atomic exchange, because a small model commits every microsecond.
class StateLock {
 public:
  void lock_shared() {
    if (!try_lock_shared()) wait_for([this] { return try_lock_shared(); });
  }

  bool try_lock_shared() {
    int32_t held = held_.load();
    while (held >= 0 && writers_waiting_.load() == 0) {
      if (held_.compare_exchange_weak(held, held + 1)) return true;
    }
    return false;
  }

  void unlock_shared() {
    held_.fetch_sub(1);
    wake();
  }

  void lock() {
    const auto take = [this] {
      int32_t free = 0;
      return held_.compare_exchange_strong(free, kWriting);
    };
    if (take()) return;
    writers_waiting_.fetch_add(1);
    wait_for([&] {
      if (!take()) return false;
      writers_waiting_.fetch_sub(1);
      return true;
    });
  }

  void unlock() {
    held_.store(0);
    wake();
  }

 private:
  static constexpr int32_t kWriting = -1;

  // A thread counts itself as a sleeper before it looks at the lock once more, and a thread that frees the
  // lock looks for sleepers afterwards. So no sleeper is missed.
  template <typename Take>
  void wait_for(const Take& take) {
    std::unique_lock<std::mutex> hold(mutex_);
    sleepers_.fetch_add(1);
    changed_.wait(hold, take);
    sleepers_.fetch_sub(1);
  }

  void wake() {
    if (sleepers_.load() == 0) return;
    std::lock_guard<std::mutex> hold(mutex_);
    changed_.notify_all();
  }

  std::atomic<int32_t> held_{0};  // readers, or kWriting
  std::atomic<int32_t> writers_waiting_{0};
  std::atomic<int32_t> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

struct State {
  char* data = nullptr;
  int64_t bytes = 0;
  StateLock lock;
};

}  // namespace chainrule
