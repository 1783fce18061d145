// Runs programs, either on the one executor thread of the process with its team, or on the calling thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/joint_run.h"
#include "runtime/program.h"
#include "runtime/state.h"

namespace chainrule {

enum class RunEnd : int32_t { done = 0, cancelled = 1, guard = 2, memory = 3 };

struct RunReport {
  int32_t steps = 0;  // committed
  RunEnd end = RunEnd::done;
  int32_t guard = -1;     // index of the guard that ended the run
  int32_t position = -1;  // of its first element that is not -1
  int32_t value = -1;     // that element
  int32_t anomaly = -1;   // index of the first instruction whose result is not finite
  // In which iteration of a loop these were, by its place in what the loop reads; -1 outside of loops.
  int32_t iteration = -1;
  int32_t anomaly_iteration = -1;
};

// One native call. Everything it points to must exist until `finished` has been called.
struct Job {
  Program* program = nullptr;
  Cycle cycle;             // the steps with fewer rows, if there are such
  State* state = nullptr;  // optional
  std::vector<Binding> io;
  int64_t steps = 1;
  bool high_priority = false;
  bool profile = false;
  bool is_joint = false;             // one thread makes it, and another joins: see may_be_joint
  JointRun joint;
  const int32_t* cancel = nullptr;   // the caller's flag: anything but 0 ends the run before its next commit
  std::atomic<bool> dropped{false};  // its environment is shutting down
  bool reads_state = false;          // the executor holds the state's lock as a reader for this job
  const void* owner = nullptr;
  void (*finished)(Job* job) = nullptr;  // called on the executor thread
  RunReport report;
  // Programs for numbers of rows, which their program may forget meanwhile.
  std::shared_ptr<Program> kept[2];
};

// Gives each step of a job so many rows, the most if 0; and each `every`th, if that is not 0, `last` of them.
// Throws PlanError.
void set_rows(Job* job, Program* loaded, int64_t rows, int64_t last, int64_t every, int64_t phase);

// Whether a job of one step had better be made by one thread that another joins: a team would have every
// processor, also that of the caller, who goes on with something else.
bool may_be_joint(const Job& job);

// Queues a job for the executor thread, which the first job starts.
void submit(Job* job);

// Cancels all jobs of an owner and waits until none of them is queued or running.
void drain(const void* owner);

// Runs a job on the calling thread. A large one that writes no state, together with the executor's thread if
// that has nothing to do. It may wait for a commit in progress, but never for a whole step.
void run_here(Job* job);

// What a job is expected to take one thread.
double job_cost_ns(const Job& job);

// Number of jobs that are queued or running; of jobs that a caller has run together with the executor's
// thread. For tests.
int pending_jobs();
int64_t jobs_beside();

}  // namespace chainrule
