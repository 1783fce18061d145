// Convolutions whose result has few channels, as the gradient of the input of a first layer. They would fill
// a part of a vector of columns, so operands are swapped: rows are taps and channels of the result, columns
// are pixels that are read. What each pixel gives to each tap is a product over its channels; then rows of
// taps are added to the lines of the result, each moved by where its tap lies.
//
// An element is a chain in each block of 384 terms for each tap. The taps of a line of the kernel are added
// in ascending order, then lines of the image strip by strip, and strips follow from the shape of an image.
#pragma once

#include "conv_spread_shape.h"

namespace chainrule {
namespace {

// A group of an image, and its lines of the result.
struct SpreadTask {
  Product product;
  AffineRows kernel;
  const float* from;
  int64_t image, first_line, lines;
};

// Rows of the kernel by tap and channel.
AffineRows kernel_rows(const Spread& f, const float* w, int64_t group, float* copy) {
  if (!f.mirrored) return {w + group * f.terms, f.from_channels, 1};
  const int64_t taps = f.kernel_lines() * f.axes[2].taps;
  float* to = copy;
  for (int64_t tap = taps - 1; tap >= 0; --tap) {
    const float* own = w + tap * f.terms * f.to_channels + group * f.channels;
    for (int64_t channel = 0; channel < f.channels; ++channel) {
      for (int64_t k = 0; k < f.terms; ++k) *to++ = own[k * f.to_channels + channel];
    }
  }
  return {copy, f.terms, 1};
}

// Pieces of lines [first, first + count), of one image.
struct Strip {
  int64_t first, count;
};

// Where a piece begins in its strip, and how many pixels it has.
VEC_INLINE int64_t column_of(const SpreadCut& cut, int64_t number) {
  return cut.margin + number * (cut.piece + cut.margin);
}
VEC_INLINE int64_t pixels_of_piece(const Spread& f, const SpreadCut& cut, int64_t piece) {
  return min(f.axes[2].from - piece % cut.pieces * cut.piece, cut.piece);
}

// Copies channels [k, k + depth) of a strip, pixels side by side.
void pack_strip(const Spread& f, const SpreadCut& cut, const SpreadTask& task, const Strip& strip, int64_t k,
                int64_t depth, float* to) {
  for (int64_t i = 0; i < strip.count; ++i) {
    const int64_t piece = strip.first + i, pixels = pixels_of_piece(f, cut, piece);
    const int64_t pixel = piece / cut.pieces * f.axes[2].from + piece % cut.pieces * cut.piece;
    const float* from = task.from + pixel * f.from_channels + k;
    float* own = to + column_of(cut, i);
    for (int64_t done = 0; done < pixels; done += kLanes) {
      // The last pixels may be copied once more.
      const int64_t j = max(min(done, pixels - kLanes), 0), rows = min(pixels - j, kLanes);
      for (int64_t c = 0; c < depth; c += kLanes) {
        const float* corner = from + j * f.from_channels + c;
        const int64_t columns = min(depth - c, kLanes);
        const bool whole = rows == kLanes && columns == kLanes;
        if (whole) transpose_16x16(corner, f.from_channels, own + c * cut.pitch + j, cut.pitch);
        else transpose_corner(corner, f.from_channels, rows, columns, own + c * cut.pitch + j, cut.pitch);
      }
    }
    // What another piece has left behind a shorter one.
    for (int64_t c = 0; pixels < cut.piece && c < depth; ++c) {
      for (int64_t j = pixels; j < cut.piece; ++j) own[c * cut.pitch + j] = 0;
    }
  }
}

// Zeros before, between and behind the pieces, which nothing else is written to.
void clear_margins(const SpreadCut& cut, int64_t depth, float* strip) {
  for (int64_t i = 0; i <= cut.strip; ++i) {
    float* margin = strip + column_of(cut, i) - cut.margin;
    for (int64_t c = 0; c < depth; ++c, margin += cut.pitch) {
      for (int64_t j = 0; j < cut.margin; j += kLanes) store_upto(margin + j, zero(), cut.margin - j);
    }
  }
}

// The products of some rows of the kernel with a strip.
void multiply_strip(const SpreadCut& cut, const AffineRows& kernel, int64_t rows, int64_t columns,
                    int64_t depth, bool accumulate, const SpreadMemory& memory) {
  for (int64_t j = 0; j < columns; j += kPanelColumns) {
    const int64_t vectors = ceil_div(min(columns - j, kPanelColumns), kLanes);
    TileArgs t = {};
    t.depth = depth;
    t.a = kernel;
    t.b = memory.strip + j;
    t.b_step = cut.pitch;
    t.c = memory.products + j;
    t.c_row = cut.pitch;
    t.last_columns = kLanes;
    t.accumulate = accumulate;
    multiply_tiles<Float32>(t, tiles_of(rows, vectors), vectors);
  }
}

// Which taps of a line of the kernel give to the pixels of a phase of the stride, in ascending order: floats
// from a piece in the first of their rows to what is added to position 0.
struct TapOffsets {
  int64_t first[kMostPhases + 1];
  int64_t of[kSpreadRows];
};
TapOffsets tap_offsets(const Spread& f, const SpreadCut& cut) {
  const SpreadAxis& axis = f.axes[2];
  TapOffsets offsets = {};
  int64_t count = 0;
  for (int64_t phase = 0; phase < axis.stride; ++phase) {
    offsets.first[phase] = count;
    for (int64_t t = 0; t < axis.taps; ++t) {
      const int64_t at = t * axis.dilation;
      if (at % axis.stride == phase) offsets.of[count++] = t * f.channels * cut.pitch - at / axis.stride;
    }
  }
  offsets.first[axis.stride] = count;
  return offsets;
}

// Adds taps to n sums. Their number, if it is no other than kTaps.
template <int kTaps>
VEC_INLINE void add_taps(const float* from, const int64_t* offsets, int64_t taps, int64_t n, float* to) {
  for (int64_t i = 0; i < n; i += kLanes) {
    Vec line = load(from + offsets[0] + i);
    for (int64_t t = 1; t < (kTaps > 0 ? kTaps : taps); ++t) line = line + load(from + offsets[t] + i);
    if (i + kLanes <= n) store(to + i, load(to + i) + line);
    else store_tail(to + i, load_tail(to + i, n - i) + line, n - i);
  }
}

// Adds one line of the kernel to a line of sums.
void add_kernel_line(const Spread& f, const SpreadCut& cut, const TapOffsets& offsets, const float* from,
                     int64_t n, float* to) {
  for (int64_t phase = 0; phase < f.axes[2].stride; ++phase) {
    const int64_t* own = offsets.of + offsets.first[phase];
    const int64_t taps = offsets.first[phase + 1] - offsets.first[phase];
    const float* row = from;
    for (int64_t channel = 0; channel < f.channels; ++channel, row += cut.pitch, to += cut.length) {
      switch (taps) {
        case 0: break;
        case 1: add_taps<1>(row, own, taps, n, to); break;
        case 2: add_taps<2>(row, own, taps, n, to); break;
        case 3: add_taps<3>(row, own, taps, n, to); break;
        default: add_taps<0>(row, own, taps, n, to);
      }
    }
  }
}

// Adds the products of kernel lines [first, first + count) with a strip to the sums.
void add_strip(const Spread& f, const SpreadCut& cut, const SpreadTask& task, const Strip& strip,
               int64_t first, int64_t count, const SpreadMemory& memory, const TapOffsets& offsets) {
  const SpreadAxis &a0 = f.axes[0], &a1 = f.axes[1];
  int64_t part = strip.first % cut.pieces, line = strip.first / cut.pieces;
  for (int64_t i = 0; i < strip.count; ++i) {
    const int64_t at = part * cut.piece, n = min(f.axes[2].from - at, cut.piece) + cut.margin;
    const float* from = memory.products + column_of(cut, i);
    const int64_t p0 = line / a1.from * a0.stride + a0.shift, p1 = line % a1.from * a1.stride + a1.shift;
    int64_t t0 = first / a1.taps, t1 = first % a1.taps;
    for (int64_t own = 0; own < count; ++own, from += f.line_rows() * cut.pitch) {
      const int64_t to0 = p0 + t0 * a0.dilation, to1 = p1 + t1 * a1.dilation;
      const int64_t to = to0 * a1.to + to1 - task.first_line;
      const bool exists = to0 >= 0 && to0 < a0.to && to1 >= 0 && to1 < a1.to;
      if (exists && to >= 0 && to < task.lines) {
        add_kernel_line(f, cut, offsets, from, n, memory.sums + to * cut.line + at);
      }
      if (++t1 < a1.taps) continue;
      t1 = 0;
      ++t0;
    }
    if (++part < cut.pieces) continue;
    part = 0;
    ++line;
  }
}

// Lines that give to lines [first, first + count) of the result, and perhaps some that do not.
Strip lines_giving(const Spread& f, int64_t first, int64_t count) {
  const SpreadAxis &a0 = f.axes[0], &a1 = f.axes[1];
  const auto low = [](const SpreadAxis& a, int64_t to) {
    const int64_t least = to - a.shift - (a.taps - 1) * a.dilation;
    return least <= 0 ? 0 : min(ceil_div(least, a.stride), a.from);
  };
  const auto high = [](const SpreadAxis& a, int64_t to) {
    return to < a.shift ? 0 : min((to - a.shift) / a.stride + 1, a.from);
  };
  const int64_t last = first + count - 1;
  if (a0.to == 1 && a0.from == 1) {
    const int64_t begin = low(a1, first), end = high(a1, last);
    return {begin, max(end - begin, 0)};
  }
  const int64_t begin = low(a0, first / a1.to), end = high(a0, last / a1.to);
  return {begin * a1.from, max(end - begin, 0) * a1.from};
}

// Moves the sums to where they belong, and does what follows.
void store_sums(const Spread& f, const SpreadCut& cut, const SpreadTask& task, const SpreadMemory& memory,
                const Workspace& workspace) {
  const SpreadAxis& axis = f.axes[2];
  const Product& p = task.product;
  for (int64_t line = 0; line < task.lines; ++line) {
    const int64_t pixel = (task.image * f.to_lines() + task.first_line + line) * axis.to;
    for (int64_t channel = 0; channel < f.channels; ++channel) {
      float* to = p.c + pixel * p.c_row + channel;
      const float* bias = p.epilogue.bias == nullptr ? nullptr : p.epilogue.bias + channel;
      if (p.c_row == 1 && axis.stride == 1 && axis.shift <= 0) {
        const float* sums = memory.sums + line * cut.line - axis.shift;
        for (int64_t i = 0; i < axis.to; i += kLanes) {
          Vec sum = load_upto(sums + i, axis.to - i);
          if (bias != nullptr) sum = sum + splat(*bias);
          store_upto(to + i, sum, axis.to - i);
        }
        continue;
      }
      for (int64_t i = 0; i < min(axis.shift, axis.to); ++i) to[i * p.c_row] = 0;
      for (int64_t phase = 0; phase < axis.stride; ++phase) {
        int64_t i = phase + axis.shift;
        if (i < 0) i += ceil_div(-i, axis.stride) * axis.stride;
        const float* sums = memory.sums + line * cut.line + (phase * f.channels + channel) * cut.length;
        for (int64_t at = (i - axis.shift) / axis.stride; i < axis.to; i += axis.stride, ++at) {
          to[i * p.c_row] = sums[at];
        }
      }
      for (int64_t i = 0; bias != nullptr && i < axis.to; ++i) to[i * p.c_row] = to[i * p.c_row] + *bias;
    }
    finish_rows(p, workspace, {pixel, axis.to, 0, f.channels});
  }
}

void spread_lines(const Spread& f, const SpreadCut& cut, const SpreadTask& task, const SpreadMemory& memory,
                  const Workspace& workspace) {
  clear_floats(memory.sums, task.lines * cut.line);
  const Strip lines = lines_giving(f, task.first_line, task.lines);
  const TapOffsets offsets = tap_offsets(f, cut);
  const int64_t begin = lines.first * cut.pieces, end = (lines.first + lines.count) * cut.pieces;
  Strip strip = {begin, 0};
  for (; strip.first < end; strip.first += strip.count) {
    // Strips begin at multiples of their length, whatever lines are asked for.
    strip.count = min((strip.first / cut.strip + 1) * cut.strip, end) - strip.first;
    const int64_t columns = column_of(cut, strip.count);
    for (int64_t first = 0, count; first < f.kernel_lines(); first += count) {
      count = min(f.kernel_lines() - first, cut.kernel_lines);
      const AffineRows rows = task.kernel.from(first * f.line_rows(), 0);
      for (int64_t k = 0; k < f.terms; k += kBlockDepth) {
        const int64_t depth = min(f.terms - k, kBlockDepth);
        if (first == 0 || f.terms > kBlockDepth) pack_strip(f, cut, task, strip, k, depth, memory.strip);
        multiply_strip(cut, rows.from(0, k), count * f.line_rows(), columns, depth, k > 0, memory);
      }
      add_strip(f, cut, task, strip, first, count, memory, offsets);
    }
    yield_to_others(workspace.yield_point);
  }
  store_sums(f, cut, task, memory, workspace);
}

// `product` is that of the first group.
void run_spread(const Spread& f, const Args& args, const Product& product, int32_t* guard,
                int64_t first_task, int64_t last_task) {
  const SpreadCut cut = cut_of(f);
  const SpreadMemory memory = spread_memory(f, cut, args);
  const int64_t each = spread_blocks(f, cut), blocks = f.images * each, tasks = spread_tasks(f);
  Workspace workspace = {};
  workspace.guard = guard;
  workspace.yield_point = args.yield_point;
  clear_margins(cut, min(f.terms, kBlockDepth), memory.strip);
  for (int64_t group = 0; group < f.groups; ++group) {
    SpreadTask task = {};
    task.product = product;
    task.product.c += group * f.channels;
    task.product.c_start = group * f.channels;
    if (task.product.epilogue.bias != nullptr) task.product.epilogue.bias += group * f.channels;
    if (task.product.epilogue.other != nullptr) task.product.epilogue.other += group * f.channels;
    task.kernel = kernel_rows(f, input<float>(args, 1), group, memory.kernel);
    for (int64_t block = blocks * first_task / tasks; block < blocks * last_task / tasks; ++block) {
      const int64_t own = block % each, lines = f.to_lines();
      task.image = block / each;
      task.first_line = lines * own / each;
      task.lines = lines * (own + 1) / each - task.first_line;
      const int64_t pixel = task.image * f.from_lines() * f.axes[2].from;
      task.from = input<float>(args, 0) + pixel * f.from_channels + group * f.terms;
      spread_lines(f, cut, task, memory, workspace);
    }
  }
}

}  // namespace
}  // namespace chainrule
