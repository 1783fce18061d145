// Convolutions of images with channels last, of one to three axes of space, and their gradients: products of
// windows with kernels (conv_block.h), or channel by channel (conv_depthwise.h). Twin of lib/ops/conv.ts.
//
// A result is one chain of fused multiply-adds in each block of 384 terms, blocks added in ascending order.
// Terms go by tap, then channel, or for the gradient of the kernel by image, then pixel. A tap that lies
// outside of an image multiplies with zero.
#pragma once

#include "conv_depthwise.h"
#include "conv_winograd.h"

namespace chainrule {
namespace {

// The words of a convolution's attributes, in the order of its signature.
enum ConvAttribute : int32_t { kConvBias, kConvMap, kConvDirect, kConvGeometry };

ConvShape shape_of_conv(const Args& args) {
  return conv_shape(args.inputs[0], args.inputs[1], args.outputs[0], args.attributes + kConvGeometry);
}
ConvShape shape_of_input(const Args& args) {
  return conv_shape(args.outputs[0], args.inputs[1], args.inputs[0], args.attributes + kConvGeometry);
}
ConvShape shape_of_kernel(const Args& args) {
  return conv_shape(args.inputs[0], without_first(args.outputs[0]), args.inputs[1], args.attributes);
}

// Whether a convolution is made by Winograd's products, which the attribute can forbid.
bool uses_winograd(const Args& args, const ConvShape& s) {
  return args.attributes[kConvDirect] == 0 && suits_winograd(s, s.y[1], s.y[2]);
}
bool input_uses_winograd(const Args& args, const ConvShape& s) {
  return args.attributes[kConvDirect] == 0 && suits_winograd(s, s.x[1], s.x[2]);
}

const char* check_conv(const Args& args) {
  if (args.attributeCount < kConvGeometry) return "a convolution needs its geometry";
  const char* wrong =
      check_shape(args.inputs[0], args.inputs[1], args.outputs[0], args.attributes + kConvGeometry,
                  args.attributeCount - kConvGeometry);
  return wrong != nullptr ? wrong : check_epilogue(args, kConvBias);
}

const char* check_conv_input(const Args& args) {
  if (args.attributeCount < kConvGeometry) return "a convolution needs its geometry";
  const char* wrong =
      check_shape(args.outputs[0], args.inputs[1], args.inputs[0], args.attributes + kConvGeometry,
                  args.attributeCount - kConvGeometry);
  return wrong != nullptr ? wrong : check_epilogue(args, kConvBias);
}

const char* check_conv_kernel(const Args& args) {
  const Tensor& w = args.outputs[0];
  if (w.rank < 1 || w.dims[0] < 1) return "the gradient of a kernel has at least one part";
  return check_shape(args.inputs[0], without_first(w), args.inputs[1], args.attributes, args.attributeCount);
}

// Reads lines where that is possible, else windows.
void multiply_rows(const Convolution& c, const ConvWorkspace& workspace, const Block& block) {
  const LineReader reader = line_reader(c.windows);
  if (reader.lines > 0) multiply_lines(c, reader, workspace, block);
  else multiply_windows(c, workspace, block);
}

// How the products of a convolution are cut into blocks, by shape alone. Blocks count down the rows first.
struct ConvGrid {
  int64_t groups, parts, row_blocks, column_blocks;
  int64_t rows, columns;

