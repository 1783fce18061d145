// Memory of runs, and how large pieces of memory come from the system and go back to it.
#pragma once

#include <cstdint>

namespace chainrule {

// Pages of 2 MiB are one piece of physical memory: arrays that a step goes through again and again then do
// not push each other out of the L2 by chance of address.
constexpr int64_t kHugePageBytes = int64_t{2} << 20;
constexpr int64_t kHugeFromBytes = int64_t{512} << 10;
void prefer_huge_pages(char* data, int64_t bytes);

// The same for memory that is in use: what lies in small pages is moved now. Whoever reads or writes it
// meanwhile waits for a page at most.
void collapse_pages(char* data, int64_t bytes);

// Has the system map all pages of memory that is about to be written, huge ones where it can: in one call
// instead of an interrupt for each. What they hold stays. Where the system has no way, does nothing.
void map_pages(char* data, int64_t bytes);

// Gives the whole pages of private memory back to the system, while its owner still has it: they read as
// zeros from then on, and are new memory once they are written to. Where the system has no way, does nothing.
void give_back_pages(char* data, int64_t bytes);

// From now on, whatever the process allocates in one piece of a megabyte or more is mapped by itself and
// goes back to the system when it is freed. glibc raises that size to the largest freed so far, up to 32
// MiB; models that came and went then stayed resident. Leaves alone what the environment has chosen.
void map_large_allocations();

// While one lives, pieces of up to kMostReusedBytes come from the heap after all, where the memory of earlier
// ones that were freed serves again and costs no page faults.
constexpr int64_t kMostReusedBytes = int64_t{8} << 20;
class ReusedMemory {
 public:
  ReusedMemory();
  ~ReusedMemory();
  ReusedMemory(const ReusedMemory&) = delete;
  ReusedMemory& operator=(const ReusedMemory&) = delete;
};

// Memory of one run at a time: the executor and each calling thread have their own.
struct Arena {
  char* data = nullptr;
  int64_t bytes = 0;
  ~Arena();
  void reserve(int64_t wanted);
  void release();  // to the system; may be reserved again
};

}  // namespace chainrule
