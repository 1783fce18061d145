// Convolutions of images with channels last, of one to three axes of space, and their gradients: products of
// windows with kernels (conv_block.h), or channel by channel (conv_depthwise.h). Twin of lib/ops/conv.ts.
//
// A result is one chain of fused multiply-adds in each block of 384 terms, blocks added in ascending order.
// Terms go by tap, then channel, or for the gradient of the kernel by image, then pixel. A tap that lies
// outside of an image multiplies with zero. In bfloat16 blocks are of 384 pairs of channels of a tap, or of
// pixels, the second of a pair first (gemm_bfloat16.h).
#pragma once

#include "conv_depthwise_pixels.h"
#include "conv_grid.h"
#include "conv_spread.h"
#include "conv_winograd_kernel.h"

namespace chainrule {
namespace {

// The words of a convolution's attributes, in the order of its signature.
enum ConvAttribute : int32_t { kConvBias, kConvMap, kConvDirect, kConvBfloat16, kConvGeometry };
// Those of the gradient of a kernel.
enum ConvKernelAttribute : int32_t { kKernelDirect, kKernelBfloat16, kKernelGeometry };

ConvShape shape_of_conv(const Args& args) {
  return conv_shape(args.inputs[0], args.inputs[1], args.outputs[0], args.attributes + kConvGeometry);
}
ConvShape shape_of_input(const Args& args) {
  return conv_shape(args.outputs[0], args.inputs[1], args.inputs[0], args.attributes + kConvGeometry);
}
ConvShape shape_of_kernel(const Args& args) {
  const Tensor w = without_first(args.outputs[0]);
  return conv_shape(args.inputs[0], w, args.inputs[1], args.attributes + kKernelGeometry);
}

// Whether a convolution is made by Winograd's products, which the attribute can forbid.
bool uses_winograd(const Args& args, const ConvShape& s) {
  return args.attributes[kConvDirect] == 0 && suits_winograd(s, s.y[1], s.y[2]);
}
bool input_uses_winograd(const Args& args, const ConvShape& s) {
  return args.attributes[kConvDirect] == 0 && suits_winograd(s, s.x[1], s.x[2]);
}

bool kernel_uses_winograd(const Args& args, const ConvShape& s) {
  return args.attributes[kKernelDirect] == 0 && suits_winograd(s, s.y[1], s.y[2]);
}
WinogradKernel winograd_of_kernel(const Args& args, const ConvShape& s) {
  const bool in_bfloat16 = args.attributes[kKernelBfloat16] != 0;
  return winograd_of_kernel(args, s, in_bfloat16 ? Bfloat16::kPerWord : Float32::kPerWord);
}

// Whether its few channels make a result faster with operands swapped.
bool spreads(const Args& args, const ConvShape& s) {
  const bool steps = s.stride[0] > 1 || s.stride[1] > 1 || s.stride[2] > 1;
  if (args.attributes[kConvBfloat16] != 0 || s.groups > 1 || steps) return false;
  return suits_spread(spread_of_result(s));
}
bool input_spreads(const Args& args, const ConvShape& s) {
  return args.attributes[kConvBfloat16] == 0 && s.groups == 1 && suits_spread(spread_of_input(s));
}

const char* check_precision(const ConvShape& s, int32_t in_bfloat16) {
  if (in_bfloat16 == 0 || !s.is_depthwise()) return nullptr;
  return "single channels are convolved in float32";
}

const char* check_conv(const Args& args) {
  if (args.attributeCount < kConvGeometry) return "a convolution needs its geometry";
  const char* wrong =
      check_shape(args.inputs[0], args.inputs[1], args.outputs[0], args.attributes + kConvGeometry,
                  args.attributeCount - kConvGeometry);
  if (wrong != nullptr) return wrong;
  wrong = check_precision(shape_of_conv(args), args.attributes[kConvBfloat16]);
  return wrong != nullptr ? wrong : check_epilogue(args, kConvBias);
}

const char* check_conv_input(const Args& args) {
  if (args.attributeCount < kConvGeometry) return "a convolution needs its geometry";
  const char* wrong =
      check_shape(args.outputs[0], args.inputs[1], args.inputs[0], args.attributes + kConvGeometry,
                  args.attributeCount - kConvGeometry);
  if (wrong != nullptr) return wrong;
  wrong = check_precision(shape_of_input(args), args.attributes[kConvBfloat16]);
  return wrong != nullptr ? wrong : check_epilogue(args, kConvBias);
}

const char* check_conv_kernel(const Args& args) {
  const Tensor& w = args.outputs[0];
  if (w.rank < 1 || w.dims[0] < 1) return "the gradient of a kernel has at least one part";
  if (args.attributeCount < kKernelGeometry) return "a convolution needs its geometry";
  const char* wrong =
      check_shape(args.inputs[0], without_first(w), args.inputs[1], args.attributes + kKernelGeometry,
                  args.attributeCount - kKernelGeometry);
  return wrong != nullptr ? wrong : check_precision(shape_of_kernel(args), args.attributes[kKernelBfloat16]);
}

// Reads lines where that is possible, else windows.
template <class Number>
void multiply_rows(const Convolution& c, const ConvWorkspace& workspace, const Block& block) {
  const LineReader reader = line_reader<Number>(c.windows);
  if (reader.lines > 0) multiply_lines<Number>(c, reader, workspace, block);
  else multiply_windows<Number>(c, workspace, block);
}

int64_t conv_tasks(const Args& args) {
  const ConvShape s = shape_of_conv(args);
  if (s.is_depthwise()) return depthwise_tasks(s, s.images * s.y_pixels());
  if (spreads(args, s)) return spread_tasks(spread_of_result(s));
  return uses_winograd(args, s) ? winograd_of_result(args, s).tasks() : grid_of_conv(s).tasks();
}
int64_t conv_input_tasks(const Args& args) {
  const ConvShape s = shape_of_input(args);
  if (s.is_depthwise()) return depthwise_tasks(s, s.images * s.x_pixels());
  if (input_spreads(args, s)) return spread_tasks(spread_of_input(s));
  return input_uses_winograd(args, s) ? winograd_of_input(args, s).tasks() : grid_of_input(s).tasks();
}
int64_t conv_kernel_tasks(const Args& args) {
  const ConvShape s = shape_of_kernel(args);
  const int64_t parts = args.outputs[0].dims[0];
  if (kernel_uses_winograd(args, s)) return max(winograd_of_kernel(args, s).tasks(), 1);
  return s.is_depthwise() ? depthwise_kernel_tasks(s, parts) : grid_of_kernel(s, parts).tasks();
}

double conv_cost(const ConvShape& s, bool in_bfloat16) {
  const double pixels = static_cast<double>(s.images) * static_cast<double>(s.y_pixels());
  const double terms = static_cast<double>(s.all_taps()) * static_cast<double>(s.group_channels());
  // Of single channels, as many of a pixel as a vector has, whether or not they exist.
  constexpr double kChannelNs = 3.5 * kMultiplyNs;
  if (s.is_depthwise()) {
    return 50.0 + kChannelNs * pixels * terms * static_cast<double>(ceil_div(s.groups, kLanes) * kLanes);
  }
  const double columns = static_cast<double>(ceil_div(s.group_outputs(), kLanes) * kLanes);
  const double multiply_ns = in_bfloat16 ? kMultiplyNs / Bfloat16::kPerWord : kMultiplyNs;
  return 50.0 + static_cast<double>(s.groups) * pixels * terms * (multiply_ns * columns + kPackNs);
}
double conv_forward_cost(const Args& args) {
  const ConvShape s = shape_of_conv(args);
  if (spreads(args, s)) return spread_cost(spread_of_result(s));
  const bool in_bfloat16 = args.attributes[kConvBfloat16] != 0;
  return uses_winograd(args, s) ? winograd_cost(winograd_of_result(args, s)) : conv_cost(s, in_bfloat16);
}
double conv_input_cost(const Args& args) {
  const ConvShape s = shape_of_input(args);
  if (input_spreads(args, s)) return spread_cost(spread_of_input(s));
  const bool in_bfloat16 = args.attributes[kConvBfloat16] != 0;
  return input_uses_winograd(args, s) ? winograd_cost(winograd_of_input(args, s)) : conv_cost(s, in_bfloat16);
}
double conv_kernel_cost(const Args& args) {
  const ConvShape s = shape_of_kernel(args);
  if (kernel_uses_winograd(args, s)) return winograd_cost(winograd_of_kernel(args, s).winograd);
  return conv_cost(s, args.attributes[kKernelBfloat16] != 0);
}

size_t conv_forward_scratch(const Args& args) {
  const ConvShape s = shape_of_conv(args);
  if (spreads(args, s)) return spread_scratch(spread_of_result(s));
  return uses_winograd(args, s) ? winograd_scratch(s) : conv_scratch(args);
}
size_t conv_input_scratch(const Args& args) {
  const ConvShape s = shape_of_input(args);
  if (input_spreads(args, s)) return spread_scratch(spread_of_input(s));
  return input_uses_winograd(args, s) ? winograd_scratch(s) : conv_scratch(args);
}
size_t conv_kernel_scratch(const Args& args) {
  const ConvShape s = shape_of_kernel(args);
  if (!kernel_uses_winograd(args, s)) return conv_scratch(args);
  return winograd_kernel_scratch(winograd_of_kernel(args, s));
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

template <class Number>
Convolution conv_of_group(const Args& args, const ConvShape& s, int64_t group) {
  Convolution c = {};
  c.windows = windows_of_x(s, input<float>(args, 0), group, Number::kPerWord);
  c.product = product_of_group(args, group, s.group_outputs(), s.outputs);
  c.product.m = s.images * s.y_pixels();
  c.product.k = c.windows.terms();
  c.product.b = input<float>(args, 1) + group * s.group_outputs();
  c.product.b_row = s.outputs;
  c.product.epilogue = epilogue_of_group(args, group, s.group_outputs());
  return c;
}

template <class Number>
void run_conv(const Args& args, int64_t first_task, int64_t last_task) {
  const ConvShape s = shape_of_conv(args);
  const int64_t tasks = conv_tasks(args);
  int32_t* guard = args.outputCount > 1 ? clear_guard(args, tasks, first_task, last_task) : nullptr;
  if (args.outputs[0].count == 0) return;
  if (uses_winograd(args, s)) {
    return run_winograd<Number>(winograd_of_result(args, s), args, guard, first_task, last_task);
  }
  if (spreads(args, s)) {
    const Product product = conv_of_group<Number>(args, s, 0).product;
    return run_spread(spread_of_result(s), args, product, guard, first_task, last_task);
  }
  ConvWorkspace workspace = conv_workspace(args);
  workspace.product.guard = guard;
  if (s.is_depthwise()) {
    Convolution c = conv_of_group<Number>(args, s, 0);
    return run_depthwise(s, &c, workspace, {tasks, first_task, last_task});
  }
  const ConvGrid grid = grid_of_conv(s);
  const int64_t last = grid.first_block(last_task);
  for (int64_t number = grid.first_block(first_task); number < last;) {
    const ConvBlock block = conv_block(grid, number, last);
    const Convolution c = conv_of_group<Number>(args, s, block.group);
    multiply_rows<Number>(c, workspace, rows_of_block(grid, block, c.product.m));
    number += block.row_blocks;
  }
}

// Of one phase of the stride.
template <class Number>
Convolution input_of_group(const Args& args, const ConvShape& s, int64_t group, int64_t phase) {
  Convolution c = {};
  c.windows = windows_of_y(s, input<float>(args, 0), group, Number::kPerWord, phase, &c.phase);
  c.backwards = &s;
  c.apart = phases_of(s) > 1;
  c.product = product_of_group(args, group, s.group_channels(), s.channels);
  c.product.m = s.images * c.windows.windows();
  c.product.k = c.windows.terms();
  c.product.b = input<float>(args, 1) + group * s.group_outputs();
  c.product.epilogue = epilogue_of_group(args, group, s.group_channels());
  return c;
}

// Of single channels.
template <class Number>
void run_depthwise_input(const Args& args, const ConvShape& s, const ConvWorkspace& workspace,
                         const TaskRange& range) {
  const int64_t phases = phases_of(s);
  Convolution all[kPixelPhases];
  for (int64_t phase = 0; phase < min(phases, kPixelPhases); ++phase) {
    all[phase] = input_of_group<Number>(args, s, 0, phase);
    all[phase].product.n = s.channels;
  }
  if (phases > 1 && phases <= kPixelPhases && suits_pixels(all, phases)) {
    return run_pixels(s, all, workspace, range);
  }
  for (int64_t phase = 0; phase < phases; ++phase) {
    Convolution c = input_of_group<Number>(args, s, 0, phase);
    run_depthwise(s, &c, workspace, range);
  }
}

template <class Number>
void run_conv_input(const Args& args, int64_t first_task, int64_t last_task) {
  const ConvShape s = shape_of_input(args);
  const int64_t tasks = conv_input_tasks(args);
  int32_t* guard = args.outputCount > 1 ? clear_guard(args, tasks, first_task, last_task) : nullptr;
  if (args.outputs[0].count == 0) return;
  if (input_uses_winograd(args, s)) {
    return run_winograd<Number>(winograd_of_input(args, s), args, guard, first_task, last_task);
  }
  if (input_spreads(args, s)) {
    const Product product = input_of_group<Number>(args, s, 0, 0).product;
    return run_spread(spread_of_input(s), args, product, guard, first_task, last_task);
  }
  ConvWorkspace workspace = conv_workspace(args);
  workspace.product.guard = guard;
  const int64_t phases = phases_of(s);
  if (s.is_depthwise()) {
    return run_depthwise_input<Number>(args, s, workspace, {tasks, first_task, last_task});
  }
  const ConvGrid grid = grid_of_input(s);
  const int64_t last = grid.first_block(last_task);
  for (int64_t number = grid.first_block(first_task); number < last;) {
    const ConvBlock block = conv_block(grid, number, last);
    for (int64_t phase = 0; phase < phases; ++phase) {
      const Convolution c = input_of_group<Number>(args, s, block.group, phase);
      const Block own = rows_of_block(grid, block, c.product.m);
      if (own.rows > 0) multiply_rows<Number>(c, workspace, own);
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

template <class Number>
Convolution kernel_of_group(const Args& args, const ConvShape& s, int64_t group, int64_t part) {
  const int64_t parts = args.outputs[0].dims[0];
  const PixelRange pixels = pixels_of_part(s, part, parts);
  Convolution c = {};
  c.windows = windows_of_x(s, input<float>(args, 0), group, 1);
  c.transposed = true;
  c.first_window = pixels.first;
  c.pixels = pixels.count;
  c.product = product_of_group(args, group, s.group_outputs(), s.outputs);
  c.product.c += part * (args.outputs[0].count / parts);
  c.product.m = c.windows.terms();
  c.product.k = ceil_div(pixels.count, Number::kPerWord);
  c.product.b = input<float>(args, 1) + pixels.first * s.outputs + group * s.group_outputs();
  c.product.b_row = s.outputs;
  return c;
}

template <class Number>
void run_conv_kernel(const Args& args, int64_t first_task, int64_t last_task) {
  if (args.outputs[0].count == 0) return;
  const ConvShape s = shape_of_kernel(args);
  if (kernel_uses_winograd(args, s)) {
    return run_winograd_kernel<Number>(winograd_of_kernel(args, s), args, first_task, last_task);
  }
  const int64_t parts = args.outputs[0].dims[0];
  const ConvWorkspace workspace = conv_workspace(args);
  if (s.is_depthwise()) {
    for (int64_t task = first_task; task < last_task; ++task) {
      run_depthwise_kernel(s, kernel_of_group<Number>(args, s, 0, task % parts), workspace, task / parts);
    }
    return;
  }
  const ConvGrid grid = grid_of_kernel(s, parts);
  const int64_t last = grid.first_block(last_task);
  for (int64_t number = grid.first_block(first_task); number < last;) {
    const ConvBlock block = conv_block(grid, number, last);
    const Convolution c = kernel_of_group<Number>(args, s, block.group, block.part);
    const Block rows = rows_of_block(grid, block, c.product.m);
    if (Number::kPerWord == 1 && reads_taps(c.windows)) multiply_taps(c, workspace, rows);
    else if (Number::kPerWord == 1 && reads_tap_lines(c.windows)) multiply_tap_lines(c, workspace, rows);
    else multiply_windows<Number>(c, workspace, rows);
    number += block.row_blocks;
  }
}

void run_conv_as_asked(const Args& args, int64_t first_task, int64_t last_task) {
  const auto run = args.attributes[kConvBfloat16] != 0 ? run_conv<Bfloat16> : run_conv<Float32>;
  run(args, first_task, last_task);
}
void run_conv_input_as_asked(const Args& args, int64_t first_task, int64_t last_task) {
  const auto run = args.attributes[kConvBfloat16] != 0 ? run_conv_input<Bfloat16> : run_conv_input<Float32>;
  run(args, first_task, last_task);
}
void run_conv_kernel_as_asked(const Args& args, int64_t first_task, int64_t last_task) {
  const bool in_bfloat16 = args.attributes[kKernelBfloat16] != 0;
  const auto run = in_bfloat16 ? run_conv_kernel<Bfloat16> : run_conv_kernel<Float32>;
  run(args, first_task, last_task);
}

constexpr Kernel kConvKernels[] = {
    {"conv(x: f32, w: f32, ...epilogue: f32) -> y: f32, guard?: i32 "
     "{bias: bool, map: op, direct: bool, bfloat16: bool, geometry: words}",
     check_conv, conv_tasks, conv_forward_cost, conv_forward_scratch, run_conv_as_asked, 0},
    {"convInput(y: f32, w: f32, ...epilogue: f32) -> x: f32, guard?: i32 "
     "{bias: bool, map: op, direct: bool, bfloat16: bool, geometry: words}",
     check_conv_input, conv_input_tasks, conv_input_cost, conv_input_scratch, run_conv_input_as_asked, 0},
    {"convKernel(x: f32, y: f32) -> w: f32 {direct: bool, bfloat16: bool, geometry: words}",
     check_conv_kernel, conv_kernel_tasks, conv_kernel_cost, conv_kernel_scratch, run_conv_kernel_as_asked,
     0},
};

}  // namespace
}  // namespace chainrule
