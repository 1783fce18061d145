#include "binding/arguments.h"

#include <cstdlib>
#include <utility>

#include "binding/pin.h"
#include "runtime/cpu.h"

namespace chainrule::binding {
namespace {

struct TypedArray {
  napi_typedarray_type type;
  size_t length;
  void* data;
  napi_value buffer;
};

// False for anything but a typed array.
bool read_typed_array(Napi::Env env, napi_value value, TypedArray* array) {
  bool typed = false;
  return napi_is_typedarray(env, value, &typed) == napi_ok && typed &&
         napi_get_typedarray_info(env, value, &array->type, &array->length, &array->data, &array->buffer,
                                  nullptr) == napi_ok;
}

// Newer than the headers that this is built with.
constexpr int kFloat16Array = 11;

int64_t bytes_of_element(napi_typedarray_type type) {
  if (static_cast<int>(type) == kFloat16Array) return 2;
  switch (type) {
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array: return 8;
    case napi_float32_array:
    case napi_int32_array:
    case napi_uint32_array: return 4;
    case napi_int16_array:
    case napi_uint16_array: return 2;
    default: return 1;
  }
}

const int32_t* read_cancel_flag(Napi::Env env, const Napi::Value& flag) {
  const bool words = flag.IsTypedArray() && flag.As<Napi::TypedArray>().TypedArrayType() == napi_int32_array;
  const Bytes bytes = words ? bytes_of_array(env, flag) : Bytes{nullptr, 0};
  if (bytes.bytes < 4) refuse(env, "the cancel flag is no Int32Array with an element");
  return reinterpret_cast<const int32_t*>(bytes.data);
}

int64_t number_of(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Int64Value() : 0;
}

}  // namespace

void refuse(Napi::Env env, const std::string& why) {
  Napi::Error error = Napi::Error::New(env, why);
  error.Set("code", Napi::String::New(env, "ERR_PLAN"));
  throw error;
}

Bytes bytes_of_array(Napi::Env env, napi_value value) {
  TypedArray array;
  if (!read_typed_array(env, value, &array)) refuse(env, "expected a typed array");
  int64_t bytes;
  if (__builtin_mul_overflow(array.length, bytes_of_element(array.type), &bytes)) {
    refuse(env, "a typed array is too large");
  }
  return {static_cast<char*>(array.data), bytes};
}

bool read_bytes(napi_env env, napi_value value, Bytes* bytes) {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return false;
  bytes->data = static_cast<char*>(data);
  return !__builtin_mul_overflow(length, bytes_of_element(type), &bytes->bytes);
}

void* hold_memory_of(Napi::Env env, napi_value value) {
  TypedArray array;
  return read_typed_array(env, value, &array) ? hold_memory(env, array.buffer) : nullptr;
}

const KernelTable& table_named(Napi::Env env, const Napi::Value& name) {
  if (!name.IsString()) {
    const char* wanted = std::getenv("CHAINRULE_ISA");
    if (wanted && *wanted && !find_table(wanted)) {
      refuse(env, "CHAINRULE_ISA asks for \"" + std::string(wanted) +
                      "\", which this machine or build does not have");
    }
    return *default_table();
  }
  const std::string text = name.As<Napi::String>().Utf8Value();
  const KernelTable* table = find_table(text);
  if (!table) refuse(env, "no instruction set \"" + text + "\" here");
  return *table;
}

std::unique_ptr<Program> read_program(const Napi::CallbackInfo& call, std::shared_ptr<RunMemory> memory) {
  const Napi::Env env = call.Env();
  const Bytes words = bytes_of_array(env, call[0]);
  std::vector<std::string> names;
  const auto list = call[1].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value name = list[i];
    names.push_back(name.ToString().Utf8Value());
  }
  const KernelTable& table = table_named(env, call[2]);
  try {
    return load_program(reinterpret_cast<const int32_t*>(words.data), words.bytes / 4, names, table,
                        std::move(memory));
  } catch (const std::exception& error) {
    refuse(env, error.what());
  }
}

void set_steps(Napi::Env env, Job* job, Program* loaded, const RunSteps& numbers) {
  job->steps = numbers.steps;
  if (job->steps < 0 || job->steps > INT32_MAX) refuse(env, "the number of steps is out of range");
  try {
    set_rows(job, loaded, numbers.rows, numbers.last_rows, numbers.every, numbers.phase);
  } catch (const PlanError& error) {
    refuse(env, error.what());
  }
  const char* state = job->state ? job->state->data : nullptr;
  const int64_t state_bytes = job->state ? job->state->bytes : 0;
  const std::string why =
      check_bindings(*job->program, job->io, job->steps, state, state_bytes, job->cycle);
  if (!why.empty()) refuse(env, why);
}

Napi::Value memory_of(Napi::Env env, const Napi::Value& state) {
  if (!state.IsExternal()) return env.Undefined();
  const Napi::Value memory =
      static_cast<OwnedState*>(state.As<Napi::External<State>>().Data())->memory.Value();
  if (memory.IsEmpty()) refuse(env, "the memory of this state is gone");
  return memory;
}

void read_job(const Napi::CallbackInfo& call, Job* job) {
  const Napi::Env env = call.Env();
  Program* const loaded = call[0].As<Napi::External<Program>>().Data();
  memory_of(env, call[1]);
  if (call[1].IsExternal()) job->state = call[1].As<Napi::External<State>>().Data();
  const auto arrays = call[2].As<Napi::Array>();
  for (uint32_t i = 0; i < arrays.Length(); ++i) {
    const Bytes bytes = bytes_of_array(env, static_cast<Napi::Value>(arrays[i]));
    job->io.push_back({bytes.data, bytes.bytes});
  }
  const auto options = call[4].As<Napi::Object>();
  job->high_priority = options.Get("highPriority").ToBoolean();
  job->profile = options.Get("profile").ToBoolean();
  const Napi::Value cancel = options.Get("cancel");
  if (!cancel.IsUndefined()) job->cancel = read_cancel_flag(env, cancel);
  set_steps(env, job, loaded,
            {call[3].As<Napi::Number>().Int64Value(), number_of(options, "rows"),
             number_of(options, "lastRows"), number_of(options, "every"), number_of(options, "phase")});
}

Napi::Array kept_by_job(const Napi::CallbackInfo& call) {
  Napi::Array kept = Napi::Array::New(call.Env());
  for (size_t i = 0; i < 3; ++i) kept.Set(static_cast<uint32_t>(i), call[i]);
  kept.Set(3u, memory_of(call.Env(), call[1]));
  kept.Set(4u, call[4].As<Napi::Object>().Get("cancel"));
  return kept;
}

}  // namespace chainrule::binding
