#include <algorithm>
#include <functional>
#include <map>

#include "runtime/aliasing.h"
#include "runtime/verify_parts.h"

namespace chainrule {

int32_t value_number(const Program& program, int32_t number) {
  need(number >= 0 && static_cast<size_t>(number) < program.values.size(), "no such value");
  return number;
}

int32_t add_operand(Program* program, int32_t number, const std::vector<int32_t>& open_loops) {
  const auto operand = static_cast<int32_t>(program->operand_values.size());
  program->operand_values.push_back(value_number(*program, number));
  const Value& value = program->values[static_cast<size_t>(number)];
  if (value.space == Space::io) {
    const int64_t stride = program->io[static_cast<size_t>(value.position)].step_stride_bytes;
    if (stride != 0) program->step_strides.push_back({operand, stride});
  }
  for (const int32_t index : open_loops) {
    Loop& loop = program->loops[static_cast<size_t>(index)];
    for (const Move& move : loop.moves) {
      if (move.value != number) continue;
      (move.alternates ? loop.alternating : loop.strides).push_back({operand, move.bytes});
    }
  }
  return operand;
}

namespace {

using DtypeOf = std::function<Dtype(int32_t operand)>;

// Checks a list of operands against a signature. `bound` holds the dtypes of type variables so far.
void check_list(const Signature& form, const std::vector<OperandType>& declared, int32_t count,
                const DtypeOf& dtype_of_operand, std::map<std::string, Dtype>* bound) {
  int32_t required = 0;
  for (const OperandType& operand : declared) required += !operand.optional && !operand.variadic;
  const bool variadic = !declared.empty() && declared.back().variadic;
  if (count < required || (!variadic && count > static_cast<int32_t>(declared.size()))) {
    throw PlanError(form.name + ": wrong number of operands");
  }
  for (int32_t i = 0; i < count; ++i) {
    const OperandType& operand = declared[std::min(static_cast<size_t>(i), declared.size() - 1)];
    if (operand.type == "any") continue;
    const Dtype dtype = dtype_of_operand(i);
    Dtype expected;
    if (!dtype_of(operand.type, &expected)) expected = bound->emplace(operand.type, dtype).first->second;
    if (dtype != expected) throw PlanError(form.name + ": operand " + operand.name + " has another dtype");
  }
}

// Reads the items of the body from first to last.
class BodyReader {
 public:
  BodyReader(Program* program, const Layout& layout, const Linker& linker)
      : p_(*program), layout_(layout), linker_(linker), aliasing_(*program) {}

  void read() {
    const int64_t exchange_at = layout_.body_at + p_.words[kHeaderExchangeAt];
    const int64_t commit_at = layout_.body_at + p_.words[kHeaderCommitAt];
    p_.exchange_item = p_.commit_item = -1;
    int64_t word = layout_.body_at;
    while (word < layout_.end) {
      need(word + 2 <= layout_.end, "an item is cut short");
      if (word == exchange_at) begin_phase(&p_.exchange_item);
      if (word == commit_at) begin_phase(&p_.commit_item);
      const int64_t length = at(word + 1);
      need(length >= 2 && word + length <= layout_.end, "an item is cut short");
      switch (at(word)) {
        case kInstruction: read_instruction(word, length, word >= commit_at); break;
        case kLoop: read_loop(word, length); break;
        case kEnd: close_loop(length); break;
        default: refuse("an item of unknown kind");
      }
      word += length;
    }
    need(open_.empty(), "a loop has no end");
    if (exchange_at == layout_.end) begin_phase(&p_.exchange_item);
    if (commit_at == layout_.end) begin_phase(&p_.commit_item);
    need(p_.exchange_item >= 0 && p_.commit_item >= 0, "its exchange or commit phase begins inside an item");
    for (const Instruction& instruction : p_.instructions) {
      aliasing_.check(instruction, &p_.rows.of_one_size);
    }
  }

 private:
  void begin_phase(int32_t* first_item) {
    need(open_.empty(), "the exchange or commit phase begins inside a loop");
    *first_item = static_cast<int32_t>(p_.items.size());
  }

  int32_t at(int64_t word) const { return p_.words[static_cast<size_t>(word)]; }
  const Value& value(int32_t number) const { return p_.values[static_cast<size_t>(number)]; }