  int64_t blocks() const { return groups * parts * row_blocks * column_blocks; }
  int64_t tasks() const { return max(min(blocks(), kGuardSlots), 1); }
  int64_t first_block(int64_t task) const { return blocks() * task / tasks(); }
};

// A product of so many rows, columns and terms for each group and each part.
ConvGrid conv_grid(int64_t groups, int64_t parts, int64_t rows, int64_t columns, int64_t terms,
                   int64_t least_rows) {
  const double each = static_cast<double>(rows) * static_cast<double>(columns);
  const double work =
      each * static_cast<double>(max(terms, 1)) * static_cast<double>(groups) * static_cast<double>(parts);
  const bool is_large = work >= kMinWork * static_cast<double>(kTargetTasks);
  const int64_t wanted = is_large ? kTargetTasks : max(static_cast<int64_t>(work / kMinWork), 1);
  const int64_t wanted_each = ceil_div(wanted, groups * parts);
  ConvGrid grid = {groups, parts, 1, 1, rows, columns};
  grid.row_blocks = max(min(wanted_each, rows / least_rows), 1);
  const int64_t more = min(ceil_div(wanted_each, grid.row_blocks), ceil_div(columns, kPanelUnit));
  grid.column_blocks = max(max(ceil_div(columns, kMaxBlockColumns), more), 1);
  return grid;
}

// One or several blocks that follow one another down the rows.
struct ConvBlock {
  int64_t group, part, first_row_block, row_blocks, column, columns;
};

ConvBlock conv_block(const ConvGrid& grid, int64_t number, int64_t last) {
  ConvBlock block = {};
  block.first_row_block = number % grid.row_blocks;
  block.row_blocks = min(grid.row_blocks - block.first_row_block, last - number);
  number /= grid.row_blocks;
  const int64_t column_block = number % grid.column_blocks, vectors = ceil_div(grid.columns, kLanes);
  const int64_t end = vectors * (column_block + 1) / grid.column_blocks * kLanes;
  block.column = min(vectors * column_block / grid.column_blocks * kLanes, grid.columns);
  block.columns = min(end, grid.columns) - block.column;
  number /= grid.column_blocks;
  block.part = number % grid.parts;
  block.group = number / grid.parts;
  return block;
}

// The rows of these blocks, of a product of so many rows.
Block rows_of_block(const ConvGrid& grid, const ConvBlock& of, int64_t rows) {
  const int64_t first = rows * of.first_row_block / grid.row_blocks;
  const int64_t end = rows * (of.first_row_block + of.row_blocks) / grid.row_blocks;
  return {first, end - first, of.column, of.columns};
}

ConvGrid grid_of_conv(const ConvShape& s) {
  return conv_grid(s.groups, 1, s.images * s.y_pixels(), s.group_outputs(), s.all_taps() * s.group_channels(),
                   kRowsAtOnce);
}
ConvGrid grid_of_input(const ConvShape& s) {
  int64_t strides = 1;
  for (int i = 0; i < kSpace; ++i) strides *= min(s.stride[i], max(s.taps[i], 1));
  return conv_grid(s.groups, 1, s.images * s.x_pixels(), s.group_channels(),
                   s.all_taps() * s.group_outputs() / strides, kRowsAtOnce);
}
ConvGrid grid_of_kernel(const ConvShape& s, int64_t parts) {
  return conv_grid(s.groups, parts, s.all_taps() * s.group_channels(), s.group_outputs(),
                   s.images * s.y_pixels() / parts, kRowsAtOnce);
}

int64_t conv_tasks(const Args& args) {
  const ConvShape s = shape_of_conv(args);
  if (s.is_depthwise()) return depthwise_tasks(s, s.images * s.y_pixels());
  return uses_winograd(args, s) ? winograd_of_result(args, s).tasks() : grid_of_conv(s).tasks();
}
int64_t conv_input_tasks(const Args& args) {
  const ConvShape s = shape_of_input(args);
  if (s.is_depthwise()) return depthwise_tasks(s, s.images * s.x_pixels());
  return input_uses_winograd(args, s) ? winograd_of_input(args, s).tasks() : grid_of_input(s).tasks();
}
int64_t conv_kernel_tasks(const Args& args) {
  const ConvShape s = shape_of_kernel(args);
  const int64_t parts = args.outputs[0].dims[0];
  return s.is_depthwise() ? depthwise_kernel_tasks(s, parts) : grid_of_kernel(s, parts).tasks();
}

double conv_cost(const ConvShape& s) {
  const double pixels = static_cast<double>(s.images) * static_cast<double>(s.y_pixels());
  const double terms = static_cast<double>(s.all_taps()) * static_cast<double>(s.group_channels());
  if (s.is_depthwise()) return 50.0 + 2 * kMultiplyNs * pixels * terms * static_cast<double>(s.groups);
  const double columns = static_cast<double>(ceil_div(s.group_outputs(), kLanes) * kLanes);
  return 50.0 + static_cast<double>(s.groups) * pixels * terms * (kMultiplyNs * columns + kPackNs);
}
double conv_forward_cost(const Args& args) {
  const ConvShape s = shape_of_conv(args);
  return uses_winograd(args, s) ? winograd_cost(winograd_of_result(args, s)) : conv_cost(s);
}
double conv_input_cost(const Args& args) {
  const ConvShape s = shape_of_input(args);
  return input_uses_winograd(args, s) ? winograd_cost(winograd_of_input(args, s)) : conv_cost(s);
}
double conv_kernel_cost(const Args& args) { return conv_cost(shape_of_kernel(args)); }

size_t conv_forward_scratch(const Args& args) {
  const ConvShape s = shape_of_conv(args);
  return uses_winograd(args, s) ? winograd_scratch(s) : conv_scratch(args);
}
size_t conv_input_scratch(const Args& args) {
  const ConvShape s = shape_of_input(args);
  return input_uses_winograd(args, s) ? winograd_scratch(s) : conv_scratch(args);
}

// What the products of all groups have in common: `columns` of a group are its part of the result's channels.
Product product_of_group(const Args& args, int64_t group, int64_t columns, int64_t channels) {
  Product p = {};
  p.n = columns;
  p.c = output<float>(args, 0) + group * columns;
  p.c_row = channels;
  p.c_start = group * columns;
  return p;
}

Epilogue epilogue_of_group(const Args& args, int64_t group, int64_t columns) {
  Epilogue epilogue = epilogue_of(args, kConvBias);
  if (epilogue.bias != nullptr) epilogue.bias += group * columns;
  if (epilogue.other != nullptr) epilogue.other += group * columns;
  return epilogue;
}

Convolution conv_of_group(const Args& args, const ConvShape& s, int64_t group) {
  Convolution c = {};
  c.windows = windows_of_x(s, input<float>(args, 0), group);
  c.product = product_of_group(args, group, s.group_outputs(), s.outputs);
  c.product.m = s.images * s.y_pixels();
  c.product.k = c.windows.terms();
  c.product.b = input<float>(args, 1) + group * s.group_outputs();
  c.product.b_row = s.outputs;
  c.product.epilogue = epilogue_of_group(args, group, s.group_outputs());
  return c;
}

void run_conv(const Args& args, int64_t first_task, int64_t last_task) {
  const ConvShape s = shape_of_conv(args);
  const int64_t tasks = conv_tasks(args);
  int32_t* guard = args.outputCount > 1 ? clear_guard(args, tasks, first_task, last_task) : nullptr;
  if (args.outputs[0].count == 0) return;
  if (uses_winograd(args, s)) {
    return run_winograd(winograd_of_result(args, s), args, guard, first_task, last_task);
  }
  ConvWorkspace workspace = conv_workspace(args);
  workspace.product.guard = guard;
  if (s.is_depthwise()) {
    Convolution c = conv_of_group(args, s, 0);
    return run_depthwise(s, &c, workspace, {tasks, first_task, last_task});
  }
  const ConvGrid grid = grid_of_conv(s);
  const int64_t last = grid.first_block(last_task);
  for (int64_t number = grid.first_block(first_task); number < last;) {
    const ConvBlock block = conv_block(grid, number, last);
    const Convolution c = conv_of_group(args, s, block.group);
    multiply_rows(c, workspace, rows_of_block(grid, block, c.product.m));
    number += block.row_blocks;
  }
}

// Of one phase of the stride.
Convolution input_of_group(const Args& args, const ConvShape& s, int64_t group, int64_t phase) {
  Convolution c = {};
  c.windows = windows_of_y(s, input<float>(args, 0), group, phase, &c.phase);
  c.backwards = &s;
  c.apart = phases_of(s) > 1;
  c.product = product_of_group(args, group, s.group_channels(), s.channels);
  c.product.m = s.images * c.windows.windows();
  c.product.k = c.windows.terms();
  c.product.b = input<float>(args, 1) + group * s.group_outputs();
  c.product.epilogue = epilogue_of_group(args, group, s.group_channels());
  return c;
}

void run_conv_input(const Args& args, int64_t first_task, int64_t last_task) {
  const ConvShape s = shape_of_input(args);
  const int64_t tasks = conv_input_tasks(args);
  int32_t* guard = args.outputCount > 1 ? clear_guard(args, tasks, first_task, last_task) : nullptr;
  if (args.outputs[0].count == 0) return;
  if (input_uses_winograd(args, s)) {
    return run_winograd(winograd_of_input(args, s), args, guard, first_task, last_task);
  }
  ConvWorkspace workspace = conv_workspace(args);
  workspace.product.guard = guard;
  const int64_t phases = phases_of(s);
  if (s.is_depthwise()) {
    for (int64_t phase = 0; phase < phases; ++phase) {
      Convolution c = input_of_group(args, s, 0, phase);
      run_depthwise(s, &c, workspace, {tasks, first_task, last_task});
    }
    return;
  }
  const ConvGrid grid = grid_of_input(s);
  const int64_t last = grid.first_block(last_task);
  for (int64_t number = grid.first_block(first_task); number < last;) {
    const ConvBlock block = conv_block(grid, number, last);
    for (int64_t phase = 0; phase < phases; ++phase) {
      const Convolution c = input_of_group(args, s, block.group, phase);
      const Block own = rows_of_block(grid, block, c.product.m);
      if (own.rows > 0) multiply_rows(c, workspace, own);
    }
    number += block.row_blocks;
  }
}

// Blocks of 384 pixels of all images are dealt out to the parts in order.
struct PixelRange {
  int64_t first, count;
};
PixelRange pixels_of_part(const ConvShape& s, int64_t part, int64_t parts) {
  const int64_t pixels = s.images * s.y_pixels(), blocks = ceil_div(pixels, kBlockDepth);
  const int64_t first = min(blocks * part / parts * kBlockDepth, pixels);
  return {first, min(blocks * (part + 1) / parts * kBlockDepth, pixels) - first};
}

Convolution kernel_of_group(const Args& args, const ConvShape& s, int64_t group, int64_t part) {
  const int64_t parts = args.outputs[0].dims[0];
  const PixelRange pixels = pixels_of_part(s, part, parts);
  Convolution c = {};
  c.windows = windows_of_x(s, input<float>(args, 0), group);
  c.transposed = true;
  c.first_window = pixels.first;
  c.product = product_of_group(args, group, s.group_outputs(), s.outputs);
  c.product.c += part * (args.outputs[0].count / parts);
  c.product.m = c.windows.terms();
  c.product.k = pixels.count;
  c.product.b = input<float>(args, 1) + pixels.first * s.outputs + group * s.group_outputs();
  c.product.b_row = s.outputs;
  return c;
}

void run_conv_kernel(const Args& args, int64_t first_task, int64_t last_task) {
  if (args.outputs[0].count == 0) return;
  const ConvShape s = shape_of_kernel(args);
  const int64_t parts = args.outputs[0].dims[0];
  const ConvWorkspace workspace = conv_workspace(args);
  if (s.is_depthwise()) {
    for (int64_t task = first_task; task < last_task; ++task) {
      run_depthwise_kernel(s, kernel_of_group(args, s, 0, task % parts), workspace, task / parts);
    }
    return;
  }
  const ConvGrid grid = grid_of_kernel(s, parts);
  const int64_t last = grid.first_block(last_task);
  for (int64_t number = grid.first_block(first_task); number < last;) {
    const ConvBlock block = conv_block(grid, number, last);
    const Convolution c = kernel_of_group(args, s, block.group, block.part);
    const Block rows = rows_of_block(grid, block, c.product.m);
    if (reads_taps(c.windows)) multiply_taps(c, workspace, rows);
    else if (reads_tap_lines(c.windows)) multiply_tap_lines(c, workspace, rows);
    else multiply_windows(c, workspace, rows);
    number += block.row_blocks;
  }
}

constexpr Kernel kConvKernels[] = {
    {"conv(x: f32, w: f32, ...epilogue: f32) -> y: f32, guard?: i32 "
     "{bias: bool, map: op, direct: bool, geometry: words}",
     check_conv, conv_tasks, conv_forward_cost, conv_forward_scratch, run_conv, 0},
    {"convInput(y: f32, w: f32, ...epilogue: f32) -> x: f32, guard?: i32 "
     "{bias: bool, map: op, direct: bool, geometry: words}",
     check_conv_input, conv_input_tasks, conv_input_cost, conv_input_scratch, run_conv_input, 0},
    {"convKernel(x: f32, y: f32) -> w: f32 {geometry: words}", check_conv_kernel, conv_kernel_tasks,
     conv_kernel_cost, conv_scratch, run_conv_kernel, 0},
};

}  // namespace
}  // namespace chainrule
