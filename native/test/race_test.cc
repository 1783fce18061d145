// Training, short and long predictions on the executor, and predictions on calling threads, all on one state,
// with teams of changing width, and runs that other threads join: material for the thread sanitizer. Every
// step adds 1 to two arrays of the state, so a read in the middle of a commit would find two different
// numbers. race_test [REPEATS]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "runtime/calls.h"
#include "runtime/cpu.h"
#include "runtime/team.h"
#include "test/check.h"
#include "test/plan_words.h"
#include "tools/run_job.h"

namespace chainrule {
namespace {

constexpr int32_t kWidth = 4096;
const char* const kMap = "map(...inputs: any) -> y: any {program: words}";
const char* const kCopy = "copy(x: T) -> y: T";

struct Weights {
  PlanWords plan;
  int32_t first = plan.place(Space::state, Dtype::float32, {kWidth});
  int32_t second = plan.place(Space::state, Dtype::float32, {kWidth});
};

// Multiplies two square matrices `repeats` times. Returns the product.
int32_t work(PlanWords* plan, int32_t size, int32_t repeats) {
  const auto place = [&] { return plan->place(Space::arena, Dtype::float32, {size, size}); };
  const int32_t a = place(), b = place(), c = place();
  const int32_t splat = plan->number_of("broadcastTo(x: f32) -> y: f32");
  const std::vector<int32_t> half{1, 0x3f000000, 0, 1, 1, splat, 0, 0, -1, -1};
  for (const int32_t matrix : {a, b}) plan->instruction(kMap, {matrix}, {}, half);
  plan->loop(repeats, {}, {});
  plan->instruction(kMatmul, {c}, {a, b}, {0, 0, 0, 0, -1});
  plan->end();
  return c;
}

std::unique_ptr<Program> load(const PlanWords& plan) {
  const std::vector<int32_t> words = plan.words();
  return load_program(words.data(), static_cast<int64_t>(words.size()), plan.signatures(), *default_table());
}

std::unique_ptr<Program> trainer(int32_t size, int32_t repeats) {
  Weights weights;
  PlanWords& plan = weights.plan;
  work(&plan, 8, 6);  // by the leader alone
  const int32_t product = work(&plan, size, repeats);
  const int32_t finite = plan.place(Space::arena, Dtype::int32, {(size * size + 4095) / 4096});
  plan.instruction("finite(x: f32) -> guard: i32", {finite}, {product});
  plan.guard(finite, Guard::notFinite);
  plan.commit();
  const int32_t add = plan.number_of("add(a: f32, b: f32) -> y: f32");
  for (const int32_t value : {weights.first, weights.second}) {
    plan.instruction(kMap, {value}, {value}, {1, 0x3f800000, 0, 1, 1, add, 0, 0, 1, -1});
  }
  return load(plan);
}

std::unique_ptr<Program> reader(int32_t size, int32_t repeats) {
  Weights weights;
  PlanWords& plan = weights.plan;
  const auto out = [&plan] { return plan.io(Dtype::float32, {kWidth}, kIoOutput); };
  const int32_t before = out(), after = out();
  plan.instruction(kCopy, {before}, {weights.first});
  work(&plan, size, repeats);
  plan.instruction(kCopy, {after}, {weights.second});
  return load(plan);
}

struct Model {
  Arena memory;
  State state;
  Model() {
    memory.reserve(2 * kWidth * 4);
    state.data = memory.data;
    state.bytes = memory.bytes;
  }
};

RunReport train(Program* program, Model* model, int64_t steps, const int32_t* cancel) {
  Job job;
  job.program = program;
  job.state = &model->state;
  job.steps = steps;
  job.cancel = cancel;
  job.profile = true;
  run_on_executor(&job);
  return job.report;
}

// True if all numbers are of the same step.
bool predict(Program* program, Model* model, void (*run)(Job*)) {
  std::vector<float> before(kWidth), after(kWidth);
  Job job;
  job.program = program;
  job.state = &model->state;
  job.high_priority = true;
  job.profile = true;
  for (std::vector<float>* out : {&before, &after}) {
    job.io.push_back({reinterpret_cast<char*>(out->data()), kWidth * 4});
  }
  run(&job);
  const auto one = [&](float value) { return value == before[0]; };
  return std::all_of(before.begin(), before.end(), one) && std::all_of(after.begin(), after.end(), one);
}

// Inline if that is possible, else as `predictSync` does.
void run_soon(Job* job) {
  if (!run_inline(job)) run_here(job);
}

// Each thread in turn arrives so late that the others fall asleep, including the leader.
void check_late_arrivals(int width) {
  struct Shared {
    Barrier barrier;
    std::atomic<int> arrived{0}, wrong{0};
  } shared;
  const auto work = [](void* context, int index, int width) {
    auto* const all = static_cast<Shared*>(context);
    for (int turn = 0; turn < 3 * width; ++turn) {
      if (turn % width == index) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++all->arrived;
      if (index > 0) {
        all->barrier.wait(width);
        continue;
      }
      all->barrier.await_others(width);
      all->wrong += all->arrived != (turn + 1) * width;
      all->barrier.release(width);
    }
  };
  run_team(width, work, &shared);
  CHECK(shared.wrong == 0 && shared.arrived > 0);
}

// A product of a product of a product.
constexpr int32_t kChained = 96;
std::unique_ptr<Program> chain() {
  PlanWords plan;
  const auto place = [&] { return plan.place(Space::arena, Dtype::float32, {kChained, kChained}); };
  const int32_t b = place(), last = plan.io(Dtype::float32, {kChained, kChained}, kIoOutput);
  const int32_t splat = plan.number_of("broadcastTo(x: f32) -> y: f32");
  int32_t a = place();
  for (const int32_t matrix : {a, b}) {
    plan.instruction(kMap, {matrix}, {}, {1, 0x3c000000, 0, 1, 1, splat, 0, 0, -1, -1});
  }
  for (const int32_t product : {place(), place(), last}) {
    plan.instruction(kMatmul, {product}, {a, b}, {0, 0, 0, 0, -1});
    a = product;
  }
  return load(plan);
}

// A joint run that nobody joins, or a thread that waits for it, or the helper thread, or both.
std::vector<float> run_joint(Program* program, bool helps, bool has_helper) {
  std::vector<float> result(kChained * kChained);
  Job job;
  job.program = program;
  job.is_joint = true;
  job.io.push_back({reinterpret_cast<char*>(result.data()), static_cast<int64_t>(result.size()) * 4});
  std::atomic<bool> done{false};
  job.owner = &done;
  job.finished = [](Job* run) {
    static_cast<std::atomic<bool>*>(const_cast<void*>(run->owner))->store(true, std::memory_order_release);
  };
  submit(&job);
  if (has_helper) job.joint.invite_helper();
  while (!done.load(std::memory_order_acquire)) {
    if (helps) job.joint.help_until(done);
    std::this_thread::yield();
  }
  drain(&done);
  CHECK(job.report.end == RunEnd::done);
  return result;
}

void check_joint_runs(Program* program) {
  const std::vector<float> alone = run_joint(program, false, false);
  CHECK(alone[0] > 0);
  for (int way = 0; way < 12; ++way) CHECK(run_joint(program, way & 1, way & 2) == alone);
}

struct Programs {
  std::unique_ptr<Program> trainer = chainrule::trainer(64, 3), other = chainrule::trainer(64, 2);
  std::unique_ptr<Program> small = reader(16, 1), large = reader(160, 2), here = reader(16, 1);
  std::unique_ptr<Program> soon = reader(16, 1), joint = chain();
  // Worth a second thread, and a team.
  std::unique_ptr<Program> beside = reader(160, 20), longer = reader(160, 80);
};

void race(Programs* programs, Model* model, Model* second) {
  int32_t cancel = 0;
  RunReport report;
  std::atomic<int> mixed{0};
  std::thread training([&] { report = train(programs->trainer.get(), model, INT32_MAX, &cancel); });
  std::thread other([&] { CHECK(train(programs->other.get(), second, 20, nullptr).steps == 20); });
  const auto predictions = [&](Program* program, int count, void (*run)(Job*)) {
    return std::thread([=, &mixed] {
      for (int i = 0; i < count; ++i) mixed += !predict(program, model, run);
    });
  };
  std::thread threads[] = {predictions(programs->small.get(), 20, run_on_executor),
                           predictions(programs->large.get(), 10, run_on_executor),
                           predictions(programs->here.get(), 20, run_here),
                           predictions(programs->soon.get(), 20, run_soon)};
  for (std::thread& thread : threads) thread.join();
  __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
  training.join();
  other.join();
  CHECK(mixed == 0 && report.end == RunEnd::cancelled);
}

// Callers at once, of which one has the help of the executor's thread, and jobs of its own between them.
void share_with_callers(Programs* programs, Model* model) {
  std::atomic<int> mixed{0};
  const auto predictions = [&](Program* program, void (*run)(Job*)) {
    return std::thread([=, &mixed] {
      for (int i = 0; i < 12; ++i) mixed += !predict(program, model, run);
    });
  };
  std::thread threads[] = {predictions(programs->beside.get(), run_here),
                           predictions(programs->longer.get(), run_here),
                           predictions(programs->small.get(), run_on_executor),
                           predictions(programs->soon.get(), run_soon)};
  for (std::thread& thread : threads) thread.join();
  CHECK(mixed == 0);
}

}  // namespace
}  // namespace chainrule

int main(int argc, char** argv) {
  using namespace chainrule;
  const int repeats = argc > 1 ? std::atoi(argv[1]) : 8;
  Programs programs;
  Model model, second;
  for (int number = 0; number < repeats; ++number) {
    set_thread_count(1 + number % 4);
    race(&programs, &model, &second);
    share_with_callers(&programs, &model);
    check_late_arrivals(1 + number % 4);
    check_joint_runs(programs.joint.get());
  }
  CHECK(repeats < 2 || jobs_beside() > 0);
  return report();
}
