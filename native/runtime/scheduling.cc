#include "runtime/scheduling.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace chainrule {

Sleeper::Sleeper() : thread_(static_cast<pid_t>(syscall(SYS_gettid))) {}

// An affinity set larger than cpu_set_t cannot be read; then the system wakes threads wherever it likes.
void Sleeper::keep_off_this_cpu(int width) {
  const int cpu = sched_getcpu();
  if (kept_off_ || cpu < 0 || cpu >= CPU_SETSIZE) return;
  if (sched_getaffinity(thread_, sizeof allowed_, &allowed_) != 0 || CPU_COUNT(&allowed_) < width) return;
  cpu_set_t others = allowed_;
  CPU_CLR(cpu, &others);
  kept_off_ = sched_setaffinity(thread_, sizeof others, &others) == 0;
}

void Sleeper::awake() {
  if (!kept_off_) return;
  // A thread that is allowed on every core there is follows later changes of its group's set. But if that
  // allows more cores than before, somebody had chosen a smaller set, and that one is restored.
  cpu_set_t any, granted;
  std::memset(&any, 0xff, sizeof any);
  const bool follows = sched_setaffinity(0, sizeof any, &any) == 0 &&
                       sched_getaffinity(0, sizeof granted, &granted) == 0 && CPU_EQUAL(&granted, &allowed_);
  if (!follows) sched_setaffinity(0, sizeof allowed_, &allowed_);
}

}  // namespace chainrule
