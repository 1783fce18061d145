#include "runtime/sharing.h"

#include <vector>

#include "runtime/motion.h"

namespace chainrule {
namespace {

// Bytes that an instruction without loops around it reads or writes.
struct Place {
  Space space;
  int64_t slot;  // of io; 0 elsewhere
  int64_t first, last;
};

Place place_of(const Program& program, int32_t operand) {
  const auto number = static_cast<size_t>(program.operand_values[static_cast<size_t>(operand)]);
  const Value& value = program.values[number];
  // Each array bound to a slot is separate memory, and moves as a whole.
  const int64_t slot = value.space == Space::io ? value.position : 0;
  return {value.space, slot, value.first(), value.first() + value.bytes};
}

bool overlap(const Place& a, const Place& b) {
  return a.space == b.space && a.slot == b.slot && a.first < b.last && b.first < a.last;
}

struct Touched {
  std::vector<Place> written, read;
};

bool overlap(const std::vector<Place>& a, const std::vector<Place>& b) {
  for (const Place& x : a) {
    for (const Place& y : b) {
      if (overlap(x, y)) return true;
    }
  }
  return false;
}

bool conflict(const Touched& a, const Touched& b) {
  return overlap(a.written, b.written) || overlap(a.written, b.read) || overlap(a.read, b.written);
}

Touched touched_by(const Program& program, const Instruction& instruction) {
  Touched touched;
  for (int32_t i = 0; i < instruction.output_count + instruction.input_count; ++i) {
    auto& list = i < instruction.output_count ? touched.written : touched.read;
    list.push_back(place_of(program, instruction.first_operand + i));
  }
  return touched;
}

void decide_shares(Program* program, double from_ns) {
  program->shared = false;
  program->shares.clear();
  program->shared_loops.assign(program->loops.size(), LoopShare::alone);
  for (const Instruction& instruction : program->instructions) {
    program->shares.push_back({instruction.tasks > 1 && instruction.cost_ns >= from_ns});
    program->shared |= program->shares.back().shared;
  }
  for (size_t at = 0; at < program->items.size(); ++at) {
    const BodyItem& item = program->items[at];
    if (item.kind != BodyItem::loop) continue;
    LoopShare& share = program->shared_loops[static_cast<size_t>(item.index)];
    for (size_t inside = at + 1; inside < static_cast<size_t>(item.partner); ++inside) {
      const BodyItem& other = program->items[inside];
      if (other.kind != BodyItem::instruction) continue;
      if (program->shares[static_cast<size_t>(other.index)].shared) share = LoopShare::shared;
    }
  }
}

void find_plain_hazards(Program* program) {
  const auto count = static_cast<int32_t>(program->instructions.size());
  std::vector<Touched> touched;
  for (int32_t i = 0; i < count; ++i) {
    Share& share = program->shares[static_cast<size_t>(i)];
    touched.push_back(touched_by(*program, program->instructions[static_cast<size_t>(i)]));
    for (int32_t j = i - 1; j >= 0 && share.after_shared < 0; --j) {
      const bool shared = program->shares[static_cast<size_t>(j)].shared;
      int32_t& latest = shared ? share.after_shared : share.after_serial;
      if (latest < 0 && conflict(touched.back(), touched[static_cast<size_t>(j)])) latest = j;
    }
  }
}

// The same where operands move and instructions repeat.
class LoopHazards {
 public:
  explicit LoopHazards(Program* program) : p_(*program), motion_(*program) {}

  void find() {
    const auto count = static_cast<int32_t>(p_.instructions.size());
    for (int32_t i = 0; i < count; ++i) {
      Share& share = p_.shares[static_cast<size_t>(i)];
      find_last(i, 0, i, -1, &share.after_shared, &share.after_serial);
      for (int32_t loop = instruction(i).loop; loop >= 0; loop = p_.loops[static_cast<size_t>(loop)].parent) {
        const Loop& around = p_.loops[static_cast<size_t>(loop)];
        find_last(i, around.first, around.last, loop, &share.around_shared, &share.around_serial);
      }
    }
    for (size_t index = 0; index < p_.loops.size(); ++index) {
      const Loop& loop = p_.loops[index];
      LoopShare& share = p_.shared_loops[index];
      if (share != LoopShare::shared || loop.last - loop.first != 1) continue;
      const Instruction& only = instruction(loop.first);
      if (only.loop == static_cast<int32_t>(index) && keeps_to_rows(only)) share = LoopShare::by_rows;
    }
  }

 private:
  const Instruction& instruction(int32_t number) const {
    return p_.instructions[static_cast<size_t>(number)];
  }

  int32_t value_of(const Instruction& of, int32_t operand) const {
    return p_.operand_values[static_cast<size_t>(of.first_operand + operand)];
  }

  // Whether what a task reads or writes is written by no other task of any iteration.
  bool keeps_to_rows(const Instruction& of) const {
    const int32_t count = of.output_count + of.input_count;
    for (int32_t i = 0; i < of.output_count; ++i) {
      for (int32_t j = 0; j < count; ++j) {
        const bool own = (of.kernel->own_rows >> i & 1) != 0 && (of.kernel->own_rows >> j & 1) != 0;
        if (!motion_.ever_meet(value_of(of, i), value_of(of, j))) continue;
        if (!own || !motion_.meet_by_rows(value_of(of, i), value_of(of, j))) return false;
      }
    }
    return true;
  }

  // The last of the instructions [first, last) that instruction `number` may not overtake.
  void find_last(int32_t number, int32_t first, int32_t last, int32_t behind, int32_t* shared,
                 int32_t* serial) const {
    for (int32_t other = last - 1; other >= first; --other) {
      int32_t& latest = p_.shares[static_cast<size_t>(other)].shared ? *shared : *serial;
      if (latest < other && conflict(instruction(number), instruction(other), behind)) latest = other;
    }
  }

  bool conflict(const Instruction& a, const Instruction& b, int32_t behind) const {
    const int32_t a_count = a.output_count + a.input_count, b_count = b.output_count + b.input_count;
    for (int32_t i = 0; i < a_count; ++i) {
      for (int32_t j = 0; j < b_count; ++j) {
        if (i >= a.output_count && j >= b.output_count) continue;  // both read
        const int32_t x = p_.operand_values[static_cast<size_t>(a.first_operand + i)];
        const int32_t y = p_.operand_values[static_cast<size_t>(b.first_operand + j)];
        if (motion_.may_meet(x, a.loop, y, b.loop, behind)) return true;
      }
    }
    return false;
  }

  Program& p_;
  const Motion motion_;
};

}  // namespace

void share_work(Program* program, double from_ns) {
  if (program->shared_from_ns == from_ns) return;
  program->shared_from_ns = from_ns;
  decide_shares(program, from_ns);
  if (!program->shared) return;
  if (program->loops.empty()) find_plain_hazards(program);
  else LoopHazards(program).find();
}

}  // namespace chainrule
