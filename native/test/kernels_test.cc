// The kernels on every instruction set that this machine supports, against references in plain C++. With
// CHAINRULE_DEEP=1 it tests every size and many more numbers.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "check.h"
#include "runtime/cpu.h"

namespace chainrule {

void test_choices();
void test_quotas();
void test_math();
void test_maps();
void test_direct_maps();
void test_products();
void test_convolutions();
void test_bfloat16_products();
void test_rows_and_reductions();
void test_moments();
void test_random();
void test_optimizers();
void test_moves();
void test_refusals();
void test_vast();

int usable_tables(const KernelTable* const** tables) {
  static const std::vector<const KernelTable*> all = [] {
    std::vector<const KernelTable*> found = usable_tables();
    std::reverse(found.begin(), found.end());
    return found;
  }();
  *tables = all.data();
  return static_cast<int>(all.size());
}

bool deep_mode() {
  const char* wanted = std::getenv("CHAINRULE_DEEP");
  return wanted != nullptr && *wanted != '\0' && *wanted != '0';
}

namespace {

// All tables are the same code, so they have the same rows in the same order.
void test_tables() {
  const KernelTable* const* tables;
  int count = usable_tables(&tables);
  for (int i = 1; i < count; ++i) {
    CHECK(tables[i]->kernel_count == tables[0]->kernel_count && tables[i]->map_count == tables[0]->map_count);
    for (int k = 0; k < tables[0]->kernel_count; ++k) {
      CHECK(std::strcmp(tables[i]->kernels[k].signature, tables[0]->kernels[k].signature) == 0);
    }
    for (int k = 0; k < tables[0]->map_count; ++k) {
      CHECK(std::strcmp(tables[i]->map_ops[k].signature, tables[0]->map_ops[k].signature) == 0);
    }
  }
}

}  // namespace
}  // namespace chainrule

int main() {
  using namespace chainrule;
  test_quotas();
  test_choices();
  test_tables();
  test_math();
  test_maps();
  test_direct_maps();
  test_products();
  test_convolutions();
  test_bfloat16_products();
  test_rows_and_reductions();
  test_moments();
  test_random();
  test_optimizers();
  test_moves();
  test_refusals();
  test_vast();
  return report();
}
