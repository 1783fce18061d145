// What scattering makes of the elements that an index names: their sum with the updates, or these. Of int32
// sums wrap.
#pragma once

#include "operands.h"
#include "reduce_join.h"

namespace chainrule {
namespace {

struct AddTo {
  static VEC_INLINE void join(float* to, const float* from, int64_t n) {
    if (n == 1) {
      *to += *from;
      return;
    }
    for (int64_t i = 0; i < n; i += kLanes) {
      store_upto(to + i, load_upto(to + i, n - i) + load_upto(from + i, n - i), n - i);
    }
  }
  static VEC_INLINE void join(int32_t* to, const int32_t* from, int64_t n) {
    for (int64_t i = 0; i < n; ++i) to[i] = wrapped_sum(to[i], from[i]);
  }
};
struct Replace {
  template <class Element>
  static VEC_INLINE void join(Element* to, const Element* from, int64_t n) { copy_elements(to, from, n); }
};

}  // namespace
}  // namespace chainrule
