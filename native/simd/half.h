// float16 and bfloat16 as they are stored, in the low half of each lane. Rounded to nearest, ties to even;
// NaN stays NaN, denormals stay. By arithmetic that all instruction sets have, so that all give the same
// bits.
#pragma once

#include "vec.h"

namespace chainrule {
namespace {

// The bits of a float16 in the place of those of a float are its number, by 2^112 too small.
VEC_INLINE Vec from_float16(IntVec half) {
  IntVec size = half & splat_int(0x7fff);
  IntVec bits = shift_left(size, 13);
  Vec number = as_float(bits) * splat(0x1p+112f);
  number = select(less_int(splat_int(0x7bff), size), as_float(bits | splat_int(0x7f800000)), number);
  return as_float(as_int(number) | shift_left(half & splat_int(0x8000), 16));
}

// Adding 0.5 leaves a denormal float16 in the low bits, rounded.
VEC_INLINE IntVec to_float16(Vec x) {
  IntVec bits = as_int(x) & splat_int(INT32_MAX);
  IntVec odd = shift_right_logical(bits, 13) & splat_int(1);
  IntVec normal = shift_right_logical(bits + splat_int(0xfff - 0x38000000) + odd, 13);
  IntVec small = as_int(as_float(bits) + splat(0.5f)) - as_int(splat(0.5f));
  IntVec half = select(less_int(bits, splat_int(0x38800000)), small, normal);
  IntVec special = select(equal(x, x), splat_int(0x7c00), splat_int(0x7e00));
  half = select(less_int(bits, splat_int(0x47800000)), half, special);
  return half | (shift_right_logical(as_int(x), 16) & splat_int(0x8000));
}

VEC_INLINE Vec from_bfloat16(IntVec half) { return as_float(shift_left(half, 16)); }
VEC_INLINE IntVec to_bfloat16(Vec x) {
  IntVec bits = as_int(x);
  IntVec odd = shift_right_logical(bits, 16) & splat_int(1);
  IntVec rounded = select(equal(x, x), bits + splat_int(0x7fff) + odd, bits | splat_int(0x00400000));
  return shift_right_logical(rounded, 16);
}

}  // namespace
}  // namespace chainrule
