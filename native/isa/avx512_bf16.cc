// The products in bfloat16 for CPUs that have AVX512_BF16: they take the place of those in AVX-512's table.
#include "../kernels/gemm_bfloat16.h"

namespace chainrule {

extern const KernelTable kernels_avx512_bf16;
const KernelTable kernels_avx512_bf16 = {kIsaName, kBfloat16Kernels,
                                         sizeof(kBfloat16Kernels) / sizeof(Kernel), nullptr, 0};

}  // namespace chainrule
