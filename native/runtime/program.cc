#include "runtime/program.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/sharing.h"
#include "runtime/verify.h"

namespace chainrule {
Program::Program() { renew(); }
Program::~Program() = default;

void Program::renew() {
  static std::atomic<uint64_t> last{0};
  serial = last.fetch_add(1, std::memory_order_relaxed) + 1;
}

namespace {

void set_counts(Args* args, const Instruction& instruction, const Program& program) {
  args->attributes = program.attributes.data() + instruction.first_attribute;
  args->outputCount = instruction.output_count;
  args->inputCount = instruction.input_count;
  args->attributeCount = instruction.attribute_count;
  args->map_ops = program.table->map_ops;
  args->scratch = nullptr;
  args->yield_point = nullptr;
}

bool is_dynamic(const Program& program, const Value& value) {
  return value.space == Space::io && program.io[static_cast<size_t>(value.position)].dynamic_rows();
}

// What a kernel needs for the operands of an instruction.
struct Requirements {
  int64_t tasks;
  size_t scratch_bytes;
  double cost_ns;
};

// `rows` stands in for the unknown number of rows of a data set; each operand gets a different multiple of
// it.
Requirements requirements_of(const Program& program, const Instruction& instruction, int64_t rows,
                             std::vector<Tensor>* room) {
  std::vector<Tensor>& tensors = *room;
  tensors.clear();
  const int32_t count = instruction.output_count + instruction.input_count;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t number = program.operand_values[static_cast<size_t>(instruction.first_operand + i)];
    const Value& value = program.values[static_cast<size_t>(number)];
    Tensor& tensor = tensors.emplace_back(value.tensor);
    if (!is_dynamic(program, value)) continue;
    tensor.dims[0] = rows * (i + 1);
    if (__builtin_mul_overflow(tensor.dims[0], value.bytes / bytes_of(tensor.dtype), &tensor.count)) {
      throw PlanError("malformed plan: a shape is too large");
    }
  }
  Args args{};
  args.outputs = tensors.data();
  args.inputs = tensors.data() + instruction.output_count;
  set_counts(&args, instruction, program);
  const Kernel& kernel = *instruction.kernel;
  if (const char* why = kernel.check(args)) throw PlanError(std::string(kernel.signature) + ": " + why);
  return {kernel.tasks(args), kernel.scratch_bytes ? kernel.scratch_bytes(args) : 0, kernel.cost_ns(args)};
}

bool has_dynamic_operand(const Program& program, const Instruction& instruction) {
  const int32_t* numbers = &program.operand_values[static_cast<size_t>(instruction.first_operand)];
  return std::any_of(
      numbers, numbers + instruction.output_count + instruction.input_count,
      [&](int32_t number) { return is_dynamic(program, program.values[static_cast<size_t>(number)]); });
}

// FNV-1a over whole words.
uint64_t fingerprint_of(const std::vector<int32_t>& words) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const int32_t word : words) hash = (hash ^ static_cast<uint32_t>(word)) * 0x100000001b3u;
  return hash;
}

}  // namespace

// Operands with an unknown number of rows must fit for any number.
void link(Program* program, Instruction* instruction, std::vector<Tensor>* room) {
  const Requirements needed = requirements_of(*program, *instruction, 0, room);
  if (has_dynamic_operand(*program, *instruction)) {
    for (const int64_t rows : {int64_t{3}, int64_t{1} << 30}) {
      const Requirements other = requirements_of(*program, *instruction, rows, room);
      if (other.tasks != needed.tasks || other.scratch_bytes != needed.scratch_bytes) {
        throw PlanError(std::string(instruction->kernel->signature) + ": its work depends on unknown rows");
      }
    }
  }
  instruction->tasks = needed.tasks;
  instruction->cost_ns = needed.cost_ns;
  program->scratch_bytes = std::max(program->scratch_bytes, needed.scratch_bytes);
}

void add_up_costs(Program* program) {
  program->step_cost_ns = 0;
  std::vector<double> times{1};
  for (const BodyItem& item : program->items) {
    if (item.kind == BodyItem::instruction) {
      program->step_cost_ns += program->instructions[static_cast<size_t>(item.index)].cost_ns * times.back();
    } else if (item.kind == BodyItem::loop) {
      const Loop& loop = program->loops[static_cast<size_t>(item.index)];
      times.push_back(times.back() * static_cast<double>(loop.count));
    } else {
      times.pop_back();
    }
  }
}

