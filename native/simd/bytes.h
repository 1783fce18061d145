// Bools as they lie in memory, a byte of 0 or 1 each, as many at a time as a register of the instruction set
// holds. The names are those that vec.h has for floats, so that one formula serves both.
#pragma once

#include "vec.h"

namespace chainrule {
namespace {

#if defined(CHAINRULE_SCALAR)
constexpr int kByteLanes = 16;
#elif defined(__AVX512BW__)
constexpr int kByteLanes = 64;
#elif defined(__AVX2__)
constexpr int kByteLanes = 32;
#else
constexpr int kByteLanes = 16;
#endif

typedef uint8_t ByteLanes __attribute__((vector_size(kByteLanes)));
typedef int8_t ByteBits __attribute__((vector_size(kByteLanes)));

struct Bytes {
  ByteLanes v;
};
struct ByteMask {
  ByteBits v;  // 0 or -1
};

// At any address, in one access.
typedef uint8_t BytesAnywhere __attribute__((vector_size(kByteLanes), aligned(1), may_alias));
VEC_INLINE Bytes load_bytes(const uint8_t* p) { return {*reinterpret_cast<const BytesAnywhere*>(p)}; }
VEC_INLINE void store_bytes(uint8_t* p, Bytes x) { *reinterpret_cast<BytesAnywhere*>(p) = x.v; }

// Up to a whole register; `n` may be larger.
VEC_INLINE Bytes load_bytes_upto(const uint8_t* p, int64_t n) {
  if (n >= kByteLanes) return load_bytes(p);
  uint8_t bytes[kByteLanes] = {};
  for (int64_t i = 0; i < n; ++i) bytes[i] = p[i];
  return load_bytes(bytes);
}
VEC_INLINE void store_bytes_upto(uint8_t* p, Bytes x, int64_t n) {
  if (n >= kByteLanes) return store_bytes(p, x);
  uint8_t bytes[kByteLanes];
  store_bytes(bytes, x);
  for (int64_t i = 0; i < n; ++i) p[i] = bytes[i];
}

VEC_INLINE ByteMask to_mask(Bytes x) { return {x.v != 0}; }
VEC_INLINE ByteMask less(Bytes a, Bytes b) { return {a.v < b.v}; }
VEC_INLINE ByteMask less_equal(Bytes a, Bytes b) { return {a.v <= b.v}; }
VEC_INLINE ByteMask equal(Bytes a, Bytes b) { return {a.v == b.v}; }
VEC_INLINE ByteMask not_equal(Bytes a, Bytes b) { return {a.v != b.v}; }
VEC_INLINE ByteMask mask_and(ByteMask a, ByteMask b) { return {a.v & b.v}; }
VEC_INLINE ByteMask mask_or(ByteMask a, ByteMask b) { return {a.v | b.v}; }
VEC_INLINE ByteMask mask_xor(ByteMask a, ByteMask b) { return {a.v ^ b.v}; }
VEC_INLINE ByteMask mask_not(ByteMask a) { return {~a.v}; }
VEC_INLINE Bytes select(ByteMask m, Bytes a, Bytes b) {
  return {(a.v & (ByteLanes)m.v) | (b.v & ~(ByteLanes)m.v)};
}

// What is stored is 0 or 1, whatever was loaded.
VEC_INLINE Bytes flags_of(ByteMask m) { return {(ByteLanes)m.v & 1}; }
VEC_INLINE Bytes flags_of(Bytes x) { return flags_of(to_mask(x)); }

}  // namespace
}  // namespace chainrule
