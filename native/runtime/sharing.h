// Which instructions are worth more than one thread, and where the threads must meet for them.
#pragma once

#include "runtime/program.h"

namespace chainrule {

// Nanoseconds of work from which an instruction is shared, until the executor has measured what a meeting of
// its threads costs: about twenty times that among cores with a common cache.
constexpr double kSharedFromNs = 1500;

// The same for a measured meeting. Cores without a common cache meet, and hand over data, several times more
// slowly. Bounded, and in coarse steps, for each change of it goes through the whole program.
inline double shared_from_ns(double meeting_ns) {
  constexpr double kMeetings = 20, kStep = 1.5, kLeastNs = 1000, kMostNs = 5000;
  double from_ns = kLeastNs;
  while (from_ns < meeting_ns * kMeetings && from_ns < kMostNs) from_ns *= kStep;
  return from_ns;
}

// Decides both for all instructions. Nothing may run the program meanwhile on more than one thread.
void share_work(Program* program, double from_ns);

}  // namespace chainrule