std::unique_ptr<Program> load_program(const int32_t* words, int64_t count,
                                      const std::vector<std::string>& signatures, const KernelTable& table,
                                      std::shared_ptr<RunMemory> memory) {
  auto program = std::make_unique<Program>();
  program->words.assign(words, words + count);
  program->fingerprint = fingerprint_of(program->words);
  program->table = &table;
  const Linker linker(table, signatures);
  read_and_verify(program.get(), linker);
  std::vector<Tensor> room;
  for (Instruction& instruction : program->instructions) link(program.get(), &instruction, &room);
  add_up_costs(program.get());
  share_work(program.get(), kSharedFromNs);
  program->profile_ns = std::make_shared<std::vector<double>>(program->instructions.size(), 0);
  program->memory = memory ? std::move(memory) : std::make_shared<RunMemory>();
  program->caller_frames = std::make_shared<CallerFrames>();
  program->literals = std::make_shared<Arena>();
  program->literals->reserve(program->literal_bytes);
  if (program->literal_bytes > 0) {
    std::memcpy(program->literals->data, &program->words[static_cast<size_t>(program->literal_at)],
                static_cast<size_t>(program->literal_bytes));
  }
  return program;
}

namespace {

// How far the steps of a run reach into the array of a slot.
int64_t bytes_of_steps(const IoSlot& form, size_t slot, int64_t steps, const Cycle& cycle) {
  if (steps == 0) return 0;
  const int64_t far = steps - 1;
  if (!cycle.last) return far * form.step_stride_bytes + form.bytes;
  const IoSlot& fewer = cycle.last->io[slot];
  const auto end_of = [&](int64_t step, const IoSlot& own) {
    const int64_t before = cycle.before(step);
    return (step - before) * form.step_stride_bytes + before * fewer.step_stride_bytes + own.bytes;
  };
  // Of each kind of steps, the last.
  const int64_t since = (cycle.phase + steps) % cycle.every;
  const int64_t last_short = far - since, last_full = since > 0 ? far : cycle.every > 1 ? far - 1 : -1;
  const int64_t short_end = last_short < 0 ? 0 : end_of(last_short, fewer);
  return last_full < 0 ? short_end : std::max(short_end, end_of(last_full, form));
}

bool apart(const char* a, int64_t a_bytes, const char* b, int64_t b_bytes) {
  return a + a_bytes <= b || b + b_bytes <= a || a_bytes == 0 || b_bytes == 0;
}

// From so many arrays on, they are sorted before they are compared.
constexpr size_t kSortedFrom = 16;

// Whether no array that is written may overlap another: by a walk over their beginnings in order.
bool surely_apart(const Program& program, const std::vector<Binding>& io) {
  if (io.size() < kSortedFrom) return false;
  std::vector<uint32_t> order;
  for (uint32_t slot = 0; slot < io.size(); ++slot) {
    if (io[slot].bytes > 0) order.push_back(slot);
  }
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return io[a].data < io[b].data; });
  const char *written = nullptr, *any = nullptr;  // ends of what came before
  for (const uint32_t slot : order) {
    const bool output = program.io[slot].output();
    if (io[slot].data < written || (output && io[slot].data < any)) return false;
    const char* const end = io[slot].data + io[slot].bytes;
    any = std::max(any, end);
    if (output) written = std::max(written, end);
  }
  return true;
}

}  // namespace

std::string check_bindings(const Program& program, const std::vector<Binding>& io, int64_t steps,
                           const char* state, int64_t state_bytes, const Cycle& cycle) {
  const auto slot_name = [](size_t slot) { return "io slot " + std::to_string(slot); };
  if (io.size() != program.io.size()) {
    return "expected " + std::to_string(program.io.size()) + " arrays, received " + std::to_string(io.size());
  }
  if (state_bytes < program.state_bytes) return "the state is smaller than the plan needs";
  if (reinterpret_cast<uintptr_t>(state) % static_cast<uintptr_t>(kUnitBytes) != 0) {
    return "the state does not begin at a multiple of 64 bytes";
  }
  const bool are_apart = surely_apart(program, io);
  for (size_t slot = 0; slot < io.size(); ++slot) {
    const IoSlot& form = program.io[slot];
    const auto address = reinterpret_cast<uintptr_t>(io[slot].data);
    if (address % static_cast<uintptr_t>(bytes_of(form.dtype)) != 0) {
      return slot_name(slot) + " is not aligned to its type";
    }
    if (form.dynamic_rows()) {
      const bool whole = form.bytes == 0 ? io[slot].bytes == 0 : io[slot].bytes % form.bytes == 0;
      if (!whole) return slot_name(slot) + " holds no whole number of rows";
    } else {
      const int64_t far = std::max<int64_t>(steps - 1, 0);
      if (form.step_stride_bytes > 0 && far > (int64_t{1} << 46) / form.step_stride_bytes) {
        return slot_name(slot) + ": too many steps";
      }
      if (bytes_of_steps(form, slot, steps, cycle) > io[slot].bytes) return slot_name(slot) + " is too short";
    }
    if (!form.output()) continue;
    if (!apart(io[slot].data, io[slot].bytes, state, state_bytes))
      return slot_name(slot) + " overlaps the state";
    for (size_t other = 0; !are_apart && other < io.size(); ++other) {
      if (other != slot && !apart(io[slot].data, io[slot].bytes, io[other].data, io[other].bytes)) {
        return slot_name(slot) + " overlaps " + slot_name(other);
      }
    }
  }
  return "";
}

