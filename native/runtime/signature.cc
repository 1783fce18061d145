#include "runtime/signature.h"

#include <cctype>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace chainrule {
namespace {

// Reads one signature from left to right.
class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  bool take(const char* expected) {
    const size_t length = std::char_traits<char>::length(expected);
    if (text_.compare(at_, length, expected) != 0) return false;
    at_ += length;
    return true;
  }

  void need(const char* expected) {
    if (!take(expected)) fail();
  }

  std::string word() {
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
      ++at_;
    if (at_ == start) fail();
    return text_.substr(start, at_ - start);
  }

  OperandType operand() {
    OperandType result;
    result.variadic = take("...");
    result.name = word();
    result.optional = take("?");
    need(": ");
    result.type = word();
    return result;
  }

  bool at_end() const { return at_ == text_.size(); }

  [[noreturn]] void fail() const { throw PlanError("cannot read the signature " + text_); }

 private:
  const std::string& text_;
  size_t at_ = 0;
};

AttributeType attribute_type(const std::string& type, const Reader& reader) {
  if (type == "bool") return AttributeType::boolean;
  if (type == "i32") return AttributeType::int32;
  if (type == "f32") return AttributeType::float32;
  if (type == "op") return AttributeType::op;
  if (type == "words") return AttributeType::words;
  reader.fail();
}

std::string name_of(const char* signature) {
  const std::string text = signature;
  return text.substr(0, text.find('('));
}

// Shows only the attributes if nothing else differs.
std::string mismatch(const std::string& plan, const std::string& build) {
  const size_t plan_brace = plan.find(" {"), build_brace = build.find(" {");
  const bool only_attributes = plan.substr(0, plan_brace) == build.substr(0, build_brace);
  const auto part = [&](const std::string& text, size_t brace) {
    if (!only_attributes) return text;
    return brace == std::string::npos ? std::string("no attributes") : text.substr(brace + 1);
  };
  return name_of(plan.c_str()) + ": plan has " + part(plan, plan_brace) + ", this build has " +
         part(build, build_brace);
}

}  // namespace

Signature parse_signature(const std::string& text) {
  Signature result;
  result.text = text;
  Reader reader(text);
  result.name = reader.word();
  reader.need("(");
  while (!reader.take(")")) {
    if (!result.inputs.empty()) reader.need(", ");
    result.inputs.push_back(reader.operand());
  }
  reader.need(" -> ");
  do result.outputs.push_back(reader.operand());
  while (reader.take(", "));
  if (reader.take(" {")) {
    do {
      const OperandType operand = reader.operand();
      result.attributes.push_back({operand.name, attribute_type(operand.type, reader)});
    } while (reader.take(", "));
    reader.need("}");
  }
  if (!reader.at_end()) reader.fail();
  return result;
}

bool dtype_of(const std::string& type, Dtype* dtype) {
  static const struct {
    const char* name;
    Dtype dtype;
  } kNames[] = {{"f32", Dtype::float32},
                {"i32", Dtype::int32},
                {"u8", Dtype::uint8},
                {"bool", Dtype::boolean},
                {"f64", Dtype::float64}};
  for (const auto& row : kNames) {
    if (type != row.name) continue;
    *dtype = row.dtype;
    return true;
  }
  return false;
}

struct Linker::Known {
  const Kernel* kernel = nullptr;
  int32_t map_op = -1;
  std::unique_ptr<const Signature> signature;  // read once a plan lists it
};

namespace {

// What a table has, by the texts of its signatures. Never destroyed: another thread may be loading at exit.
using Index = std::unordered_map<std::string_view, Linker::Known>;

Index* index_of(const KernelTable& table) {
  static auto* const indices = new std::unordered_map<const KernelTable*, Index>;
  Index& index = (*indices)[&table];
  if (!index.empty()) return &index;
  for (int32_t row = 0; row < table.kernel_count; ++row) {
    index[table.kernels[row].signature].kernel = &table.kernels[row];
  }
  for (int32_t row = 0; row < table.map_count; ++row) index[table.map_ops[row].signature].map_op = row;
  return &index;
}

// Why a signature is not in the table: another one has its name, or none.
[[noreturn]] void refuse_signature(const KernelTable& table, const std::string& text) {
  const std::string name = parse_signature(text).name;
  const char* other = nullptr;
  const auto compare = [&](const char* signature) {
    if (name_of(signature) == name) other = signature;
  };
  for (int32_t row = 0; row < table.kernel_count; ++row) compare(table.kernels[row].signature);
  for (int32_t row = 0; row < table.map_count; ++row) compare(table.map_ops[row].signature);
  throw PlanError(other ? mismatch(text, other) : name + ": this build has no such kernel");
}

}  // namespace

Linker::Linker(const KernelTable& table, const std::vector<std::string>& signatures) : table_(table) {
  static auto* const mutex = new std::mutex;
  const std::lock_guard<std::mutex> hold(*mutex);
  Index& index = *index_of(table);
  for (const std::string& text : signatures) {
    const auto found = index.find(text);
    if (found == index.end()) refuse_signature(table, text);
    Known& known = found->second;
    if (!known.signature) known.signature = std::make_unique<const Signature>(parse_signature(text));
    known_.push_back(&known);
  }
}

const Linker::Known& Linker::known(int32_t number) const {
  if (number < 0 || static_cast<size_t>(number) >= known_.size()) throw PlanError("no such signature");
  return *known_[static_cast<size_t>(number)];
}

const Kernel& Linker::kernel(int32_t number) const {
  const Known& wanted = known(number);
  if (!wanted.kernel) throw PlanError(wanted.signature->name + ": not a kernel of its own");
  return *wanted.kernel;
}

const Signature& Linker::signature(int32_t number) const { return *known(number).signature; }

int32_t Linker::map_op(int32_t number) const {
  const Known& wanted = known(number);
  if (wanted.map_op < 0) throw PlanError(wanted.signature->name + ": not an elementwise op");
  return wanted.map_op;
}

void Linker::resolve_program(int32_t* words, int32_t count) const {
  const auto bad = [] { throw PlanError("map: the program's words are cut short"); };
  if (count < 1 || words[0] < 0 || words[0] > count - 3) bad();
  const int32_t head = 1 + words[0];
  const int32_t steps = words[head + 1];
  if (steps < 0 || int64_t{head} + 2 + int64_t{steps} * kMapStepWords != count) bad();
  for (int32_t step = 0; step < steps; ++step) {
    int32_t& op = words[head + 2 + step * kMapStepWords];
    op = map_op(op);
  }
}

std::vector<int32_t> Linker::attributes(int32_t number, const int32_t* words, int32_t count) const {
  const Signature& form = signature(number);
  std::vector<int32_t> result(words, words + count);
  size_t at = 0;
  for (const Attribute& attribute : form.attributes) {
    if (attribute.type == AttributeType::words) {
      if (attribute.name == "program") {
        resolve_program(result.data() + at, count - static_cast<int32_t>(at));
      }
      return result;
    }
    if (at >= result.size()) throw PlanError(form.name + ": attribute " + attribute.name + " is missing");
    int32_t& word = result[at++];
    if (attribute.type == AttributeType::boolean && word != 0 && word != 1) {
      throw PlanError(form.name + ": attribute " + attribute.name + " is neither 0 nor 1");
    }
    if (attribute.type == AttributeType::op && word != -1) word = map_op(word);
  }
  if (at != result.size()) throw PlanError(form.name + ": more attributes than its signature has");
  return result;
}

}  // namespace chainrule
