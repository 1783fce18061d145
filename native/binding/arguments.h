// Reads what JavaScript passes to the addon.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "runtime/executor.h"

namespace chainrule::binding {

// Throws an error with the code ERR_PLAN.
[[noreturn]] void refuse(Napi::Env env, const std::string& why);

struct Bytes {
  char* data;
  int64_t bytes;
};

// The memory of a typed array as it is now; a detached array has none.
Bytes bytes_of_array(Napi::Env env, napi_value array);

// Keeps the memory of a typed array alive until release_memory; nullptr if the engine does not allow that.
void* hold_memory_of(Napi::Env env, napi_value array);

// The same in plain N-API: false for anything but a typed array.
bool read_bytes(napi_env env, napi_value array, Bytes* bytes);

// By name, or the default for undefined.
const KernelTable& table_named(Napi::Env env, const Napi::Value& name);

// Whoever has a state in JavaScript has its buffer too, and a run keeps both. So the reference here is
// weak: a strong one would let the memory outlive the state by a collection.
struct OwnedState : State {
  Napi::ObjectReference memory;
  int64_t reported_bytes = 0;  // what the collector believes
};

// The buffer of a state, alive for as long as the calling function runs.
Napi::Value memory_of(Napi::Env env, const Napi::Value& state);

// The steps of a run: how many, and of how many rows.
struct RunSteps {
  int64_t steps = 1, rows = 0, last_rows = 0, every = 0, phase = 0;
  bool operator==(const RunSteps& other) const {
    return steps == other.steps && rows == other.rows && last_rows == other.last_rows &&
           every == other.every && phase == other.phase;
  }
};

// Gives a job its steps, and checks that its arrays fit them.
void set_steps(Napi::Env env, Job* job, Program* loaded, const RunSteps& numbers);

// Verifies and links a plan, from (words, signatures, isa). `memory` as for load_program.
std::unique_ptr<Program> read_program(const Napi::CallbackInfo& call,
                                      std::shared_ptr<RunMemory> memory = nullptr);

// Fills a job from (program, state, io, steps, options) and checks that the arrays fit.
void read_job(const Napi::CallbackInfo& call, Job* job);

// An array that keeps alive everything that such a job points to.
Napi::Array kept_by_job(const Napi::CallbackInfo& call);

}  // namespace chainrule::binding
