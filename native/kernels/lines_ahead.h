// Lines that the next iteration of a loop reads and writes, fetched into the L2 cache while this one
// multiplies: it lies in memory that nobody has touched for a while, and the processor does not know where.
#pragma once

#include "gemm_tile.h"

namespace chainrule {
namespace {

class LinesAhead {
 public:
  // Of rows [first, last) of all operands that a loop moves.
  LinesAhead(const Args& args, int64_t first, int64_t last) {
    if (args.moves == nullptr) return;
    for (int32_t i = 0; i < args.outputCount + args.inputCount; ++i) {
      const Tensor& operand = i < args.outputCount ? args.outputs[i] : args.inputs[i - args.outputCount];
      if (args.moves[i] != 0 && operand.count > 0) add(operand, args.moves[i], first, last);
    }
    if (strips_ * kStripNumbers * static_cast<int64_t>(sizeof(float)) > kMostBytes) count_ = 0;
  }

  // Before so many tiles, which share the lines.
  void divide(int64_t tiles) { each_ = ceil_div(strips_, max(tiles, 1)); }

  // The share of a tile of `depth` steps.
  void take(int64_t depth, Prefetches* to) {
    for (int64_t left = each_; left > 0 && next_ < count_;) {
      const int64_t some = min(left, of_[next_] - strip_);
      to->add(first_[next_] + strip_ * kStripNumbers, some, kStripNumbers, strips_at_a_time(some, depth));
      left -= some;
      strip_ += some;
      if (strip_ < of_[next_]) return;
      strip_ = 0;
      ++next_;
    }
  }

 private:
  // More than this would push out what is being read.
  static constexpr int64_t kMostBytes = int64_t{1} << 20;
  static constexpr int32_t kMostOperands = 8;

  void add(const Tensor& operand, int64_t move, int64_t first, int64_t last) {
    if (count_ == kMostOperands) return;
    const int64_t row = operand.count / operand.dims[0] * static_cast<int64_t>(sizeof(float));
    const char* const data = static_cast<const char*>(operand.data) + move + first * row;
    first_[count_] = reinterpret_cast<const float*>(data);
    of_[count_] = ceil_div((last - first) * row, kStripNumbers * static_cast<int64_t>(sizeof(float)));
    strips_ += of_[count_++];
  }

  const float* first_[kMostOperands];
  int64_t of_[kMostOperands];  // strips of each
  int32_t count_ = 0, next_ = 0;
  int64_t strips_ = 0, each_ = 0, strip_ = 0;
};

}  // namespace
}  // namespace chainrule
