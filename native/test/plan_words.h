// Builds plans by hand, for tests of the runtime without JavaScript. plan.h documents the words.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "plan.h"

namespace chainrule {

inline const char* const kSgd =
    "sgd(hyper: f32, ...segments: f32) -> ...updated: f32 "
    "{decays: bool, averages: bool, pauses: bool, groups: words}";
inline const char* const kMatmul =
    "matmul(a: f32, b: f32, ...epilogue: f32) -> c: f32, guard?: i32 "
    "{transposeA: bool, transposeB: bool, bfloat16: bool, bias: bool, map: op}";

class PlanWords {
 public:
  using Words = std::vector<int32_t>;

  int32_t io(Dtype dtype, const Words& dims, int32_t flags, bool per_step = true) {
    const bool dynamic = flags & kIoDynamicRows;
    const auto slot = static_cast<int32_t>(io_.size() / kIoWords);
    append(&io_, {static_cast<int32_t>(dtype), flags});
    append_dims(&io_, dims);
    io_.push_back(per_step && !dynamic ? size_of(dims) : 0);
    return value(Space::io, slot, dtype, dims);
  }

  // `offset` elements behind the position.
  int32_t value(Space space, int32_t position, Dtype dtype, const Words& dims, int32_t offset = 0) {
    append(&values_, {static_cast<int32_t>(space), position, static_cast<int32_t>(dtype)});
    append_dims(&values_, dims);
    values_.push_back(offset);
    return static_cast<int32_t>(values_.size() / kValueWords) - 1;
  }

  // A value in state or arena that shares its memory with no other.
  int32_t place(Space space, Dtype dtype, const Words& dims) {
    int32_t& units = space == Space::state ? state_units_ : arena_units_;
    const int32_t position = units;
    units += static_cast<int32_t>((size_of(dims) * bytes_of(dtype) + kUnitBytes - 1) / kUnitBytes);
    return value(space, position, dtype, dims);
  }

  void guard(int32_t value, Guard kind, int32_t iterations = 1) {
    append(&guards_, {value, static_cast<int32_t>(kind), 0, iterations});
  }

  void instruction(const std::string& signature, const Words& outputs, const Words& inputs,
                   const Words& attributes = {}) {
    const auto size = [](const Words& words) { return static_cast<int32_t>(words.size()); };
    const int32_t length = kInstructionHeadWords + size(outputs) + size(inputs) + size(attributes);
    append(&body_,
           {kInstruction, length, number_of(signature), 0, size(outputs), size(inputs), size(attributes)});
    for (const Words* words : {&outputs, &inputs, &attributes}) append(&body_, *words);
  }

  // Pairs of (value, elements): of values that move on, and of values that move on and back.
  void loop(int32_t count, const Words& strides, const Words& alternating) {
    const auto stride_count = static_cast<int32_t>(strides.size() / 2);
    const auto alternating_count = static_cast<int32_t>(alternating.size() / 2);
    append(&body_, {kLoop, kLoopHeadWords + 2 * (stride_count + alternating_count), count, stride_count,
                    alternating_count});
    append(&body_, strides);
    append(&body_, alternating);
  }

  void end() { append(&body_, {kEnd, 2}); }

  // The plan is for up to `most` rows; these words follow from the number, and come in their order.
  void rows(int32_t most) { most_rows_ = most; }
  void io_follows(int32_t slot, int32_t word, int32_t factor) {
    append(&rows_, {kHeaderWords + slot * kIoWords + word, 0, factor, 0});
  }
  // After all slots and values.
  void value_follows(int32_t number, int32_t axis, int32_t factor) {
    const auto at = static_cast<int32_t>(io_.size()) + number * kValueWords + 4 + axis;
    append(&rows_, {kHeaderWords + at, 0, factor, 0});
  }
  void offset_follows(int32_t number, int32_t factor) { value_follows(number, 6, factor); }
  // The elements by which the next loop moves a value, by its place in the list; after all guards.
  void next_move_follows(int32_t place, int32_t factor) {
    const auto before = static_cast<int32_t>(io_.size() + values_.size() + guards_.size() + body_.size());
    append(&rows_, {kHeaderWords + before + kLoopHeadWords + 2 * place + 1, 0, factor, 0});
  }
  // The word of the next instruction's list of attributes, after one output and `inputs` inputs; after all
  // guards.
  void next_attribute_follows(int32_t inputs, int32_t index, int32_t factor) {
    const auto before = static_cast<int32_t>(io_.size() + values_.size() + guards_.size() + body_.size());
    const int32_t at = before + kInstructionHeadWords + 1 + inputs + index;
    append(&rows_, {kHeaderWords + at, static_cast<int32_t>(RowForm::reciprocal), factor, 0});
  }

  void exchange() { exchange_at_ = static_cast<int32_t>(body_.size()); }
  void commit() { commit_at_ = static_cast<int32_t>(body_.size()); }

  int32_t number_of(const std::string& signature) {
    for (size_t i = 0; i < signatures_.size(); ++i) {
      if (signatures_[i] == signature) return static_cast<int32_t>(i);
    }
    signatures_.push_back(signature);
    return static_cast<int32_t>(signatures_.size()) - 1;
  }

  const std::vector<std::string>& signatures() const { return signatures_; }

  Words words() const {
    Words all(kHeaderWords, 0);
    for (const Words* part : {&io_, &values_, &guards_, &body_, &rows_}) append(&all, *part);
    all[kHeaderMagic] = kPlanMagic;
    all[kHeaderVersion] = kPlanVersion;
    all[kHeaderWordCount] = static_cast<int32_t>(all.size());
    all[kHeaderStateUnits] = state_units_;
    all[kHeaderArenaUnits] = arena_units_;
    all[kHeaderIoCount] = static_cast<int32_t>(io_.size() / kIoWords);
    all[kHeaderValueCount] = static_cast<int32_t>(values_.size() / kValueWords);
    all[kHeaderGuardCount] = static_cast<int32_t>(guards_.size() / kGuardWords);
    all[kHeaderBodyWords] = static_cast<int32_t>(body_.size());
    all[kHeaderCommitAt] = commit_at_ < 0 ? all[kHeaderBodyWords] : commit_at_;
    all[kHeaderExchangeAt] = exchange_at_ < 0 ? all[kHeaderCommitAt] : exchange_at_;
    all[kHeaderMostRows] = most_rows_;
    all[kHeaderRowWords] = static_cast<int32_t>(rows_.size() / kRowWords);
    return all;
  }

 private:
  static void append(Words* to, const Words& more) { to->insert(to->end(), more.begin(), more.end()); }

  static void append_dims(Words* to, const Words& dims) {
    to->push_back(static_cast<int32_t>(dims.size()));
    append(to, dims);
    to->insert(to->end(), static_cast<size_t>(kMaxRank) - dims.size(), 1);
  }

  static int32_t size_of(const Words& dims) {
    int32_t size = 1;
    for (const int32_t dim : dims) size *= dim;
    return size;
  }

  Words io_, values_, guards_, body_, rows_;
  std::vector<std::string> signatures_;
  int32_t state_units_ = 0, arena_units_ = 0, exchange_at_ = -1, commit_at_ = -1, most_rows_ = 0;
};

}  // namespace chainrule
