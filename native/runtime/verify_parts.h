// What the files of the verifier share: verify.cc reads the header and the guards, verify_tables.cc io and
// values, verify_body.cc instructions and loops, verify_rows.cc what follows from the number of rows.
#pragma once

#include <string>
#include <vector>

#include "runtime/program.h"

namespace chainrule {

constexpr int64_t kMaxBytes = int64_t{1} << 46;  // far more than any machine has, and far from overflow

// Throws PlanError.
[[noreturn]] void refuse(const std::string& why);

inline void need(bool ok, const char* why) {
  if (!ok) refuse(why);
}

// Where the sections of a plan begin, in words; the body ends where the table of rows begins.
struct Layout {
  int64_t io_at = 0, values_at = 0, guards_at = 0, body_at = 0, end = 0, rows_at = 0;
};

void read_io(Program* program, const Layout& layout);
void read_values(Program* program, const Layout& layout);
void read_body(Program* program, const Layout& layout, const Linker& linker);
void read_rows(Program* program, const Layout& layout, const Linker& linker);

// The same number, if there is such a value.
int32_t value_number(const Program& program, int32_t number);

// Bytes of the space, or of the array of the slot, that a value lies in.
int64_t room_of(const Program& program, const Value& value);

// Adds an operand, which the step loop and the loops that are open at this point may move. Returns its index.
int32_t add_operand(Program* program, int32_t value, const std::vector<int32_t>& open_loops);

}  // namespace chainrule
