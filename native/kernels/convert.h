// Elements of every type as they come into a register, a float32 or an int32 in each lane, and back. What a
// register does not hold becomes the nearest number that it holds, integers are truncated, NaN becomes 0 as
// an integer, and a bool is `x != 0`.
#pragma once

#include "../simd/half.h"
#include "operands.h"

namespace chainrule {
namespace {

// Types of elements that C++ has no type of its own for.
struct BoolByte {
  uint8_t byte;
};
struct Float16Bits {
  uint16_t bits;
};
struct Bfloat16Bits {
  uint16_t bits;
};

VEC_INLINE const uint8_t* bytes_of(const BoolByte* p) { return reinterpret_cast<const uint8_t*>(p); }
VEC_INLINE uint8_t* bytes_of(BoolByte* p) { return reinterpret_cast<uint8_t*>(p); }

// Calls visit(elements), a pointer of the type of the elements.
template <class Visit>
VEC_INLINE void with_elements(Dtype dtype, void* data, Visit visit) {
  switch (dtype) {
    case Dtype::float32: return visit(static_cast<float*>(data));
    case Dtype::int32: return visit(static_cast<int32_t*>(data));
    case Dtype::uint8: return visit(static_cast<uint8_t*>(data));
    case Dtype::boolean: return visit(static_cast<BoolByte*>(data));
    case Dtype::float64: return visit(static_cast<double*>(data));
    case Dtype::float16: return visit(static_cast<Float16Bits*>(data));
    case Dtype::bfloat16: return visit(static_cast<Bfloat16Bits*>(data));
    case Dtype::int64: return visit(static_cast<int64_t*>(data));
  }
}

// Reading: up to sixteen elements; `n` may be larger.

VEC_INLINE IntVec read_halves(const uint16_t* p, int64_t n) {
  return n >= kLanes ? load_u16(p) : load_u16_tail(p, n);
}

VEC_INLINE IntVec read_integers(const int32_t* p, int64_t n) {
  return n >= kLanes ? load_int(p) : load_int_tail(p, n);
}
VEC_INLINE IntVec read_integers(const int64_t* p, int64_t n) {
  int32_t lanes[kLanes] = {};
  for (int64_t i = 0; i < min(n, kLanes); ++i) {
    lanes[i] = static_cast<int32_t>(max(min(p[i], INT32_MAX), INT32_MIN));
  }
  return load_int(lanes);
}

VEC_INLINE Vec read_reals(const float* p, int64_t n) { return load_upto(p, n); }
VEC_INLINE Vec read_reals(const int32_t* p, int64_t n) { return to_float(read_integers(p, n)); }
VEC_INLINE Vec read_reals(const int64_t* p, int64_t n) { return to_float(read_integers(p, n)); }
VEC_INLINE Vec read_reals(const uint8_t* p, int64_t n) {
  return n >= kLanes ? load_u8(p) : load_u8_tail(p, n);
}
VEC_INLINE Vec read_reals(const BoolByte* p, int64_t n) { return read_reals(bytes_of(p), n); }
VEC_INLINE Vec read_reals(const Float16Bits* p, int64_t n) {
  return from_float16(read_halves(&p->bits, n));
}
VEC_INLINE Vec read_reals(const Bfloat16Bits* p, int64_t n) {
  return from_bfloat16(read_halves(&p->bits, n));
}
VEC_INLINE Vec read_reals(const double* p, int64_t n) {
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < min(n, kLanes); ++i) lanes[i] = static_cast<float>(p[i]);
  return load(lanes);
}
VEC_INLINE IntVec read_integers(const double* p, int64_t n) {
  int32_t lanes[kLanes] = {};
  for (int64_t i = 0; i < min(n, kLanes); ++i) {
    const double x = p[i];
    const double inside = x >= 2147483647.0 ? 2147483647.0 : x <= -2147483648.0 ? -2147483648.0 : x;
    lanes[i] = x == x ? static_cast<int32_t>(inside) : 0;
  }
  return load_int(lanes);
}

// Of other types that are no integers, the numbers truncated.
template <class Element>
VEC_INLINE IntVec read_integers(const Element* p, int64_t n) {
  return to_int_truncate(read_reals(p, n));
}

// Writing: the reverse.

VEC_INLINE void write_halves(uint16_t* p, IntVec x, int64_t n) {
  n >= kLanes ? store_u16(p, x) : store_u16_tail(p, x, n);
}
VEC_INLINE void write_bytes(uint8_t* p, IntVec x, int64_t n) {
  n >= kLanes ? store_u8(p, x) : store_u8_tail(p, x, n);
}

VEC_INLINE void write(int32_t* p, IntVec x, int64_t n) {
  n >= kLanes ? store_int(p, x) : store_int_tail(p, x, n);
}
VEC_INLINE void write(uint8_t* p, IntVec x, int64_t n) {
  IntVec none = splat_int(0), most = splat_int(255);
  x = select(less_int(x, none), none, select(less_int(most, x), most, x));
  write_bytes(p, x, n);
}
VEC_INLINE void write(BoolByte* p, IntVec x, int64_t n) {
  IntVec none = splat_int(0), one = splat_int(1);
  write_bytes(bytes_of(p), select(equal_int(x, none), none, one), n);
}
template <class Element>
VEC_INLINE void write_lanes(Element* p, IntVec x, int64_t n) {
  int32_t lanes[kLanes];
  store_int(lanes, x);
  for (int64_t i = 0; i < min(n, kLanes); ++i) p[i] = static_cast<Element>(lanes[i]);
}
VEC_INLINE void write(int64_t* p, IntVec x, int64_t n) { write_lanes(p, x, n); }
VEC_INLINE void write(double* p, IntVec x, int64_t n) { write_lanes(p, x, n); }

VEC_INLINE void write(float* p, Vec x, int64_t n) { store_upto(p, x, n); }
VEC_INLINE void write(Float16Bits* p, Vec x, int64_t n) { write_halves(&p->bits, to_float16(x), n); }
VEC_INLINE void write(Bfloat16Bits* p, Vec x, int64_t n) { write_halves(&p->bits, to_bfloat16(x), n); }
VEC_INLINE void write(BoolByte* p, Mask x, int64_t n) {
  write_bytes(bytes_of(p), select(x, splat_int(1), splat_int(0)), n);
}
VEC_INLINE void write(BoolByte* p, Vec x, int64_t n) { write(p, not_equal(x, zero()), n); }
VEC_INLINE void write(double* p, Vec x, int64_t n) {
  float lanes[kLanes];
  store(lanes, x);
  for (int64_t i = 0; i < min(n, kLanes); ++i) p[i] = static_cast<double>(lanes[i]);
}
VEC_INLINE void write(int32_t* p, Vec x, int64_t n) { write(p, to_int_truncate(x), n); }
VEC_INLINE void write(uint8_t* p, Vec x, int64_t n) { write(p, to_int_truncate(x), n); }
VEC_INLINE void write(int64_t* p, Vec x, int64_t n) { write(p, to_int_truncate(x), n); }
VEC_INLINE void write(float* p, IntVec x, int64_t n) { write(p, to_float(x), n); }
VEC_INLINE void write(Float16Bits* p, IntVec x, int64_t n) { write(p, to_float(x), n); }
VEC_INLINE void write(Bfloat16Bits* p, IntVec x, int64_t n) { write(p, to_float(x), n); }

// out[0, n) = data[at, at + n) as a register of floats or, with `integer`, of int32 holds them. Writes whole
// vectors, so the buffer needs room for one more.
void load_register(float* out, bool integer, Dtype dtype, void* data, int64_t at, int64_t n) {
  with_elements(dtype, data, [=](auto* elements) {
    const auto* x = elements + at;
    if (integer) {
      for (int64_t i = 0; i < n; i += kLanes) store(out + i, as_float(read_integers(x + i, n - i)));
    } else {
      for (int64_t i = 0; i < n; i += kLanes) store(out + i, read_reals(x + i, n - i));
    }
  });
}

// One element, as the bits of its register.
VEC_INLINE int32_t load_one(bool integer, Dtype dtype, void* data, int64_t at) {
  int32_t bits;
  if (dtype == (integer ? Dtype::int32 : Dtype::float32)) {
    __builtin_memcpy(&bits, static_cast<const int32_t*>(data) + at, sizeof bits);
    return bits;
  }
  float lanes[kLanes];
  load_register(lanes, integer, dtype, data, at, 1);
  __builtin_memcpy(&bits, lanes, sizeof bits);
  return bits;
}

// The reverse of load_register.
void store_register(const float* x, bool integer, Dtype dtype, void* data, int64_t at, int64_t n) {
  with_elements(dtype, data, [=](auto* elements) {
    auto* to = elements + at;
    if (integer) {
      for (int64_t i = 0; i < n; i += kLanes) write(to + i, as_int(load(x + i)), n - i);
    } else {
      for (int64_t i = 0; i < n; i += kLanes) write(to + i, load(x + i), n - i);
    }
  });
}

}  // namespace
}  // namespace chainrule
