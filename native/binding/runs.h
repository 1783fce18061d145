// Runs of programs, on the executor and on the calling thread, and how their reports reach JavaScript.
#pragma once

#include <napi.h>

#include "runtime/executor.h"

namespace chainrule::binding {

Napi::Value run(const Napi::CallbackInfo& call);
Napi::Value run_sync(const Napi::CallbackInfo& call);
// Undefined if the job should not run inline.
Napi::Value run_inline(const Napi::CallbackInfo& call);
// A run of which only the contents of its arrays change: bound once, then a call without anything to read.
Napi::Value bind(const Napi::CallbackInfo& call);
// Undefined if all steps were committed, else the words of the report.
napi_value run_bound(napi_env env, napi_callback_info call);

// That of this thread; nullptr where it is ending.
struct LinkedTable;
LinkedTable* linked_table(napi_env env);
struct PendingRuns;
PendingRuns* pending_runs(napi_env env);

// The words of a report as an Int32Array, or nullptr if there can be none.
napi_value array_of(napi_env env, const RunReport& report);

// Prepares this thread's instance of the addon for runs, and for its end.
void set_up_runs(Napi::Env env);

}  // namespace chainrule::binding
