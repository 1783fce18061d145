// A model's state memory as native code sees it, and the lock that its commits hold.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace chainrule {

// Many readers or one writer; a writer that waits goes first, so a reader waits for one commit at most.
class StateLock {
 public:
  void lock_shared() {
    std::unique_lock<std::mutex> hold(mutex_);
    changed_.wait(hold, [this] { return !writing_ && waiting_ == 0; });
    ++readers_;
  }

  void unlock_shared() {
    std::lock_guard<std::mutex> hold(mutex_);
    if (--readers_ == 0 && waiting_ > 0) changed_.notify_all();
  }

  void lock() {
    std::unique_lock<std::mutex> hold(mutex_);
    ++waiting_;
    changed_.wait(hold, [this] { return !writing_ && readers_ == 0; });
    --waiting_;
    writing_ = true;
  }

  void unlock() {
    std::lock_guard<std::mutex> hold(mutex_);
    writing_ = false;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int readers_ = 0;
  int waiting_ = 0;
  bool writing_ = false;
};

struct State {
  char* data = nullptr;
  int64_t bytes = 0;
  StateLock lock;
};

}  // namespace chainrule
