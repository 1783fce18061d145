#include "runtime/aliasing.h"

#include <algorithm>
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

Aliasing::Range Aliasing::own_range(int32_t number) const {
  return {value(number).position, value(number).position + value(number).bytes};
}

// All bytes that the value occupies in any iteration.
Aliasing::Range Aliasing::reach(int32_t number) const {
  const auto found = reach_.find(number);
  return found != reach_.end() ? found->second : own_range(number);
}

void Aliasing::move(int32_t number, int64_t count, int64_t stride) {
  need(count <= 1 || std::abs(stride) <= kMaxBytes / count, "a loop's stride is too large");
  const int64_t distance = count > 0 ? (count - 1) * stride : 0;
  Range& range = reach_.emplace(number, own_range(number)).first->second;
  range.low += std::min<int64_t>(distance, 0);
  range.high += std::max<int64_t>(distance, 0);
  const int64_t space = value(number).space == Space::state ? p_.state_bytes : p_.arena_bytes;
  need(range.low >= 0 && range.high <= space, "a value leaves its space in a loop");
}

bool Aliasing::same_or_apart(int32_t a, int32_t b) const {
  const Range x = reach(a), y = reach(b);
  return a == b || x.high <= y.low || y.high <= x.low;
}

bool Aliasing::overlap(int32_t a, int32_t b) const {
  const Value &first = value(a), &second = value(b);
  if (first.space != second.space) return false;
  if (first.space == Space::io) return first.position == second.position && first.bytes > 0;
  // Values with the same strides keep their distance: h[t + 1] may be computed from h[t] in the same array.
  if (same_strides(a, b)) return own_range(a).overlaps(own_range(b));
  return reach(a).overlaps(reach(b));
}

bool Aliasing::same_strides(int32_t a, int32_t b) const {
  if (a == b) return true;
  return std::all_of(p_.loops.begin(), p_.loops.end(), [&](const Loop& loop) {
    const auto stride = [&](int32_t number) {
      int64_t sum = 0;
      for (size_t i = 0; i < loop.value_numbers.size(); ++i)
        if (loop.value_numbers[i] == number) sum += loop.value_bytes[i];
      return sum;
    };
    return stride(a) == stride(b);
  });
}

bool Aliasing::same_place(int32_t a, int32_t b) const {
  const Value &first = value(a), &second = value(b);
  return first.position == second.position && first.bytes == second.bytes &&
         first.tensor.count == second.tensor.count && same_strides(a, b);
}

void Aliasing::check(const Instruction& instruction,
                     std::vector<std::pair<int32_t, int32_t>>* shared) const {
  const int32_t* operands = p_.operand_values.data() + instruction.first_operand;
  for (int32_t out = 0; out < instruction.output_count; ++out) {
    for (int32_t other = 0; other < out; ++other) {
      need(!overlap(operands[out], operands[other]), "two results of an instruction overlap");
    }
    for (int32_t in = 0; in < instruction.input_count; ++in) {
      const int32_t input = operands[instruction.output_count + in];
      if (!overlap(operands[out], input)) continue;
      need(allows_in_place(instruction, out, in) && same_place(operands[out], input),
           "a result overlaps an operand where its kernel does not allow it");
      if (operands[out] != input) shared->emplace_back(operands[out], input);
    }
  }
}

}  // namespace chainrule
