#include "runtime/sharing.h"

#include <limits>
#include <vector>

namespace chainrule {
namespace {

// Bytes that an instruction reads or writes.
struct Range {
  Space space;
  int64_t slot;  // of io; 0 elsewhere
  int64_t first, last;
};

Range range_of(const Program& program, int32_t operand) {
  const auto number = static_cast<size_t>(program.operand_values[static_cast<size_t>(operand)]);
  const Value& value = program.values[number];
  // Each array bound to a slot is separate memory, and moves as a whole.
  if (value.space == Space::io) return {Space::io, value.position, 0, 1};
  return {value.space, 0, value.position, value.position + value.bytes};
}

bool overlap(const Range& a, const Range& b) {
  return a.space == b.space && a.slot == b.slot && a.first < b.last && b.first < a.last;
}

struct Touched {
  std::vector<Range> written, read;
};

bool overlap(const std::vector<Range>& a, const std::vector<Range>& b) {
  for (const Range& x : a) {
    for (const Range& y : b) {
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
    list.push_back(range_of(program, instruction.first_operand + i));
  }
  return touched;
}

void decide_shares(Program* program, double from_ns) {
  program->shared = false;
  program->shares.clear();
  program->shared_loops.assign(program->loops.size(), 0);
  for (const Instruction& instruction : program->instructions) {
    program->shares.push_back({instruction.tasks > 1 && instruction.cost_ns >= from_ns});
    program->shared |= program->shares.back().shared;
  }
  for (size_t at = 0; at < program->items.size(); ++at) {
    const BodyItem& item = program->items[at];
    if (item.kind != BodyItem::loop) continue;
    char& shared = program->shared_loops[static_cast<size_t>(item.index)];
    for (size_t inside = at + 1; inside < static_cast<size_t>(item.partner); ++inside) {
      const BodyItem& other = program->items[inside];
      if (other.kind != BodyItem::instruction) continue;
      if (program->shares[static_cast<size_t>(other.index)].shared) shared = 1;
    }
  }
}

void find_hazards(Program* program) {
  const auto count = static_cast<int32_t>(program->instructions.size());
  // In loops, operands move and instructions repeat, so there every instruction waits for the one before it.
  if (!program->loops.empty()) {
    for (Share& share : program->shares) {
      share.after_shared = share.after_serial = std::numeric_limits<int32_t>::max();
    }
    return;
  }
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

}  // namespace

void share_work(Program* program, double from_ns) {
  if (program->shared_from_ns == from_ns) return;
  program->shared_from_ns = from_ns;
  decide_shares(program, from_ns);
  if (program->shared) find_hazards(program);
}

}  // namespace chainrule
