// Results in which each axis reads another position of the operand than its own: parts, paddings,
// repetitions, reversals. A position of an axis belongs to a run of neighbours that are read alike, so rows
// are copied and filled run by run.
#pragma once

#include "operands.h"

namespace chainrule {
namespace {

// How an axis is read. The first are the modes of `pad`, by their numbers in lib/ops/pad.ts.
enum class Along : int32_t { constant = 0, reflect = 1, symmetric = 2, edge = 3, wrap, reverse, repeat };

// Elements of the result that a task makes.
constexpr int64_t kRunTaskElements = 8192;

// An axis with `from` positions in the operand and `to` in the result, of which the first `before` come
// before the operand's; negative where the operand's first ones are left out. Of a reversed axis it is 1.
struct AxisMap {
  Along along;
  int64_t from, to, before;
};

VEC_INLINE bool stays(const AxisMap& axis) { return axis.from == axis.to && axis.before == 0; }

// From some position on, `length` positions read source, source + step, ..., or, where it is -1, nothing.
struct Run {
  int64_t length, source;
  int32_t step;
};

VEC_INLINE Run run_inside(const AxisMap& axis, int64_t at, Along outside) {
  int64_t source = at - axis.before, left = axis.to - at;
  if (source >= 0 && source < axis.from) return {min(axis.from - source, left), source, 1};
  int64_t length = source < 0 ? min(-source, left) : left;
  if (outside == Along::constant) return {length, -1, 0};
  return {length, source < 0 ? 0 : axis.from - 1, 0};
}

// There and back again: 0 1 2 1 0 1 2 for `reflect`, 0 1 2 2 1 0 0 for `symmetric`.
VEC_INLINE Run run_mirrored(const AxisMap& axis, int64_t at, int64_t twice) {
  // A padding is no longer than the axis, so one period more or less leads to a position of it.
  int64_t period = 2 * axis.from - 2 + 2 * twice, left = axis.to - at, phase = at - axis.before;
  if (phase < 0) phase += period;
  else if (phase >= period) phase -= period;
  if (phase < axis.from) return {min(axis.from - phase, left), phase, 1};
  return {min(period - phase, left), period - phase - twice, -1};
}

VEC_INLINE Run run_at(const AxisMap& axis, int64_t at) {
  int64_t left = axis.to - at;
  if (stays(axis)) return {left, at, 1};
  switch (axis.along) {
    case Along::reverse: return {left, axis.from - 1 - at, -1};
    case Along::repeat: {
      int64_t times = axis.to / axis.from;
      return {times - at % times, at / times, 0};
    }
    case Along::wrap: {
      if (axis.from == 1) return {left, 0, 0};
      int64_t source = at - axis.before;
      if (source < 0) source += axis.from;
      else if (source >= axis.from) source %= axis.from;
      return {min(axis.from - source, left), source, 1};
    }
    case Along::reflect: return run_mirrored(axis, at, 0);
    case Along::symmetric: return run_mirrored(axis, at, 1);
    default: return run_inside(axis, at, axis.along);
  }
}

// The axes innermost first, neighbours that stay as they are merged, and those after the last that does not
// as one block of elements that is moved whole. Strides are in elements of the operand.
struct Walk {
  int32_t rank;
  int64_t block;
  AxisMap axes[kMaxRank];
  int64_t strides[kMaxRank];
};

VEC_INLINE Walk walk_of(const AxisMap* maps, int32_t rank) {
  Walk walk = {0, 1, {}, {}};
  int64_t stride = 1;
  for (int32_t i = rank - 1; i >= 0; --i) {
    AxisMap* last = walk.rank > 0 ? &walk.axes[walk.rank - 1] : nullptr;
    if (stays(maps[i]) && last == nullptr) {
      walk.block *= maps[i].from;
    } else if (stays(maps[i]) && stays(*last)) {
      last->from = last->to = last->to * maps[i].from;
    } else {
      walk.axes[walk.rank] = maps[i];
      walk.strides[walk.rank++] = stride;
    }
    stride *= maps[i].from;
  }
  if (walk.rank > 0) return walk;
  return {1, 1, {{Along::constant, walk.block, walk.block, 0}}, {1}};
}

VEC_INLINE int64_t run_tasks(int64_t elements) { return max(ceil_div(elements, kRunTaskElements), 1); }

double run_cost(const Args& args) { return 50.0 + 0.1 * static_cast<double>(args.outputs[0].count); }

// Up to this many elements, a loop is faster than a call. From a cache line on, lines are moved as vectors;
// from kLongCopyBytes on, memcpy is faster, because it need not read lines that it writes.
constexpr int64_t kFewElements = 8, kLongCopyBytes = 1 << 16;

VEC_INLINE void copy_line(char* to, const char* from) {
  char line[kLineBytes];
  __builtin_memcpy(line, from, kLineBytes);
  __builtin_memcpy(to, line, kLineBytes);
}

// A write that lies across two cache lines takes as long as two. From this many bytes on, it is worth a line
// written twice that those after the first one do not.
constexpr int64_t kLinedUpFromBytes = 1024;

// At least one line. The last one begins within the one before it.
COMPILED_ONCE void copy_bytes(void* to, const void* from, int64_t bytes) {
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  int64_t i = 0;
  if (bytes >= kLinedUpFromBytes) {
    copy_line(target, source);
    i = kLineBytes - static_cast<int64_t>(reinterpret_cast<uintptr_t>(target) % kLineBytes);
  }
  for (; i < bytes - kLineBytes; i += kLineBytes) copy_line(target + i, source + i);
  copy_line(target + bytes - kLineBytes, source + bytes - kLineBytes);
}

template <class Element>
VEC_INLINE void copy_elements(Element* to, const Element* from, int64_t n) {
  const int64_t bytes = n * static_cast<int64_t>(sizeof(Element));
  if (n <= kFewElements) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i];
  } else if (bytes >= kLineBytes && bytes < kLongCopyBytes) {
    copy_bytes(to, from, bytes);
  } else {
    __builtin_memcpy(to, from, static_cast<size_t>(bytes));
  }
}

