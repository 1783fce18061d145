#include "binding/pending_runs.h"

#include <chrono>
#include <string>
#include <utility>

#include "binding/runs.h"

namespace chainrule::binding {
namespace {

// Work from here on is worth being handed to the executor's thread by one that does not wait for it.
constexpr double kHandedOverFromNs = 40e3;

// After so long a thread that waits looks again whether it can join.
constexpr std::chrono::milliseconds kLook{1};

// On the executor's thread. Until this returns, drain waits for it, so the table is there.
void complete_run(Job* job) {
  auto* const run = reinterpret_cast<PendingRun*>(job);
  PendingRuns* const table = run->table;
  const std::lock_guard<std::mutex> hold(table->mutex);
  run->done.store(true, std::memory_order_release);
  if (run->completion) table->deliver.NonBlockingCall(run->completion);
  table->changed.notify_all();
}

// Joins a run, as long as there is something to do in it.
void join(PendingRuns* table, PendingRun* run) {
  while (!run->done.load(std::memory_order_acquire)) {
    run->job.joint.help_until(run->done);
    std::unique_lock<std::mutex> hold(table->mutex);
    table->changed.wait_for(hold, kLook, [run] { return run->done.load(std::memory_order_relaxed); });
  }
}

// Waits for the end of a run, whose row is free then.
RunReport end_of(PendingRuns* table, uint32_t number) {
  PendingRun* const run = table->rows[number].get();
  if (run->job.is_joint) join(table, run);
  std::unique_lock<std::mutex> hold(table->mutex);
  table->changed.wait(hold, [run] { return run->done.load(std::memory_order_relaxed); });
  const RunReport report = table->rows[number]->job.report;
  table->rows[number].reset();
  table->unused.push_back(number);
  --table->begun;
  return report;
}

uint32_t add_run(PendingRuns* table, std::unique_ptr<PendingRun> run) {
  const std::lock_guard<std::mutex> hold(table->mutex);
  auto number = static_cast<uint32_t>(table->rows.size());
  if (table->unused.empty()) {
    table->rows.push_back(std::move(run));
  } else {
    number = table->unused.back();
    table->unused.pop_back();
    table->rows[number] = std::move(run);
  }
  ++table->begun;
  return number;
}

void leave_unstarted(PendingRuns* table, uint32_t number) {
  const std::lock_guard<std::mutex> hold(table->mutex);
  table->rows[number].reset();
  table->unused.push_back(number);
  --table->begun;
}

// The run that a call is about, or nullptr after an error was thrown.
PendingRun* run_of(napi_env env, napi_callback_info call, PendingRuns* table, uint32_t* number) {
  size_t count = 1;
  napi_value argument;
  const bool read = napi_get_cb_info(env, call, &count, &argument, nullptr, nullptr) == napi_ok &&
                    count >= 1 && napi_get_value_uint32(env, argument, number) == napi_ok;
  if (read && table && *number < table->rows.size() && table->rows[*number]) {
    return table->rows[*number].get();
  }
  napi_throw_error(env, "ERR_PLAN", "expected the number of a run that was started");
  return nullptr;
}

napi_value number_of(napi_env env, uint32_t number) {
  napi_value result;
  return napi_create_uint32(env, number, &result) == napi_ok ? result : nullptr;
}

// Hands a run of the program that the linked job has to the executor. Its arrays are those from `first` on.
napi_value submit_linked(napi_env env, const LinkedArguments& given, size_t first, Linked* linked,
                         PendingRuns* table) {
  auto run = std::make_unique<PendingRun>();
  static_assert(offsetof(PendingRun, job) == 0, "a run is found by the address of its job");
  PendingRun* const begun = run.get();
  Job& job = begun->job;
  begun->table = table;
  begun->linked = linked;
  job.program = linked->job.program;
  job.kept[0] = linked->job.kept[0];
  job.owner = table;
  job.finished = complete_run;
  job.is_joint = may_be_joint(job);
  const std::string why = bind_arrays(env, given, first, &job);
  if (!why.empty()) {
    napi_throw_error(env, "ERR_PLAN", why.c_str());
    return nullptr;
  }
  const uint32_t number = add_run(table, std::move(run));
  try {
    submit(&job);
  } catch (const std::exception& error) {
    leave_unstarted(table, number);
    napi_throw_error(env, "ERR_PLAN", error.what());
    return nullptr;
  }
  return number_of(env, number);
}

napi_value start(napi_env env, const LinkedArguments& given, size_t first, Linked* linked,
                 PendingRuns* table) {
  // What is under way may read or write the same arrays: the executor's order is theirs.
  const bool brief = job_cost_ns(linked->job) < kHandedOverFromNs;
  if (brief && table->begun == 0) return run_linked(env, given, first, linked);
  return submit_linked(env, given, first, linked, table);
}

}  // namespace

// On the JavaScript thread. Without an environment, clean_up_pending_runs has done this already.
void deliver_completion(Napi::Env env, Napi::Function, std::nullptr_t*, Completion* completion) {
  if (env == nullptr) return;
  PendingRuns& table = *completion->table;
  table.completions.erase(completion->place);
  if (table.completions.empty()) napi_unref_threadsafe_function(env, table.deliver);
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) == napi_ok) {
    napi_value nothing;
    if (napi_get_undefined(env, &nothing) == napi_ok) {
      napi_resolve_deferred(env, completion->deferred, nothing);
    }
    napi_close_handle_scope(env, scope);
  }
  delete completion;
}

