// Everything that can be wrong with the words of a plan, looked for once.
#pragma once

#include "runtime/program.h"

namespace chainrule {

// Fills io, values, instructions, loops, items and guards of the program, or throws PlanError.
void read_and_verify(Program* program, const Linker& linker);

}  // namespace chainrule
