// How the products of a convolution are cut into tasks, by shape alone.
#pragma once

#include "conv_block.h"

namespace chainrule {
namespace {

// Blocks count down the rows first.
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
  // A product of few rows is cut into narrower blocks.
  const int64_t width = rows < 2 * least_rows ? kPanelUnit / 2 : kPanelUnit;
  const int64_t more = min(ceil_div(wanted_each, grid.row_blocks), ceil_div(columns, width));
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

}  // namespace
}  // namespace chainrule
