// The types of elements. Twin of lib/core/dtype.ts; a test compares the two.
#pragma once

#include <cstdint>

namespace chainrule {

enum class Dtype : int32_t {
  float32 = 0,
  int32 = 1,
  uint8 = 2,
  boolean = 3,  // one byte, 0 or 1
  float64 = 4,
  float16 = 5,
  bfloat16 = 6,
  int64 = 7,
};

struct DtypeRow {
  const char* name;
  const char* spelling;  // in signatures
  int32_t bytes;
  // Maps compute with what it is loaded as: itself, or for types of storage float32 or int32.
  Dtype computed;
};

// In the order of their codes.
constexpr DtypeRow kDtypes[] = {
    {"float32", "f32", 4, Dtype::float32}, {"int32", "i32", 4, Dtype::int32},
    {"uint8", "u8", 1, Dtype::float32},    {"bool", "bool", 1, Dtype::boolean},
    {"float64", "f64", 8, Dtype::float32}, {"float16", "f16", 2, Dtype::float32},
    {"bfloat16", "bf16", 2, Dtype::float32}, {"int64", "i64", 8, Dtype::int32},
};
constexpr int32_t kDtypeCount = sizeof(kDtypes) / sizeof(kDtypes[0]);

// Never a function of its own, which the objects of several instruction sets would share.
__attribute__((always_inline)) inline const DtypeRow& row_of(Dtype dtype) {
  return kDtypes[static_cast<int32_t>(dtype)];
}
__attribute__((always_inline)) inline int64_t bytes_of(Dtype dtype) { return row_of(dtype).bytes; }

}  // namespace chainrule
