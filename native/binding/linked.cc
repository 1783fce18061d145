#include "binding/linked.h"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "binding/arguments.h"
#include "binding/pending_runs.h"
#include "binding/runs.h"
#include "runtime/calls.h"

namespace chainrule::binding {
namespace {

std::atomic<int32_t> alive{0};

// What the collector is told of each: its tables and its frame.
constexpr int64_t kLinkedBytes = 4096;

Linked* row_of(LinkedTable* table, uint32_t number) {
  return table && number < table->rows.size() ? table->rows[number].get() : nullptr;
}

}  // namespace

LinkedArguments::LinkedArguments(napi_env env, napi_callback_info call) {
  if (napi_get_cb_info(env, call, &count_, few_, nullptr, nullptr) != napi_ok) count_ = 0;
  if (count_ <= kFew) return;
  many_.resize(count_);
  if (napi_get_cb_info(env, call, &count_, many_.data(), nullptr, nullptr) != napi_ok) count_ = 0;
}

Linked* linked_of(napi_env env, const LinkedArguments& given) {
  uint32_t number = 0;
  if (given.count() == 0 || napi_get_value_uint32(env, given[0], &number) != napi_ok) return nullptr;
  return row_of(linked_table(env), number);
}

napi_value refuse_linked(napi_env env) {
  napi_throw_error(env, "ERR_PLAN", "expected the number of a linked program, then its arrays");
  return nullptr;
}

std::string bind_arrays(napi_env env, const LinkedArguments& given, size_t first, Job* job) {
  job->io.clear();
  for (size_t i = first; i < given.count(); ++i) {
    Bytes bytes{nullptr, 0};
    if (!read_bytes(env, given[i], &bytes)) return "expected a typed array";
    job->io.push_back({bytes.data, bytes.bytes});
  }
  return check_bindings(*job->program, job->io, job->steps, nullptr, 0);
}

Linked::Linked(std::unique_ptr<Program> loaded) : program(std::move(loaded)) {
  job.program = program.get();
  ++alive;
}

Linked::~Linked() { --alive; }

Napi::Value link(const Napi::CallbackInfo& call) {
  LinkedTable& table = *linked_table(call.Env());
  auto linked = std::make_unique<Linked>(read_program(call, table.memory));
  auto number = static_cast<uint32_t>(table.rows.size());
  if (table.unused.empty()) {
    table.rows.push_back(std::move(linked));
  } else {
    number = table.unused.back();
    table.unused.pop_back();
    table.rows[number] = std::move(linked);
  }
  Napi::MemoryManagement::AdjustExternalMemory(call.Env(), kLinkedBytes);
  return Napi::Number::New(call.Env(), number);
}

napi_value run_linked(napi_env env, const LinkedArguments& given, size_t first, Linked* linked) {
  Job& job = linked->job;
  try {
    const std::string why = bind_arrays(env, given, first, &job);
    if (!why.empty()) {
      napi_throw_error(env, "ERR_PLAN", why.c_str());
      return nullptr;
    }
    job.report = RunReport{};
    run_now(&job);
  } catch (const std::exception& error) {
    napi_throw_error(env, "ERR_PLAN", error.what());
    return nullptr;
  }
  return job.report.end == RunEnd::done ? nullptr : array_of(env, job.report);
}

napi_value call_linked(napi_env env, napi_callback_info call) {
  const LinkedArguments given(env, call);
  Linked* const linked = linked_of(env, given);
  return linked ? run_linked(env, given, 1, linked) : refuse_linked(env);
}

void unlink(const Napi::CallbackInfo& call) {
  LinkedTable* const table = linked_table(call.Env());
  const uint32_t number = call[0].As<Napi::Number>().Uint32Value();
  const Linked* const linked = row_of(table, number);
  if (!linked) return;
  wait_for_runs(pending_runs(call.Env()), linked);
  table->rows[number].reset();
  table->unused.push_back(number);
  Napi::MemoryManagement::AdjustExternalMemory(call.Env(), -kLinkedBytes);
}

int32_t linked_alive() { return alive.load(); }

}  // namespace chainrule::binding
