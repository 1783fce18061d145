#include "binding/flights.h"

#include <string>
#include <utility>

#include "binding/runs.h"

namespace chainrule::binding {
namespace {

// Work from here on is worth being handed to the executor's thread by one that does not wait for it.
constexpr double kHandedOverFromNs = 40e3;

// On the executor's thread. Until this returns, drain waits for it, so the table is there.
void end_flight(Job* job) {
  auto* const flight = reinterpret_cast<Flight*>(job);
  FlightTable* const table = flight->table;
  const std::lock_guard<std::mutex> hold(table->mutex);
  flight->done = true;
  if (flight->landing) table->deliver.NonBlockingCall(flight->landing);
  table->changed.notify_all();
}

// Waits for the end of a run, whose row is free then.
RunReport end_of(FlightTable* table, uint32_t number) {
  std::unique_lock<std::mutex> hold(table->mutex);
  table->changed.wait(hold, [&] { return table->rows[number]->done; });
  const RunReport report = table->rows[number]->job.report;
  table->rows[number].reset();
  table->unused.push_back(number);
  --table->begun;
  return report;
}

uint32_t enter_flight(FlightTable* table, std::unique_ptr<Flight> flight) {
  const std::lock_guard<std::mutex> hold(table->mutex);
  auto number = static_cast<uint32_t>(table->rows.size());
  if (table->unused.empty()) {
    table->rows.push_back(std::move(flight));
  } else {
    number = table->unused.back();
    table->unused.pop_back();
    table->rows[number] = std::move(flight);
  }
  ++table->begun;
  return number;
}

void leave_unstarted(FlightTable* table, uint32_t number) {
  const std::lock_guard<std::mutex> hold(table->mutex);
  table->rows[number].reset();
  table->unused.push_back(number);
  --table->begun;
}

// The flight that a call is about, or nullptr after an error was thrown.
Flight* flight_of(napi_env env, napi_callback_info call, FlightTable* table, uint32_t* number) {
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

}  // namespace

// On the JavaScript thread. Without an environment, clean_up_flights has done this already.
void deliver_landing(Napi::Env env, Napi::Function, std::nullptr_t*, Landing* landing) {
  if (env == nullptr) return;
  FlightTable& table = *landing->table;
  table.landings.erase(landing->place);
  if (table.landings.empty()) napi_unref_threadsafe_function(env, table.deliver);
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) == napi_ok) {
    napi_value nothing;
    if (napi_get_undefined(env, &nothing) == napi_ok) {
      napi_resolve_deferred(env, landing->deferred, nothing);
    }
    napi_close_handle_scope(env, scope);
  }
  delete landing;
}

void set_up_flights(Napi::Env env, FlightTable* table) {
  table->deliver = DeliverLanding::New(env, "chainrule flights", 0, 1);
  table->deliver.Unref(env);
}

void clean_up_flights(FlightTable* table) {
  drain(table);
  for (Landing* landing : table->landings) delete landing;
  table->landings.clear();
  table->deliver.Abort();
}

napi_value start_linked(napi_env env, napi_callback_info call) {
  const LinkedArguments given(env, call);
  FlightTable* const table = flight_table(env);
  Linked* const linked = linked_of(env, given);
  if (!linked || !table) return refuse_linked(env);
  // What is under way may read or write the same arrays: the executor's order is theirs.
  const bool brief = job_cost_ns(linked->job) < kHandedOverFromNs;
  if (brief && table->begun == 0) return run_linked(env, given, linked);
  auto flight = std::make_unique<Flight>();
  static_assert(offsetof(Flight, job) == 0, "a flight is found by the address of its job");
  Flight* const begun = flight.get();
  Job& job = begun->job;
  begun->table = table;
  begun->linked = linked;
  job.program = linked->program.get();
  job.owner = table;
  job.finished = end_flight;
  const std::string why = bind_arrays(env, given, &job);
  if (!why.empty()) {
    napi_throw_error(env, "ERR_PLAN", why.c_str());
    return nullptr;
  }
  const uint32_t number = enter_flight(table, std::move(flight));
  try {
    submit(&job);
  } catch (const std::exception& error) {
    leave_unstarted(table, number);
    napi_throw_error(env, "ERR_PLAN", error.what());
    return nullptr;
  }
  return number_of(env, number);
}

napi_value finish_linked(napi_env env, napi_callback_info call) {
  FlightTable* const table = flight_table(env);
  uint32_t number = 0;
  if (!flight_of(env, call, table, &number)) return nullptr;
  const RunReport report = end_of(table, number);
  return report.end == RunEnd::done ? nullptr : array_of(env, report);
}

napi_value await_linked(napi_env env, napi_callback_info call) {
  FlightTable* const table = flight_table(env);
  uint32_t number = 0;
  Flight* const flight = flight_of(env, call, table, &number);
  if (!flight) return nullptr;
  if (flight->landing) {
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
  if (flight->done) {
    napi_resolve_deferred(env, deferred, nothing);
    return promise;
  }
  if (table->landings.empty()) napi_ref_threadsafe_function(env, table->deliver);
  auto* const landing = new Landing{table, {}, deferred};
  landing->place = table->landings.insert(table->landings.end(), landing);
  flight->landing = landing;
  return promise;
}

void ground(FlightTable* table, const Linked* linked) {
  std::unique_lock<std::mutex> hold(table->mutex);
  table->changed.wait(hold, [&] {
    for (const auto& flight : table->rows) {
      if (flight && flight->linked == linked && !flight->done) return false;
    }
    return true;
  });
}

}  // namespace chainrule::binding
