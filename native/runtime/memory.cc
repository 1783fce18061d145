#include "runtime/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "plan.h"

namespace chainrule {
namespace {

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// The sanitizer's own zone begins where the memory ends, so there all memory is the sanitizer's.
bool is_mapped(int64_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  (void)bytes;
  return false;
#else
  return bytes >= kHugeFromBytes;
#endif
}

// A mapping of its own goes back to the system when it is freed, whatever lies around it.
char* map_memory(int64_t bytes) {
  const int64_t whole = bytes + kHugePageBytes;
  void* const mapped = mmap(nullptr, static_cast<size_t>(whole), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<char*>(mapped);
  const auto address = static_cast<int64_t>(reinterpret_cast<uintptr_t>(mapped));
  const int64_t before = round_up(address, kHugePageBytes) - address;
  if (before > 0) munmap(begin, static_cast<size_t>(before));
  const int64_t behind = kHugePageBytes - before;
  if (behind > 0) munmap(begin + before + bytes, static_cast<size_t>(behind));
  return begin + before;
}

void free_memory(char* data, int64_t bytes) {
  if (is_mapped(bytes)) {
    munmap(data, static_cast<size_t>(bytes));
  } else {
    std::free(data);
  }
}

#if defined(__GLIBC__)
constexpr int kMappedFromBytes = 1 << 20;
// Whether allocations from that size on are mapped: unless the environment has chosen otherwise.
std::atomic<bool> are_mapped{false};
#endif

#if defined(__linux__)
// Of the whole huge pages within these bytes.
void advise_huge_pages(char* data, int64_t bytes, int advice) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (address + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  const uintptr_t last = (address + static_cast<uintptr_t>(bytes)) / kHugePageBytes * kHugePageBytes;
  if (last > first) madvise(reinterpret_cast<void*>(first), last - first, advice);
}
#endif

}  // namespace

void prefer_huge_pages(char* data, int64_t bytes) {
#if defined(MADV_HUGEPAGE)
  advise_huge_pages(data, bytes, MADV_HUGEPAGE);
#else
  (void)data;
  (void)bytes;
#endif
}

void collapse_pages(char* data, int64_t bytes) {
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
  // MADV_COLLAPSE, since Linux 6.1. Older headers lack the name; an older system refuses the number.
  constexpr int kCollapse = 25;
  advise_huge_pages(data, bytes, kCollapse);
#else
  (void)data;
  (void)bytes;
#endif
}

void map_pages(char* data, int64_t bytes) {
  prefer_huge_pages(data, bytes);
#if defined(__linux__)
  // MADV_POPULATE_WRITE, since Linux 5.14. Older headers lack the name; an older system refuses the number.
  constexpr int kPopulate = 23;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = address / page * page;
  const uintptr_t last = (address + static_cast<uintptr_t>(bytes) + page - 1) / page * page;
  if (last > first) madvise(reinterpret_cast<void*>(first), last - first, kPopulate);
#endif
}

void give_back_pages(char* data, int64_t bytes) {
#if defined(__linux__)
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (address + page - 1) / page * page;
  const uintptr_t last = (address + static_cast<uintptr_t>(bytes)) / page * page;
  if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
#else
  (void)data;
  (void)bytes;
#endif
}

void map_large_allocations() {
#if defined(__GLIBC__)
  const char* tunables = std::getenv("GLIBC_TUNABLES");
  const bool chosen = std::getenv("MALLOC_MMAP_THRESHOLD_") || std::getenv("MALLOC_TRIM_THRESHOLD_") ||
                      (tunables && std::strstr(tunables, "glibc.malloc."));
  if (chosen) return;
  are_mapped.store(true, std::memory_order_relaxed);
  mallopt(M_MMAP_THRESHOLD, kMappedFromBytes);
  // Setting one fixes both. The collector frees so many bytes at once, and others take their place: pages
  // that went back in between would be mapped again, one fault each.
  mallopt(M_TRIM_THRESHOLD, 64 * kMappedFromBytes);
#endif
}

ReusedMemory::ReusedMemory() {
#if defined(__GLIBC__)
  constexpr int kNowFromBytes = static_cast<int>(kMostReusedBytes) + kMappedFromBytes;
  if (are_mapped.load(std::memory_order_relaxed)) mallopt(M_MMAP_THRESHOLD, kNowFromBytes);
#endif
}

ReusedMemory::~ReusedMemory() {
#if defined(__GLIBC__)
  if (are_mapped.load(std::memory_order_relaxed)) mallopt(M_MMAP_THRESHOLD, kMappedFromBytes);
#endif
}

Arena::~Arena() { free_memory(data, bytes); }

void Arena::release() {
  free_memory(data, bytes);
  data = nullptr;
  bytes = 0;
}

void Arena::reserve(int64_t wanted) {
  if (wanted <= bytes) return;
  int64_t rounded = round_up(wanted, kUnitBytes);
  char* fresh;
  if (is_mapped(rounded)) {
    rounded = round_up(rounded, kHugePageBytes);
    fresh = map_memory(rounded);
  } else {
    fresh = static_cast<char*>(std::aligned_alloc(kUnitBytes, static_cast<size_t>(rounded)));
    if (!fresh) throw std::bad_alloc();
  }
  prefer_huge_pages(fresh, rounded);
  std::memset(fresh, 0, static_cast<size_t>(rounded));
  free_memory(data, bytes);
  data = fresh;
  bytes = rounded;
}

}  // namespace chainrule
