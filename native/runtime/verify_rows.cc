// The table of rows: which words of a plan may follow from the number of rows, and how.
#include <algorithm>

#include "runtime/verify_parts.h"

namespace chainrule {
namespace {

// Whether an attribute word is a plain number, so that all that can be wrong with it is what a kernel checks.
bool is_number(const Signature& form, const int32_t* words, int64_t index) {
  int64_t at = 0;
  for (const Attribute& attribute : form.attributes) {
    if (attribute.type == AttributeType::words) {
      // Of a program, its constants.
      return attribute.name != "program" || (index > at && index - at <= words[at]);
    }
    if (at++ == index)
      return attribute.type == AttributeType::int32 || attribute.type == AttributeType::float32;
  }
  return false;
}

class RowReader {
 public:
  RowReader(Program* program, const Layout& layout, const Linker& linker)
      : p_(*program), layout_(layout), linker_(linker) {}

  void read() {
    Rows& rows = p_.rows;
    rows.most = p_.words[kHeaderMostRows];
    const int64_t count = p_.words[kHeaderRowWords];
    need(rows.most > 0 || count == 0, "words follow from no number of rows");
    int64_t before = 0;
    for (int64_t row = 0; row < count; ++row) {
      const int32_t* words = &p_.words[static_cast<size_t>(layout_.rows_at + row * kRowWords)];
      const int64_t at = words[0];
      need(at > before && at < layout_.end, "a word of the rows is out of order");
      before = at;
      need(words[1] == 0 || words[1] == 1, "no such form of a word");
      RowWord word{0, static_cast<RowForm>(words[1]), words[2], words[3]};
      check_form(word, at);
      place(word, at);
    }
    note_instructions();
  }

 private:
  // No size may grow as rows become fewer, so that all bounds of the most rows hold for fewer; those of loops
  // are looked at again.
  void check_form(const RowWord& word, int64_t at) const {
    if (moves_back(word, at)) return;
    need(word.factor > 0 && word.offset >= 0, "a word does not grow with the rows");
    if (word.form == RowForm::linear) {
      need(int64_t{word.factor} <= INT32_MAX / p_.rows.most, "a word of the rows is too large");
      need(int64_t{word.factor} * p_.rows.most <= INT32_MAX - int64_t{word.offset},
           "a word of the rows is too large");
    } else {
      need(word.offset == 0, "a reciprocal has an offset");
    }
    need(word.word_for(p_.rows.most) == p_.words[static_cast<size_t>(at)],
         "a word is not what follows from the most rows");
  }

  // A loop may move a value back by a number of elements that grows.
  bool moves_back(const RowWord& word, int64_t at) const {
    return at >= layout_.body_at && word.form == RowForm::linear && word.factor < 0 && word.offset <= 0 &&
           word.factor >= -(INT32_MAX / p_.rows.most) &&
           int64_t{word.factor} * p_.rows.most >= -INT32_MAX - int64_t{word.offset} &&
           word.word_for(p_.rows.most) == p_.words[static_cast<size_t>(at)];
  }

  void place(RowWord word, int64_t at) {
    const bool linear = word.form == RowForm::linear;
    if (at >= layout_.body_at) return place_in_body(word, at);
    if (at >= p_.literal_at) {
      need(!linear, "a literal is linear in the rows");
      word.at = at - p_.literal_at;
      p_.rows.literals.push_back(word);
      return;
    }
    need(linear && at >= layout_.io_at && at < layout_.guards_at, "a word of the rows is no size");
    if (at < layout_.values_at) place_io(word, at - layout_.io_at);
    else place_value(word, at - layout_.values_at);
  }

  void place_io(RowWord word, int64_t at) {
    constexpr int64_t kDims = 3, kStride = 9;
    const int64_t slot = at / kIoWords, field = at % kIoWords;
    if (field == kStride) {
      word.at = slot;
      p_.rows.io_strides.push_back(word);
      return;
    }
    need(field >= kDims && field - kDims < p_.io[static_cast<size_t>(slot)].rank,
         "a word of the rows is no size");
    word.at = slot * kMaxRank + field - kDims;
    p_.rows.io_sizes.push_back(word);
  }

  void place_value(RowWord word, int64_t at) {
    constexpr int64_t kDims = 4, kOffset = 10;
    const int64_t number = at / kValueWords, field = at % kValueWords;
    if (field == kOffset) {
      word.at = number;
      p_.rows.value_offsets.push_back(word);
      return;
    }
    need(field >= kDims && field - kDims < p_.values[static_cast<size_t>(number)].tensor.rank,
         "a word of the rows is no size");
    word.at = number * kMaxRank + field - kDims;
    p_.rows.value_sizes.push_back(word);
  }

  // Words come in ascending order, so one walk over the body finds the items of all.
  void place_in_body(RowWord word, int64_t at) {
    if (item_ < layout_.body_at) item_ = layout_.body_at;
    while (item_ + word_at(item_ + 1) <= at) {
      instruction_ += word_at(item_) == kInstruction;
      loop_ += word_at(item_) == kLoop;
      item_ += word_at(item_ + 1);
    }
    if (word_at(item_) == kLoop) place_move(word, at - item_ - kLoopHeadWords);
    else place_attribute(word, at);
  }

  // Every other word of a loop's list is the number of elements.
  void place_move(RowWord word, int64_t at) {
    need(at > 0 && at % 2 == 1 && word.form == RowForm::linear, "a word of the rows is no distance");
    p_.rows.moves.push_back({loop_, at / 2, word});
  }

  void place_attribute(RowWord word, int64_t at) {
    need(word_at(item_) == kInstruction && word.factor > 0, "a word of the rows is no attribute");
    const Instruction& instruction = p_.instructions[static_cast<size_t>(instruction_)];
    const int64_t first =
        item_ + kInstructionHeadWords + instruction.output_count + instruction.input_count;
    const int64_t index = at - first;
    need(index >= 0, "a word of the rows is no attribute");
    const Signature& form = linker_.signature(word_at(item_ + 2));
    need(is_number(form, &p_.words[static_cast<size_t>(first)], index), "a word of the rows is no number");
    word.at = instruction.first_attribute + index;
    p_.rows.attributes.push_back(word);
    p_.rows.instructions.push_back(instruction_);
  }

  void note_instructions() {
    std::vector<bool> varies(p_.values.size());
    for (const RowWord& size : p_.rows.value_sizes) varies[static_cast<size_t>(size.at / kMaxRank)] = true;
    std::vector<int32_t>& list = p_.rows.instructions;
    for (size_t number = 0; number < p_.instructions.size(); ++number) {
      const Instruction& instruction = p_.instructions[number];
      const int32_t* operands = p_.operand_values.data() + instruction.first_operand;
      const int32_t count = instruction.output_count + instruction.input_count;
      if (std::any_of(operands, operands + count,
                      [&](int32_t value) { return varies[static_cast<size_t>(value)]; })) {
        list.push_back(static_cast<int32_t>(number));
      }
    }
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }

  int32_t word_at(int64_t at) const { return p_.words[static_cast<size_t>(at)]; }

  Program& p_;
  const Layout& layout_;
  const Linker& linker_;
  int64_t item_ = 0;         // the item of the body that was looked at last
  int32_t instruction_ = 0;  // instructions before it, and loops
  int32_t loop_ = 0;
};

}  // namespace

void read_rows(Program* program, const Layout& layout, const Linker& linker) {
  RowReader(program, layout, linker).read();
}

}  // namespace chainrule
