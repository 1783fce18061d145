// What convolutions are whose result has few channels (conv_spread.h), and how they are cut, by the shape of
// an image alone.
#pragma once

#include "conv_block.h"
#include "gemm.h"

namespace chainrule {
namespace {

// Channels of the result up to which, and terms from which on, this is faster.
constexpr int64_t kMostSpread = 8, kLeastSpreadTerms = 8;
// Columns of a strip, those between lines, and rows of taps at once.
constexpr int64_t kStripColumns = 256, kMostMargin = 64, kSpreadRows = 96;
// Phases of the stride along a line.
constexpr int64_t kMostPhases = 8;
// Floats of the lines of a result that are summed at once, and of a copied kernel.
constexpr int64_t kSumFloats = 40960, kSpreadKernel = 16384;

// Pixel q of what is read gives to pixel q * stride + shift + t * dilation of the result by tap t.
struct SpreadAxis {
  int64_t from, to, taps, stride, shift, dilation;
};

struct Spread {
  int64_t images, groups;
  int64_t from_channels, terms;   // of all groups, and of one
  int64_t to_channels, channels;  // the same of the result
  SpreadAxis axes[kSpace];
  bool mirrored;  // the kernel is [taps, terms, channels] and its taps are counted from its end

  int64_t from_lines() const { return axes[0].from * axes[1].from; }
  int64_t to_lines() const { return axes[0].to * axes[1].to; }
  int64_t kernel_lines() const { return axes[0].taps * axes[1].taps; }
  // Rows of a line of the kernel.
  int64_t line_rows() const { return axes[2].taps * channels; }
};

Spread spread_of_input(const ConvShape& s) {
  Spread f = {s.images, s.groups, s.outputs, s.group_outputs(), s.channels, s.group_channels(), {}, false};
  for (int i = 0; i < kSpace; ++i) {
    f.axes[i] = {s.y[i], s.x[i], s.taps[i], s.stride[i], -s.before[i], s.dilation[i]};
  }
  return f;
}
// Of a stride of 1.
Spread spread_of_result(const ConvShape& s) {
  Spread f = {s.images, s.groups, s.channels, s.group_channels(), s.outputs, s.group_outputs(), {}, true};
  for (int i = 0; i < kSpace; ++i) {
    const int64_t shift = s.before[i] - (s.taps[i] - 1) * s.dilation[i];
    f.axes[i] = {s.x[i], s.y[i], s.taps[i], 1, shift, s.dilation[i]};
  }
  return f;
}

// How lines that are read are cut into pieces and laid side by side, with zeros before, between and behind
// them; and how those of the result are. All by the shape of an image.
struct SpreadCut {
  int64_t margin, piece, pieces;  // pixels of a piece; pieces of a line
  int64_t strip, columns, pitch;  // pieces of a strip; its columns; floats from one of its rows to the next
  int64_t length, line;           // floats of the sums of a phase and channel, and of a line of the result
  int64_t lines, kernel_lines;    // of the result, and of the kernel, at once at most
};

SpreadCut cut_of(const Spread& f) {
  const SpreadAxis& axis = f.axes[2];
  SpreadCut cut = {};
  cut.margin = (axis.taps - 1) * axis.dilation / axis.stride;
  cut.pieces = ceil_div(axis.from, kStripColumns - min(cut.margin, kMostMargin));
  cut.piece = ceil_div(axis.from, cut.pieces);
  cut.strip = max(min(kStripColumns / (cut.piece + cut.margin), f.from_lines() * cut.pieces), 1);
  cut.columns = cut.margin + cut.strip * (cut.piece + cut.margin);
  // An odd number of lines of the cache, so that rows do not share its sets.
  cut.pitch = (cut.columns / kLanes + 2) / 2 * 2 * kLanes + kLanes;
  cut.length = max(axis.from + cut.margin, ceil_div(max(axis.to - axis.shift, 1), axis.stride));
  cut.line = axis.stride * f.channels * cut.length;
  cut.lines = min(kSumFloats / max(cut.line, 1), f.to_lines());
  cut.kernel_lines = min(kSpreadRows / max(f.line_rows(), 1), f.kernel_lines());
  return cut;
}

bool suits_spread(const Spread& f) {
  if (f.channels > kMostSpread || f.terms < kLeastSpreadTerms) return false;
  for (const SpreadAxis& axis : f.axes) {
    if (axis.from < 1 || axis.to < 1 || axis.taps < 1) return false;
  }
  const SpreadAxis& axis = f.axes[2];
  if (axis.stride > kMostPhases || (axis.taps - 1) * axis.dilation / axis.stride > kMostMargin) return false;
  const SpreadCut cut = cut_of(f);
  const int64_t kernel = f.kernel_lines() * f.line_rows() * f.terms;
  return cut.lines > 0 && cut.kernel_lines > 0 && (!f.mirrored || kernel <= kSpreadKernel);
}

// Each image is made in so many blocks of lines.
int64_t spread_blocks(const Spread& f, const SpreadCut& cut) {
  const double work = static_cast<double>(f.images) * static_cast<double>(f.from_lines() * f.axes[2].from) *
                      static_cast<double>(f.kernel_lines() * f.line_rows()) *
                      static_cast<double>(f.terms * f.groups);
  const double wanted = work / kMinWork;
  const int64_t tasks = wanted < kTargetTasks ? static_cast<int64_t>(wanted) : kTargetTasks;
  // Lines that two blocks share are read for both.
  const int64_t most = max(f.to_lines() / (4 * f.axes[1].taps), 1);
  return max(ceil_div(f.to_lines(), cut.lines), min(ceil_div(tasks, max(f.images, 1)), most));
}
int64_t spread_tasks(const Spread& f) {
  return max(min(f.images * spread_blocks(f, cut_of(f)), kGuardSlots), 1);
}

double spread_cost(const Spread& f) {
  const double pixels = static_cast<double>(f.images * f.from_lines() * f.axes[2].from);
  const double rows = static_cast<double>(f.kernel_lines() * f.line_rows() + kLanes);
  return 50.0 + pixels * rows * static_cast<double>(f.terms * f.groups) * kMultiplyNs;
}

struct SpreadMemory {
  float *strip, *products, *sums, *kernel;
};
struct SpreadSizes {
  int64_t strip, products, sums, kernel;
};
SpreadSizes spread_sizes(const Spread& f, const SpreadCut& cut) {
  SpreadSizes sizes = {};
  sizes.strip = ceil_div(min(f.terms, kBlockDepth), kLanes) * kLanes * cut.pitch;
  sizes.products = cut.kernel_lines * f.line_rows() * cut.pitch + kLanes;
  sizes.sums = cut.lines * cut.line + kLanes;
  sizes.kernel = f.mirrored ? f.kernel_lines() * f.line_rows() * f.terms : 0;
  return sizes;
}
size_t spread_scratch(const Spread& f) {
  const SpreadSizes sizes = spread_sizes(f, cut_of(f));
  return static_cast<size_t>(sizes.strip + sizes.products + sizes.sums + sizes.kernel) * sizeof(float);
}
SpreadMemory spread_memory(const Spread& f, const SpreadCut& cut, const Args& args) {
  const SpreadSizes sizes = spread_sizes(f, cut);
  SpreadMemory memory = {static_cast<float*>(args.scratch), nullptr, nullptr, nullptr};
  memory.products = memory.strip + sizes.strip;
  memory.sums = memory.products + sizes.products;
  memory.kernel = memory.sums + sizes.sums;
  return memory;
}

}  // namespace
}  // namespace chainrule
