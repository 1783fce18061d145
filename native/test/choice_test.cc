// Whether a team or one thread is chosen, on machines where either is faster and on one where that changes.
#include "runtime/choice.h"

#include "check.h"

namespace chainrule {
namespace {

struct Machine {
  double team_ns, alone_ns;
};

// Makes `count` runs on a machine. Returns how many of them used one thread.
int runs(Choice* choice, Machine machine, int count) {
  int alone_runs = 0;
  for (int i = 0; i < count; ++i) {
    const bool alone = choice->alone();
    alone_runs += alone;
    choice->note(alone, alone ? machine.alone_ns : machine.team_ns);
  }
  return alone_runs;
}

}  // namespace

void test_choices() {
  const Machine near = {190, 300}, far = {430, 300};
  Choice team;
  CHECK(!team.alone());  // the first run uses the team
  CHECK(runs(&team, near, 1000) < 20);
  CHECK(runs(&team, near, 10000) < 45);
  // The machine changes: fast runs of the past are forgotten.
  CHECK(runs(&team, far, 100) > 60);
  CHECK(runs(&team, far, 1000) > 970);
  // It changes back: the team is tried again after at most 1024 runs.
  CHECK(runs(&team, near, 2000) < 1100);
  CHECK(runs(&team, near, 1000) < 20);
  // A single slow run makes no difference, not even if it is the first one.
  team.note(false, 5000);
  CHECK(runs(&team, near, 20) <= 1);
  Choice cold;
  cold.note(false, 5000);
  CHECK(runs(&cold, near, 1000) < 25);
  Choice alone;
  CHECK(runs(&alone, far, 1000) > 970);
  // Another process disturbs the team while both are tried: soon afterwards it is tried again.
  Choice disturbed;
  runs(&disturbed, far, 6);
  CHECK(runs(&disturbed, near, 10) <= 4);
  CHECK(runs(&disturbed, near, 100) <= 9);
}

}  // namespace chainrule
