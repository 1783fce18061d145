// A plan after verification and linking: what the executor runs.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plan.h"
#include "runtime/memory.h"
#include "runtime/rows.h"
#include "runtime/signature.h"
#include "runtime/source_pages.h"

namespace chainrule {

struct IoSlot {
  Dtype dtype;
  int32_t flags;
  int32_t rank;
  int64_t dims[kMaxRank];
  int64_t step_stride_bytes;
  int64_t bytes;  // of one step's block, or of one row if rows are dynamic
  bool output() const { return flags & kIoOutput; }
  bool dynamic_rows() const { return flags & kIoDynamicRows; }
};

struct Value {
  Space space;
  int64_t position;  // bytes in state, arena and literal; slot in io
  int64_t offset;    // bytes from there to the first element
  Tensor tensor;     // data is nullptr
  int64_t bytes;
  // In its space, or in the array of its slot.
  int64_t first() const { return (space == Space::io ? 0 : position) + offset; }
};

struct Instruction {
  const Kernel* kernel;
  int32_t scope;
  int32_t output_count;
  int32_t input_count;
  int32_t first_operand;  // in Program::operand_values: outputs, then inputs
  int32_t first_attribute;  // in Program::attributes
  int32_t attribute_count;
  int32_t loop;  // the innermost one around it, or -1
  int64_t tasks;
  double cost_ns;
};

// How an instruction is shared among threads: decided by the executor, hence apart from what it is.
struct Share {
  bool shared;  // worth more than one thread
  // The last shared and the last serial instruction before this one that must be finished, because both use
  // the same memory; -1 for none.
  int32_t after_shared = -1;
  int32_t after_serial = -1;
  // The same among the instructions of the previous iteration of a loop around it.
  int32_t around_shared = -1;
  int32_t around_serial = -1;
};

// How the iterations of a loop are shared: not at all; with barriers where operands meet; or without any,
// because each thread goes on with the rows that it has.
enum class LoopShare : char { alone, shared, by_rows };

struct Stride {
  int32_t operand;  // in Program::operand_values
  int64_t bytes;
};

// A value that a loop moves: on by so many bytes after each iteration, or on and back in turns.
struct Move {
  int32_t value;
  int64_t bytes;
  bool alternates;
};

struct Loop {
  int64_t count;
  int32_t parent;             // the loop around it, or -1
  int32_t first, last;        // its instructions, the last one excluded
  std::vector<Move> moves;    // as they stand in the plan
  std::vector<Stride> strides;      // of operands inside the loop
  std::vector<Stride> alternating;  // of those that go back after every other iteration
};

struct BodyItem {
  enum Kind { instruction, loop, end } kind;
  int32_t index;    // of the instruction or loop
  int32_t partner;  // loop: its end; end: its loop
};

struct GuardCheck {
  int32_t operand;  // a pseudo operand, so that it moves with the io strides like others
  Guard kind;
  int32_t scope;
  int64_t iterations;  // of the loops that it was made in, one after another
};

struct Program;

// An array bound to an io slot.
struct Binding {
  char* data;
  int64_t bytes;
};

// The addresses of all operands, for one thread of a run.
class Frame {
 public:
  void prepare(const Program& program);  // does all allocation
  void bind(char* state, char* arena, const std::vector<Binding>& io, void* scratch);
  // Moves on by a step of `program`: this frame's own, or the same for another number of rows.
  void next_step(const Program& program);
  // Moves on after iteration number `iteration` of a loop; back from where it was after so many.
  void advance(const Loop& loop, int64_t iteration);
  void rewind(const Loop& loop, int64_t iterations);
  const Args& args(int32_t instruction) const { return calls_[static_cast<size_t>(instruction)].args; }
  // Runs all tasks of an instruction.
  void run(int32_t instruction) const {
    const Call& call = calls_[static_cast<size_t>(instruction)];
    call.run(call.args, 0, call.tasks);
  }
  void set_yield_point(YieldPoint point) { yield_point_ = point; }
  void prefetch(int32_t instruction) const;  // with its operands; may be beyond the last instruction
  const Tensor& operand(int32_t number) const { return operands_[static_cast<size_t>(number)]; }
  int64_t& iteration(int32_t loop) { return iterations_[static_cast<size_t>(loop)]; }

