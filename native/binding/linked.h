// One op at once: linked for its shapes, then called with nothing to read but its arrays.
#pragma once

#include <napi.h>

#include <memory>
#include <string>
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

// What JavaScript calls with: a number, then arrays; more than a few only for ops of any number of operands.
class LinkedArguments {
 public:
  LinkedArguments(napi_env env, napi_callback_info call);
  size_t count() const { return count_; }
  napi_value operator[](size_t index) const { return many_.empty() ? few_[index] : many_[index]; }

 private:
  static constexpr size_t kFew = 8;
  napi_value few_[kFew];
  std::vector<napi_value> many_;
  size_t count_ = kFew;
};

// The program of a call, or nullptr.
Linked* linked_of(napi_env env, const LinkedArguments& given);
// Throws an error about the first argument.
napi_value refuse_linked(napi_env env);
// Empty, or why it cannot be called with these arrays, which are the arguments from `first` on.
std::string bind_arrays(napi_env env, const LinkedArguments& given, size_t first, Job* job);
// One run before it returns, of the program that the job has.
napi_value run_linked(napi_env env, const LinkedArguments& given, size_t first, Linked* linked);

// Verifies and links a plan. Returns its number.
Napi::Value link(const Napi::CallbackInfo& call);
// One run, from (number, ...arrays). Undefined if it is done, else the words of the report.
napi_value call_linked(napi_env env, napi_callback_info call);
// Frees it; its number may be given to another.
void unlink(const Napi::CallbackInfo& call);

int32_t linked_alive();

}  // namespace chainrule::binding
