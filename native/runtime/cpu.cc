#include "runtime/cpu.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace chainrule {

extern const KernelTable kernels_scalar;
#if defined(__x86_64__)
extern const KernelTable kernels_avx2;
extern const KernelTable kernels_avx512;
#elif defined(__aarch64__)
extern const KernelTable kernels_neon;
#endif

namespace {

std::atomic<int> chosen_threads{0};

// Processors that a control group's quota amounts to, rounded up; `most` where there is none.
int quota_cpus(int most) {
  long long quota = -1, period = 0;
  if (FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    if (std::fscanf(file, "%lld %lld", &quota, &period) != 2) quota = -1;
    std::fclose(file);
  } else {
    const auto read = [](const char* path) {
      long long number = -1;
      if (FILE* source = std::fopen(path, "r")) {
        if (std::fscanf(source, "%lld", &number) != 1) number = -1;
        std::fclose(source);
      }
      return number;
    };
    quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  }
  if (quota <= 0 || period <= 0) return most;
  return static_cast<int>(std::min<long long>(most, (quota + period - 1) / period));
}

int affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(
      std::max(1u, std::thread::hardware_concurrency()));  // more than such a set can name
}

}  // namespace

std::vector<const KernelTable*> usable_tables() {
  std::vector<const KernelTable*> tables;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (avx2 && avx512) tables.push_back(&kernels_avx512);
  if (avx2) tables.push_back(&kernels_avx2);
#elif defined(__aarch64__)
  tables.push_back(&kernels_neon);
#endif
  tables.push_back(&kernels_scalar);
  return tables;
}

const KernelTable* find_table(const std::string& name) {
  for (const KernelTable* table : usable_tables()) {
    if (name == table->isa) return table;
  }
  return nullptr;
}

const KernelTable* default_table() {
  const char* wanted = std::getenv("CHAINRULE_ISA");
  const KernelTable* table = wanted && *wanted ? find_table(wanted) : nullptr;
  return table ? table : usable_tables().front();
}

int available_cpus() {
  const int cpus = affinity_cpus();
  return std::max(1, quota_cpus(cpus));
}

int thread_count() {
  const int chosen = chosen_threads.load(std::memory_order_relaxed);
  if (chosen > 0) return chosen;
  const char* wanted = std::getenv("CHAINRULE_NUM_THREADS");
  const int number = wanted ? std::atoi(wanted) : 0;
  int none = 0;  // another thread may set the count meanwhile: that one holds
  chosen_threads.compare_exchange_strong(none, number > 0 ? number : available_cpus());
  return chosen_threads.load(std::memory_order_relaxed);
}

void set_thread_count(int count) { chosen_threads.store(std::max(1, count), std::memory_order_relaxed); }

#if defined(__x86_64__)
constexpr unsigned kFlushBits = 0x8040;  // FTZ and DAZ
DenormalsKept::DenormalsKept() : saved_(_mm_getcsr()) {
  if (saved_ & kFlushBits) _mm_setcsr(static_cast<unsigned>(saved_) & ~kFlushBits);
}
DenormalsKept::~DenormalsKept() {
  if (saved_ & kFlushBits) _mm_setcsr(static_cast<unsigned>(saved_));
}
#elif defined(__aarch64__)
constexpr uint64_t kFlushBits = uint64_t{1} << 24;  // FZ
DenormalsKept::DenormalsKept() {
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved_));
  if (saved_ & kFlushBits) __asm__ volatile("msr fpcr, %0" : : "r"(saved_ & ~kFlushBits));
}
DenormalsKept::~DenormalsKept() {
  if (saved_ & kFlushBits) __asm__ volatile("msr fpcr, %0" : : "r"(saved_));
}
#else
DenormalsKept::DenormalsKept() : saved_(0) {}
DenormalsKept::~DenormalsKept() = default;
#endif

}  // namespace chainrule