 private:
  void move(const std::vector<Stride>& strides, int64_t times);

  const Program* program_ = nullptr;
  uint64_t serial_ = 0;  // of the program, as it was when this was prepared
  // What running an instruction needs, close together in memory.
  struct Call {
    Args args;
    void (*run)(const Args&, int64_t, int64_t);
    int64_t tasks;
  };

  std::vector<Tensor> operands_;
  std::vector<int64_t> moves_;  // one per operand: see Args
  std::vector<Call> calls_;
  YieldPoint yield_point_;
  std::vector<int64_t> iterations_;  // one per loop
};

// Memory of the runs of a program, whatever the number of rows. A run on the executor and one on a calling
// thread may happen at the same time, so each has its own.
struct RunMemory {
  Arena executor_arena;
  Arena caller_arena;
  Arena caller_scratch;
  std::atomic<bool> on_executor{false};  // the executor's memory is in use
  SourcePages sources;                   // of what its runs read
};

using CallerFrames = std::array<Frame, 2>;

struct Program {
  Program();
  ~Program();
  // It is another program from now on: for another number of rows.
  void renew();

  std::vector<int32_t> words;
  uint64_t serial;             // no two programs have had the same
  uint64_t fingerprint = 0;    // of the words: what is known about a plan's speed outlives the program
  int64_t state_bytes = 0;
  int64_t arena_bytes = 0;
  int64_t literal_at = 0;  // in words
  int64_t literal_bytes = 0;
  std::vector<IoSlot> io;
  std::vector<Value> values;
  std::vector<Instruction> instructions;
  std::vector<int32_t> operand_values;
  std::vector<int32_t> attributes;
  std::vector<Stride> step_strides;
  std::vector<Loop> loops;
  std::vector<BodyItem> items;
  std::vector<GuardCheck> guards;
  int32_t exchange_item = 0;  // first item of the exchange phase; commit_item if that is empty
  int32_t commit_item = 0;    // first item of the commit phase
  size_t scratch_bytes = 0;
  double step_cost_ns = 0;
  std::vector<Share> shares;       // one per instruction
  std::vector<LoopShare> shared_loops;  // one per loop
  bool shared = false;             // some instruction is worth several threads
  double shared_from_ns = -1;
  bool writes_state = false;
  const KernelTable* table = nullptr;
  std::shared_ptr<std::vector<double>> profile_ns;  // one per instruction, of all numbers of rows
  // An aligned copy of the literals, because words are aligned to 4 bytes only.
  std::shared_ptr<Arena> literals;
  std::shared_ptr<RunMemory> memory;
  std::vector<Frame> executor_frames;  // one per thread of the team
  // On a calling thread, of all numbers of rows: of the steps of a run, and of those with fewer rows.
  std::shared_ptr<CallerFrames> caller_frames;
  Rows rows;
};

// Notes what an instruction costs, and checks that its operands fit its kernel; throws PlanError. `room` is
// memory for one instruction after another.
void link(Program* program, Instruction* instruction, std::vector<Tensor>* room);
// Adds up what the linked instructions cost.
void add_up_costs(Program* program);

// Verifies and links. Throws PlanError. Runs work in `memory`, or in memory of the program's own; programs
// that share it never run at the same time.
std::unique_ptr<Program> load_program(const int32_t* words, int64_t count,
                                      const std::vector<std::string>& signatures, const KernelTable& table,
                                      std::shared_ptr<RunMemory> memory = nullptr);

// Steps of a run that have fewer rows than the others: each `every`th. The first step of the run is number
// `phase` of its cycle.
struct Cycle {
  Program* last = nullptr;  // for their number of rows; nullptr if there are none
  int64_t every = 0;
  int64_t phase = 0;
  // Such steps among the first `steps`.
  int64_t before(int64_t steps) const { return last ? (phase + steps) / every : 0; }
};

// Why these arrays cannot be bound for that many steps; empty if they can.
std::string check_bindings(const Program& program, const std::vector<Binding>& io, int64_t steps,
                           const char* state, int64_t state_bytes, const Cycle& cycle = {});

}  // namespace chainrule
