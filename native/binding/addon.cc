// The border to JavaScript: the functions that lib/runtime/addon.ts types. No mathematics.
#include <napi.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "binding/arguments.h"
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

// Whoever has a state in JavaScript has its buffer too, and a run keeps both. So the reference here is weak: a
// strong one would let the memory outlive the state by a collection.
struct OwnedState : State {
  Napi::ObjectReference memory;
};

// The buffer, alive for as long as the calling function runs.
Napi::Value memory_of(Napi::Env env, const Napi::Value& state) {
  if (!state.IsExternal()) return env.Undefined();
  const Napi::Value memory =
      static_cast<OwnedState*>(state.As<Napi::External<State>>().Data())->memory.Value();
  if (memory.IsEmpty()) refuse(env, "the memory of this state is gone");
  return memory;
}

Napi::Value create_state(const Napi::CallbackInfo& call) {
  const Bytes bytes = bytes_of_array(call.Env(), call[0]);
  auto* state = new OwnedState;
  state->data = bytes.data;
  state->bytes = bytes.bytes;
  if (bytes.bytes >= kHugeFromBytes) prefer_huge_pages(bytes.data, bytes.bytes);
  state->memory = Napi::Weak(call[0].As<Napi::Object>().Get("buffer").As<Napi::Object>());
  ++states_alive;
  // The collector does not count shared memory; untold, it lets many models pile up before it looks for them.
  Napi::MemoryManagement::AdjustExternalMemory(call.Env(), state->bytes);
  return Napi::External<State>::New(call.Env(), state, [](Napi::Env ended, State* gone) {
    --states_alive;
    Napi::MemoryManagement::AdjustExternalMemory(ended, -gone->bytes);
    delete static_cast<OwnedState*>(gone);
  });
}

Napi::Value pin(const Napi::CallbackInfo& call) {
  void* held = hold_memory_of(call.Env(), call[0]);
  if (!held) return call.Env().Undefined();
  return Napi::External<void>::New(call.Env(), held, [](Napi::Env, void* gone) { release_memory(gone); });
}

Napi::Value load(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const Bytes words = bytes_of_array(env, call[0]);
  std::vector<std::string> names;
  const auto list = call[1].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value name = list[i];
    names.push_back(name.ToString().Utf8Value());
  }
  std::unique_ptr<Program> program;
  try {
    program = load_program(reinterpret_cast<const int32_t*>(words.data), words.bytes / 4, names,
                           table_named(env, call[2]));
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    refuse(env, error.what());
  }
  const int64_t bytes = program->arena_bytes + words.bytes;
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

// Fills a job from (program, state, io, steps, options) and checks that the arrays fit.
void read_job(const Napi::CallbackInfo& call, Job* job) {
  const Napi::Env env = call.Env();
  job->program = call[0].As<Napi::External<Program>>().Data();
  memory_of(env, call[1]);
  if (call[1].IsExternal()) job->state = call[1].As<Napi::External<State>>().Data();
  const auto arrays = call[2].As<Napi::Array>();
  for (uint32_t i = 0; i < arrays.Length(); ++i) {
    const Bytes bytes = bytes_of_array(env, static_cast<Napi::Value>(arrays[i]));
    job->io.push_back({bytes.data, bytes.bytes});
  }
  job->steps = call[3].As<Napi::Number>().Int64Value();
  if (job->steps < 0 || job->steps > INT32_MAX) refuse(env, "the number of steps is out of range");
  const auto options = call[4].As<Napi::Object>();
  job->urgent = options.Get("urgent").ToBoolean();
  job->profile = options.Get("profile").ToBoolean();
  const Napi::Value cancel = options.Get("cancel");
  if (!cancel.IsUndefined()) {
    const bool words =
        cancel.IsTypedArray() && cancel.As<Napi::TypedArray>().TypedArrayType() == napi_int32_array;
    if (!words || bytes_of_array(env, cancel).bytes < 4)
      refuse(env, "the cancel flag is no Int32Array with an element");
    job->cancel = reinterpret_cast<const int32_t*>(bytes_of_array(env, cancel).data);
  }
  const char* state = job->state ? job->state->data : nullptr;
  const std::string why =
      check_bindings(*job->program, job->io, job->steps, state, job->state ? job->state->bytes : 0);
  if (!why.empty()) refuse(env, why);
}

using ReportWords = std::array<int32_t, 6>;

ReportWords words_of(const RunReport& report) {
  return {report.steps,  static_cast<int32_t>(report.end), report.guard, report.position, report.value,
          report.anomaly};
}

// An Int32Array, or nullptr where there can be none. Plain N-API: in a worker that is being terminated every
// call fails, which is fine, but a C++ exception outside of the wrappers would end the process.
napi_value array_of(napi_env env, const RunReport& report) {
  napi_value buffer, array;
  void* data;
  const ReportWords words = words_of(report);
  if (napi_create_arraybuffer(env, sizeof words, &data, &buffer) != napi_ok ||
      napi_create_typedarray(env, napi_int32_array, words.size(), buffer, 0, &array) != napi_ok) {
    return nullptr;
  }
  std::copy(words.begin(), words.end(), static_cast<int32_t*>(data));
  return array;
}

// On the JavaScript thread, after a run. Without an environment the cleanup hook has done it already.
void deliver(Napi::Env env, Napi::Function, std::nullptr_t*, Pending* pending) {
  if (env == nullptr) return;
  Environment& environment = *pending->environment;
  environment.pending.erase(pending->place);
  if (environment.pending.empty()) napi_unref_threadsafe_function(env, environment.deliver);
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) == napi_ok) {
    const napi_value words = array_of(env, pending->job.report);
    if (words) napi_resolve_deferred(env, pending->deferred, words);
    napi_close_handle_scope(env, scope);
  }
  napi_delete_reference(env, pending->kept);
  delete pending;
}

