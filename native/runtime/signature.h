// Signatures, by which ops and kernels find each other. The grammar is that of lib/core/signature.ts.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "plan.h"

namespace chainrule {

// Why a plan was refused.
struct PlanError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class AttributeType { boolean, int32, float32, op, words };

struct OperandType {
  std::string name;
  std::string type;  // f32, i32, u8, bool, f64, any, or a type variable such as T
  bool optional = false;
  bool variadic = false;
};

struct Attribute {
  std::string name;
  AttributeType type;
};

struct Signature {
  std::string text;
  std::string name;
  std::vector<OperandType> inputs;
  std::vector<OperandType> outputs;
  std::vector<Attribute> attributes;
};

Signature parse_signature(const std::string& text);

// Whether the type names a dtype; if so, sets *dtype.
bool dtype_of(const std::string& type, Dtype* dtype);

// Kernels and elementwise ops of one instruction set, for the signatures that a plan lists: each is found by
// the hash of its text.
class Linker {
 public:
  struct Known;  // a row of the table
  Linker(const KernelTable& table, const std::vector<std::string>& signatures);
  // These throw PlanError if there is none.
  const Kernel& kernel(int32_t number) const;
  const Signature& signature(int32_t number) const;
  int32_t map_op(int32_t number) const;  // index into table.map_ops
  const KernelTable& table() const { return table_; }
  // Attribute words as kernels expect them, with ops as indices into map_ops instead of signature numbers.
  std::vector<int32_t> attributes(int32_t number, const int32_t* words, int32_t count) const;

 private:
  const Known& known(int32_t number) const;
  void resolve_program(int32_t* words, int32_t count) const;

  const KernelTable& table_;
  std::vector<const Known*> known_;
};

}  // namespace chainrule
