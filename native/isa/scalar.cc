// For any processor, and the reference for the other instruction sets.
#define CHAINRULE_SCALAR
#include "../kernels/all.h"

namespace chainrule {

extern const KernelTable kernels_scalar;
const KernelTable kernels_scalar = kTable;

}  // namespace chainrule
