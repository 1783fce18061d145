#include "runtime/aliasing.h"

#include <cstdlib>

#include "runtime/verify_parts.h"

namespace chainrule {
namespace {

bool allows_in_place(const Program& p, const Instruction& instruction, int32_t out, int32_t in) {
  const uint32_t allowed = instruction.kernel->in_place;
  if (allowed == kUpdatesInPlace) {
    const int32_t updated = instruction.first_attribute + instruction.attribute_count + out;
    return p.attributes[static_cast<size_t>(updated)] == in;
  }
  return out == 0 && in < 31 && (allowed >> in & 1);
}

}  // namespace

void Aliasing::check_reach(const Loop& loop) const {
  for (const Move& move : loop.moves) {
    need(loop.count <= 1 || std::abs(move.bytes) <= kMaxBytes / loop.count, "a loop's stride is too large");
    const Range range = motion_.reach(move.value);
    need(range.first >= 0 && range.last <= room_of(p_, value(move.value)),
         "a value leaves its space in a loop");
  }
}

bool Aliasing::same_place(int32_t a, int32_t b) const {
  const Value &first = value(a), &second = value(b);
  return first.bytes == second.bytes && first.tensor.count == second.tensor.count &&
         motion_.move_together(a, b);
}

void Aliasing::check(const Instruction& instruction,
                     std::vector<std::pair<int32_t, int32_t>>* shared) const {
  const int32_t* operands = p_.operand_values.data() + instruction.first_operand;
  const auto overlap = [&](int32_t a, int32_t b) {
    return motion_.may_meet(a, instruction.loop, b, instruction.loop);
  };
  for (int32_t out = 0; out < instruction.output_count; ++out) {
    for (int32_t other = 0; other < out; ++other) {
      need(!overlap(operands[out], operands[other]), "two results of an instruction overlap");
    }
    for (int32_t in = 0; in < instruction.input_count; ++in) {
      const int32_t input = operands[instruction.output_count + in];
      if (!overlap(operands[out], input)) continue;
      need(allows_in_place(p_, instruction, out, in) && same_place(operands[out], input),
           "a result overlaps an operand where its kernel does not allow it");
      if (shared && operands[out] != input) shared->emplace_back(operands[out], input);
    }
  }
}

}  // namespace chainrule
