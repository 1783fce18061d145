#include "runtime/rows.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/aliasing.h"
#include "runtime/program.h"
#include "runtime/sharing.h"

namespace chainrule {

int32_t RowWord::word_for(int64_t rows) const {
  if (form == RowForm::linear) return static_cast<int32_t>(factor * rows + offset);
  const auto value = static_cast<float>(1 / (static_cast<double>(factor) * static_cast<double>(rows)));
  int32_t word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}

namespace {

// Programs that are kept: as many as fit into so much memory.
constexpr size_t kKeptBytes = size_t{8} << 20, kLeastKept = 8, kMostKept = 256;

size_t kept_programs(const Program& program) {
  const size_t bytes = program.values.size() * sizeof(Value) + program.attributes.size() * sizeof(int32_t) +
                       program.instructions.size() * (sizeof(Instruction) + sizeof(Share) + sizeof(Args)) +
                       program.operand_values.size() * (sizeof(Tensor) + sizeof(int32_t));
  return std::min(kMostKept, std::max(kLeastKept, kKeptBytes / std::max<size_t>(bytes, 1)));
}

// Also where the operands of the loop have it.
void set_move(Program* program, const RowMove& row, int64_t rows) {
  Loop& loop = program->loops[static_cast<size_t>(row.loop)];
  Move& move = loop.moves[static_cast<size_t>(row.place)];
  move.bytes = row.elements.word_for(rows) *
               bytes_of(program->values[static_cast<size_t>(move.value)].tensor.dtype);
  for (Stride& stride : move.alternates ? loop.alternating : loop.strides) {
    if (program->operand_values[static_cast<size_t>(stride.operand)] == move.value) stride.bytes = move.bytes;
  }
}

int64_t count_of(const int64_t* dims) {
  int64_t count = 1;
  for (int axis = 0; axis < kMaxRank; ++axis) count *= dims[axis];
  return count;
}

void set_sizes(Program* program, const Rows& form, int64_t rows) {
  for (const RowWord& size : form.io_sizes) {
    IoSlot& slot = program->io[static_cast<size_t>(size.at / kMaxRank)];
    slot.dims[size.at % kMaxRank] = size.word_for(rows);
    slot.bytes = count_of(slot.dims) * bytes_of(slot.dtype);
  }
  for (const RowWord& stride : form.io_strides) {
    IoSlot& slot = program->io[static_cast<size_t>(stride.at)];
    slot.step_stride_bytes = stride.word_for(rows) * bytes_of(slot.dtype);
  }
  for (Stride& stride : program->step_strides) {
    const auto number = static_cast<size_t>(program->operand_values[static_cast<size_t>(stride.operand)]);
    stride.bytes = program->io[static_cast<size_t>(program->values[number].position)].step_stride_bytes;
  }
  for (const RowWord& size : form.value_sizes) {
    Value& value = program->values[static_cast<size_t>(size.at / kMaxRank)];
    value.tensor.dims[size.at % kMaxRank] = size.word_for(rows);
    value.tensor.count = count_of(value.tensor.dims);
    value.bytes = value.tensor.count * bytes_of(value.tensor.dtype);
  }
  for (const RowWord& offset : form.value_offsets) {
    Value& value = program->values[static_cast<size_t>(offset.at)];
    value.offset = offset.word_for(rows) * bytes_of(value.tensor.dtype);
  }
  for (const RowMove& row : form.moves) set_move(program, row, rows);
}

// Sizes that were equal for the most rows may follow from fewer in other ways. That they lie in their spaces,
// and apart, needs another look only where distances follow from the rows: no size is larger than it was.
void check_sizes(const Program& program, const Rows& form) {
  const auto refuse = [](const char* why) { throw PlanError(std::string("malformed plan: ") + why); };
  for (const Value& value : program.values) {
    if (value.space != Space::io) continue;
    const IoSlot& io = program.io[static_cast<size_t>(value.position)];
    const bool whole = value.bytes == io.bytes && value.offset == 0;
    if (io.dynamic_rows() ? !whole : value.offset + value.bytes > io.bytes) {
      refuse("a value is not what its io slot holds, for fewer rows");
    }
  }
  for (const auto& [one, other] : form.of_one_size) {
    const Value& a = program.values[static_cast<size_t>(one)];
    const Value& b = program.values[static_cast<size_t>(other)];
    if (a.bytes != b.bytes || a.tensor.count != b.tensor.count) {
      refuse("values that share memory differ in size for fewer rows");
    }
  }
  for (const GuardCheck& guard : program.guards) {
    const auto number = static_cast<size_t>(program.operand_values[static_cast<size_t>(guard.operand)]);
    if (program.values[number].tensor.count % guard.iterations != 0) {
      refuse("a guard does not fit its iterations for fewer rows");
    }
  }
  if (program.loops.empty() && form.value_offsets.empty()) return;
  const Aliasing aliasing(program);
  for (const Loop& loop : program.loops) aliasing.check_reach(loop);
  for (const Instruction& instruction : program.instructions) aliasing.check(instruction, nullptr);
}

void set_literals(Program* program, const Program& most, int64_t rows) {
  if (most.rows.literals.empty()) return;
  if (program->literals == most.literals) {
    program->literals = std::make_shared<Arena>();
    program->literals->reserve(most.literals->bytes);
    std::memcpy(program->literals->data, most.literals->data, static_cast<size_t>(most.literals->bytes));
  }
  for (const RowWord& literal : most.rows.literals) {
    const int32_t word = literal.word_for(rows);
    std::memcpy(program->literals->data + literal.at * static_cast<int64_t>(sizeof word), &word, sizeof word);
  }
}

// All that follows from the number of rows, of a program that is for another number, or a copy of `most`.
void set_rows_of(Program* program, const Program& most, int64_t rows) {
  program->fingerprint = (most.fingerprint ^ static_cast<uint64_t>(rows)) * 0x100000001b3u;
  set_sizes(program, most.rows, rows);
  check_sizes(*program, most.rows);
  for (const RowWord& attribute : most.rows.attributes) {
    program->attributes[static_cast<size_t>(attribute.at)] = attribute.word_for(rows);
  }
  set_literals(program, most, rows);
  std::vector<Tensor> room;
  for (const int32_t number : most.rows.instructions) {
    link(program, &program->instructions[static_cast<size_t>(number)], &room);
  }
  add_up_costs(program);
  program->shared_from_ns = -1;
  share_work(program, kSharedFromNs);
  program->renew();
  program->rows.most = rows;
}

std::shared_ptr<Program> copy_of(const Program& most) {
  auto program = std::make_shared<Program>();
  program->state_bytes = most.state_bytes;
  program->arena_bytes = most.arena_bytes;
  program->io = most.io;
  program->values = most.values;
  program->instructions = most.instructions;
  program->operand_values = most.operand_values;
  program->attributes = most.attributes;
  program->step_strides = most.step_strides;
  program->loops = most.loops;
  program->items = most.items;
  program->guards = most.guards;
  program->exchange_item = most.exchange_item;
  program->commit_item = most.commit_item;
  program->scratch_bytes = most.scratch_bytes;
  program->writes_state = most.writes_state;
  program->table = most.table;
  program->profile_ns = most.profile_ns;
  program->literal_bytes = most.literal_bytes;
  program->literals = most.literals;
  program->memory = most.memory;
  program->caller_frames = most.caller_frames;
  return program;
}

}  // namespace

std::shared_ptr<Program> program_for_rows(Program* most, int64_t rows) {
  Rows& form = most->rows;
  if (rows == form.most) return {std::shared_ptr<Program>(), most};
  if (rows < 1 || rows > form.most) throw PlanError("the number of rows is out of range");
  if (form.known.empty()) form.known.resize(kept_programs(*most));
  std::shared_ptr<Program>& known = form.known[static_cast<size_t>(rows) % form.known.size()];
  if (known && known->rows.most == rows) return known;
  // One that no run has any more is made over: it has all the memory that it needs.
  std::shared_ptr<Program> program = known && known.use_count() == 1 ? std::move(known) : copy_of(*most);
  known.reset();
  set_rows_of(program.get(), *most, rows);
  known = program;
  return known;
}

}  // namespace chainrule
