// A malformed plan must be an error and never a crash. Takes plans that work, corrupts some words of each,
// loads them, and runs those that are accepted on memory of exactly the required size, so that sanitizers see
// overruns.
//   plan_fuzz [--seed N] [--count N] [FILE...]
// Files are written by lib/runtime/dump.ts; three built-in plans are always used. With PLAN_FUZZ_TRACE it
// prints the arguments that repeat each plan alone.
#include <algorithm>
#include <cstdlib>

#include "runtime/cpu.h"
#include "test/plan_words.h"
#include "tools/run_job.h"
#include "tools/dump.h"

namespace chainrule {
namespace {

// Plans that need more memory or more work than this are loaded but not run.
constexpr int64_t kMaxRunBytes = int64_t{1} << 24;
constexpr double kMaxRunNs = 2e6;

// xorshift64*, the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint32_t bits() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>(state_ * 0x2545f4914f6cdd1du >> 32);
  }
  size_t below(size_t limit) { return limit == 0 ? 0 : bits() % limit; }
  bool one_in(size_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

// A gather, a loop with windows, a carry in two places, guards and an update: most of what a plan can
// contain.
Dump sample() {
  PlanWords plan;
  const auto f32 = Dtype::float32, i32 = Dtype::int32;
  const int32_t data = plan.io(Dtype::uint8, {-1, 20}, kIoDynamicRows), rows = plan.io(i32, {5}, 0);
  const int32_t hyper = plan.io(f32, {1, 1}, 0), out = plan.io(f32, {20}, kIoOutput);
  const int32_t x = plan.place(Space::arena, f32, {5, 20}), bad = plan.place(Space::arena, i32, {5});
  const int32_t wide = plan.place(Space::arena, f32, {5, 32}), both = plan.place(Space::arena, f32, {2, 32});
  const int32_t h = plan.value(Space::arena, 18, f32, {32});
  const int32_t next = plan.value(Space::arena, 18, f32, {32}, 32);
  const int32_t bads = plan.place(Space::arena, i32, {5}), each = plan.value(Space::arena, 22, i32, {1});
  const int32_t sum = plan.place(Space::arena, f32, {20});
  const int32_t finite = plan.place(Space::arena, i32, {1}), weight = plan.place(Space::state, f32, {20});
  const int32_t none = plan.io(f32, {0, 4}, 0), nowhere = plan.place(Space::arena, f32, {0, 4});
  const int32_t row = plan.value(Space::arena, 8, f32, {32});  // of `wide`, moving over its rows
  const std::string map = "map(...inputs: any) -> y: any {program: words}";
  const int32_t splat = plan.number_of("broadcastTo(x: f32) -> y: f32");
  const int32_t add = plan.number_of("add(a: f32, b: f32) -> y: f32");
  plan.instruction("gatherRows(source: T, rows: i32) -> y: f32, guard: i32 {scale: f32, offset: f32}",
                   {x, bad}, {data, rows}, {0x3f800000, 0});
  plan.guard(bad, Guard::indexOutOfRange);
  plan.instruction(map, {wide}, {}, {1, 0x3f000000, 0, 1, 1, splat, 0, 0, -1, -1});
  plan.instruction(map, {both}, {}, {1, 0, 0, 1, 1, splat, 0, 0, -1, -1});
  plan.loop(5, {row, 32, each, 1}, {h, 32, next, -32});
  plan.instruction(map, {next}, {h, row}, {0, 0, 1, 1, add, 0, 0, 1, -1});
  plan.instruction("finite(x: f32) -> guard: i32", {each}, {next});
  plan.end();
  plan.guard(bads, Guard::notFinite, 5);
  plan.instruction("sum(x: f32) -> y: f32 {axis: i32}", {sum}, {x}, {0});
  plan.instruction("finite(x: f32) -> guard: i32", {finite}, {sum});
  plan.guard(finite, Guard::notFinite);
  plan.instruction("copy(x: T) -> y: T", {out}, {sum});
  plan.instruction("copy(x: T) -> y: T", {nowhere}, {none});
  plan.commit();
  plan.instruction(kSgd, {weight},
                   {hyper, weight, sum}, {0, 0, 0, 0, 1});
  Dump dump;
  dump.words = plan.words();
  dump.signatures = plan.signatures();
  return dump;
}

// Any number of rows up to eight, of which the mean is taken, and a loop over a stack, from its end: words of
// all kinds that may follow from it.
Dump sample_of_rows() {
  constexpr int32_t kMost = 8;
  PlanWords plan;
  const auto f32 = Dtype::float32, i32 = Dtype::int32;
  const int32_t data = plan.io(Dtype::uint8, {-1, 20}, kIoDynamicRows), rows = plan.io(i32, {kMost}, 0);
  const int32_t out = plan.io(f32, {kMost, 20}, kIoOutput), mean = plan.io(f32, {20}, kIoOutput);
  const int32_t x = plan.place(Space::arena, f32, {kMost, 20}), bad = plan.place(Space::arena, i32, {kMost});
  const int32_t part = plan.place(Space::arena, f32, {kMost, 20});
  const int32_t stack = plan.place(Space::arena, f32, {3, kMost, 20}), slice = kMost * 20;
  const int32_t before = plan.value(Space::arena, 21, f32, {kMost, 20}, 2 * slice);
  const int32_t next = plan.value(Space::arena, 21, f32, {kMost, 20}, slice);
  plan.rows(kMost);
  for (const int32_t slot : {1, 2}) {
    plan.io_follows(slot, 3, 1);
    plan.io_follows(slot, 9, slot == 1 ? 1 : 20);
  }
  for (const int32_t value : {rows, out, x, bad, part}) plan.value_follows(value, 0, 1);
  plan.value_follows(stack, 1, 1);
  plan.value_follows(before, 0, 1);
  plan.offset_follows(before, 40);
  plan.value_follows(next, 0, 1);
  plan.offset_follows(next, 20);
  const int32_t mul = plan.number_of("mul(a: f32, b: f32) -> y: f32");
  plan.guard(bad, Guard::indexOutOfRange);
  plan.instruction("gatherRows(source: T, rows: i32) -> y: f32, guard: i32 {scale: f32, offset: f32}",
                   {x, bad}, {data, rows}, {0x3f800000, 0});
  plan.next_attribute_follows(1, 1, 1);
  plan.instruction("map(...inputs: any) -> y: any {program: words}", {part}, {x},
                   {1, 0x3e000000, 0, 1, 1, mul, 0, 0, 1, -1});
  plan.instruction("copy(x: T) -> y: T", {before}, {x});
  for (const int32_t place : {0, 1}) plan.next_move_follows(place, -20);
  plan.loop(2, {before, -slice, next, -slice}, {});
  plan.instruction("map(...inputs: any) -> y: any {program: words}", {next}, {before},
                   {1, 0x3e000000, 0, 1, 1, mul, 0, 0, 1, -1});
  plan.end();
  plan.instruction("copy(x: T) -> y: T", {out}, {next});
  plan.instruction("sum(x: f32) -> y: f32 {axis: i32}", {mean}, {part}, {0});
  Dump dump;
  dump.words = plan.words();
  dump.signatures = plan.signatures();
  return dump;
}

// Products in batches, alone and with all that an epilogue can have, for any number of rows up to six.
Dump sample_of_products() {
  constexpr int32_t kMost = 6;
  PlanWords plan;
  const auto f32 = Dtype::float32;
  const int32_t left = plan.io(f32, {kMost, 2, 5, 7}, 0), right = plan.io(f32, {2, 7, 9}, 0);
  const int32_t out = plan.io(f32, {kMost, 2, 5, 5}, kIoOutput), bias = plan.place(Space::state, f32, {9});
  const int32_t c = plan.place(Space::arena, f32, {kMost, 2, 5, 9});
  const int32_t d = plan.place(Space::arena, f32, {kMost, 2, 5, 9});
  const int32_t guard = plan.place(Space::arena, Dtype::int32, {64});
  plan.rows(kMost);
  for (const int32_t slot : {0, 2}) {
    plan.io_follows(slot, 3, 1);
    plan.io_follows(slot, 9, slot == 0 ? 70 : 50);
  }
  for (const int32_t value : {left, out, c, d}) plan.value_follows(value, 0, 1);
  const int32_t relu_gradient = plan.number_of("reluGrad(a: f32, b: f32) -> y: f32");
  plan.instruction(kMatmul, {c}, {left, right}, {0, 0, 0, 0, -1});
  plan.instruction(kMatmul, {d, guard}, {left, right, bias, c}, {0, 0, 1, 1, relu_gradient});
  plan.guard(guard, Guard::notFinite);
  plan.instruction(kMatmul, {out}, {c, d}, {0, 1, 0, 0, -1});
  Dump dump;
  dump.words = plan.words();
  dump.signatures = plan.signatures();
  return dump;
}

int32_t edge(Random* random, const std::vector<int32_t>& words) {
  constexpr int32_t kEdges[] = {0,  1,  2, 3, -1, -2, 15,      16,      17,        63,        64,
                                65, 99, 7, 6, 5,  4,  1 << 10, 1 << 20, INT32_MAX, INT32_MIN, 0x40000000};
  switch (random->below(4)) {
    case 0: return static_cast<int32_t>(random->bits());
    case 1: return words[random->below(words.size())];
    case 2: return static_cast<int32_t>(random->below(40));
    default: return kEdges[random->below(sizeof kEdges / sizeof *kEdges)];
  }
}

// First word behind the tables of io and values.
std::ptrdiff_t tables_end(const std::vector<int32_t>& words) {
  if (words.size() < kHeaderWords) return 0;
  const std::ptrdiff_t io = std::max(0, words[kHeaderIoCount]),
                       values = std::max(0, words[kHeaderValueCount]);
  return kHeaderWords + io * kIoWords + values * kValueWords;
}

void corrupt_once(Random* random, std::vector<int32_t>* words) {
  if (words->empty()) return;
  // The body and the table of rows, at the end, matter most.
  const size_t body = words->size() > kHeaderWords
                          ? static_cast<size_t>((*words)[kHeaderBodyWords]) +
                                static_cast<size_t>((*words)[kHeaderRowWords]) * kRowWords
                          : 0;
  const bool in_body = body <= words->size() && random->one_in(2);
  const size_t at = in_body ? words->size() - body + random->below(body) : random->below(words->size());
  if (at == words->size()) return;
  int32_t& word = (*words)[at];
  switch (random->below(10)) {
    case 0: std::swap(word, (*words)[random->below(words->size())]); break;
    case 1: word = static_cast<int32_t>(static_cast<uint32_t>(word) + 1); break;
    case 2: word = static_cast<int32_t>(static_cast<uint32_t>(word) - 1); break;
    case 3: word = static_cast<int32_t>(static_cast<uint32_t>(word) ^ 1u << random->below(32)); break;
    case 4: (*words)[random->below(kHeaderWords) % words->size()] = edge(random, *words); break;
    case 5:  // a run of words from elsewhere
      for (size_t i = 0, from = random->below(words->size()); i < 1 + random->below(12); ++i) {
        if (at + i < words->size() && from + i < words->size()) (*words)[at + i] = (*words)[from + i];
      }
      break;
    default: word = edge(random, *words);
  }
}

// Replaces one size wherever it occurs, so that sizes still fit together.
void resize(Random* random, std::vector<int32_t>* words) {
  const int32_t from = (*words)[random->below(words->size())], to = edge(random, *words);
  const auto end = words->begin() +
                   std::min<std::ptrdiff_t>(tables_end(*words), static_cast<std::ptrdiff_t>(words->size()));
  std::replace(
      words->begin() + std::min<std::ptrdiff_t>(kHeaderWords, static_cast<std::ptrdiff_t>(words->size())),
      end, from, to);
}

// An input becomes a data set with a number of rows that the plan does not know.
void make_dynamic(Random* random, std::vector<int32_t>* words) {
  const size_t slots = words->size() < kHeaderWords ? 0 : static_cast<size_t>((*words)[kHeaderIoCount]);
  if (slots == 0 || tables_end(*words) > static_cast<std::ptrdiff_t>(words->size())) return;
  const size_t slot = random->below(slots), values = static_cast<size_t>((*words)[kHeaderValueCount]);
  int32_t* io = &(*words)[kHeaderWords + slot * kIoWords];
  io[1] = kIoDynamicRows;
  io[3] = -1;
  io[9] = 0;
  for (size_t number = 0; number < values; ++number) {
    int32_t* value = &(*words)[kHeaderWords + slots * kIoWords + number * kValueWords];
    if (value[0] == static_cast<int32_t>(Space::io) && value[1] == static_cast<int32_t>(slot)) value[4] = -1;
  }
}

void corrupt(Random* random, Dump* dump) {
  if (random->one_in(4)) resize(random, &dump->words);
  if (random->one_in(10)) make_dynamic(random, &dump->words);
  for (size_t times = random->below(4); times > 0; --times) corrupt_once(random, &dump->words);
  if (random->one_in(40)) dump->words.resize(random->below(dump->words.size() + 20));
  if (random->one_in(4) && dump->words.size() > kHeaderWordCount) {
    dump->words[kHeaderWordCount] = static_cast<int32_t>(dump->words.size());
  }
  if (dump->signatures.empty() || !random->one_in(10)) return;
  std::string& text = dump->signatures[random->below(dump->signatures.size())];
  if (random->one_in(2)) std::swap(text, dump->signatures[random->below(dump->signatures.size())]);
  else if (!text.empty()) text[random->below(text.size())] = static_cast<char>(random->bits());
}

// Exactly `bytes` that end where the sanitizer's red zone begins, at an odd element. Holds small and strange
// numbers, mostly with `like` at the start.
struct Block {
  std::vector<char> memory;
  Binding binding;

  Block(Random* random, int64_t bytes, int64_t width, const std::vector<char>& like) {
    const auto size = static_cast<size_t>(bytes), before = static_cast<size_t>(width) * random->below(4);
    memory = std::vector<char>(before + size);
    memory.shrink_to_fit();
    binding = {memory.data() + before, bytes};
    if (size == 0) return;
    for (size_t at = 0; at + 4 <= size; at += 4) {
      const uint32_t word = random->one_in(50) ? random->bits() : static_cast<uint32_t>(random->below(6));
      std::memcpy(binding.data + at, &word, 4);
    }
    if (!random->one_in(3)) std::copy_n(like.data(), std::min(size, like.size()), binding.data);
  }
};

int64_t bytes_needed(Random* random, const Job& job, size_t slot) {
  const IoSlot& form = job.program->io[slot];
  if (form.dynamic_rows()) return form.bytes * static_cast<int64_t>(random->below(9));
  int64_t at = 0, end = 0;
  for (int64_t step = 0; step < job.steps; ++step) {
    const bool fewer = job.cycle.before(step + 1) > job.cycle.before(step);
    const IoSlot& own = fewer ? job.cycle.last->io[slot] : form;
    end = std::max(end, at + own.bytes);
    at += own.step_stride_bytes;
  }
  return end;
}

// Any number of rows, and mostly some steps with fewer. False if the plan refuses them.
bool choose_rows(Random* random, Program* loaded, Job* job) {
  const auto most = static_cast<size_t>(loaded->rows.most);
  const size_t rows = most == 0 ? 0 : 1 + random->below(most), last = most == 0 ? 0 : 1 + random->below(rows);
  const size_t every = most == 0 || random->one_in(3) ? 0 : 1 + random->below(3);
  try {
    set_rows(job, loaded, static_cast<int64_t>(rows), static_cast<int64_t>(last), static_cast<int64_t>(every),
             static_cast<int64_t>(random->below(every)));
  } catch (const PlanError&) {
    return false;
  }
  return true;
}

struct Counts {
  int64_t loaded = 0;
  int64_t run = 0;
  int64_t steps = 0;
};

void run(Random* random, Program* program, const Dump& dump, Counts* counts) {
  if (program->arena_bytes > kMaxRunBytes || program->state_bytes > kMaxRunBytes ||
      program->step_cost_ns > kMaxRunNs)
    return;
  std::vector<Block> blocks;
  Job job;
  job.steps = 1 + static_cast<int64_t>(random->below(program->rows.most > 0 ? 5 : 2));
  if (!choose_rows(random, program, &job)) return;
  for (size_t slot = 0; slot < program->io.size(); ++slot) {
    const IoSlot& form = program->io[slot];
    if (form.bytes > kMaxRunBytes / 16 || form.step_stride_bytes > kMaxRunBytes / 16) return;
    static const std::vector<char> nothing;
    blocks.emplace_back(random, bytes_needed(random, job, slot), bytes_of(form.dtype),
                        slot < dump.io.size() ? dump.io[slot] : nothing);
    job.io.push_back(blocks.back().binding);
  }
  State state;
  Arena memory;
  memory.reserve(program->state_bytes);
  std::copy_n(dump.state.data(), std::min(dump.state.size(), static_cast<size_t>(memory.bytes)), memory.data);
  state.data = memory.data;
  state.bytes = memory.bytes;
  job.state = &state;
  const std::string why =
      check_bindings(*job.program, job.io, job.steps, state.data, state.bytes, job.cycle);
  if (!why.empty()) return;
  ++counts->run;
  if (random->one_in(4)) {
    set_thread_count(1 + static_cast<int>(random->below(3)));
    run_on_executor(&job);
  } else {
    run_here(&job);
  }
  counts->steps += job.report.steps;
}

int64_t option(int argc, char** argv, const char* name, int64_t missing) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return std::atoll(argv[i + 1]);
  }
  return missing;
}

