#include "binding/runs.h"

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <vector>

#include "binding/arguments.h"
#include "binding/pending_runs.h"
#include "binding/linked.h"
#include "binding/pin.h"
#include "runtime/calls.h"

namespace chainrule::binding {
namespace {

struct Pending;
void deliver(Napi::Env env, Napi::Function, std::nullptr_t*, Pending* pending);
using Deliver = Napi::TypedThreadSafeFunction<std::nullptr_t, Pending, deliver>;

// What belongs to one thread's instance of the addon.
struct Environment {
  Deliver deliver;
  std::list<Pending*> pending;
  LinkedTable linked;
  PendingRuns pending_runs;
};

// A run that JavaScript waits for.
struct Pending {
  Job job;
  Environment* environment;
  std::list<Pending*>::iterator place;
  napi_deferred deferred = nullptr;
  napi_ref kept = nullptr;  // everything the job points to
  std::vector<void*> held;  // and its memory, in case an array loses it during the run

  ~Pending() {
    for (void* memory : held) release_memory(memory);
  }
};

// On the JavaScript thread, after a run. Without an environment, clean_up has done this already.
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

void hold_arrays(const Napi::CallbackInfo& call, Pending* pending) {
  const auto arrays = call[2].As<Napi::Array>();
  for (uint32_t i = 0; i < arrays.Length(); ++i) {
    void* const memory = hold_memory_of(call.Env(), static_cast<Napi::Value>(arrays[i]));
    if (memory) pending->held.push_back(memory);
  }
}

// The thread of this environment ends: after this the executor may not read anything of it.
void clean_up(Environment* environment) {
  drain(environment);
  for (Pending* pending : environment->pending) delete pending;
  environment->pending.clear();
  environment->deliver.Abort();
  clean_up_pending_runs(&environment->pending_runs);
}

// What it points to is kept alive in JavaScript by whoever binds, so that one collection finds all of it.
struct Bound {
  Job job;
  Program* loaded = nullptr;
  RunSteps numbers;  // of the last run
};

// False if an error was thrown.
bool set_bound(napi_env env, Bound* bound, const RunSteps& numbers) {
  bound->numbers.steps = -1;
  try {
    set_steps(env, &bound->job, bound->loaded, numbers);
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return false;
  }
  bound->numbers = numbers;
  return true;
}

using ReportWords = std::array<int32_t, 8>;

ReportWords words_of(const RunReport& report) {
  return {report.steps,  static_cast<int32_t>(report.end), report.guard, report.position, report.value,
          report.anomaly, report.iteration,                    report.anomaly_iteration};
}

}  // namespace

// Plain N-API, because in a worker that is being terminated every call fails, and an uncaught C++ exception
// outside of the wrappers would end the process.
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

LinkedTable* linked_table(napi_env env) {
  void* data = nullptr;
  if (napi_get_instance_data(env, &data) != napi_ok || !data) return nullptr;
  return &static_cast<Environment*>(data)->linked;
}

PendingRuns* pending_runs(napi_env env) {
  void* data = nullptr;
  if (napi_get_instance_data(env, &data) != napi_ok || !data) return nullptr;
  return &static_cast<Environment*>(data)->pending_runs;
}

Napi::Value run(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  auto* environment = env.GetInstanceData<Environment>();
  auto pending = std::make_unique<Pending>();
  read_job(call, &pending->job);
  hold_arrays(call, pending.get());
  napi_value promise;
  if (napi_create_reference(env, kept_by_job(call), 1, &pending->kept) != napi_ok ||
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
  submit(&pending->job);  // throws if no thread can be started
  // The job may be finished by now, but it is delivered only after this function has returned.
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

Napi::Value run_inline(const Napi::CallbackInfo& call) {
  Job job;
  read_job(call, &job);
  return Napi::Value(call.Env(), chainrule::run_inline(&job) ? array_of(call.Env(), job.report) : nullptr);
}

Napi::Value bind(const Napi::CallbackInfo& call) {
  auto bound = std::make_unique<Bound>();
  read_job(call, &bound->job);
  bound->loaded = call[0].As<Napi::External<Program>>().Data();
  bound->numbers.steps = -1;
  return Napi::External<Bound>::New(call.Env(), bound.release(), [](Napi::Env, Bound* gone) { delete gone; });
}

napi_value run_bound(napi_env env, napi_callback_info call) {
  size_t count = 6;
  napi_value arguments[6];
  void* data = nullptr;
  RunSteps numbers;
  int64_t* const fields[] = {&numbers.steps, &numbers.rows, &numbers.last_rows, &numbers.every,
                             &numbers.phase};
  bool read = napi_get_cb_info(env, call, &count, arguments, nullptr, nullptr) == napi_ok && count == 6 &&
              napi_get_value_external(env, arguments[0], &data) == napi_ok;
  for (size_t i = 0; read && i < 5; ++i) {
    read = napi_get_value_int64(env, arguments[i + 1], fields[i]) == napi_ok;
  }
  if (!read) {
    napi_throw_type_error(env, "ERR_PLAN", "expected a bound run and five numbers");
    return nullptr;
  }
  auto* const bound = static_cast<Bound*>(data);
  if (!(numbers == bound->numbers) && !set_bound(env, bound, numbers)) return nullptr;
  Job& job = bound->job;
  job.report = RunReport{};
  run_here(&job);
  return job.report.end == RunEnd::done ? nullptr : array_of(env, job.report);
}

void set_up_runs(Napi::Env env) {
  auto* environment = new Environment;
  environment->deliver = Deliver::New(env, "chainrule", 0, 1);
  environment->deliver.Unref(env);
  set_up_pending_runs(env, &environment->pending_runs);
  env.SetInstanceData(environment);
  env.AddCleanupHook(clean_up, environment);
}

}  // namespace chainrule::binding
