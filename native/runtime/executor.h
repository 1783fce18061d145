// Runs programs: on the process's one executor thread with its team, or on the thread that calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/program.h"
#include "runtime/state.h"

namespace chainrule {

enum class RunEnd : int32_t { done = 0, cancelled = 1, guard = 2, memory = 3 };

struct RunReport {
  int32_t steps = 0;  // committed
  RunEnd end = RunEnd::done;
  int32_t guard = -1;     // number of the guard that ended the run
  int32_t position = -1;  // first element of it that is not -1
  int32_t value = -1;     // that element
  int32_t anomaly = -1;   // first instruction whose result is not finite
};

// One native call. Everything it points to must live until `finished` was called.
struct Job {
  Program* program = nullptr;
  State* state = nullptr;  // may be missing
  std::vector<Binding> io;
  int64_t steps = 1;
  bool urgent = false;
  bool profile = false;
  const int32_t* cancel = nullptr;  // the caller's flag: not 0 ends the run before its next commit
  std::atomic<bool> dropped{false};  // its environment ends
  bool reads_state = false;          // the executor's: it holds a reader's share of the state's lock
  const void* owner = nullptr;
  void (*finished)(Job* job) = nullptr;  // called on the executor thread
  RunReport report;
};

// Queues a job for the executor thread, which is started by the first one.
void submit(Job* job);

// Cancels all jobs of an owner and waits until none of them is running or queued.
void drain(const void* owner);

// Runs a job on the calling thread, alone. Waits for a commit under way, never for a whole step.
void run_here(Job* job);

// The same for a job that writes no state, where it is short and nothing has to be waited for; else false,
// and nothing was done.
bool run_at_once(Job* job);

// Jobs queued or running, for tests.
int pending_jobs();

}  // namespace chainrule
