// The products in bfloat16 for CPUs with AVX512_BF16: they replace those in the table of AVX-512.
#include "../kernels/gemm_bfloat16.h"

namespace chainrule {

extern const KernelTable kernels_avx512_bf16;
const KernelTable kernels_avx512_bf16 = {kIsaName, kBfloat16Kernels,
                                         sizeof(kBfloat16Kernels) / sizeof(Kernel), nullptr, 0};

}  // namespace chainrule
