// Any processor, and the reference for the others.
#define CHAINRULE_SCALAR
#include "../kernels/all.h"

namespace chainrule {

extern const KernelTable kernels_scalar;
const KernelTable kernels_scalar = kTable;

}  // namespace chainrule
