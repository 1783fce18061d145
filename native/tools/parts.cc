// What a step of a dumped plan consists of: the time of each instruction's kernel by itself, repeated on one
// thread with its operands as the step left them, and the number of barriers that a team passes in a step.
// Of a plan with loops the barriers alone. Prints one line of JSON. Usage: parts FILE [--threads N]
#include <chrono>
#include <cstdlib>

#include "runtime/cpu.h"
#include "runtime/steps.h"
#include "tools/dump.h"

using namespace chainrule;

namespace {

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

char* aligned(size_t bytes) { return static_cast<char*>(std::aligned_alloc(64, (bytes + 64) / 64 * 64)); }

char* copy(const std::vector<char>& from) {
  char* data = aligned(from.size());
  if (!from.empty()) std::memcpy(data, from.data(), from.size());
  return data;
}

// A team that serves no other jobs, with memory that is allocated beforehand.
struct Alone final : Team {
  std::vector<char*> memory;  // for the kernels of each thread
  void between_instructions(Job*) override {}
  Job* next_high_priority(Job*, int) override { return nullptr; }
  void hold_state(Job*, const Job*) override {}
  void finish(Job*) override {}
  void* scratch(int, int index, size_t) override { return memory[static_cast<size_t>(index)]; }
};

struct Run {
  Alone* team;
  Job* job;
  uint32_t barriers = 0;
};

// Barriers in one step, of a team if the plan has instructions to share, else of one thread.
double barriers_of(Job* job, int threads) {
  Program& program = *job->program;
  const int width = program.shared ? threads : 1;
  program.memory->executor_arena.reserve(program.arena_bytes);
  program.executor_frames = std::vector<Frame>(static_cast<size_t>(width));
  Alone team;
  for (Frame& frame : program.executor_frames) {
    frame.prepare(program);
    team.memory.push_back(aligned(program.scratch_bytes));
  }
  Run run{&team, job};
  const auto work = [](void* context, int index, int granted) {
    auto* run = static_cast<Run*>(context);
    Member member{index, granted, 0};
    run_steps(run->team, &member, run->job, 0);
    if (index == 0) run->barriers = member.barriers;
  };
  if (width == 1) work(&run, 0, 1);
  else run_team(width, work, &run);
  return static_cast<double>(run.barriers) / static_cast<double>(job->steps);
}

// Nanoseconds of one call, the minimum of some repeats.
double kernel_ns(const Instruction& instruction, const Args& args) {
  constexpr double kRepeatNs = 30e3;
  int64_t calls = 1;
  double best = 1e18;
  for (int repeat = 0; repeat < 8;) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < calls; ++i) instruction.kernel->run(args, 0, instruction.tasks);
    const double ns = ns_since(start);
    if (ns < kRepeatNs && calls < (int64_t{1} << 20)) {
      calls *= 2;
      continue;
    }
    if (ns / static_cast<double>(calls) < best) best = ns / static_cast<double>(calls);
    ++repeat;
  }
  return best;
}

// In the order of the step, so that each kernel finds the results of those before it. Not for a plan with
// loops: what is in one has no such place.
std::vector<double> kernels_of(Job* job, char* arena) {
  Program& program = *job->program;
  Frame frame;
  frame.prepare(program);
  frame.bind(job->state->data, arena, job->io, aligned(program.scratch_bytes));
  std::vector<double> all;
  for (size_t number = 0; number < program.instructions.size(); ++number) {
    const Instruction& instruction = program.instructions[number];
    all.push_back(kernel_ns(instruction, frame.args(static_cast<int32_t>(number))));
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<char> bytes;
  Dump dump;
  if (argc < 2 || !read_file(argv[1], &bytes) || !read_dump(bytes, &dump)) {
    std::fprintf(stderr, "parts: expected a file written by dumpRun\n");
    return 2;
  }
  const int threads = argc > 3 && std::strcmp(argv[2], "--threads") == 0 ? std::atoi(argv[3]) : 1;
  try {
    const DenormalsKept denormals;
    const auto program = load_program(dump.words.data(), static_cast<int64_t>(dump.words.size()),
                                      dump.signatures, *default_table());
    State state;
    state.data = copy(dump.state);
    state.bytes = static_cast<int64_t>(dump.state.size());
    Job job;
    job.program = program.get();
    job.state = &state;
    job.steps = dump.steps;
    for (const auto& slot : dump.io) job.io.push_back({copy(slot), static_cast<int64_t>(slot.size())});
    const std::string why = check_bindings(*program, job.io, job.steps, state.data, state.bytes);
    if (!why.empty()) throw PlanError(why);
    const double barriers = barriers_of(&job, threads);
    std::vector<double> kernels;
    if (program->loops.empty()) kernels = kernels_of(&job, program->memory->executor_arena.data);
    std::printf("{\"barriers\": %g, \"kernelNs\": [", barriers);
    for (size_t i = 0; i < kernels.size(); ++i) std::printf("%s%.1f", i ? ", " : "", kernels[i]);
    std::printf("]}\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "parts: %s\n", error.what());
    return 1;
  }
  return 0;
}
