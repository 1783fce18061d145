// Steps of a run allocate nothing: a run of a thousand steps calls malloc as often as a run of one step. It
// counts the calls of the whole process, so it is a separate program.
#include <atomic>
#include <cstdlib>

#include "runtime/cpu.h"
#include "test/check.h"
#include "test/plan_words.h"
#include "tools/run_job.h"

namespace {
std::atomic<int64_t> allocations{0};
}

// The sanitizers replace these functions themselves.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool kCountsAllocations = true;
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* old, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
__attribute__((visibility("default"))) void* malloc(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
__attribute__((visibility("default"))) void* calloc(size_t count, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
__attribute__((visibility("default"))) void* realloc(void* old, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(old, bytes);
}
__attribute__((visibility("default"))) void* aligned_alloc(size_t alignment, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
}
#else
constexpr bool kCountsAllocations = false;
#endif

namespace chainrule {
namespace {

constexpr int32_t kRows = 96, kWidth = 160;

// One dense layer: enough work to be shared among threads, a loop, a guard and a commit.
PlanWords dense_step() {
  PlanWords plan;
  const int32_t x = plan.io(Dtype::float32, {kRows, kWidth}, 0, false);
  const int32_t hyper = plan.io(Dtype::float32, {1, 1}, 0, false);
  const int32_t weight = plan.place(Space::state, Dtype::float32, {kWidth, kWidth});
  const int32_t y = plan.place(Space::arena, Dtype::float32, {kRows, kWidth});
  const int32_t gradient = plan.place(Space::arena, Dtype::float32, {kWidth, kWidth});
  const int32_t guard = plan.place(Space::arena, Dtype::int32, {(kWidth * kWidth + 4095) / 4096});
  plan.instruction(kMatmul, {y}, {x, weight}, {0, 0, 0, 0, -1});
  plan.loop(2, {}, {});
  plan.instruction(kMatmul, {gradient}, {x, y}, {1, 0, 0, 0, -1});
  plan.end();
  plan.instruction("finite(x: f32) -> guard: i32", {guard}, {gradient});
  plan.guard(guard, Guard::notFinite);
  plan.commit();
  plan.instruction(kSgd, {weight},
                   {hyper, weight, gradient}, {0, 0, 0, 0, 1});
  return plan;
}

struct Memory {
  std::vector<float> x = std::vector<float>(kRows * kWidth, 0.001f);
  std::vector<float> hyper = {1e-6f};
  std::vector<float> weight = std::vector<float>(kWidth * kWidth, 0.01f);
};

int64_t allocations_of(Program* program, Memory* memory, int64_t steps, int32_t* done) {
  State state;
  state.data = reinterpret_cast<char*>(memory->weight.data());
  state.bytes = static_cast<int64_t>(memory->weight.size() * sizeof(float));
  Job job;
  job.program = program;
  job.state = &state;
  job.steps = steps;
  for (std::vector<float>* array : {&memory->x, &memory->hyper}) {
    job.io.push_back(
        {reinterpret_cast<char*>(array->data()), static_cast<int64_t>(array->size() * sizeof(float))});
  }
  const int64_t before = allocations.load();
  run_on_executor(&job);
  *done = job.report.steps;
  return allocations.load() - before;
}

void test_steps_allocate_nothing(int threads) {
  set_thread_count(threads);
  const PlanWords plan = dense_step();
  const std::vector<int32_t> words = plan.words();
  const auto program =
      load_program(words.data(), static_cast<int64_t>(words.size()), plan.signatures(), *default_table());
  Memory memory;
  int32_t done = 0;
  allocations_of(program.get(), &memory, 1, &done);  // the first run allocates arena, frames and team
  const int64_t one = allocations_of(program.get(), &memory, 1, &done);
  CHECK(done == 1);
  const int64_t thousand = allocations_of(program.get(), &memory, 1000, &done);
  CHECK(done == 1000);
  if (!kCountsAllocations) return;
  if (!CHECK(thousand == one)) {
    std::fprintf(stderr, "  %d threads: %lld allocations in one step, %lld in a thousand\n", threads,
                 static_cast<long long>(one), static_cast<long long>(thousand));
  }
}

}  // namespace
}  // namespace chainrule

int main() {
  using namespace chainrule;
  if (!kCountsAllocations) {
    std::printf("allocation_test: this build cannot count allocations; the runs are made all the same\n");
  } else {
    const int64_t before = allocations.load();
    std::free(std::malloc(100));
    CHECK(allocations.load() > before);
  }
  for (const int threads : {1, 2, 3}) test_steps_allocate_nothing(threads);
  return report();
}