void set_up_pending_runs(Napi::Env env, PendingRuns* table) {
  table->deliver = DeliverCompletion::New(env, "chainrule pending runs", 0, 1);
  table->deliver.Unref(env);
}

void clean_up_pending_runs(PendingRuns* table) {
  drain(table);
  for (Completion* completion : table->completions) delete completion;
  table->completions.clear();
  table->deliver.Abort();
}

napi_value start_linked(napi_env env, napi_callback_info call) {
  const LinkedArguments given(env, call);
  PendingRuns* const table = pending_runs(env);
  Linked* const linked = linked_of(env, given);
  return linked && table ? start(env, given, 1, linked, table) : refuse_linked(env);
}

napi_value start_linked_rows(napi_env env, napi_callback_info call) {
  const LinkedArguments given(env, call);
  PendingRuns* const table = pending_runs(env);
  Linked* const linked = linked_of(env, given);
  uint32_t rows = 0;
  if (!linked || !table || given.count() < 2 || napi_get_value_uint32(env, given[1], &rows) != napi_ok) {
    return refuse_linked(env);
  }
  try {
    set_rows(&linked->job, linked->program.get(), rows, 0, 0, 0);
  } catch (const std::exception& error) {
    napi_throw_error(env, "ERR_PLAN", error.what());
    return nullptr;
  }
  return start(env, given, 2, linked, table);
}

napi_value finish_linked(napi_env env, napi_callback_info call) {
  PendingRuns* const table = pending_runs(env);
  uint32_t number = 0;
  if (!run_of(env, call, table, &number)) return nullptr;
  const RunReport report = end_of(table, number);
  return report.end == RunEnd::done ? nullptr : array_of(env, report);
}

napi_value await_linked(napi_env env, napi_callback_info call) {
  PendingRuns* const table = pending_runs(env);
  uint32_t number = 0;
  PendingRun* const run = run_of(env, call, table, &number);
  if (!run) return nullptr;
  if (run->completion) {
    napi_throw_error(env, "ERR_PLAN", "this run is awaited already");
    return nullptr;
  }
  napi_value promise, nothing;
  napi_deferred deferred;
  if (napi_get_undefined(env, &nothing) != napi_ok ||
      napi_create_promise(env, &deferred, &promise) != napi_ok) {
    return nullptr;
  }
  const std::lock_guard<std::mutex> hold(table->mutex);
  if (run->done) {
    napi_resolve_deferred(env, deferred, nothing);
    return promise;
  }
  if (table->completions.empty()) napi_ref_threadsafe_function(env, table->deliver);
  auto* const completion = new Completion{table, {}, deferred};
  completion->place = table->completions.insert(table->completions.end(), completion);
  run->completion = completion;
  // This thread goes back to its event loop, and may have nothing to do there.
  if (run->job.is_joint) run->job.joint.invite_helper();
  return promise;
}

void wait_for_runs(PendingRuns* table, const Linked* linked) {
  std::unique_lock<std::mutex> hold(table->mutex);
  table->changed.wait(hold, [&] {
    for (const auto& run : table->rows) {
      if (run && run->linked == linked && !run->done) return false;
    }
    return true;
  });
}

}  // namespace chainrule::binding
