// The border to JavaScript: the functions that lib/runtime/addon.ts types. No mathematics.
#include <napi.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "binding/arguments.h"
#include "binding/pending_runs.h"
#include "binding/linked.h"
#include "binding/pin.h"
#include "binding/runs.h"
#include "runtime/cpu.h"
#include "runtime/executor.h"
#include "runtime/memory.h"

namespace chainrule::binding {
namespace {

std::atomic<int64_t> native_bytes{0};
std::atomic<int32_t> programs_alive{0};
std::atomic<int32_t> states_alive{0};

Napi::Value info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array isas = Napi::Array::New(env);
  for (const KernelTable* table : usable_tables()) isas.Set(isas.Length(), table->isa);
  result.Set("isas", isas);
  result.Set("isa", table_named(env, env.Undefined()).isa);
  result.Set("cpus", available_cpus());
  return result;
}

Napi::Value dtypes(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Napi::Array result = Napi::Array::New(env);
  for (const DtypeRow& row : kDtypes) {
    Napi::Object dtype = Napi::Object::New(env);
    dtype.Set("name", row.name);
    dtype.Set("short", row.spelling);
    dtype.Set("bytes", row.bytes);
    dtype.Set("computed", row_of(row.computed).name);
    result.Set(result.Length(), dtype);
  }
  return result;
}

Napi::Value signatures(const Napi::CallbackInfo& call) {
  const KernelTable& table = table_named(call.Env(), call[0]);
  Napi::Array result = Napi::Array::New(call.Env());
  for (int32_t i = 0; i < table.kernel_count; ++i) result.Set(result.Length(), table.kernels[i].signature);
  for (int32_t i = 0; i < table.map_count; ++i) result.Set(result.Length(), table.map_ops[i].signature);
  return result;
}

Napi::Value threads(const Napi::CallbackInfo& call) { return Napi::Number::New(call.Env(), thread_count()); }

void set_threads(const Napi::CallbackInfo& call) {
  set_thread_count(call[0].As<Napi::Number>().Int32Value());
}

Napi::Value alignment(const Napi::CallbackInfo& call) {
  const Bytes bytes = bytes_of_array(call.Env(), call[0]);
  const int64_t unit = call[1].As<Napi::Number>().Int64Value();
  if (unit < 1) refuse(call.Env(), "an alignment is less than 1");
  const auto address = reinterpret_cast<uintptr_t>(bytes.data);
  return Napi::Number::New(call.Env(), static_cast<double>(address % static_cast<uintptr_t>(unit)));
}

void map_pages(const Napi::CallbackInfo& call) {
  const Bytes bytes = bytes_of_array(call.Env(), call[0]);
  chainrule::map_pages(bytes.data, bytes.bytes);
}

// Bytes that the collector knows of, outside its heap, up to which a copy is taken from the heap of the
// process. What small things that stay may keep from going back to the system is no more than this.
constexpr int64_t kMostReusedTotalBytes = int64_t{128} << 20;

// A Buffer with memory of its own, which holds anything: of numbers that are copied out again and again.
Napi::Value copy_buffer(const Napi::CallbackInfo& call) {
  const auto bytes = call[0].As<Napi::Number>().Int64Value();
  if (bytes < 0) refuse(call.Env(), "a buffer has less than 0 bytes");
  const int64_t known = Napi::MemoryManagement::AdjustExternalMemory(call.Env(), 0);
  if (bytes <= kMostReusedBytes && known <= kMostReusedTotalBytes) {
    const ReusedMemory reused;
    return Napi::Buffer<char>::New(call.Env(), static_cast<size_t>(bytes));
  }
  auto buffer = Napi::Buffer<char>::New(call.Env(), static_cast<size_t>(bytes));
  chainrule::map_pages(buffer.Data(), bytes);
  return buffer;
}

// What the collector is told of a state. It does not count shared memory; untold, it lets many models pile up
// before it looks for them. Twice the bytes, because plans, arenas and copies of rows go with a state.
void report_bytes(Napi::Env env, OwnedState* state, int64_t bytes) {
  Napi::MemoryManagement::AdjustExternalMemory(env, 2 * bytes - state->reported_bytes);
  state->reported_bytes = 2 * bytes;
}

Napi::Value create_state(const Napi::CallbackInfo& call) {
  const Bytes bytes = bytes_of_array(call.Env(), call[0]);
  auto* state = new OwnedState;
  state->data = bytes.data;
  state->bytes = bytes.bytes;
  if (bytes.bytes >= kHugeFromBytes) prefer_huge_pages(bytes.data, bytes.bytes);
  state->memory = Napi::Weak(call[0].As<Napi::Object>().Get("buffer").As<Napi::Object>());
  ++states_alive;
  report_bytes(call.Env(), state, state->bytes);
  return Napi::External<State>::New(call.Env(), state, [](Napi::Env ended, State* gone) {
    auto* const owned = static_cast<OwnedState*>(gone);
    --states_alive;
    report_bytes(ended, owned, 0);
    delete owned;
  });
}

// No run on the state may be under way or come later.
void release_state(const Napi::CallbackInfo& call) {
  memory_of(call.Env(), call[0]);
  auto* const state = static_cast<OwnedState*>(call[0].As<Napi::External<State>>().Data());
  give_back_pages(state->data, state->bytes);
  report_bytes(call.Env(), state, 0);
}

// No run of the program may be under way; a later one takes new memory.
void release_arenas(const Napi::CallbackInfo& call) {
  RunMemory& memory = *call[0].As<Napi::External<Program>>().Data()->memory;
  for (Arena* arena : {&memory.executor_arena, &memory.caller_arena, &memory.caller_scratch}) {
    arena->release();
  }
}

Napi::Value pin(const Napi::CallbackInfo& call) {
  void* held = hold_memory_of(call.Env(), call[0]);
  if (!held) return call.Env().Undefined();
  return Napi::External<void>::New(call.Env(), held, [](Napi::Env, void* gone) { release_memory(gone); });
}

Napi::Value load(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  std::unique_ptr<Program> program = read_program(call);
  const int64_t bytes = program->arena_bytes + static_cast<int64_t>(program->words.size() * sizeof(int32_t));
  ++programs_alive;
  native_bytes += bytes;
  Napi::MemoryManagement::AdjustExternalMemory(env, bytes);
  return Napi::External<Program>::New(env, program.release(), [bytes](Napi::Env ended, Program* gone) {
    --programs_alive;
    native_bytes -= bytes;
    Napi::MemoryManagement::AdjustExternalMemory(ended, -bytes);
    delete gone;
  });
}

Napi::Value profile(const Napi::CallbackInfo& call) {
  const Program& program = *call[0].As<Napi::External<Program>>().Data();
  Napi::Float64Array result = Napi::Float64Array::New(call.Env(), program.profile_ns->size());
  for (size_t i = 0; i < program.profile_ns->size(); ++i) {
    __atomic_load(&(*program.profile_ns)[i], &result[i], __ATOMIC_RELAXED);
  }
  return result;
}

// Nanoseconds that the kernels of a step of so many rows are expected to take one thread.
Napi::Value cost_ns(const Napi::CallbackInfo& call) {
  Program* const loaded = call[0].As<Napi::External<Program>>().Data();
  Job job;
  try {
    set_rows(&job, loaded, call[1].As<Napi::Number>().Int64Value(), 0, 0, 0);
  } catch (const PlanError& error) {
    refuse(call.Env(), error.what());
  }
  return Napi::Number::New(call.Env(), job_cost_ns(job));
}

Napi::Value counters(const Napi::CallbackInfo& call) {
  Napi::Object result = Napi::Object::New(call.Env());
  result.Set("bytes", static_cast<double>(native_bytes.load()));
  result.Set("programs", programs_alive.load());
  result.Set("states", states_alive.load());
  result.Set("linked", linked_alive());
  result.Set("jobs", pending_jobs());
  result.Set("beside", static_cast<double>(jobs_beside()));
  return result;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  map_large_allocations();
  set_up_runs(env);
  const std::pair<const char*, Napi::Value (*)(const Napi::CallbackInfo&)> functions[] = {
      {"info", info},
      {"dtypes", dtypes},
      {"signatures", signatures},
      {"threads", threads},
      {"alignment", alignment},
      {"copyBuffer", copy_buffer},
      {"createState", create_state},
      {"pin", pin},
      {"load", load},
      {"link", link},
      {"run", run},
      {"runSync", run_sync},
      {"runInline", run_inline},
      {"bind", bind},
      {"costNs", cost_ns},
      {"profile", profile},
      {"counters", counters}};
  for (const auto& [name, function] : functions) exports.Set(name, Napi::Function::New(env, function, name));
  // Plain N-API: the fewest calls between JavaScript and the kernels.
  const std::pair<const char*, napi_callback> quick[] = {{"runBound", run_bound},
                                                         {"callLinked", call_linked},
                                                         {"startLinked", start_linked},
                                                         {"startLinkedRows", start_linked_rows},
                                                         {"finishLinked", finish_linked},
                                                         {"awaitLinked", await_linked}};
  for (const auto& [name, callback] : quick) {
    napi_value function;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) != napi_ok) continue;
    exports.Set(name, Napi::Value(env, function));
  }
  const std::pair<const char*, void (*)(const Napi::CallbackInfo&)> procedures[] = {
      {"setThreads", set_threads},
      {"mapPages", map_pages},
      {"releaseState", release_state},
      {"releaseArenas", release_arenas},
      {"unlink", unlink}};
  for (const auto& [name, function] : procedures) exports.Set(name, Napi::Function::New(env, function, name));
  return exports;
}

}  // namespace
}  // namespace chainrule::binding

namespace {
Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return chainrule::binding::initialize(env, exports);
}
}  // namespace

NODE_API_MODULE(chainrule, Init)
