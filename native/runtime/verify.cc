#include "runtime/verify.h"

#include "runtime/verify_parts.h"

namespace chainrule {

void refuse(const std::string& why) { throw PlanError("malformed plan: " + why); }

namespace {

Layout read_header(Program* program) {
  const std::vector<int32_t>& words = program->words;
  const auto at = [&words](Header field) { return words[static_cast<size_t>(field)]; };
  need(static_cast<int64_t>(words.size()) >= kHeaderWords, "shorter than its header");
  need(at(kHeaderMagic) == kPlanMagic, "not a plan");
  need(at(kHeaderVersion) == kPlanVersion, "of another version");
  for (int field = kHeaderStateUnits; field <= kHeaderExchangeAt; ++field) {
    need(words[static_cast<size_t>(field)] >= 0, "a count in the header is negative");
  }
  Layout layout;
  layout.io_at = kHeaderWords;
  layout.values_at = layout.io_at + int64_t{at(kHeaderIoCount)} * kIoWords;
  layout.guards_at = layout.values_at + int64_t{at(kHeaderValueCount)} * kValueWords;
  program->literal_at = layout.guards_at + int64_t{at(kHeaderGuardCount)} * kGuardWords;
  layout.body_at = program->literal_at + at(kHeaderLiteralWords);
  layout.end = layout.rows_at = layout.body_at + at(kHeaderBodyWords);
  const int64_t length = layout.rows_at + int64_t{at(kHeaderRowWords)} * kRowWords;
  need(length == static_cast<int64_t>(words.size()) && at(kHeaderWordCount) == length,
       "its length is not what it says");
  need(at(kHeaderCommitAt) <= at(kHeaderBodyWords), "its commit phase lies outside");
  need(at(kHeaderExchangeAt) <= at(kHeaderCommitAt), "its exchange phase begins after the commit phase");
  program->state_bytes = at(kHeaderStateUnits) * kUnitBytes;
  program->arena_bytes = at(kHeaderArenaUnits) * kUnitBytes;
  program->literal_bytes = int64_t{at(kHeaderLiteralWords)} * 4;
  return layout;
}

void read_guards(Program* program, const Layout& layout) {
  for (int64_t row = 0; row < program->words[kHeaderGuardCount]; ++row) {
    const int32_t* words = &program->words[static_cast<size_t>(layout.guards_at + row * kGuardWords)];
    const int32_t number = value_number(*program, words[0]);
    const Value& value = program->values[static_cast<size_t>(number)];
    const bool fits = value.tensor.dtype == Dtype::int32 && value.space == Space::arena;
    need(fits, "a guard is no int32 of the arena");
    need(words[1] >= 0 && words[1] <= static_cast<int32_t>(Guard::stop), "no such guard");
    need(words[3] > 0 && value.tensor.count % words[3] == 0, "a guard does not fit its iterations");
    program->guards.push_back(
        {add_operand(program, number, {}), static_cast<Guard>(words[1]), words[2], words[3]});
  }
}

}  // namespace

void read_and_verify(Program* program, const Linker& linker) {
  const Layout layout = read_header(program);
  read_io(program, layout);
  read_values(program, layout);
  read_body(program, layout, linker);
  read_guards(program, layout);
  read_rows(program, layout, linker);
}

}  // namespace chainrule
