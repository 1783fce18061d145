// Which instructions must see each other's work: between all others threads need not meet.
#pragma once

#include "runtime/program.h"

namespace chainrule {

// Fills in `after_shared` and `after_serial` of all instructions.
void find_hazards(Program* program);

}  // namespace chainrule
