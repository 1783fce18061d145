#include "runtime/verify.h"

#include <algorithm>
#include <functional>
#include <map>

namespace chainrule {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 46;  // far above any machine, far below overflow

[[noreturn]] void refuse(const std::string& why) { throw PlanError("malformed plan: " + why); }

void need(bool ok, const char* why) {
  if (!ok) refuse(why);
}

// Fills rank, dims and count; gives the bytes. A leading -1 is allowed where rows are dynamic and counts as
// 0.
int64_t read_dims(const int32_t* words, Dtype dtype, bool dynamic, Tensor* tensor) {
  const int32_t rank = words[0];
  need(rank >= 0 && rank <= kMaxRank, "a rank is out of range");
  tensor->rank = rank;
  tensor->dtype = dtype;
  tensor->data = nullptr;
  int64_t count = 1, extent = 1;  // the extent leaves zeros out: kernels multiply some of the sizes
  for (int axis = 0; axis < kMaxRank; ++axis) {
    const int64_t size = axis < rank ? words[1 + axis] : 1;
    tensor->dims[axis] = size;
    if (dynamic && axis == 0) {
      need(rank > 0 && size == -1, "dynamic rows need a leading size of -1");
      continue;
    }
    need(size >= 0, "a size is negative");
    need(extent <= kMostBytes / 8 / std::max<int64_t>(size, 1), "a shape is too large");
    extent *= std::max<int64_t>(size, 1);
    count *= size;
  }
  tensor->count = dynamic ? 0 : count;
  return count * bytes_of(dtype);
}

Dtype read_dtype(int32_t word) {
  need(word >= 0 && word <= static_cast<int32_t>(Dtype::float64), "no such dtype");
  return static_cast<Dtype>(word);
}

struct Range {
  int64_t low;
  int64_t high;
};

// One walk over the words of a plan.
class Verifier {
 public:
  Verifier(Program* program, const Linker& linker) : p_(*program), linker_(linker), words_(program->words) {}

  void run() {
    read_header();
    read_io();
    read_values();
    read_body();
    read_guards();
  }

 private:
  int32_t at(int64_t word) const { return words_[static_cast<size_t>(word)]; }

  void read_header() {
    need(static_cast<int64_t>(words_.size()) >= kHeaderWords, "shorter than its header");
    need(at(kHeaderMagic) == kPlanMagic, "not a plan");
    need(at(kHeaderVersion) == kPlanVersion, "of another version");
    for (int field = kHeaderStateUnits; field <= kHeaderCommitAt; ++field) {
      need(at(field) >= 0, "a count in the header is negative");
    }
    io_at_ = kHeaderWords;
    values_at_ = io_at_ + int64_t{at(kHeaderIoCount)} * kIoWords;
    guards_at_ = values_at_ + int64_t{at(kHeaderValueCount)} * kValueWords;
    p_.literal_at = guards_at_ + int64_t{at(kHeaderGuardCount)} * kGuardWords;
    body_at_ = p_.literal_at + at(kHeaderLiteralWords);
    end_ = body_at_ + at(kHeaderBodyWords);
    need(end_ == static_cast<int64_t>(words_.size()) && at(kHeaderWordCount) == end_,
         "its length is not what it says");
    need(at(kHeaderCommitAt) <= at(kHeaderBodyWords), "its commit phase lies outside");
    p_.state_bytes = at(kHeaderStateUnits) * kUnitBytes;
    p_.arena_bytes = at(kHeaderArenaUnits) * kUnitBytes;
  }

  void read_io() {
    for (int64_t slot = 0; slot < at(kHeaderIoCount); ++slot) {
      const int32_t* words = &words_[static_cast<size_t>(io_at_ + slot * kIoWords)];
      IoSlot io{};
      io.dtype = read_dtype(words[0]);
      io.flags = words[1];
      need((io.flags & ~(kIoOutput | kIoDynamicRows)) == 0, "unknown io flags");
      need(!(io.output() && io.dynamic_rows()), "an output with dynamic rows");
      Tensor shape;
      io.bytes = read_dims(words + 2, io.dtype, io.dynamic_rows(), &shape);
      io.rank = shape.rank;
      std::copy(shape.dims, shape.dims + kMaxRank, io.dims);
      const int32_t stride = words[9];
      need(stride >= 0 && !(io.dynamic_rows() && stride != 0), "an io stride is out of range");
      io.step_stride_bytes = stride * bytes_of(io.dtype);
      p_.io.push_back(io);
    }
  }

