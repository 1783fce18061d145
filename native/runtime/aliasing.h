// Which memory the values of a plan occupy over all iterations of its loops, and which of it may be shared.
#pragma once

#include <map>

#include "runtime/program.h"

namespace chainrule {

class Aliasing {
 public:
  explicit Aliasing(const Program& program) : p_(program) {}

  // Notes that a loop moves the value by `stride` bytes `count` times; throws PlanError if it leaves its
  // space.
  void move(int32_t value, int64_t count, int64_t stride);

  // Whether two values are the same or never overlap, wherever loops move them.
  bool same_or_apart(int32_t a, int32_t b) const;

  // Throws PlanError if a result overlaps another one, or an operand where the kernel does not allow that.
  // Where it does, adds the two values to `shared`.
  void check(const Instruction& instruction, std::vector<std::pair<int32_t, int32_t>>* shared) const;

 private:
  struct Range {
    int64_t low, high;
    bool overlaps(const Range& other) const { return low < other.high && other.low < high; }
  };

  const Value& value(int32_t number) const { return p_.values[static_cast<size_t>(number)]; }
  Range own_range(int32_t number) const;
  Range reach(int32_t number) const;
  bool overlap(int32_t a, int32_t b) const;
  bool same_strides(int32_t a, int32_t b) const;
  bool same_place(int32_t a, int32_t b) const;

  const Program& p_;
  std::map<int32_t, Range> reach_;  // of values that move
};

}  // namespace chainrule
