#include "runtime/aliasing.h"

#include <cstdlib>

#include "runtime/verify_parts.h"

namespace chainrule {
namespace {

// Operands of an update are hyper, then for each segment the parameter, its gradient and its moments. Results
// are, for each segment, the parameter and its moments. So the operands that exceed these are one gradient
// per segment. Returns the operand that result `out` updates, or -1.
int32_t updated_input(const Instruction& instruction, int32_t out) {
  const int32_t segments = instruction.input_count - 1 - instruction.output_count;
  if (segments <= 0 || instruction.output_count % segments != 0) return -1;
  const int32_t kept = instruction.output_count / segments, field = out % kept;
  return 1 + out / kept * (kept + 1) + (field == 0 ? 0 : field + 1);
}

bool allows_in_place(const Instruction& instruction, int32_t out, int32_t in) {
  const uint32_t allowed = instruction.kernel->in_place;
  if (allowed == kSegmentsInPlace) return in == updated_input(instruction, out);
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
      need(allows_in_place(instruction, out, in) && same_place(operands[out], input),
           "a result overlaps an operand where its kernel does not allow it");
      if (shared && operands[out] != input) shared->emplace_back(operands[out], input);
    }
  }
}

}  // namespace chainrule