  void read_values() {
    const int64_t literal_bytes = int64_t{at(kHeaderLiteralWords)} * 4;
    for (int64_t number = 0; number < at(kHeaderValueCount); ++number) {
      const int32_t* words = &words_[static_cast<size_t>(values_at_ + number * kValueWords)];
      need(words[0] >= 0 && words[0] <= static_cast<int32_t>(Space::literal), "no such space");
      need(words[1] >= 0, "a position is negative");
      Value value{};
      value.space = static_cast<Space>(words[0]);
      const Dtype dtype = read_dtype(words[2]);
      value.position = words[1];
      if (value.space == Space::io) {
        need(value.position < static_cast<int64_t>(p_.io.size()), "no such io slot");
        const IoSlot& io = p_.io[static_cast<size_t>(value.position)];
        value.bytes = read_dims(words + 3, dtype, io.dynamic_rows(), &value.tensor);
        need(dtype == io.dtype && value.bytes == io.bytes, "a value is not what its io slot holds");
      } else {
        value.bytes = read_dims(words + 3, dtype, false, &value.tensor);
        const bool literal = value.space == Space::literal;
        need(!literal || value.position % 16 == 0, "a literal is not aligned");
        value.position *= literal ? 4 : kUnitBytes;
        const int64_t space = literal                       ? literal_bytes
                              : value.space == Space::state ? p_.state_bytes
                                                            : p_.arena_bytes;
        need(value.position + value.bytes <= space, "a value lies outside its space");
      }
      p_.values.push_back(value);
    }
  }

  void read_body() {
    const int64_t commit_at = body_at_ + at(kHeaderCommitAt);
    bool commit_found = commit_at == end_;
    std::vector<int32_t> open;
    int64_t word = body_at_;
    while (word < end_) {
      need(word + 2 <= end_, "an item is cut short");
      if (word == commit_at) {
        need(open.empty(), "the commit phase begins inside a loop");
        p_.commit_item = static_cast<int32_t>(p_.items.size());
        commit_found = true;
      }
      const int64_t length = at(word + 1);
      need(length >= 2 && word + length <= end_, "an item is cut short");
      const bool commit = word >= commit_at;
      switch (at(word)) {
        case kInstruction: read_instruction(word, length, commit, open); break;
        case kLoop: read_loop(word, length, &open); break;
        case kEnd: close_loop(length, &open); break;
        default: refuse("an item of unknown kind");
      }
      word += length;
    }
    need(open.empty(), "a loop has no end");
    need(commit_found, "its commit phase begins inside an item");
    if (commit_at == end_) p_.commit_item = static_cast<int32_t>(p_.items.size());
    for (const Instruction& instruction : p_.instructions) check_aliasing(instruction);
  }

  int32_t value_number(int32_t number) const {
    need(number >= 0 && static_cast<size_t>(number) < p_.values.size(), "no such value");
    return number;
  }

  int32_t add_operand(int32_t number, const std::vector<int32_t>& open) {
    const auto operand = static_cast<int32_t>(p_.operand_values.size());
    p_.operand_values.push_back(value_number(number));
    const Value& value = p_.values[static_cast<size_t>(number)];
    if (value.space == Space::io) {
      const int64_t stride = p_.io[static_cast<size_t>(value.position)].step_stride_bytes;
      if (stride != 0) p_.step_strides.push_back({operand, stride});
    }
    for (const int32_t index : open) {
      Loop& loop = p_.loops[static_cast<size_t>(index)];
      for (size_t row = 0; row < loop.value_numbers.size(); ++row) {
        if (loop.value_numbers[row] == number) loop.strides.push_back({operand, loop.value_bytes[row]});
      }
    }
    return operand;
  }

  void read_instruction(int64_t word, int64_t length, bool commit, const std::vector<int32_t>& open) {
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
    const int64_t first = word + kInstructionHeadWords;
    for (int64_t i = 0; i < outputs + inputs; ++i) add_operand(at(first + i), open);
    for (int64_t i = 0; i < outputs; ++i) check_written(at(first + i), commit);
    check_operands(linker_.signature(signature), instruction);
    instruction.attributes = linker_.attributes(signature, words_.data() + first + outputs + inputs,
                                                static_cast<int32_t>(attributes));
    p_.items.push_back({BodyItem::instruction, static_cast<int32_t>(p_.instructions.size()), 0});
    p_.instructions.push_back(std::move(instruction));
  }

  void check_written(int32_t number, bool commit) {
    const Value& value = p_.values[static_cast<size_t>(number)];
    need(value.space != Space::literal, "a literal is written");
    need(value.space != Space::io || p_.io[static_cast<size_t>(value.position)].output(),
         "an io input is written");
    need(value.space != Space::state || commit, "the state is written before the commit phase");
    p_.writes_state |= value.space == Space::state;
  }

