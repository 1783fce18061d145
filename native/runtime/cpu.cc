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
extern const KernelTable kernels_avx512_bf16;
#elif defined(__aarch64__)
extern const KernelTable kernels_neon;
#endif

namespace {

std::atomic<int> chosen_threads{0};

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  FILE* file = std::fopen(path.c_str(), "r");
  if (!file) return lines;
  char line[4096];
  while (std::fgets(line, sizeof line, file)) {
    lines.emplace_back(line, std::strcspn(line, "\n"));
  }
  std::fclose(file);
  return lines;
}

// Reads the quota and its period of one group, of either version of control groups.
bool read_quota(const std::string& folder, bool unified, long long* quota, long long* period) {
  if (unified) {
    const auto lines = lines_of(folder + "/cpu.max");  // "max 100000" where there is none
    return !lines.empty() && std::sscanf(lines[0].c_str(), "%lld %lld", quota, period) == 2;
  }
  const auto first = lines_of(folder + "/cpu.cfs_quota_us"), second = lines_of(folder + "/cpu.cfs_period_us");
  if (first.empty() || second.empty()) return false;
  *quota = std::atoll(first[0].c_str());
  *period = std::atoll(second[0].c_str());
  return true;
}

// Lines of /proc/self/cgroup are `number:controllers:/path`; version 2 names no controllers.
bool is_cpu_group(const std::string& controllers) {
  return controllers.empty() || ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

int affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  // This machine has more processors than a cpu_set_t can hold.
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

#if defined(__x86_64__)
// The first table, with kernels replaced by those of the second table with the same signature. It is never
// freed, because a run may still use it when the process ends.
const KernelTable* joined(const KernelTable& all, const KernelTable& better) {
  Kernel* kernels = new Kernel[static_cast<size_t>(all.kernel_count)];
  std::copy(all.kernels, all.kernels + all.kernel_count, kernels);
  for (int32_t i = 0; i < better.kernel_count; ++i) {
    for (int32_t k = 0; k < all.kernel_count; ++k) {
      if (std::strcmp(kernels[k].signature, better.kernels[i].signature) == 0) kernels[k] = better.kernels[i];
    }
  }
  return new KernelTable{all.isa, kernels, all.kernel_count, all.map_ops, all.map_count};
}

const KernelTable* best_avx512_table() {
  if (!__builtin_cpu_supports("avx512bf16")) return &kernels_avx512;
  static const KernelTable* const table = joined(kernels_avx512, kernels_avx512_bf16);
  return table;
}
#endif

}  // namespace

int quota_cpus(const std::string& root, int most) {
  for (const std::string& line : lines_of(root + "/proc/self/cgroup")) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!is_cpu_group(controllers)) continue;
    const std::string mount = root + "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + controllers);
    // A quota applies to all groups below it, so every group from the process's own up to the root counts.
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      long long quota = -1, period = 0;
      if (read_quota(mount + path, controllers.empty(), &quota, &period) && quota > 0 && period > 0) {
        most = static_cast<int>(std::min<long long>(most, (quota + period - 1) / period));
      }
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return std::max(1, most);
}

std::vector<const KernelTable*> usable_tables() {
  std::vector<const KernelTable*> tables;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (avx2 && avx512) tables.push_back(best_avx512_table());
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

int available_cpus() { return quota_cpus("", affinity_cpus()); }

int thread_count() {
  const int chosen = chosen_threads.load(std::memory_order_relaxed);
  if (chosen > 0) return chosen;
  const char* wanted = std::getenv("CHAINRULE_NUM_THREADS");
  const int number = wanted ? std::atoi(wanted) : 0;
  int none = 0;  // if another thread sets the count at the same time, that one wins
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
