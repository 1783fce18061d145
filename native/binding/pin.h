// Holding the memory of a user's ArrayBuffer, not only the object: see docs/adr/0005-user-arrays.md.
#pragma once

#include <node_api.h>

namespace chainrule {

// Something that keeps `buffer`'s memory alive until it is released, or nullptr where the engine does not
// allow it.
void* hold_memory(napi_env env, napi_value buffer);
void release_memory(void* held);

}  // namespace chainrule
