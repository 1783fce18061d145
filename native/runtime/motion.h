// Where values lie in the iterations of loops, and whether two of them can ever meet.
#pragma once

#include <vector>

#include "runtime/program.h"

namespace chainrule {

// Bytes of a space, or of the array of a slot.
struct Range {
  int64_t first, last;
  bool overlaps(const Range& other) const { return first < other.last && other.first < last; }
  void shift(int64_t bytes) { first += bytes, last += bytes; }
};

class Motion {
 public:
  explicit Motion(const Program& program) : p_(program) {}

  // All bytes that a value occupies in any iteration of all loops that move it.
  Range reach(int32_t value) const;

  // Whether value `a` of an instruction in loop `a_loop`, or -1, may share a byte with value `b` of one in
  // `b_loop`, in the same iteration of all loops that hold both. With `behind`, a loop that does, `b` is one
  // iteration of it behind `a`.
  bool may_meet(int32_t a, int32_t a_loop, int32_t b, int32_t b_loop, int32_t behind = -1) const;

  // Whether a byte of one is in any iteration a byte of the other in any.
  bool ever_meet(int32_t a, int32_t b) const;

  // Whether values that meet are the same rows wherever they do: as large, and whole numbers of values apart.
  bool meet_by_rows(int32_t a, int32_t b) const;

  // Whether both begin at the same byte in every iteration.
  bool move_together(int32_t a, int32_t b) const;

 private:
  struct Pair {
    int32_t a, b;
    int32_t behind;
  };

  const Value& value(int32_t number) const { return p_.values[static_cast<size_t>(number)]; }
  const Loop& loop(int32_t index) const { return p_.loops[static_cast<size_t>(index)]; }
  Move move_of(int32_t value, int32_t loop) const;
  void extend(Range* range, int32_t value, int32_t loop) const;
  bool meet(const Pair& pair, int32_t in, Range a, Range b) const;

  const Program& p_;
};

}  // namespace chainrule
