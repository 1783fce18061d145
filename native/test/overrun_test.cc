// A kernel that reads or writes one element beyond its operand, in any space, must be stopped by the address
// sanitizer with red zones, although that element is within the same allocation. An honest kernel must not
// be.
//   overrun_test                             runs each case in a process of its own
//   overrun_test KERNEL SPACE WHERE COUNT    one of them
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>

#include "test/check.h"
#include "test/plan_words.h"
#include "tools/run_job.h"

namespace chainrule {
namespace {

constexpr int64_t kSteps = 2;
constexpr uint32_t kSignallingNaN = 0x7fa00000u;

// Bits are copied as integers, because copying a signalling NaN as a float may make it quiet.
template <int kReadsBeyond, int kWritesBeyond>
void copy(const Args& args, int64_t, int64_t) {
  const auto* x = static_cast<const volatile uint32_t*>(args.inputs[0].data);
  auto* y = static_cast<volatile uint32_t*>(args.outputs[0].data);
  const int64_t count = args.outputs[0].count;
  for (int64_t i = 0; i < count; ++i) y[i] = x[i];
  if (kReadsBeyond > 0) y[0] = x[count - 1 + kReadsBeyond];
  if (kWritesBeyond > 0) y[count - 1 + kWritesBeyond] = x[0];
}

const char* fits(const Args&) { return nullptr; }
int64_t one_task(const Args&) { return 1; }
double no_time(const Args&) { return 1; }

constexpr Kernel kKernels[] = {
    {"honest(x: f32) -> y: f32", fits, one_task, no_time, nullptr, copy<0, 0>, 0},
    {"reads(x: f32) -> y: f32", fits, one_task, no_time, nullptr, copy<1, 0>, 0},
    {"writes(x: f32) -> y: f32", fits, one_task, no_time, nullptr, copy<0, 1>, 0},
};
constexpr KernelTable kTable = {"scalar", kKernels, sizeof kKernels / sizeof *kKernels, nullptr, 0};

struct Case {
  std::string kernel;
  std::string space;
  std::string where;
  int32_t count;
};

// A value of `space` with another value behind it that no instruction uses; in io that is the next step's
// block.
int32_t place(PlanWords* plan, const std::string& space, int32_t count, int32_t flags) {
  if (space == "io") return plan->io(Dtype::float32, {count}, flags);
  const Space of = space == "state" ? Space::state : Space::arena;
  const int32_t value = plan->place(of, Dtype::float32, {count});
  plan->place(of, Dtype::float32, {count});
  return value;
}

// Reads from the given space or writes to it; the honest kernel does both.
PlanWords plan_of(const Case& one) {
  PlanWords plan;
  const std::string signature = one.kernel + "(x: f32) -> y: f32";
  const int32_t unwritten = plan.place(Space::arena, Dtype::float32, {one.count});
  const int32_t out = plan.io(Dtype::float32, {one.count}, kIoOutput);
  const int32_t source = place(&plan, one.space, one.count, 0);
  const int32_t target = place(&plan, one.space, one.count, kIoOutput);
  const int32_t middle = plan.place(Space::arena, Dtype::float32, {one.count});
  if (one.kernel != "writes") plan.instruction(signature, {middle}, {source});
  plan.instruction("honest(x: f32) -> y: f32", {out}, {unwritten});
  plan.commit();
  if (one.kernel != "reads") plan.instruction(signature, {target}, {unwritten});
  return plan;
}

int run(const Case& one) {
  const PlanWords plan = plan_of(one);
  const std::vector<int32_t> words = plan.words();
  const auto program =
      load_program(words.data(), static_cast<int64_t>(words.size()), plan.signatures(), kTable);
  Arena memory;
  memory.reserve(program->state_bytes);
  State state;
  state.data = memory.data;
  state.bytes = memory.bytes;
  Job job;
  job.program = program.get();
  job.state = &state;
  job.steps = kSteps;
  // The array also contains an element beyond the block of the last step.
  const size_t elements = static_cast<size_t>(one.count) * kSteps + 16;
  std::vector<std::vector<uint32_t>> arrays(program->io.size(), std::vector<uint32_t>(elements));
  for (auto& array : arrays) {
    job.io.push_back({reinterpret_cast<char*>(array.data()), static_cast<int64_t>(elements * 4)});
  }
  if (one.where == "executor") run_on_executor(&job);
  else run_here(&job);
  const bool fresh =
      arrays[0][0] == kSignallingNaN && arrays[0][static_cast<size_t>(one.count)] == kSignallingNaN;
  std::printf("%d steps, %s\n", job.report.steps, fresh ? "each on a fresh arena" : "on old memory");
  return job.report.steps == kSteps ? 0 : 3;
}

#if defined(__SANITIZE_ADDRESS__)
struct Ended {
  bool well;
  std::string text;
};

Ended run_apart(const char* program, const Case& one) {
  const std::string command = "'" + std::string(program) + "' " + one.kernel + " " + one.space + " " +
                              one.where + " " + std::to_string(one.count) + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return {false, "it could not be started"};
  std::string text;
  char buffer[4096];
  for (size_t got; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, got);
  const int status = pclose(pipe);
  return {WIFEXITED(status) && WEXITSTATUS(status) == 0, text};
}

void check_all(const char* program) {
  setenv("CHAINRULE_RED_ZONES", "1", 1);
  for (const char* space : {"state", "arena", "io"}) {
    for (const char* where : {"executor", "here"}) {
      for (const int32_t count : {5, 16}) {  // the next element is padding, or another value's first
        for (const char* kernel : {"honest", "reads", "writes"}) {
          const bool honest = std::string(kernel) == "honest";
          const Ended ended = run_apart(program, {kernel, space, where, count});
          const char* wanted =
              honest ? "2 steps, each on a fresh arena" : "AddressSanitizer: use-after-poison";
          if (!CHECK(ended.well == honest && ended.text.find(wanted) != std::string::npos)) {
            std::fprintf(stderr, "  %s %s %s %d:\n%s\n", kernel, space, where, count, ended.text.c_str());
          }
        }
      }
    }
  }
}
#else
// Only the address sanitizer sees an overrun; without it, at least the honest kernel must run.
void check_all(const char*) {
  for (const char* space : {"state", "arena", "io"}) {
    for (const char* where : {"executor", "here"}) CHECK(run({"honest", space, where, 5}) == 0);
  }
}
#endif

}  // namespace
}  // namespace chainrule

int main(int argc, char** argv) {
  using namespace chainrule;
  if (argc == 5) return run({argv[1], argv[2], argv[3], std::atoi(argv[4])});
  check_all(argv[0]);
  return report();
}
