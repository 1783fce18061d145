// How the threads of a team run the steps of a job.
#pragma once

#include "runtime/executor.h"
#include "runtime/team.h"

namespace chainrule {

// What the leader decides, and all threads of its team learn at a barrier.
struct Decision {
  bool stop = false;
  Job* nested = nullptr;  // the whole team runs it after this commit
};

// What the threads of a team share, and what its leader does for other jobs.
struct Team {
  virtual ~Team() = default;
  // Called between two instructions before the commit; may run small jobs of high priority.
  virtual void between_instructions(Job* running) = 0;
  // Called before a commit: a larger job of high priority for the whole team, prepared for `width` threads,
  // or nullptr.
  virtual Job* next_high_priority(Job* running, int width) = 0;
  // Keeps commits from changing what a job reads until `finish`. `around` is the job inside which it runs, or
  // nullptr.
  virtual void hold_state(Job* job, const Job* around) = 0;
  virtual void finish(Job* job) = 0;
  // Memory for the kernels of one thread; level 1 is for jobs that run inside another job.
  virtual void* scratch(int level, int index, size_t bytes) = 0;

  std::atomic<bool> high_priority_waiting{false};  // checked before calling either of the first two
  Barrier barrier;
  Decision slots[2];
};

// One thread of a team. All members pass the same barriers in the same order.
struct Member {
  int index = 0;
  int width = 1;
  uint32_t barriers = 0;  // passed so far
};

// Runs all steps of a job in the executor's memory; every member of the team calls it.
void run_steps(Team* team, Member* member, Job* job, int level);

// The same on the calling thread alone, in its own memory.
void run_steps_here(Job* job);

}  // namespace chainrule
