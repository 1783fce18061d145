// Sizes that no memory could hold: an overflow must not get past the verifier or make a kernel misbehave.
#include <limits>
#include <string>

#include "plan_words.h"
#include "run.h"
#include "runtime/cpu.h"
#include "runtime/program.h"

namespace chainrule {
namespace {

constexpr Dtype kF32 = Dtype::float32, kI32 = Dtype::int32;
constexpr int64_t kMax = std::numeric_limits<int32_t>::max();

// Dims with a product that overflows and one size of 0: there are no elements, whatever the other sizes are.
void test_reductions_and_moves() {
  for (const char* name : {"sum", "max", "argMax"}) {
    Call call(name);
    call.in(kF32, {kMax, kMax, kMax, kMax, 0});
    call.out(name[0] == 'a' ? kI32 : kF32, {kMax, kMax, kMax, 0});
    call.attribute(1);
    call.run();
  }
  for (const char* name : {"softmax", "logSoftmax", "transpose", "copy"}) {
    Call call(name);
    call.in(kF32, {kMax, kMax, kMax, kMax, 0});
    bool transposed = name[0] == 't';
    call.out(kF32, transposed ? std::vector<int64_t>{0, kMax, kMax, kMax, kMax}
                              : std::vector<int64_t>{kMax, kMax, kMax, kMax, 0});
    if (transposed) call.attributes = {4, 3, 2, 1, 0};
    call.run();
  }
  for (const int32_t axis : {0, 1, 2}) {
    Call slice("slice"), concatenate("concatenate");
    slice.in(kF32, {kMax, kMax, kMax, 0});
    slice.out(kF32, {kMax, kMax, kMax, 0});
    slice.attributes = {0, 0, 0, 0};
    slice.run();
    concatenate.in(kF32, {kMax, kMax, kMax, 0});
    concatenate.out(kF32, {kMax, kMax, kMax, 0});
    concatenate.attributes = {axis};
    concatenate.run();
  }
}

// Rows of more elements than an int64 can count in bytes, and no row at all.
void test_rows() {
  for (const Dtype dtype : {kF32, kI32, Dtype::uint8}) {
    for (const char* name : {"gatherRows", "gatherLabels"}) {
      bool labels = name[6] == 'L';
      Call rows(name);
      rows.in(dtype, {0, kMax, kMax, kMax});
      rows.in(kI32, {0});
      rows.out(labels ? kI32 : kF32, {0, kMax, kMax, kMax});
      rows.out(kI32, {0});
      if (!labels) rows.attribute(1.0f), rows.attribute(0.0f);
      rows.run();
    }
  }
  Call pick("pickClass"), scatter("scatterClass"), loss("softmaxCrossentropy");
  for (Call* call : {&pick, &loss}) call->in(kF32, {0, kMax});
  for (Call* call : {&pick, &loss}) call->in(kI32, {0});
  for (Call* call : {&pick, &loss}) call->out(kF32, {0});
  loss.out(kF32, {0, kMax});
  for (Call* call : {&pick, &loss}) call->out(kI32, {0});
  scatter.in(kF32, {0});
  scatter.in(kI32, {0});
  scatter.out(kF32, {0, kMax});
  scatter.attribute(static_cast<int32_t>(kMax));
  for (Call* call : {&pick, &scatter, &loss}) call->run();
}

// A result without elements from operands of vast sizes.
void test_products_and_maps() {
  Operand a(kF32, {0, kMax}, 1), b(kF32, {kMax, 0}, 1), empty(kF32, {0, 0}, 1), guard(kI32, {64}, 0);
  Operand left(kF32, {kMax, kMax, 0, 1, 5}, 1), right(kF32, {0, 5, kMax}, 1);
  Operand vast(kF32, {kMax, kMax, 0, 1, kMax}, 1);
  Operand wide(kF32, {0, kMax}, 1), x(kF32, {kMax, kMax, kMax, 0}, 1), y(kF32, {kMax, kMax, kMax, 0}, 1);
  for (const KernelTable* table : tables_here()) {
    KernelRun{"matmul", &empty, {&a, &b}, {0, 0, 0, 0, -1}}.run(*table, false);
    KernelRun{"matmul", &wide, {&empty, &b}, {0, 1, 0, 0, -1}}.run(*table, false);
    KernelRun{"matmul", &empty, {&a, &b}, {0, 0, 0, 0, -1}, -1, &guard}.run(*table, false);
    KernelRun{"matmul", &vast, {&left, &right}, {0, 0, 0, 0, -1}, -1, &guard}.run(*table, true);
    const int32_t neg = find_map_op(*table, "neg");
    KernelRun{"map", &y, {&x}, {0, 1, 1, neg, 0, 0, -1, -1}}.run(*table, false);
  }
}

// Counts without memory behind them: only `check`, `tasks` and `cost_ns` may see them.
void test_updates() {
  const KernelTable& table = **tables_here().begin();
  Operand hyper(kF32, {1, 1}, 0), p(kF32, {1}, 0), g(kF32, {1}, 0), next(kF32, {1}, 0);
  KernelRun run = {"sgd", &next, {&hyper, &p, &g}, {0, 0, 0, 0}};
  const auto with_count = [&](int64_t count) {
    for (Operand* operand : {&p, &g, &next}) operand->tensor.count = count;
    return run.refusal(table);
  };
  CHECK(with_count(1) == nullptr && with_count(int64_t{1} << 37) == nullptr);
  CHECK(with_count((int64_t{1} << 37) + 1) != nullptr);
  CHECK(with_count(std::numeric_limits<int64_t>::max()) != nullptr);
  const Kernel& kernel = *find_kernel(table, "sgd");
  CHECK(with_count(int64_t{1} << 37) == nullptr && kernel.tasks(run.arguments(table)) == int64_t{1} << 28);
}

// What the verifier says about a plan that copies one value of such dims, or "" if it accepts it.
std::string verdict(Space space, const std::vector<int32_t>& dims) {
  PlanWords plan;
  const int32_t x = plan.value(space, 0, kF32, dims), y = plan.value(Space::arena, 0, kF32, dims);
  plan.instruction("copy(x: T) -> y: T", {y}, {x});
  const std::vector<int32_t> words = plan.words();
  try {
    load_program(words.data(), static_cast<int64_t>(words.size()), plan.signatures(), *default_table());
  } catch (const PlanError& error) {
    return error.what();
  }
  return "";
}

void test_plans() {
  const int32_t vast = std::numeric_limits<int32_t>::max();
  for (const std::vector<int32_t>& dims : std::vector<std::vector<int32_t>>{
           {vast, vast}, {vast, vast, vast}, {vast, vast, vast, vast, vast, vast}, {1 << 22, 1 << 22},
           {0, vast, vast}, {vast, 0, vast}, {vast, vast, 0}, {65536, 65536, 65536, 65536}}) {
    for (const Space space : {Space::state, Space::arena, Space::literal}) {
      CHECK(verdict(space, dims).find("too large") != std::string::npos);
    }
  }
  // The size itself is no overflow, but there is no such memory in the plan.
  CHECK(verdict(Space::state, {1 << 20, 1 << 20}).find("outside its space") != std::string::npos);
}

// Steps and strides whose product overflows.
void test_bindings() {
  PlanWords plan;
  const int32_t x = plan.io(kF32, {1}, 0), y = plan.place(Space::arena, kF32, {1});
  plan.instruction("copy(x: T) -> y: T", {y}, {x});
  std::vector<int32_t> words = plan.words();
  words[kHeaderWords + 9] = std::numeric_limits<int32_t>::max();  // the stride of the only slot
  const auto program =
      load_program(words.data(), static_cast<int64_t>(words.size()), plan.signatures(), *default_table());
  alignas(64) char memory[64] = {};
  const std::vector<Binding> io = {{memory, sizeof memory}};
  CHECK(check_bindings(*program, io, 1, nullptr, 0).empty());
  CHECK(check_bindings(*program, io, 2, nullptr, 0).find("too short") != std::string::npos);
  CHECK(check_bindings(*program, io, kMax, nullptr, 0).find("too many steps") != std::string::npos);
}

}  // namespace

void test_vast() {
  test_reductions_and_moves();
  test_rows();
  test_products_and_maps();
  test_updates();
  test_plans();
  test_bindings();
}

}  // namespace chainrule
