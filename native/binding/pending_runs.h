// Runs of linked programs that the calling thread does not wait for: it goes on, and asks for the end later.
#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "binding/linked.h"
#include "runtime/executor.h"

namespace chainrule::binding {

struct PendingRuns;
struct Completion;

// A run that was begun.
struct PendingRun {
  Job job;
  PendingRuns* table = nullptr;
  Linked* linked = nullptr;
  Completion* completion = nullptr;  // what to tell JavaScript at the end
  std::atomic<bool> done{false};     // written under the table's mutex
};

// A promise for the end of a run, which outlives it.
struct Completion {
  PendingRuns* table;
  std::list<Completion*>::iterator place;
  napi_deferred deferred = nullptr;
};

void deliver_completion(Napi::Env env, Napi::Function, std::nullptr_t*, Completion* completion);
using DeliverCompletion = Napi::TypedThreadSafeFunction<std::nullptr_t, Completion, deliver_completion>;

// Those of one thread, by the numbers that JavaScript has for them. The executor runs them in their order.
struct PendingRuns {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<PendingRun>> rows;
  std::vector<uint32_t> unused;
  size_t begun = 0;  // and not finished by JavaScript
  std::list<Completion*> completions;
  DeliverCompletion deliver;
};

void set_up_pending_runs(Napi::Env env, PendingRuns* table);
// The thread of this table ends: after this the executor may not read anything of it.
void clean_up_pending_runs(PendingRuns* table);

// One run, from (number, ...arrays). The number of the run, or where the run was made at once what
// call_linked returns.
napi_value start_linked(napi_env env, napi_callback_info call);
// The same for so many rows, from (number, rows, ...arrays).
napi_value start_linked_rows(napi_env env, napi_callback_info call);
// Waits for the end, from (run). Undefined if it is done, else the words of the report.
napi_value finish_linked(napi_env env, napi_callback_info call);
// A promise that settles at the end, from (run).
napi_value await_linked(napi_env env, napi_callback_info call);
// Waits until no run of the program is under way.
void wait_for_runs(PendingRuns* table, const Linked* linked);

}  // namespace chainrule::binding
