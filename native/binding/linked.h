// One op at once: linked for its shapes, then called with nothing to read but its arrays.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "runtime/executor.h"

namespace chainrule::binding {

// A program, and the job of one call after another.
struct Linked {
  explicit Linked(std::unique_ptr<Program> loaded);
  ~Linked();
  std::unique_ptr<Program> program;
  Job job;
};

// Those of one thread, by the numbers that JavaScript has for them: objects of its own would need finalizers,
// which run late and hold up collections. Their calls come one after another and share their memory.
struct LinkedTable {
  std::shared_ptr<RunMemory> memory = std::make_shared<RunMemory>();
  std::vector<std::unique_ptr<Linked>> rows;
  std::vector<uint32_t> unused;
};

// Verifies and links a plan. Returns its number.
Napi::Value link(const Napi::CallbackInfo& call);
// One run, from (number, ...arrays). Undefined if it is done, else the words of the report.
napi_value call_linked(napi_env env, napi_callback_info call);
// Frees it; its number may be given to another.
void unlink(const Napi::CallbackInfo& call);

int32_t linked_alive();

}  // namespace chainrule::binding
