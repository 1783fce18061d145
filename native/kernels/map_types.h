// What the signature of an elementwise op says of types, read by the compiler. Where it has a type variable
// the op has a row for each type: N stands for f32 and i32, T for f32, i32 and bool. A type is told by its
// first letter.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../plan.h"

namespace chainrule {
namespace {

// The type variable of a signature, or 0.
constexpr char variable_of(const char* signature) {
  for (const char* at = signature + 2; *at != 0; ++at) {
    if (at[-2] == ':' && (*at == 'N' || *at == 'T')) return *at;
  }
  return 0;
}

// The type of an operand or, after the last of them, of the result where the variable stands for `type`.
constexpr char type_at(const char* signature, int place, char type) {
  for (const char* at = signature + 2; *at != 0; ++at) {
    if (at[-2] != ':' || place-- > 0) continue;
    return *at == 'N' || *at == 'T' ? type : *at;
  }
  return 0;
}

// Which operands and whether the result have the type `wanted`, as `integers` and `bools` of MapOp say it.
constexpr uint32_t places_of(const char* signature, int arity, char type, char wanted) {
  uint32_t places = type_at(signature, arity, type) == wanted ? kOfResult : 0;
  for (int place = 0; place < arity; ++place) {
    if (type_at(signature, place, type) == wanted) places |= 1u << place;
  }
  return places;
}

template <size_t kLength>
struct Spelling {
  char text[kLength];
};

// The signature with a type in place of its variable, which stands four times at most.
template <size_t kLength>
constexpr Spelling<kLength + 12> with_type(const char (&signature)[kLength], char type) {
  Spelling<kLength + 12> result = {};
  const char* spelling = type == 'f' ? "f32" : type == 'i' ? "i32" : "bool";
  size_t next = 0;
  for (size_t at = 0; at < kLength; ++at) {
    bool is_variable = at > 1 && signature[at - 2] == ':' && (signature[at] == 'N' || signature[at] == 'T');
    if (!is_variable) {
      result.text[next++] = signature[at];
      continue;
    }
    for (const char* letter = spelling; *letter != 0; ++letter) result.text[next++] = *letter;
  }
  return result;
}

}  // namespace
}  // namespace chainrule
