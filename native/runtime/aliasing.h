// Which operands of an instruction may share memory, in all iterations of the loops around it.
#pragma once

#include "runtime/motion.h"

namespace chainrule {

class Aliasing {
 public:
  explicit Aliasing(const Program& program) : p_(program), motion_(program) {}

  // Throws PlanError if a loop moves a value out of its space.
  void check_reach(const Loop& loop) const;

  // Throws PlanError if a result overlaps another one, or an operand where the kernel does not allow that.
  // Where it does, adds the two values to `shared`, unless that is null.
  void check(const Instruction& instruction, std::vector<std::pair<int32_t, int32_t>>* shared) const;

 private:
  const Value& value(int32_t number) const { return p_.values[static_cast<size_t>(number)]; }
  bool same_place(int32_t a, int32_t b) const;

  const Program& p_;
  const Motion motion_;
};

}  // namespace chainrule
