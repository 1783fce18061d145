// The products for CPUs with AVX512_BF16, which has instructions for those in bfloat16: they replace those in
// the table of AVX-512.
#include "../kernels/conv.h"
#include "../kernels/kernel_list.h"

namespace chainrule {

static constexpr auto kProducts = list_of(kGemmKernels, kConvKernels);

extern const KernelTable kernels_avx512_bf16;
const KernelTable kernels_avx512_bf16 = {kIsaName, kProducts.kernels,
                                         sizeof(kProducts.kernels) / sizeof(Kernel), nullptr, 0};

}  // namespace chainrule