template <class Element>
VEC_INLINE void fill_elements(Element* to, Element value, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = value;
}

// Whole groups of neighbours that repeat one element, as many as the compiler knows.
template <int kTimes, class Element>
VEC_INLINE void repeat_groups(Element* to, const Element* from, int64_t groups) {
  for (int64_t i = 0; i < groups; ++i) {
    for (int64_t k = 0; k < kTimes; ++k) to[i * kTimes + k] = from[i];
  }
}

// Elements [at, end) of a row along the innermost axis, each of which is `times` neighbours.
template <class Element>
VEC_INLINE void repeat_elements(Element* to, const Element* from, int64_t times, int64_t at, int64_t end) {
  if (at % times == 0 && times >= 2 && times <= 4) {
    int64_t groups = (end - at) / times;
    if (times == 2) repeat_groups<2>(to + at, from + at / times, groups);
    if (times == 3) repeat_groups<3>(to + at, from + at / times, groups);
    if (times == 4) repeat_groups<4>(to + at, from + at / times, groups);
    at += groups * times;
  }
  for (int64_t source = at / times; at < end; ++source) {
    int64_t stop = min((source + 1) * times, end);
    for (; at < stop; ++at) to[at] = from[source];
  }
}

// Elements [at, end) of a row of the result: of the positions of the innermost axis, each a block.
template <class Element>
VEC_INLINE void make_runs(const Walk& walk, Element* to, const Element* from, Element fill, int64_t at,
                          int64_t end) {
  const AxisMap& axis = walk.axes[0];
  int64_t block = walk.block;
  while (at < end) {
    int64_t position = block == 1 ? at : at / block, within = at - position * block;
    Run run = run_at(axis, position);
    int64_t n = min(run.length * block - within, end - at);
    if (run.source < 0) {
      fill_elements(to + at, fill, n);
    } else if (run.step == 1) {
      copy_elements(to + at, from + run.source * block + within, n);
    } else if (block > 1) {
      n = min(n, block - within);
      copy_elements(to + at, from + run.source * block + within, n);
    } else if (run.step == 0) {
      fill_elements(to + at, from[run.source], n);
    } else {
      const Element* last = from + run.source;
      for (int64_t i = 0; i < n; ++i) to[at + i] = last[-i];
    }
    at += n;
  }
}

