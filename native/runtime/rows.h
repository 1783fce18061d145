// Rows are a number of the run: from a program that was verified for its largest number of rows follow those
// for smaller ones, without reading the plan again.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "plan.h"

namespace chainrule {

struct Program;

// A word of a plan that follows from the number of rows.
struct RowWord {
  int64_t at;  // its place in the table that it belongs to
  RowForm form;
  int32_t factor;
  int32_t offset;
  int32_t word_for(int64_t rows) const;
};

// How far a loop moves a value, by its place in the loop's list.
struct RowMove {
  int32_t loop;
  int64_t place;
  RowWord elements;
};

struct Rows {
  int64_t most = 0;                   // of the program itself; 0 if it is for one number alone
  std::vector<RowWord> io_sizes;      // at slot x kMaxRank + axis
  std::vector<RowWord> io_strides;    // at slot
  std::vector<RowWord> value_sizes;   // at value x kMaxRank + axis
  std::vector<RowWord> value_offsets; // at value
  std::vector<RowMove> moves;
  std::vector<RowWord> literals;      // at a word of the pool
  std::vector<RowWord> attributes;    // at a word of Program::attributes
  std::vector<int32_t> instructions;  // that read or write such a value, or have such an attribute
  // Values that share memory, or are copied to each other, because they are of one size.
  std::vector<std::pair<int32_t, int32_t>> of_one_size;
  // Programs for the numbers used last, by the number modulo the length.
  std::vector<std::shared_ptr<Program>> known;
};

// The program for so many rows, from 1 to the most, over the memory of `most`, which must outlive it. Throws
// PlanError if there can be none. Only on the thread that has loaded the program.
std::shared_ptr<Program> program_for_rows(Program* most, int64_t rows);

}  // namespace chainrule