  static void check_list(const Signature& form, const std::vector<OperandType>& declared, int32_t count,
                         const std::function<Dtype(int32_t)>& dtype, std::map<std::string, Dtype>* bound) {
    int32_t required = 0;
    for (const OperandType& operand : declared) required += !operand.optional && !operand.variadic;
    const bool variadic = !declared.empty() && declared.back().variadic;
    if (count < required || (!variadic && count > static_cast<int32_t>(declared.size()))) {
      throw PlanError(form.name + ": wrong number of operands");
    }
    for (int32_t i = 0; i < count; ++i) {
      const OperandType& operand = declared[std::min(static_cast<size_t>(i), declared.size() - 1)];
      if (operand.type == "any") continue;
      Dtype expected;
      if (!dtype_of(operand.type, &expected)) expected = bound->emplace(operand.type, dtype(i)).first->second;
      if (dtype(i) != expected)
        throw PlanError(form.name + ": operand " + operand.name + " has another dtype");
    }
  }

  void check_operands(const Signature& form, const Instruction& instruction) {
    std::map<std::string, Dtype> bound;
    const auto dtype = [&](int32_t operand) {
      const int32_t value = p_.operand_values[static_cast<size_t>(instruction.first_operand + operand)];
      return p_.values[static_cast<size_t>(value)].tensor.dtype;
    };
    check_list(
        form, form.inputs, instruction.input_count,
        [&](int32_t i) { return dtype(instruction.output_count + i); }, &bound);
    check_list(form, form.outputs, instruction.output_count, dtype, &bound);
  }

  void read_loop(int64_t word, int64_t length, std::vector<int32_t>* open) {
    need(length >= kLoopHeadWords && open->size() < 8, "a loop is cut short or too deep");
    Loop loop;
    loop.count = at(word + 2);
    const int64_t strides = at(word + 3), carries = at(word + 4);
    need(loop.count >= 0 && strides >= 0 && carries >= 0, "a count of a loop is negative");
    need(length == kLoopHeadWords + 2 * (strides + carries), "a loop's length is wrong");
    const auto index = static_cast<int32_t>(p_.loops.size());
    for (int64_t i = 0; i < strides; ++i) {
      const int32_t number = value_number(at(word + kLoopHeadWords + 2 * i));
      const Value& value = p_.values[static_cast<size_t>(number)];
      need(value.space == Space::state || value.space == Space::arena,
           "a loop moves a value of io or literal");
      loop.value_numbers.push_back(number);
      loop.value_bytes.push_back(at(word + kLoopHeadWords + 2 * i + 1) * kUnitBytes);
      grow_reach(number, loop.count, loop.value_bytes.back());
    }
    const int64_t first = word + kLoopHeadWords + 2 * strides;
    p_.items.push_back({BodyItem::loop, index, 0});
    open->push_back(index);
    p_.loops.push_back(std::move(loop));
    for (int64_t i = 0; i < carries; ++i) {
      const int32_t to = value_number(at(first + 2 * i)), from = value_number(at(first + 2 * i + 1));
      const Value &target = p_.values[static_cast<size_t>(to)],
                  &source = p_.values[static_cast<size_t>(from)];
      need(target.space == Space::arena && source.space == Space::arena,
           "a loop carries a value outside the arena");
      need(target.bytes == source.bytes, "a loop carries between different sizes");
      const int32_t destination = add_operand(to, *open), origin = add_operand(from, *open);
      const Range a = reach(to), b = reach(from);
      need(a.high <= b.low || b.high <= a.low || to == from, "a loop carries between overlapping values");
      p_.loops[static_cast<size_t>(index)].carries.push_back({destination, origin, target.bytes});
    }
  }