// The same; what has a short period is copied from what is made already, in ever longer parts.
template <class Element>
VEC_INLINE void make_row(const Walk& walk, Element* to, const Element* from, Element fill, int64_t at,
                         int64_t end) {
  const AxisMap& axis = walk.axes[0];
  if (axis.along == Along::repeat && walk.block == 1 && !stays(axis)) {
    return repeat_elements(to, from, axis.to / axis.from, at, end);
  }
  int64_t period = axis.from * walk.block, made = end - at;
  if (axis.along == Along::wrap && made > 2 * period) made = period;
  make_runs(walk, to, from, fill, at, at + made);
  for (; at + made < end; made = min(2 * made, end - at)) {
    copy_elements(to + at + made, to + at, min(made, end - at - made));
  }
}

// Where the rows of the operand begin that rows of the result read. Rows are walked in order.
class RowSources {
 public:
  VEC_INLINE RowSources(const Walk& walk, int64_t row) : walk_(walk) {
    offsets_[walk.rank] = 0;
    for (int32_t i = 1; i < walk.rank; ++i) {
      at_[i] = row % walk.axes[i].to;
      row /= walk.axes[i].to;
    }
    place(walk.rank - 1);
  }

  // -1 if the row has none.
  VEC_INLINE int64_t offset() const { return offsets_[1]; }
  // How many rows from this one on read others that lie evenly apart, and how far.
  VEC_INLINE int64_t alike() const { return alike_; }
  VEC_INLINE int64_t step() const { return step_; }

  // Goes on by so many of them.
  VEC_INLINE void skip(int64_t rows) {
    alike_ -= rows;
    at_[1] += rows;
    offsets_[1] += rows * step_;
  }

  VEC_INLINE void next() {
    if (alike_ > 1) return skip(1);
    int32_t i = 1;
    for (; i < walk_.rank && ++at_[i] == walk_.axes[i].to; ++i) at_[i] = 0;
    place(min(i, walk_.rank - 1));
  }

 private:
  // offsets_[i] is what axes i and further out come to.
  VEC_INLINE void place(int64_t from) {
    for (int64_t i = from; i >= 1; --i) {
      const Run run = run_at(walk_.axes[i], at_[i]);
      const bool none = run.source < 0 || offsets_[i + 1] < 0;
      offsets_[i] = none ? -1 : offsets_[i + 1] + run.source * walk_.strides[i];
      alike_ = run.length;
      step_ = none ? 0 : run.step * walk_.strides[i];
    }
  }

  const Walk& walk_;
  int64_t at_[kMaxRank], offsets_[kMaxRank + 1];
  int64_t alike_ = 0, step_ = 0;
};

// The runs of a whole row; none if they are many, or are not all copied or filled as they are.
struct RowRuns {
  static constexpr int64_t kMost = 8;
  int64_t count;
  Run runs[kMost];
};

VEC_INLINE RowRuns runs_of_row(const Walk& walk) {
  const AxisMap& axis = walk.axes[0];
  RowRuns row = {0, {}};
  for (int64_t at = 0; at < axis.to; at += row.runs[row.count++].length) {
    if (row.count == RowRuns::kMost) return {0, {}};
    const Run run = run_at(axis, at);
    if (walk.block > 1 && run.source >= 0 && run.step != 1) return {0, {}};
    row.runs[row.count] = run;
  }
  return row;
}

