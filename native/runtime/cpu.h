// What this process may use of the machine: instruction sets, processors, floating-point mode.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan.h"

namespace chainrule {

// Tables of the instruction sets that are compiled in and that this CPU has, best first.
std::vector<const KernelTable*> usable_tables();

// By name, or the one that CHAINRULE_ISA asks for, or the best. nullptr where there is no such table here.
const KernelTable* find_table(const std::string& name);
const KernelTable* default_table();

// Processors that the quotas of this process's control groups amount to, rounded up, and at most `most`.
// Looks below `root` for the system's files.
int quota_cpus(const std::string& root, int most);

// Processors in this thread's affinity mask, no more than the control groups' quota.
int available_cpus();

// Threads of a run: what was set, else CHAINRULE_NUM_THREADS, else all processors.
int thread_count();
void set_thread_count(int count);

// Denormals count while it lives, whatever mode someone else has left this thread in.
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
