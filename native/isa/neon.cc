// 64-bit ARM.
#include "../kernels/all.h"

namespace chainrule {

extern const KernelTable kernels_neon;
const KernelTable kernels_neon = kTable;

}  // namespace chainrule
