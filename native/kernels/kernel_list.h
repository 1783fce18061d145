// Lists of kernels, as headers export them, as one.
#pragma once

#include "../plan.h"

namespace chainrule {
namespace {

template <int... kCounts>
struct KernelList {
  Kernel kernels[(kCounts + ...)];
};

// One array of all that the headers export.
template <int... kCounts>
constexpr KernelList<kCounts...> list_of(const Kernel (&... lists)[kCounts]) {
  KernelList<kCounts...> all = {};
  int32_t next = 0;
  auto append = [&](const Kernel* list, int count) {
    for (int i = 0; i < count; ++i) all.kernels[next++] = list[i];
  };
  (append(lists, kCounts), ...);
  return all;
}

}  // namespace
}  // namespace chainrule
