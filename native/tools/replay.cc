// Runs a dumped plan without Node: for sanitizers, profilers and emulators. Prints one line of JSON with
// hashes of the final state and of each io slot. Usage: replay FILE [--isa NAME] [--threads N] [--repeat N]
#include <cstdlib>

#include "runtime/cpu.h"
#include "runtime/executor.h"
#include "tools/dump.h"
#include "tools/run_job.h"

using namespace chainrule;

namespace {

// FNV-1a, 64 bits.
uint64_t hash(const char* data, size_t bytes) {
  uint64_t result = 0xcbf29ce484222325u;
  for (size_t i = 0; i < bytes; ++i) result = (result ^ static_cast<unsigned char>(data[i])) * 0x100000001b3u;
  return result;
}

const char* option(int argc, char** argv, const char* name, const char* missing) {
  for (int i = 2; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return argv[i + 1];
  }
  return missing;
}

struct Aligned {
  char* data;
  explicit Aligned(const std::vector<char>& from) {
    data = static_cast<char*>(std::aligned_alloc(64, (from.size() + 64) / 64 * 64));
    if (!from.empty()) std::memcpy(data, from.data(), from.size());
  }
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<char> bytes;
  Dump dump;
  if (argc < 2 || !read_file(argv[1], &bytes) || !read_dump(bytes, &dump)) {
    std::fprintf(stderr, "replay: expected a file written by dumpRun\n");
    return 2;
  }
  const std::string isa = option(argc, argv, "--isa", "");
  const KernelTable* table = isa.empty() ? default_table() : find_table(isa);
  if (!table) {
    std::fprintf(stderr, "replay: no instruction set %s here\n", isa.c_str());
    return 2;
  }
  set_thread_count(std::atoi(option(argc, argv, "--threads", "1")));
  try {
    const auto program =
        load_program(dump.words.data(), static_cast<int64_t>(dump.words.size()), dump.signatures, *table);
    const Aligned memory(dump.state);
    State state;
    state.data = memory.data;
    state.bytes = static_cast<int64_t>(dump.state.size());
    Job job;
    job.program = program.get();
    job.state = &state;
    job.steps = dump.steps;
    for (const auto& slot : dump.io)
      job.io.push_back({Aligned(slot).data, static_cast<int64_t>(slot.size())});
    const std::string why = check_bindings(*program, job.io, job.steps, state.data, state.bytes);
    if (!why.empty()) throw PlanError(why);
    for (int repeat = std::atoi(option(argc, argv, "--repeat", "1")); repeat > 0; --repeat) {
      job.report = RunReport{};
      run_on_executor(&job);
    }
    std::printf("{\"isa\": \"%s\", \"steps\": %d, \"end\": %d, \"state\": \"%016llx\", \"io\": [", table->isa,
                job.report.steps, static_cast<int>(job.report.end),
                static_cast<unsigned long long>(hash(state.data, dump.state.size())));
    for (size_t slot = 0; slot < job.io.size(); ++slot) {
      std::printf("%s\"%016llx\"", slot ? ", " : "",
                  static_cast<unsigned long long>(hash(job.io[slot].data, dump.io[slot].size())));
    }
    std::printf("]}\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replay: %s\n", error.what());
    return 1;
  }
  return 0;
}
