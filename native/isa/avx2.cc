// x86-64 with AVX2 and FMA.
#include "../kernels/all.h"

namespace chainrule {

extern const KernelTable kernels_avx2;
const KernelTable kernels_avx2 = kTable;

}  // namespace chainrule
