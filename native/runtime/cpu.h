// What this process may use of the machine: instruction sets, processors and the floating-point mode.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan.h"

namespace chainrule {

// Tables of the instruction sets that are compiled in and that this CPU supports, best first.
std::vector<const KernelTable*> usable_tables();

// A table by its name, or nullptr; and the one that CHAINRULE_ISA names if it is usable, else the best.
const KernelTable* find_table(const std::string& name);
const KernelTable* default_table();

// Processors that the quotas of this process's control groups allow, rounded up, at most `most`. The system's
// files are looked up below `root`.
int quota_cpus(const std::string& root, int most);

// Processors in this thread's affinity mask, limited by the quota of its control groups.
int available_cpus();

// Threads of a run: as set, else CHAINRULE_NUM_THREADS, else all available processors.
int thread_count();
void set_thread_count(int count);

// While an instance exists, this thread does not flush denormals to zero, whatever its floating-point mode
// was.
class DenormalsKept {
 public:
  DenormalsKept();
  ~DenormalsKept();
  DenormalsKept(const DenormalsKept&) = delete;
  DenormalsKept& operator=(const DenormalsKept&) = delete;

 private:
  uint64_t saved_;
};

}  // namespace chainrule
