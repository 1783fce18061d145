// In builds with the address sanitizer, if CHAINRULE_RED_ZONES is set: while an instruction runs, all of
// state, arena and io except its operands is poisoned, and before each step the arena is filled with
// signalling NaNs. Otherwise an overrun from one value, or from one step's block, into the next would stay
// within one allocation and go unnoticed. Only for tools that run one job at a time: the sanitizer would stop
// any other reader of that memory. In other builds this class does nothing.
#pragma once

#include "runtime/executor.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstdlib>
#endif

namespace chainrule {

class RedZones {
 public:
#if defined(__SANITIZE_ADDRESS__)
  RedZones(const Job& job, char* arena) : arena_{arena, job.program->arena_bytes} {
    if (!active()) return;
    zones_ = job.io;
    zones_.push_back(arena_);
    if (job.state) zones_.push_back({job.state->data, job.state->bytes});
  }
  ~RedZones() { close(); }

  static bool active() { return std::getenv("CHAINRULE_RED_ZONES") != nullptr; }

  void begin_step() {
    if (!active()) return;
    close();
    constexpr uint32_t kSignallingNaN = 0x7fa00000u;
    auto* words = reinterpret_cast<uint32_t*>(arena_.data);
    for (int64_t i = 0; i < arena_.bytes / 4; ++i) words[i] = kSignallingNaN;
  }

  void open(const Args& args) {
    for (const Binding& zone : zones_) ASAN_POISON_MEMORY_REGION(zone.data, static_cast<size_t>(zone.bytes));
    for (int32_t i = 0; i < args.outputCount; ++i) unpoison(args.outputs[i]);
    for (int32_t i = 0; i < args.inputCount; ++i) unpoison(args.inputs[i]);
  }

  void close() {
    for (const Binding& zone : zones_)
      ASAN_UNPOISON_MEMORY_REGION(zone.data, static_cast<size_t>(zone.bytes));
  }

 private:
  // Not beyond the end of a zone, where the sanitizer's own red zone begins.
  void unpoison(const Tensor& tensor) {
    char* const first = static_cast<char*>(tensor.data);
    char* const last = first + tensor.count * bytes_of(tensor.dtype);
    for (const Binding& zone : zones_) {
      char* const from = std::max(first, zone.data);
      char* const to = std::min(last, zone.data + zone.bytes);
      if (from < to) ASAN_UNPOISON_MEMORY_REGION(from, static_cast<size_t>(to - from));
    }
  }

  Binding arena_;
  std::vector<Binding> zones_;
#else
  RedZones(const Job&, char*) {}
  static bool active() { return false; }
  void begin_step() {}
  void open(const Args&) {}
  void close() {}
#endif
};

}  // namespace chainrule
