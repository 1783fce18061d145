#include "runtime/motion.h"

#include <algorithm>

namespace chainrule {

Move Motion::move_of(int32_t number, int32_t index) const {
  for (const Move& move : loop(index).moves) {
    if (move.value == number) return move;
  }
  return {number, 0, false};
}

// By where a loop moves the value in all its iterations.
void Motion::extend(Range* range, int32_t number, int32_t index) const {
  const Move move = move_of(number, index);
  const int64_t moves = std::max<int64_t>(loop(index).count - 1, 0);
  const int64_t distance = move.bytes * (move.alternates ? std::min<int64_t>(moves, 1) : moves);
  range->first += std::min<int64_t>(distance, 0);
  range->last += std::max<int64_t>(distance, 0);
}

Range Motion::reach(int32_t number) const {
  const Value& own = value(number);
  Range range{own.first(), own.first() + own.bytes};
  for (size_t index = 0; index < p_.loops.size(); ++index) {
    extend(&range, number, static_cast<int32_t>(index));
  }
  return range;
}

bool Motion::may_meet(int32_t a, int32_t a_loop, int32_t b, int32_t b_loop, int32_t behind) const {
  const Value &first = value(a), &second = value(b);
  if (first.space != second.space) return false;
  if (first.space == Space::io && first.position != second.position) return false;
  Range x{first.first(), first.first() + first.bytes}, y{second.first(), second.first() + second.bytes};
  if (first.bytes == 0 || second.bytes == 0) return false;
  const auto holds = [this](int32_t outer, int32_t inner) {
    while (inner >= 0 && inner != outer) inner = loop(inner).parent;
    return inner >= 0;
  };
  // Loops that hold one alone, and those within the loop that `b` is behind in, may be in any iteration.
  int32_t common = behind >= 0 ? behind : a_loop;
  while (common >= 0 && !holds(common, b_loop)) common = loop(common).parent;
  for (int32_t in = a_loop; in != common; in = loop(in).parent) extend(&x, a, in);
  for (int32_t in = b_loop; in != common; in = loop(in).parent) extend(&y, b, in);
  if (behind >= 0 && loop(behind).count < 2) return false;
  return meet({a, b, behind}, common, x, y);
}

// For a loop and those around it. Values that move alike keep their distance, and those that alternate have
// two places; for others, every place counts.
bool Motion::meet(const Pair& pair, int32_t in, Range a, Range b) const {
  if (in < 0) return a.overlaps(b);
  const Move x = move_of(pair.a, in), y = move_of(pair.b, in);
  const int32_t outside = loop(in).parent;
  const int ahead = in == pair.behind ? 1 : 0;
  if ((x.alternates ? 0 : x.bytes) != (y.alternates ? 0 : y.bytes)) {
    extend(&a, pair.a, in);
    extend(&b, pair.b, in);
    return meet(pair, outside, a, b);
  }
  const bool alternate = x.alternates || y.alternates;
  const int places = alternate ? static_cast<int>(std::min<int64_t>(loop(in).count, 2)) : 1;
  for (int place = 0; place < places; ++place) {
    Range at = a, other = b;
    at.shift(x.alternates ? (place + ahead) % 2 * x.bytes : ahead * x.bytes);
    if (y.alternates) other.shift(place * y.bytes);
    if (meet(pair, outside, at, other)) return true;
  }
  return false;
}

bool Motion::ever_meet(int32_t a, int32_t b) const {
  const Value &first = value(a), &second = value(b);
  if (first.space != second.space || first.bytes == 0 || second.bytes == 0) return false;
  if (first.space == Space::io && first.position != second.position) return false;
  return reach(a).overlaps(reach(b));
}

bool Motion::meet_by_rows(int32_t a, int32_t b) const {
  const Value &first = value(a), &second = value(b);
  if (first.bytes != second.bytes || first.tensor.dims[0] != second.tensor.dims[0]) return false;
  if ((first.first() - second.first()) % first.bytes != 0) return false;
  for (size_t index = 0; index < p_.loops.size(); ++index) {
    const auto at = static_cast<int32_t>(index);
    if (move_of(a, at).bytes % first.bytes != 0 || move_of(b, at).bytes % first.bytes != 0) return false;
  }
  return true;
}

bool Motion::move_together(int32_t a, int32_t b) const {
  if (a == b) return true;
  if (value(a).first() != value(b).first()) return false;
  for (size_t index = 0; index < p_.loops.size(); ++index) {
    const Move x = move_of(a, static_cast<int32_t>(index)), y = move_of(b, static_cast<int32_t>(index));
    if (x.bytes != y.bytes || (x.bytes != 0 && x.alternates != y.alternates)) return false;
  }
  return true;
}

}  // namespace chainrule