std::vector<Dump> read_all(int argc, char** argv) {
  std::vector<Dump> dumps{sample(), sample_of_rows(), sample_of_products()};
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') {
      ++i;
      continue;
    }
    std::vector<char> bytes;
    Dump dump;
    if (!read_file(argv[i], &bytes) || !read_dump(bytes, &dump)) {
      std::fprintf(stderr, "plan_fuzz: %s is no dump\n", argv[i]);
      std::exit(2);
    }
    dumps.push_back(std::move(dump));
  }
  return dumps;
}

// True if the plan was accepted.
bool load_and_run(Random* random, const Dump& dump, Counts* counts) {
  const std::vector<const KernelTable*> tables =
      std::getenv("CHAINRULE_ISA") ? std::vector{default_table()} : usable_tables();
  const KernelTable& table = *tables[random->below(tables.size())];
  std::unique_ptr<Program> program;
  try {
    program =
        load_program(dump.words.data(), static_cast<int64_t>(dump.words.size()), dump.signatures, table);
  } catch (const PlanError&) {
    return false;
  }
  ++counts->loaded;
  run(random, program.get(), dump, counts);
  return true;
}

}  // namespace
}  // namespace chainrule

int main(int argc, char** argv) {
  using namespace chainrule;
  const auto seed = static_cast<uint64_t>(option(argc, argv, "--seed", 1));
  const int64_t count = option(argc, argv, "--count", 20000);
  const std::vector<Dump> dumps = read_all(argc, argv);
  const bool trace = std::getenv("PLAN_FUZZ_TRACE") != nullptr;
  int failed = 0;
  Counts whole, corrupted;
  for (const Dump& dump : dumps) {
    Random random(seed);
    if (!load_and_run(&random, dump, &whole)) ++failed;
  }
  for (int64_t number = 0; number < count; ++number) {
    Random random(seed + static_cast<uint64_t>(number));  // so that a failure can be repeated by its number
    if (trace)
      std::fprintf(stderr, "--seed %llu --count 1\n", static_cast<unsigned long long>(seed) + number);
    Dump dump = dumps[random.one_in(2) ? random.below(2) : random.below(dumps.size())];
    corrupt(&random, &dump);
    load_and_run(&random, dump, &corrupted);
  }
  std::printf("%lld plans corrupted: %lld accepted, %lld run for %lld steps\n", static_cast<long long>(count),
              static_cast<long long>(corrupted.loaded), static_cast<long long>(corrupted.run),
              static_cast<long long>(corrupted.steps));
  std::printf("%d passed, %d failed\n", static_cast<int>(dumps.size()) - failed + 1, failed);
  return failed == 0 ? 0 : 1;
}
