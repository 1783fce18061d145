// Runs of linked programs that the calling thread does not wait for: it goes on, and asks for the end later.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "binding/linked.h"
#include "runtime/executor.h"

namespace chainrule::binding {

struct FlightTable;
struct Landing;

// A run that was begun.
struct Flight {
  Job job;
  FlightTable* table = nullptr;
  Linked* linked = nullptr;
  Landing* landing = nullptr;  // what to tell JavaScript at the end
  bool done = false;
};

// A promise for the end of a run, which outlives it.
struct Landing {
  FlightTable* table;
  std::list<Landing*>::iterator place;
  napi_deferred deferred = nullptr;
};

void deliver_landing(Napi::Env env, Napi::Function, std::nullptr_t*, Landing* landing);
using DeliverLanding = Napi::TypedThreadSafeFunction<std::nullptr_t, Landing, deliver_landing>;

// Those of one thread, by the numbers that JavaScript has for them. The executor runs them in their order.
struct FlightTable {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<Flight>> rows;
  std::vector<uint32_t> unused;
  size_t begun = 0;  // and not finished by JavaScript
  std::list<Landing*> landings;
  DeliverLanding deliver;
};

void set_up_flights(Napi::Env env, FlightTable* table);
// The thread of this table ends: after this the executor may not read anything of it.
void clean_up_flights(FlightTable* table);

// One run, from (number, ...arrays). The number of the flight, or where the run was made at once what
// call_linked returns.
napi_value start_linked(napi_env env, napi_callback_info call);
// Waits for the end, from (flight). Undefined if it is done, else the words of the report.
napi_value finish_linked(napi_env env, napi_callback_info call);
// A promise that settles at the end, from (flight).
napi_value await_linked(napi_env env, napi_callback_info call);
// Waits until no flight of the program is under way.
void ground(FlightTable* table, const Linked* linked);

}  // namespace chainrule::binding
