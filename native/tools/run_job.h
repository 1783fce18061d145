// Runs a job on the executor and waits for it.
#pragma once

#include <condition_variable>
#include <mutex>

#include "runtime/executor.h"

namespace chainrule {

inline void run_on_executor(Job* job) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  } waiting;
  job->owner = &waiting;
  job->finished = [](Job* finished) {
    auto* self = static_cast<Waiting*>(const_cast<void*>(finished->owner));
    std::lock_guard<std::mutex> hold(self->mutex);
    self->done = true;
    self->changed.notify_all();
  };
  submit(job);
  std::unique_lock<std::mutex> hold(waiting.mutex);
  waiting.changed.wait(hold, [&waiting] { return waiting.done; });
  hold.unlock();
  // For a moment the executor still lists it as running.
  drain(&waiting);
}

}  // namespace chainrule