  void close_loop(int64_t length, std::vector<int32_t>* open) {
    need(length == 2, "an end's length is wrong");
    need(!open->empty(), "an end without a loop");
    const int32_t index = open->back();
    open->pop_back();
    for (size_t item = p_.items.size(); item-- > 0;) {
      if (p_.items[item].kind != BodyItem::loop || p_.items[item].index != index) continue;
      // Between instructions a run can be stopped; rounds without any could go on for ever.
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

  // A value that moves reaches further than its own bytes.
  void grow_reach(int32_t number, int64_t count, int64_t stride) {
    const Value& value = p_.values[static_cast<size_t>(number)];
    need(count <= 1 || std::abs(stride) <= kMostBytes / count, "a loop's stride is too large");
    const int64_t far = count > 0 ? (count - 1) * stride : 0;
    Range& range = reach_.emplace(number, own_range(value)).first->second;
    range.low += std::min<int64_t>(far, 0);
    range.high += std::max<int64_t>(far, 0);
    const int64_t space = value.space == Space::state ? p_.state_bytes : p_.arena_bytes;
    need(range.low >= 0 && range.high <= space, "a value leaves its space in a loop");
  }

  static Range own_range(const Value& value) { return {value.position, value.position + value.bytes}; }

  Range reach(int32_t number) const {
    const auto found = reach_.find(number);
    return found != reach_.end() ? found->second : own_range(p_.values[static_cast<size_t>(number)]);
  }

  bool overlap(int32_t a, int32_t b) const {
    const Value &first = p_.values[static_cast<size_t>(a)], &second = p_.values[static_cast<size_t>(b)];
    if (first.space != second.space) return false;
    if (first.space == Space::io) return first.position == second.position && first.bytes > 0;
    // Values that move alike keep their distance: h[t + 1] may be made from h[t] in the same array.
    const bool alike = same_strides(a, b);
    const Range x = alike ? own_range(first) : reach(a), y = alike ? own_range(second) : reach(b);
    return x.low < y.high && y.low < x.high;
  }

  // Operands of an update: hyper, then per segment the parameter, its gradient and its moments; results: per
  // segment the parameter and its moments. There are as many segments as operands beyond these results.
  static int32_t updated_input(const Instruction& instruction, int32_t out) {
    const int32_t segments = instruction.input_count - 1 - instruction.output_count;
    if (segments <= 0 || instruction.output_count % segments != 0) return -1;
    const int32_t kept = instruction.output_count / segments, field = out % kept;
    return 1 + out / kept * (kept + 1) + (field == 0 ? 0 : field + 1);
  }

  void check_aliasing(const Instruction& instruction) const {
    const int32_t* operands = p_.operand_values.data() + instruction.first_operand;
    const uint32_t allowed = instruction.kernel->in_place;
    for (int32_t out = 0; out < instruction.output_count; ++out) {
      for (int32_t other = 0; other < out; ++other) {
        need(!overlap(operands[out], operands[other]), "two results of an instruction overlap");
      }
      for (int32_t in = 0; in < instruction.input_count; ++in) {
        const int32_t input = operands[instruction.output_count + in];
        if (!overlap(operands[out], input)) continue;
        const bool permitted = allowed == kSegmentsInPlace ? in == updated_input(instruction, out)
                                                           : out == 0 && in < 31 && (allowed >> in & 1);
        const Value &a = p_.values[static_cast<size_t>(operands[out])],
                    &b = p_.values[static_cast<size_t>(input)];
        const bool same = a.position == b.position && a.bytes == b.bytes && a.tensor.count == b.tensor.count;
        const bool exact = same && same_strides(operands[out], input);
        need(permitted && exact, "a result overlaps an operand where its kernel does not allow it");
      }
    }
  }

  bool same_strides(int32_t a, int32_t b) const {
    if (a == b) return true;
    for (const Loop& loop : p_.loops) {
      const auto stride = [&](int32_t number) {
        int64_t sum = 0;
        for (size_t i = 0; i < loop.value_numbers.size(); ++i)
          if (loop.value_numbers[i] == number) sum += loop.value_bytes[i];
        return sum;
      };
      if (stride(a) != stride(b)) return false;
    }
    return true;
  }

  void read_guards() {
    for (int64_t row = 0; row < at(kHeaderGuardCount); ++row) {
      const int32_t* words = &words_[static_cast<size_t>(guards_at_ + row * kGuardWords)];
      const int32_t number = value_number(words[0]);
      const Value& value = p_.values[static_cast<size_t>(number)];
      const bool fits = value.tensor.dtype == Dtype::int32 && value.space == Space::arena;
      need(fits, "a guard is no int32 of the arena");
      need(words[1] >= 0 && words[1] <= static_cast<int32_t>(Guard::stop), "no such guard");
      p_.guards.push_back({add_operand(number, {}), static_cast<Guard>(words[1]), words[2]});
    }
  }

  Program& p_;
  const Linker& linker_;
  const std::vector<int32_t>& words_;
  std::map<int32_t, Range> reach_;
  int64_t io_at_ = 0, values_at_ = 0, guards_at_ = 0, body_at_ = 0, end_ = 0;
};

}  // namespace

void read_and_verify(Program* program, const Linker& linker) { Verifier(program, linker).run(); }

}  // namespace chainrule
