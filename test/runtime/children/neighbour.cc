// Another addon of the process with parallel loops of its own, in plain N-API: sum(n) is the sum of the
// numbers below n.
#include <node_api.h>

#include <cstdint>

namespace {

napi_value sum(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  int64_t n = 0, total = 0;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_value_int64(env, argument, &n);
#pragma omp parallel for reduction(+ : total) num_threads(2)
  for (int64_t i = 0; i < n; ++i) total += i;
  napi_create_int64(env, total, &result);
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "sum", NAPI_AUTO_LENGTH, sum, nullptr, &function);
  napi_set_named_property(env, exports, "sum", function);
  return exports;
}
