// x86-64 with AVX-512 F, BW, VL and DQ.
#include "../kernels/all.h"

namespace chainrule {

extern const KernelTable kernels_avx512;
const KernelTable kernels_avx512 = kTable;

}  // namespace chainrule
