#include "binding/pin.h"

#include <dlfcn.h>

#include <memory>

namespace chainrule {
namespace {

// V8 counts the references to an array's memory and frees it with the last one. N-API cannot add a reference,
// but Node exports the function of V8 that can. In Node a napi_value is the address of a handle's slot, which
// is what V8's member functions take as `this`.
using Share = std::shared_ptr<void>;
using GetBackingStore = Share (*)(void* self);
using ByteLength = size_t (*)(const void* self);

constexpr size_t kTrialBytes = 64;

// Before V8 13, `buffer.transfer(anotherLength)` reallocates the memory even if others share it. Then holding
// a share protects nothing.
bool stays_in_place(napi_env env, napi_value buffer, const Share& share) {
  napi_value transfer, length;
  napi_valuetype type;
  if (napi_get_named_property(env, buffer, "transfer", &transfer) != napi_ok ||
      napi_typeof(env, transfer, &type) != napi_ok) {
    return false;
  }
  if (type != napi_function) return true;
  const auto byte_length =
      reinterpret_cast<ByteLength>(dlsym(RTLD_DEFAULT, "_ZNK2v812BackingStore10ByteLengthEv"));
  if (!byte_length || byte_length(share.get()) != kTrialBytes) return false;
  if (napi_create_uint32(env, 2 * kTrialBytes, &length) != napi_ok ||
      napi_call_function(env, buffer, transfer, 1, &length, nullptr) != napi_ok) {
    return false;
  }
  return byte_length(share.get()) == kTrialBytes;
}

// A shared_ptr is returned through memory that the caller provides, as from any member function. Whether Node
// was built with a compatible standard library is tested with the reference counts of a fresh array.
bool counts_as_expected(napi_env env, GetBackingStore get) {
  napi_value buffer;
  void* data;
  if (napi_create_arraybuffer(env, kTrialBytes, &data, &buffer) != napi_ok) return false;
  auto* first = new Share(get(buffer));
  // If the counts are not as expected, the share is leaked, because releasing it could do harm.
  if (first->get() == nullptr || first->use_count() != 2) return false;
  auto* second = new Share(get(buffer));
  if (second->get() != first->get() || first->use_count() != 3) return false;
  delete second;
  if (first->use_count() != 2) return false;
  const bool safe = stays_in_place(env, buffer, *first);
  delete first;
  return safe;
}

bool has_version_of(napi_env env, const char* runtime) {
  napi_value global, process, versions;
  bool has = true;
  const bool known = napi_get_global(env, &global) == napi_ok &&
                     napi_get_named_property(env, global, "process", &process) == napi_ok &&
                     napi_get_named_property(env, process, "versions", &versions) == napi_ok &&
                     napi_has_named_property(env, versions, runtime, &has) == napi_ok;
  return !known || has;
}

// Other runtimes offer N-API too, and some export V8's names for what is no V8: Bun's abort. They also call
// themselves Node (process.release, napi_get_node_version), but only Node's own program can start Node.
bool is_node(napi_env env) {
  return dlsym(RTLD_DEFAULT, "_ZN4node5StartEiPPc") && !has_version_of(env, "bun") &&
         !has_version_of(env, "deno");
}

GetBackingStore find_function(napi_env env) {
  static const bool in_node = is_node(env);
  if (!in_node) return nullptr;
  static const auto get =
      reinterpret_cast<GetBackingStore>(dlsym(RTLD_DEFAULT, "_ZN2v811ArrayBuffer15GetBackingStoreEv"));
  if (!get) return nullptr;
  static const bool trusted = counts_as_expected(env, get);
  return trusted ? get : nullptr;
}

}  // namespace

void* hold_memory(napi_env env, napi_value buffer) {
  bool plain = false;
  if (napi_is_arraybuffer(env, buffer, &plain) != napi_ok || !plain) return nullptr;
  const GetBackingStore get = find_function(env);
  return get ? new Share(get(buffer)) : nullptr;
}

void release_memory(void* held) { delete static_cast<Share*>(held); }

}  // namespace chainrule
