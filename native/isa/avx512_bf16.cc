// The products for CPUs with AVX512_BF16, which has instructions for those in bfloat16: they replace those in
// the table of AVX-512.
#include "../kernels/gemm.h"

namespace chainrule {

extern const KernelTable kernels_avx512_bf16;
const KernelTable kernels_avx512_bf16 = {kIsaName, kGemmKernels,
                                         sizeof(kGemmKernels) / sizeof(Kernel), nullptr, 0};

}  // namespace chainrule