// What a job points to, in one object: program, state, arrays and the memory of the state.
Napi::Array keep_operands(const Napi::CallbackInfo& call) {
  Napi::Array kept = Napi::Array::New(call.Env());
  for (uint32_t i = 0; i < 3; ++i) kept.Set(i, call[i]);
  kept.Set(3u, memory_of(call.Env(), call[1]));
  return kept;
}

void hold_arrays(const Napi::CallbackInfo& call, Pending* pending) {
  const auto arrays = call[2].As<Napi::Array>();
  for (uint32_t i = 0; i < arrays.Length(); ++i) {
    napi_value buffer;
    const napi_value array = static_cast<Napi::Value>(arrays[i]);
    if (napi_get_typedarray_info(call.Env(), array, nullptr, nullptr, nullptr, &buffer, nullptr) != napi_ok)
      continue;
    if (void* memory = hold_memory(call.Env(), buffer)) pending->held.push_back(memory);
  }
}

Napi::Value run(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  auto* environment = env.GetInstanceData<Environment>();
  auto pending = std::make_unique<Pending>();
  read_job(call, &pending->job);
  hold_arrays(call, pending.get());
  Napi::Array kept = keep_operands(call);
  kept.Set(4u, call[4].As<Napi::Object>().Get("cancel"));
  napi_value promise;
  if (napi_create_reference(env, kept, 1, &pending->kept) != napi_ok ||
      napi_create_promise(env, &pending->deferred, &promise) != napi_ok) {
    refuse(env, "cannot make a promise");
  }
  pending->environment = environment;
  pending->job.owner = environment;
  pending->job.finished = [](Job* job) {
    auto* done = reinterpret_cast<Pending*>(job);
    done->environment->deliver.NonBlockingCall(done);
  };
  static_assert(offsetof(Pending, job) == 0, "a job is found by its address");
  submit(&pending->job);  // throws where no thread is to be had
  // It may be finished by now, but nobody hears of that before this function returns.
  if (environment->pending.empty()) napi_ref_threadsafe_function(env, environment->deliver);
  Pending* const submitted = pending.release();
  submitted->place = environment->pending.insert(environment->pending.end(), submitted);
  return Napi::Value(env, promise);
}

Napi::Value run_sync(const Napi::CallbackInfo& call) {
  Job job;
  read_job(call, &job);
  run_here(&job);
  return Napi::Value(call.Env(), array_of(call.Env(), job.report));
}

// Undefined where it should not run here and now.
Napi::Value run_at_once(const Napi::CallbackInfo& call) {
  Job job;
  read_job(call, &job);
  return Napi::Value(call.Env(), chainrule::run_at_once(&job) ? array_of(call.Env(), job.report) : nullptr);
}

// A run of which only the numbers in its arrays change: bound once, then one call with nothing to read. What
// it points to is kept by who binds, in JavaScript, so that one collection finds all of it.
struct Bound {
  Job job;
};

Napi::Value bind(const Napi::CallbackInfo& call) {
  auto bound = std::make_unique<Bound>();
  read_job(call, &bound->job);
  return Napi::External<Bound>::New(call.Env(), bound.release(), [](Napi::Env, Bound* gone) { delete gone; });
}

// Undefined where all steps were committed, else the words of the report.
napi_value run_bound(napi_env env, napi_callback_info call) {
  size_t count = 1;
  napi_value argument;
  void* data = nullptr;
  if (napi_get_cb_info(env, call, &count, &argument, nullptr, nullptr) != napi_ok || count < 1 ||
      napi_get_value_external(env, argument, &data) != napi_ok) {
    napi_throw_type_error(env, "ERR_PLAN", "expected a bound run");
    return nullptr;
  }
  Job& job = static_cast<Bound*>(data)->job;
  job.report = RunReport{};
  run_here(&job);
  return job.report.end == RunEnd::done ? nullptr : array_of(env, job.report);
}

Napi::Value profile(const Napi::CallbackInfo& call) {
  const Program& program = *call[0].As<Napi::External<Program>>().Data();
  Napi::Float64Array result = Napi::Float64Array::New(call.Env(), program.profile_ns.size());
  for (size_t i = 0; i < program.profile_ns.size(); ++i) {
    __atomic_load(&program.profile_ns[i], &result[i], __ATOMIC_RELAXED);
  }
  return result;
}

Napi::Value counters(const Napi::CallbackInfo& call) {
  Napi::Object result = Napi::Object::New(call.Env());
  result.Set("bytes", static_cast<double>(native_bytes.load()));
  result.Set("programs", programs_alive.load());
  result.Set("states", states_alive.load());
  result.Set("jobs", pending_jobs());
  return result;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  map_large_allocations();
  set_up_runs(env);
  const std::pair<const char*, Napi::Value (*)(const Napi::CallbackInfo&)> functions[] = {
      {"info", info},
      {"signatures", signatures},
      {"threads", threads},
      {"alignment", alignment},
      {"createState", create_state},
      {"pin", pin},
      {"load", load},
      {"run", run},
      {"runSync", run_sync},
      {"runInline", run_inline},
      {"bind", bind},
      {"profile", profile},
      {"counters", counters}};
  for (const auto& [name, function] : functions) exports.Set(name, Napi::Function::New(env, function, name));
  napi_value quick;  // plain N-API: the fewest calls between JavaScript and the kernels
  if (napi_create_function(env, "runBound", NAPI_AUTO_LENGTH, run_bound, nullptr, &quick) == napi_ok) {
    exports.Set("runBound", Napi::Value(env, quick));
  }
  exports.Set("setThreads", Napi::Function::New(env, set_threads, "setThreads"));
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