void Frame::prepare(const Program& program) {
  if (serial_ == program.serial) return;
  operands_.resize(program.operand_values.size());
  for (size_t i = 0; i < operands_.size(); ++i) {
    operands_[i] = program.values[static_cast<size_t>(program.operand_values[i])].tensor;
  }
  moves_.assign(operands_.size(), 0);
  for (const Loop& loop : program.loops) {
    for (const Stride& stride : loop.strides) moves_[static_cast<size_t>(stride.operand)] = stride.bytes;
  }
  iterations_.resize(program.loops.size());
  calls_.assign(program.instructions.size(), Call{});
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    Args& args = calls_[i].args;
    args.outputs = operands_.data() + instruction.first_operand;
    args.inputs = args.outputs + instruction.output_count;
    args.moves = moves_.data() + instruction.first_operand;
    set_counts(&args, instruction, program);
    calls_[i].run = instruction.kernel->run;
    calls_[i].tasks = instruction.tasks;
  }
  program_ = &program;
  serial_ = program.serial;
}

void Frame::bind(char* state, char* arena, const std::vector<Binding>& io, void* scratch) {
  const Program& program = *program_;
  const size_t count = program.operand_values.size();
  char* const literals = program.literals->data;
  for (size_t operand = 0; operand < count; ++operand) {
    const Value& value = program.values[static_cast<size_t>(program.operand_values[operand])];
    Tensor& tensor = operands_[operand];
    if (value.space != Space::io) {
      char* const base = value.space == Space::state ? state : value.space == Space::arena ? arena : literals;
      tensor.data = base + value.position + value.offset;
      continue;
    }
    const auto slot = static_cast<size_t>(value.position);
    tensor.data = io[slot].data + value.offset;
    if (!program.io[slot].dynamic_rows()) continue;
    const int64_t row_bytes = program.io[slot].bytes;
    tensor.dims[0] = row_bytes == 0 ? 0 : io[slot].bytes / row_bytes;
    tensor.count = tensor.dims[0] * (row_bytes / bytes_of(value.tensor.dtype));
  }
  yield_point_ = {};
  for (Call& call : calls_) {
    call.args.scratch = scratch;
    call.args.yield_point = &yield_point_;
  }
}

void Frame::prefetch(int32_t instruction) const {
  constexpr int32_t kOperands = 6;
  const auto number = static_cast<size_t>(instruction);
  if (number + 1 >= calls_.size()) return;
  __builtin_prefetch(&calls_[number + 1]);
  __builtin_prefetch(&program_->instructions[number + 1]);
  const Args& args = calls_[number].args;
  __builtin_prefetch(args.attributes);
  const auto* const first = reinterpret_cast<const char*>(args.outputs);
  const int32_t count = std::min(args.outputCount + args.inputCount, kOperands);
  for (int64_t at = 0; at < count * static_cast<int64_t>(sizeof(Tensor)); at += kUnitBytes) {
    __builtin_prefetch(first + at);
  }
}

void Frame::move(const std::vector<Stride>& strides, int64_t times) {
  for (const Stride& stride : strides) {
    Tensor& tensor = operands_[static_cast<size_t>(stride.operand)];
    tensor.data = static_cast<char*>(tensor.data) + stride.bytes * times;
  }
}

void Frame::next_step(const Program& program) { move(program.step_strides, 1); }

void Frame::advance(const Loop& loop, int64_t iteration) {
  move(loop.strides, 1);
  move(loop.alternating, iteration % 2 == 0 ? 1 : -1);
}

void Frame::rewind(const Loop& loop, int64_t iterations) {
  move(loop.strides, -iterations);
  move(loop.alternating, -(iterations % 2));
}

}  // namespace chainrule
