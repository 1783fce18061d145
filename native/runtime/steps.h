// The walk of the threads of a team through the steps of a run.
#pragma once

#include "runtime/executor.h"
#include "runtime/team.h"

namespace chainrule {

// What the leader has decided and all threads of a team learn at a meeting.
struct Decision {
  bool stop = false;
  Job* nested = nullptr;  // to be run by the whole team after this commit
};

// What is common to the threads of a team, and what its leader does for the rest of the world.
struct Team {
  virtual ~Team() = default;
  // Between two instructions before the commit: may run small urgent jobs.
  virtual void between(Job* running) = 0;
  // Before a commit: a larger urgent job for the whole team, made ready for `width` threads, or nullptr.
  virtual Job* next_urgent(Job* running, int width) = 0;
  // Lets no commit change what a job reads until `finish`; `around` is the job that it runs inside, or
  // nullptr.
  virtual void hold_state(Job* job, const Job* around) = 0;
  virtual void finish(Job* job) = 0;
  // Memory for one thread's kernels; level 1 is for jobs that run inside another's run.
  virtual void* scratch(int level, int index, size_t bytes) = 0;

  std::atomic<bool> urgent_waiting{false};  // looked at before either of the first two is called
  Barrier barrier;
  Decision slots[2];
};

// One thread's place in its team. All members pass the same meetings in the same order.
struct Member {
  int index = 0;
  int width = 1;
  uint32_t meetings = 0;
};

// Runs all steps of a job on the executor's memory; every member of the team calls it.
void run_steps(Team* team, Member* member, Job* job, int level);

// The same on the calling thread alone and its own memory.
void run_steps_here(Job* job);

}  // namespace chainrule