// The same run of several rows: n elements of each.
template <class Element>
COMPILED_ONCE void make_run_of_rows(Run run, Element* to, int64_t to_row, const Element* from,
                                    int64_t from_row, int64_t n, Element fill, int64_t rows) {
  for (; rows > 0; --rows) {
    if (run.step == 1) {
      copy_elements(to, from, n);
    } else if (run.step == 0) {
      fill_elements(to, run.source < 0 ? fill : *from, n);
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = from[-i];
    }
    to += to_row;
    from += from_row;
  }
}

// Whole rows are made so many at a time, run by run. What changes from row to row then stays in registers: a
// read from memory would wait for stores on their way to other pages that have the same place in theirs.
constexpr int64_t kRowsOfRuns = 16;

// Elements [start, end) of the result.
template <class Element>
void make_range(const Walk& walk, Element* y, const Element* x, Element fill, int64_t start, int64_t end) {
  int64_t row = walk.axes[0].to * walk.block, at = start % row;
  RowSources sources(walk, start / row);
  const RowRuns runs = runs_of_row(walk);
  while (start < end) {
    int64_t stop = min(row, at + end - start), offset = sources.offset();
    const int64_t rows = min(min(sources.alike(), (end - start) / row), kRowsOfRuns);
    if (at == 0 && offset >= 0 && runs.count > 0 && rows > 1) {
      Element* to = y + start;
      for (int64_t i = 0; i < runs.count; ++i) {
        const Run& run = runs.runs[i];
        const int64_t n = run.length * walk.block;
        const Element* from = x + offset + max(run.source, 0) * walk.block;
        make_run_of_rows(run, to, row, from, sources.step(), n, fill, rows);
        to += n;
      }
      start += rows * row;
      sources.skip(rows - 1);
      if (start < end) sources.next();
      continue;
    }
    Element* to = y + (start - at);
    if (offset < 0) {
      fill_elements(to + at, fill, stop - at);
    } else {
      make_row(walk, to, x + offset, fill, at, stop);
    }
    start += stop - at;
    at = 0;
    if (start < end) sources.next();
  }
}

// A number as the bits of an element; types that only store numbers are filled with zeros alone.
VEC_INLINE uint64_t bits_of(Dtype dtype, float value) {
  uint64_t bits = 0;
  if (dtype == Dtype::float32) {
    __builtin_memcpy(&bits, &value, sizeof value);
  } else if (dtype == Dtype::float64) {
    double wide = value;
    __builtin_memcpy(&bits, &wide, sizeof wide);
  } else if (dtype == Dtype::int32) {
    bits = static_cast<uint32_t>(static_cast<int32_t>(value));
  } else if (dtype == Dtype::uint8 || dtype == Dtype::boolean) {
    bits = static_cast<uint8_t>(value);
  }
  return bits;
}

// Calls work(element) with a number as wide as an element.
template <class Work>
VEC_INLINE void with_width(Dtype dtype, Work work) {
  switch (bytes_of(dtype)) {
    case 1: return work(uint8_t{0});
    case 2: return work(uint16_t{0});
    case 4: return work(uint32_t{0});
    default: return work(uint64_t{0});
  }
}

// The whole of a kernel whose axes are read as `maps` says.
VEC_INLINE void run_maps(const Args& args, const AxisMap* maps, float fill, int64_t first, int64_t last) {
  const Tensor &x = args.inputs[0], &y = args.outputs[0];
  int64_t start = first * kRunTaskElements, end = min(last * kRunTaskElements, y.count);
  if (start >= end) return;
  Walk walk = walk_of(maps, y.rank);
  uint64_t bits = bits_of(y.dtype, fill);
  with_width(y.dtype, [&](auto element) __attribute__((always_inline)) {
    using Element = decltype(element);
    make_range(walk, static_cast<Element*>(y.data), static_cast<const Element*>(x.data),
               static_cast<Element>(bits), start, end);
  });
}

}  // namespace
}  // namespace chainrule
