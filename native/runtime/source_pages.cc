#include "runtime/source_pages.h"

#include <algorithm>

#include "runtime/program.h"

namespace chainrule {
namespace {

// Smaller arrays are found in the caches and in the tables of pages.
constexpr int64_t kFromBytes = int64_t{4} << 20;
// Takes some 30 ms.
constexpr int64_t kBytesBeforeRun = int64_t{64} << 20;

}  // namespace

void SourcePages::collapse(const std::vector<Binding>& io) {
  int64_t left = kBytesBeforeRun;
  Source* source = sources_;
  for (const Binding& bound : io) {
    if (left <= 0 || source == sources_ + kMost) return;
    if (bound.bytes < kFromBytes) continue;
    if (source->data != bound.data || source->bytes != bound.bytes) *source = {bound.data, bound.bytes, 0};
    const int64_t piece = std::min(source->bytes - source->done, left);
    if (piece > 0) collapse_pages(bound.data + source->done, piece);
    source->done += piece;
    left -= piece;
    ++source;
  }
}

}  // namespace chainrule
