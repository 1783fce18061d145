// In builds with the address sanitizer, and where CHAINRULE_RED_ZONES is set: while an instruction runs, all of
// arena and state but its operands is poisoned, and before each step the arena is filled with signalling NaNs. One
// allocation would otherwise hide an overrun from one slot into the next. In other builds all of this is empty.
#pragma once

#include "runtime/program.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

#include <cstdlib>
#endif

namespace chainrule {

class RedZones {
 public:
#if defined(__SANITIZE_ADDRESS__)
  RedZones(const Program& program, char* state, char* arena)
      : state_(state), arena_(arena), state_bytes_(program.state_bytes), arena_bytes_(program.arena_bytes) {}
  ~RedZones() { close(); }

  static bool active() { return std::getenv("CHAINRULE_RED_ZONES") != nullptr; }

  void begin_step() {
    if (!active()) return;
    close();
    constexpr uint32_t kSignallingNaN = 0x7fa00000u;
    auto* words = reinterpret_cast<uint32_t*>(arena_);
    for (int64_t i = 0; i < arena_bytes_ / 4; ++i) words[i] = kSignallingNaN;
  }

  void open(const Args& args) {
    if (!active()) return;
    if (state_) ASAN_POISON_MEMORY_REGION(state_, static_cast<size_t>(state_bytes_));
    if (arena_) ASAN_POISON_MEMORY_REGION(arena_, static_cast<size_t>(arena_bytes_));
    for (int32_t i = 0; i < args.outputCount; ++i) unpoison(args.outputs[i]);
    for (int32_t i = 0; i < args.inputCount; ++i) unpoison(args.inputs[i]);
  }

  void close() {
    if (!active()) return;
    if (state_) ASAN_UNPOISON_MEMORY_REGION(state_, static_cast<size_t>(state_bytes_));
    if (arena_) ASAN_UNPOISON_MEMORY_REGION(arena_, static_cast<size_t>(arena_bytes_));
  }

 private:
  void unpoison(const Tensor& tensor) {
    const auto* data = static_cast<const char*>(tensor.data);
    const bool ours = (data >= state_ && data < state_ + state_bytes_) || (data >= arena_ && data < arena_ + arena_bytes_);
    if (ours) ASAN_UNPOISON_MEMORY_REGION(tensor.data, static_cast<size_t>(tensor.count * bytes_of(tensor.dtype)));
  }

  char* state_;
  char* arena_;
  int64_t state_bytes_;
  int64_t arena_bytes_;
#else
  RedZones(const Program&, char*, char*) {}
  static bool active() { return false; }
  void begin_step() {}
  void open(const Args&) {}
  void close() {}
#endif
};

}  // namespace chainrule
