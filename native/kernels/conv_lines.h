// Rows of a that are read where they lie: windows of one line of an image begin at an affine distance. Lines
// that reach beyond the image, or are rounded, are copied once, with zeros at their ends, instead of window
// by window.
#pragma once

#include "conv_block.h"
#include "conv_tile.h"

namespace chainrule {
namespace {

// Windows of a line below which tiles across lines are faster.
constexpr int64_t kLeastWindows = 4;
// Rows of c that are computed before the next lines are copied.
constexpr int64_t kLineRows = 192;
constexpr int64_t kMostSegments =
    kMostRuns * static_cast<int64_t>(sizeof(TapRun)) / static_cast<int64_t>(sizeof(Segment));
// Words of copied lines: as many as windows would take.
constexpr int64_t kLineWords = kBlockDepth * kRowsAtOnce;

alignas(64) constexpr float kZeroFloat = 0;
// What is read of a pixel beside an image.
alignas(64) constexpr float kNoPixel[kLanes] = {};

// How lines are read, which follows from the windows alone.
struct LineReader {
  bool copies;         // the lines are copied, without the channels of other groups
  int64_t pitch;       // words from one pixel to the next
  int64_t width;       // pixels of a copied line
  int64_t taps;        // of the last axis that lie one after another
  int64_t per_window;  // segments of a window
  int64_t lines;       // of windows at once; 0 where this reader is none for the windows
};

// Source lines that so many lines of windows read, for each tap of the first axis.
VEC_INLINE int64_t source_lines(const Windows& w, int64_t lines) {
  const WindowAxis& axis = w.axes[1];
  return (lines - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1;
}

template <class Number>
LineReader line_reader(const Windows& w) {
  LineReader r = {};
  const WindowAxis& axis = w.axes[2];
  const int64_t last = (axis.windows - 1) * axis.stride + (axis.taps - 1) * axis.dilation;
  const bool is_inside = axis.shift >= 0 && axis.shift + last < axis.size;
  r.copies = Number::kPerWord > 1 || !is_inside || !w.taps_are_joined();
  r.pitch = r.copies ? w.words : w.pitch;
  r.width = last + 1;
  r.taps = axis.dilation == 1 ? axis.taps : 1;
  if (axis.windows < kLeastWindows || w.terms() == 0) return r;
  r.per_window = w.taps() / r.taps;
  // A window is cut once more in each block of k.
  r.lines = min(w.axes[1].windows, min(kLineRows / axis.windows, kMostSegments / (r.per_window + 1)));
  if (kMostSegments > r.per_window) r.lines = max(r.lines, 1);
  if (!r.copies) return r;
  const int64_t line = r.width * r.pitch, most = kLineWords / max(line, 1);
  while (r.lines > 0 && w.axes[0].taps * source_lines(w, r.lines) > most) --r.lines;
  return r;
}

// Copies the lines that windows of `lines` lines read, from the place of the first on.
template <class Number>
void copy_lines(const Windows& w, const LineReader& r, const WindowPlace& place, int64_t lines, float* to) {
  const int64_t sources = source_lines(w, lines), length = r.width * r.pitch;
  const int64_t unused = source_lines(w, r.lines) - sources;
  const TapRun whole = {{0, 0, 0}, 1, 0, w.words};
  const TapRun joined = {{0, 0, 0}, r.width, 0, length};
  const float* image = w.images + place.image * w.image_floats();
  for (int64_t t0 = 0; t0 < w.axes[0].taps; ++t0) {
    int64_t from[kSpace];
    from[0] = place.at[0] * w.axes[0].stride + w.axes[0].shift + t0 * w.axes[0].dilation;
    for (int64_t i = 0; i < sources; ++i, to += length) {
      from[1] = place.at[1] * w.axes[1].stride + w.axes[1].shift + i;
      from[2] = w.axes[2].shift;
      if (!is_within(from[0], w.axes[0]) || !is_within(from[1], w.axes[1])) continue;
      if (w.pixels_are_joined()) {
        copy_run<Number>(w, image, from, joined, to);
        continue;
      }
      for (int64_t pixel = 0; pixel < r.width; ++pixel, ++from[2]) {
        copy_run<Number>(w, image, from, whole, to + pixel * r.pitch);
      }
    }
    to += unused * length;
  }
}

// The segments of a line of windows in terms [k, k + depth), `line` lines after the place. They begin at
// window 0 of the line.
int64_t segments_of_line(const Windows& w, const LineReader& r, const WindowPlace& place, int64_t line,
                         int64_t k, int64_t depth, const float* copied, Segment* segments) {
  const WindowAxis &a0 = w.axes[0], &a1 = w.axes[1], &a2 = w.axes[2];
  const int64_t run = r.taps * w.words, all = source_lines(w, r.lines), per_line = a2.taps / r.taps;
  const float* image = w.images + place.image * w.image_floats();
  int64_t first = k % run, number = k / run;
  int64_t t2 = number % per_line, t1 = number / per_line % a1.taps, t0 = number / per_line / a1.taps;
  int64_t count = 0;
  for (int64_t done = 0; done < depth; ++count) {
    const int64_t length = min(run - first, depth - done);
    const int64_t p0 = place.at[0] * a0.stride + a0.shift + t0 * a0.dilation;
    const int64_t p1 = (place.at[1] + line) * a1.stride + a1.shift + t1 * a1.dilation;
    const int64_t offset = t2 * a2.dilation * r.pitch + first;
    if (!is_within(p0, a0) || !is_within(p1, a1)) {
      segments[count] = {&kZeroFloat, 0, 0, length};
    } else if (r.copies) {
      const int64_t at = t0 * all + line * a1.stride + t1 * a1.dilation;
      segments[count] = {copied + at * r.width * r.pitch + offset, a2.stride * r.pitch, 1, length};
    } else {
      const int64_t at = (p0 * a1.size + p1) * a2.size + a2.shift;
      segments[count] = {image + at * w.pitch + offset, a2.stride * r.pitch, 1, length};
    }
    done += length;
    first = 0;
    if (++t2 < per_line) continue;
    t2 = 0;
    if (++t1 < a1.taps) continue;
    t1 = 0;
    ++t0;
  }
  return count;
}

// Rows [first, end) of one line of windows over one panel of b, in tiles of nearly equal height.
template <class Number>
VEC_INLINE void multiply_line(const Convolution& c, const Part& part, const Workspace& workspace,
                   const Segment* segments, int64_t count, int64_t window) {
  const Product& p = c.product;
  const int64_t vectors = ceil_div(part.columns, kLanes);
  const RowTiles tiles = tiles_of(part.rows, vectors);
  const bool last = is_last(p, part);
  int64_t pixel = part.row, step = 1;
  if (c.apart) {
    pixel = pixel_of(*c.backwards, c.phase, WindowPlace::of(c.windows, c.first_window + part.row));
    step = c.backwards->stride[2];
  }
  TileArgs t = {};
  t.b = part.b;
  t.b_step = part.b_step;
  t.c = p.c + pixel * p.c_row + part.column;
  t.c_row = step * p.c_row;
  t.last_columns = part.columns - (vectors - 1) * kLanes;
  t.accumulate = part.k > 0;
  t.bias = last ? bias_at(p.epilogue, part.column) : nullptr;
  const bool finishes = last && has_more_to_do(p.epilogue);
  if (last) map_in_tile(p.epilogue, pixel * p.c_row + part.column, &t);
  const SegmentTileTable* table = &kSegmentTiles<Number>;
  if constexpr (Number::kPerWord == 1 && kHasHalves) {
    if (vectors == 1 && ends_in_half(part.columns)) table = &kHalvedSegmentTiles<Number>;
  }
  for (int64_t i = 0; i < tiles.count; ++i) {
    const int64_t rows = tiles.rows(i);
    table->of[vectors - 1][rows - 1](t, segments, count, window);
    if (finishes) {
      const Block done = {pixel, rows, part.column, part.columns};
      finish_rows(p, workspace, done, step, p.epilogue.in_registers);
    }
    t.c += rows * t.c_row;
    if (t.other != nullptr) t.other += rows * t.c_row;
    pixel += rows * step;
    window += rows;
  }
}

// Rows of the block that lie in lines one after another in one image, from `row` on.
struct LineGroup {
  WindowPlace place;
  int64_t row, rows, lines;
};
LineGroup group_of_lines(const Convolution& c, const LineReader& r, int64_t row, int64_t end) {
  const Windows& w = c.windows;
  LineGroup group;
  group.place = WindowPlace::of(w, c.first_window + row);
  group.row = row;
  group.lines = min(r.lines, w.axes[1].windows - group.place.at[1]);
  group.rows = min(group.lines * w.axes[2].windows - group.place.at[2], end - row);
  group.lines = ceil_div(group.place.at[2] + group.rows, w.axes[2].windows);
  return group;
}

// All lines of a group over all panels, in one block of k.
template <class Number>
void multiply_lines_group(const Convolution& c, const LineReader& r, const LineGroup& group,
                          const ConvWorkspace& workspace, const Block& block, int64_t kept, Part* part) {
  const Windows& w = c.windows;
  float* copied = workspace.product.packed_a;
  Segment* segments = reinterpret_cast<Segment*>(workspace.runs);
  const int64_t each = kMostSegments / r.lines;
  int64_t count = 0;
  for (int64_t line = 0; line < group.lines; ++line) {
    count = segments_of_line(w, r, group.place, line, part->k, part->depth, copied, segments + line * each);
  }
  part->row = group.row;
  for (int64_t j = 0; j < block.columns; j += kPanelColumns) {
    part->column = block.column + j;
    part->columns = min(block.columns - j, kPanelColumns);
    prepare_kernel<Number>(c, workspace, block, group.rows == block.rows, kept, part);
    Part own = *part;
    int64_t window = group.place.at[2], left = group.rows;
    for (int64_t line = 0; line < group.lines; ++line) {
      own.rows = min(w.axes[2].windows - window, left);
      multiply_line<Number>(c, own, workspace.product, segments + line * each, count, window);
      own.row += own.rows;
      left -= own.rows;
      window = 0;
    }
    yield_to_others(workspace.product.yield_point);
  }
}

template <class Number>
void multiply_lines(const Convolution& c, const LineReader& r, const ConvWorkspace& workspace,
                    const Block& block) {
  const int64_t all = c.product.k, end = block.row + block.rows;
  // Where the memory for b holds all of k, lines are copied once and not once in each block of k.
  const bool keeps = all * ceil_div(block.columns, kLanes) * kLanes <= kBlockDepth * kMaxBlockColumns;
  Part part = {};
  for (int64_t kept = 0, next; kept == 0 || kept < all; kept = next) {
    next = keeps ? max(all, 1) : kept + kBlockDepth;
    for (int64_t row = block.row; row < end;) {
      const LineGroup group = group_of_lines(c, r, row, end);
      if (r.copies) copy_lines<Number>(c.windows, r, group.place, group.lines, workspace.product.packed_a);
      for (part.k = kept; part.k == kept || part.k < min(next, all); part.k += kBlockDepth) {
        part.depth = min(all - part.k, kBlockDepth);
        multiply_lines_group<Number>(c, r, group, workspace, block, kept, &part);
      }
      row += group.rows;
    }
  }
}

// From so many channels on, the gradient of a kernel is made tap by tap, where x lies.
constexpr int64_t kLeastChannels = 5;

bool reads_taps(const Windows& w) {
  return w.channels >= kLeastChannels && w.axes[2].windows >= kLeastWindows;
}

// The segments of one tap over pixels [k, k + depth), which k runs over: in each line what lies inside of the
// image, with zeros before and after it. Each holds a pixel at least.
int64_t segments_of_tap(const Windows& w, int64_t tap, int64_t k, int64_t depth, Segment* segments) {
  const WindowAxis& axis = w.axes[2];
  const int64_t t2 = tap % axis.taps, t1 = tap / axis.taps % w.axes[1].taps;
  const int64_t t0 = tap / axis.taps / w.axes[1].taps, shift = axis.shift + t2 * axis.dilation;
  // Windows of a line whose tap lies inside.
  const int64_t room = axis.size - 1 - shift, inside = shift >= 0 ? 0 : ceil_div(-shift, axis.stride);
  const int64_t outside = room < 0 ? 0 : room / axis.stride + 1;
  int64_t count = 0;
  WindowPlace place = WindowPlace::of(w, k);
  for (int64_t left = depth; left > 0;) {
    const int64_t first = place.at[2], end = min(axis.windows, first + left);
    const int64_t p0 = place.at[0] * w.axes[0].stride + w.axes[0].shift + t0 * w.axes[0].dilation;
    const int64_t p1 = place.at[1] * w.axes[1].stride + w.axes[1].shift + t1 * w.axes[1].dilation;
    const bool within = is_within(p0, w.axes[0]) && is_within(p1, w.axes[1]);
    const int64_t low = within ? min(max(inside, first), end) : end, high = max(min(outside, end), low);
    if (low > first) segments[count++] = {&kZeroFloat, 0, 0, low - first};
    if (high > low) {
      const int64_t at = (p0 * w.axes[1].size + p1) * axis.size + low * axis.stride + shift;
      const float* from = w.images + place.image * w.image_floats() + at * w.pitch;
      segments[count++] = {from, 1, axis.stride * w.pitch, high - low};
    }
    if (end > high) segments[count++] = {&kZeroFloat, 0, 0, end - high};
    left -= end - first;
    place.at[2] = axis.windows - 1;
    place.next(w);
  }
  return count;
}
static_assert(kBlockDepth <= kMostSegments, "the segments of a tap find room");

// The gradient of a kernel, whose rows lie in runs of `run` that one tile may read together: a part is what a
// block has of a run. segments_of(number of the run, first pixel, pixels, segments) tells how to read one.
template <class SegmentsOf>
void multiply_runs_of_rows(const Convolution& c, const ConvWorkspace& workspace, const Block& block,
                           int64_t run, SegmentsOf segments_of) {
  const int64_t end = block.row + block.rows;
  Segment* segments = reinterpret_cast<Segment*>(workspace.runs);
  Part part = {};
  for (part.k = 0; part.k == 0 || part.k < c.product.k; part.k += kBlockDepth) {
    part.depth = min(c.product.k - part.k, kBlockDepth);
    for (int64_t j = 0; j < block.columns; j += kPanelColumns) {
      part.row = block.row;
      part.column = block.column + j;
      part.columns = min(block.columns - j, kPanelColumns);
      prepare_kernel<Float32>(c, workspace, block, true, part.k, &part);
      while (part.row < end) {
        const int64_t number = part.row / run, first = part.row % run;
        part.rows = min(run - first, end - part.row);
        const int64_t count = segments_of(number, c.first_window + part.k, part.depth, segments);
        multiply_line<Float32>(c, part, workspace.product, segments, count, first);
        part.row += part.rows;
      }
      yield_to_others(workspace.product.yield_point);
    }
  }
}

// Rows are taps and their channels.
void multiply_taps(const Convolution& c, const ConvWorkspace& workspace, const Block& block) {
  multiply_runs_of_rows(c, workspace, block, c.windows.channels,
                        [&](int64_t tap, int64_t k, int64_t depth, Segment* segments) {
                          return segments_of_tap(c.windows, tap, k, depth, segments);
                        });
}

// Few channels: the taps of a line of the kernel and their channels lie one after another, so that they are
// the rows of one tile. Lines are copied with zeros at their ends, for one line of the kernel at a time.
bool reads_tap_lines(const Windows& w) {
  const WindowAxis& axis = w.axes[2];
  if (!w.taps_are_joined() || axis.windows < kLeastWindows || w.terms() == 0) return false;
  const int64_t width = (axis.windows - 1) * axis.stride + axis.taps;
  return (kBlockDepth / axis.windows + 2) * width * w.channels <= kLineWords;
}

// Copies the lines that pixels [k, k + depth) read for line `number` of the kernel, and tells their segments.
int64_t segments_of_tap_line(const Windows& w, int64_t number, int64_t k, int64_t depth, float* copied,
                             Segment* segments) {
  const WindowAxis &a0 = w.axes[0], &a1 = w.axes[1], &a2 = w.axes[2];
  const int64_t width = (a2.windows - 1) * a2.stride + a2.taps, length = width * w.channels;
  const int64_t step = a2.stride * w.channels;
  const TapRun whole = {{0, 0, 0}, width, 0, length};
  int64_t count = 0;
  WindowPlace place = WindowPlace::of(w, k);
  for (int64_t left = depth; left > 0; ++count) {
    const int64_t pixels = min(a2.windows - place.at[2], left);
    const int64_t from[kSpace] = {place.at[0] * a0.stride + a0.shift + number / a1.taps * a0.dilation,
                                  place.at[1] * a1.stride + a1.shift + number % a1.taps * a1.dilation,
                                  a2.shift};
    if (is_within(from[0], a0) && is_within(from[1], a1)) {
      copy_run<Float32>(w, w.images + place.image * w.image_floats(), from, whole, copied);
      segments[count] = {copied + place.at[2] * step, 1, step, pixels};
      copied += length;
    } else {
      segments[count] = {&kZeroFloat, 0, 0, pixels};
    }
    left -= pixels;
    place.at[2] = a2.windows - 1;
    place.next(w);
  }
  return count;
}

// The gradient of a kernel of few channels.
void multiply_tap_lines(const Convolution& c, const ConvWorkspace& workspace, const Block& block) {
  const Windows& w = c.windows;
  multiply_runs_of_rows(c, workspace, block, w.axes[2].taps * w.channels,
                        [&](int64_t line, int64_t k, int64_t depth, Segment* segments) {
                          float* copied = workspace.product.packed_a;
                          return segments_of_tap_line(w, line, k, depth, copied, segments);
                        });
}

}  // namespace
}  // namespace chainrule
