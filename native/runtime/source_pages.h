// Huge pages for the arrays of the user that runs read again and again. Rows that are gathered from an array
// of many small pages cost more in looking up pages than in reading, in a virtual machine tenfold.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/memory.h"

namespace chainrule {

struct Binding;

// What has been done for the arrays of one program, by the executor's thread alone.
class SourcePages {
 public:
  // Makes huge pages of large arrays that were not bound before, at most so many bytes before one run that
  // nobody waits long for it. Where the system has no way, does nothing.
  void collapse(const std::vector<Binding>& io);

 private:
  struct Source {
    const char* data = nullptr;
    int64_t bytes = 0, done = 0;
  };
  static constexpr int kMost = 8;
  Source sources_[kMost];
};

}  // namespace chainrule