  void read_instruction(int64_t word, int64_t length, bool commit) {
    need(length >= kInstructionHeadWords, "an instruction is cut short");
    const int32_t signature = at(word + 2);
    const int64_t outputs = at(word + 4), inputs = at(word + 5), attributes = at(word + 6);
    need(outputs >= 0 && inputs >= 0 && attributes >= 0, "a count of an instruction is negative");
    need(length == kInstructionHeadWords + outputs + inputs + attributes, "an instruction's length is wrong");
    Instruction instruction{};
    instruction.kernel = &linker_.kernel(signature);
    instruction.scope = at(word + 3);
    instruction.output_count = static_cast<int32_t>(outputs);
    instruction.input_count = static_cast<int32_t>(inputs);
    instruction.first_operand = static_cast<int32_t>(p_.operand_values.size());
    instruction.loop = open_.empty() ? -1 : open_.back();
    const int64_t first = word + kInstructionHeadWords;
    for (int64_t i = 0; i < outputs + inputs; ++i) add_operand(&p_, at(first + i), open_);
    for (int64_t i = 0; i < outputs; ++i) check_written(at(first + i), commit);
    check_operands(linker_.signature(signature), instruction);
    // Behind the attributes of an update stands the operand that each result updates.
    const int64_t updated = instruction.kernel->in_place == kUpdatesInPlace ? outputs : 0;
    need(attributes >= updated, "an update does not say what it updates");
    const int32_t* own = p_.words.data() + first + outputs + inputs;
    instruction.first_attribute = static_cast<int32_t>(p_.attributes.size());
    instruction.attribute_count = static_cast<int32_t>(attributes - updated);
    const std::vector<int32_t> linked = linker_.attributes(signature, own, instruction.attribute_count);
    p_.attributes.insert(p_.attributes.end(), linked.begin(), linked.end());
    p_.attributes.insert(p_.attributes.end(), own + instruction.attribute_count, own + attributes);
    p_.items.push_back({BodyItem::instruction, static_cast<int32_t>(p_.instructions.size()), 0});
    p_.instructions.push_back(std::move(instruction));
  }

  void check_written(int32_t number, bool commit) {
    const Space space = value(number).space;
    need(space != Space::literal, "a literal is written");
    need(space != Space::io || p_.io[static_cast<size_t>(value(number).position)].output(),
         "an io input is written");
    need(space != Space::state || commit, "the state is written before the commit phase");
    p_.writes_state |= space == Space::state;
  }

  void check_operands(const Signature& form, const Instruction& instruction) const {
    std::map<std::string, Dtype> bound;
    const auto output = [&](int32_t i) {
      const auto operand = static_cast<size_t>(instruction.first_operand + i);
      return value(p_.operand_values[operand]).tensor.dtype;
    };
    const auto input = [&](int32_t i) { return output(instruction.output_count + i); };
    check_list(form, form.inputs, instruction.input_count, input, &bound);
    check_list(form, form.outputs, instruction.output_count, output, &bound);
  }

  void read_loop(int64_t word, int64_t length) {
    need(length >= kLoopHeadWords && open_.size() < 8, "a loop is cut short or too deep");
    Loop loop{};
    loop.count = at(word + 2);
    const int64_t strides = at(word + 3), alternating = at(word + 4);
    need(loop.count >= 0 && strides >= 0 && alternating >= 0, "a count of a loop is negative");
    need(length == kLoopHeadWords + 2 * (strides + alternating), "a loop's length is wrong");
    loop.parent = open_.empty() ? -1 : open_.back();
    loop.first = loop.last = static_cast<int32_t>(p_.instructions.size());
    for (int64_t i = 0; i < strides + alternating; ++i) {
      read_move(word + kLoopHeadWords + 2 * i, i >= strides, &loop);
    }
    const auto index = static_cast<int32_t>(p_.loops.size());
    p_.items.push_back({BodyItem::loop, index, 0});
    open_.push_back(index);
    p_.loops.push_back(std::move(loop));
    aliasing_.check_reach(p_.loops.back());
  }

  void read_move(int64_t word, bool alternates, Loop* loop) {
    const int32_t number = value_number(p_, at(word));
    const Value& moved = value(number);
    const auto slot = static_cast<size_t>(moved.position);
    need(moved.space != Space::io || !p_.io[slot].dynamic_rows(), "a loop moves a data set");
    for (const Move& other : loop->moves) need(other.value != number, "a loop moves a value twice");
    loop->moves.push_back({number, at(word + 1) * bytes_of(moved.tensor.dtype), alternates});
  }

  void close_loop(int64_t length) {
    need(length == 2, "an end's length is wrong");
    need(!open_.empty(), "an end without a loop");
    const int32_t index = open_.back();
    open_.pop_back();
    p_.loops[static_cast<size_t>(index)].last = static_cast<int32_t>(p_.instructions.size());
    for (size_t item = p_.items.size(); item-- > 0;) {
      if (p_.items[item].kind != BodyItem::loop || p_.items[item].index != index) continue;
      // A run can only be stopped between instructions, so iterations without any could go on for ever.
      need(has_instruction(item), "a loop holds no instruction");
      p_.items[item].partner = static_cast<int32_t>(p_.items.size());
      p_.items.push_back({BodyItem::end, index, static_cast<int32_t>(item)});
      return;
    }
  }

  bool has_instruction(size_t from) const {
    return std::any_of(p_.items.begin() + static_cast<std::ptrdiff_t>(from), p_.items.end(),
                       [](const BodyItem& item) { return item.kind == BodyItem::instruction; });
  }

  Program& p_;
  const Layout& layout_;
  const Linker& linker_;
  Aliasing aliasing_;
  std::vector<int32_t> open_;  // loops around the current item
};

}  // namespace

void read_body(Program* program, const Layout& layout, const Linker& linker) {
  BodyReader(program, layout, linker).read();
}

}  // namespace chainrule
