// Keeps the memory of a user's ArrayBuffer alive, not only the object: see docs/adr/0005-user-arrays.md.
#pragma once

#include <node_api.h>

namespace chainrule {

// A handle that keeps the memory of `buffer` alive until it is released, or nullptr if the engine does not
// allow that.
void* hold_memory(napi_env env, napi_value buffer);
void release_memory(void* held);

}  // namespace chainrule
