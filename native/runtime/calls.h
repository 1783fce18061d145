// Runs of jobs that a thread waits for.
#pragma once

#include "runtime/executor.h"

namespace chainrule {

// Runs a job on the calling thread alone. It may wait for a commit in progress, but never for a whole step.
void run_alone(Job* job);

// The same for a short job that writes no state and need not wait. Otherwise does nothing and returns false.
bool run_inline(Job* job);

// Runs a job before it returns: a large one on the executor's team, after the step that is under way there,
// any other on the calling thread.
void run_now(Job* job);

}  // namespace chainrule
