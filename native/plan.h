// The whole contract between the two languages. Twin of lib/plan.ts.
//
// A plan is one array of 32-bit words and a list of signatures. It is verified once, when it is loaded
// (runtime/verify.cc), and then run for many steps. The words are laid out as follows:
//
//   header       kHeaderWords words, see Header
//   io table     ioCount x kIoWords:      dtype, flags, rank, dims[6], step stride in elements
//   values       valueCount x kValueWords: space, position, dtype, rank, dims[6], offset in elements
//   guards       guardCount x kGuardWords: value, kind, scope, iterations
//   literals     literalWords words, a pool of constants; each constant starts at a multiple of 16 words
//   body         bodyWords words: items, one after another
//   rows         rowWords x kRowWords: word, form, factor, offset
//
// Items of the body:
//   instruction  kInstruction, length, signature, scope, outputCount, inputCount, attributeCount,
//                then the value numbers of outputs and inputs, then the attribute words; behind those of an
//                update, for each output the number of the input that it updates
//   loop         kLoop, length, count, strideCount, alternatingCount,
//                then (strideCount + alternatingCount) x (value, elements)
//   end          kEnd, 2
//
// The body has three phases. `compute` may be repeated, to find where a NaN began. `exchange` is for what
// other processes take part in: it runs once in each step, to its end. `commit` alone writes the state.
//
// Where the number of rows of a step is given with the run, the words are those of the largest number, and
// the table of rows says how each word that depends on it follows: factor x rows + offset, or the float32
// 1 / (factor x rows). Such words are sizes and strides of io, sizes and offsets of values, elements by which
// a loop moves a value, literals and attributes.
//
// The step loop is the outermost one and is not written down: its count is given with each run, and its
// strides are in the io table. A value in a loop's list moves on by so many of its elements after every
// iteration; one that alternates moves on after the first, third, ... and back after the others. So what an
// iteration makes for the next is not copied: it lies where the next one reads. The words never depend on the
// instruction set or the thread count.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dtype.h"

namespace chainrule {

constexpr int32_t kPlanMagic = 0x314c5243;  // "CRL1"
constexpr int32_t kPlanVersion = 3;
constexpr int kMaxRank = 6;
constexpr int64_t kUnitBytes = 64;  // offsets in state and arena are multiples of this
constexpr int kHeaderWords = 16;
constexpr int kIoWords = 10;
constexpr int kValueWords = 11;
constexpr int kGuardWords = 4;
constexpr int kRowWords = 4;
constexpr int kInstructionHeadWords = 7;
constexpr int kLoopHeadWords = 5;

enum Header : int32_t {
  kHeaderMagic,
  kHeaderVersion,
  kHeaderWordCount,
  kHeaderStateUnits,
  kHeaderArenaUnits,
  kHeaderIoCount,
  kHeaderValueCount,
  kHeaderGuardCount,
  kHeaderLiteralWords,
  kHeaderBodyWords,
  kHeaderCommitAt,  // first word of the commit phase, relative to the start of the body
  kHeaderMostRows,  // the words are those of so many rows; 0 if the plan is for one number of rows alone
  kHeaderRowWords,  // words that follow from the rows
  kHeaderExchangeAt,  // first word of the exchange phase; where it is that of the commit, the phase is empty
};

enum Item : int32_t { kInstruction = 1, kLoop = 2, kEnd = 3 };

// How a word follows from the number of rows.
enum class RowForm : int32_t { linear = 0, reciprocal = 1 };

// Position of a value: units of 64 bytes in state and arena, slot number in io, first word in literal.
enum class Space : int32_t { state = 0, arena = 1, io = 2, literal = 3 };

enum IoFlags : int32_t {
  kIoOutput = 1,       // the run writes it
  kIoDynamicRows = 2,  // dims[0] is -1 in the plan and follows from the bound array: a whole data set
};

// A guard is an int32 value that a kernel fills with -1 if all is well, or with the position of what is
// wrong. Before each commit the executor checks all guards in order; the first element that is not -1 ends
// the run. The guard of a loop holds the numbers of all iterations, one after another.
enum class Guard : int32_t {
  indexOutOfRange = 0,  // a row index outside the data set
  inputNotFinite = 1,   // NaN or infinity in the data
  labelOutOfRange = 2,  // a class label outside the classes
  notFinite = 3,        // a loss or a gradient that is NaN or infinite
  stop = 4,             // not an error: the condition under which training should end
};

// A gather's guard holds this for a row index outside the source. Twin of rowOutOfRange in lib/ops/gather.ts.
constexpr int32_t kRowOutOfRange = 2147483647;

// One operand as a kernel sees it: row-major, contiguous, with any alignment that its dtype allows.
struct Tensor {
  void* data;
  Dtype dtype;
  int32_t rank;
  int64_t dims[kMaxRank];
  int64_t count;  // product of dims
};

struct MapOp;

// A kernel that runs for a long time calls this every few tens of microseconds, so that other jobs can be
// served in between.
struct YieldPoint {
  void (*yield)(void* context) = nullptr;
  void* context = nullptr;
};

struct Args {
  const Tensor* outputs;
  const Tensor* inputs;
  const int32_t* attributes;
  int32_t outputCount;
  int32_t inputCount;
  int32_t attributeCount;
  const MapOp* map_ops;           // attribute words of type `op` and `program` index this table
  void* scratch;                  // per thread, aligned to kUnitBytes, as large as scratch_bytes demands
  const YieldPoint* yield_point;  // nullptr, or without `yield`, if no other job can be waiting
  // Bytes by which a loop moves each operand after an iteration, outputs first; nullptr if nobody knows. What
  // lies there may be nobody's after the last one, so it is a hint of what to fetch and nothing else.
  const int64_t* moves;
};

// One elementwise op for operands of certain types over n elements; `out` may be the same memory as an
// argument. The same row is an opcode of the fused map and, with run_rows, the epilogue of a matrix product.
// Registers have 32 bits for each element: a float32, an int32, or 1.0 or 0.0 for a bool.
constexpr int64_t kTile = 512;
struct MapOp {
  const char* signature;
  int32_t arity;
  uint32_t integers;  // which operands are int32, by their bits; kOfResult: the result is
  uint32_t bools;     // the same of bool
  void (*run)(float* out, const float* a, const float* b, const float* c, int64_t n);
  void (*run_rows)(float* out, const float* a, const float* b, int64_t row, int64_t rows, int64_t n);
  // Where b and c are the same for all elements, sixteen times each; nullptr where the op has other operands.
  void (*run_between)(float* out, const float* a, const float* b, const float* c, int64_t n);
  // Over what lies in memory, where a bool is a byte; nullptr where nothing is a bool, so that `run` does it.
  // All take any n.
  void (*run_stored)(void* out, const void* a, const void* b, const void* c, int64_t n);
};

constexpr uint32_t kOfResult = 1u << 3;

// A map program is an attribute of type `words`: constant count, bits of the constants, which registers hold
// int32 (bit i: register i), tile count, step count, then steps x (op, tile, a, b, c). Registers are inputs,
// then constants, then tiles, which have the type of what was written last; an operand that the op does not
// read is -1. The linker replaces ops by row indices of map_ops; the kernel checks the rest.
constexpr int kMapStepWords = 5;

// One kernel: serial, no allocation, no threads. `check`, `tasks` and `cost_ns` look at shapes, never at
// data.
struct Kernel {
  const char* signature;
  const char* (*check)(const Args&);     // nullptr, or why these operands do not fit
  int64_t (*tasks)(const Args&);         // independent parts of the work
  double (*cost_ns)(const Args&);        // rough time on one thread; decides whether threads share the work
  size_t (*scratch_bytes)(const Args&);  // per thread; nullptr means none
  void (*run)(const Args&, int64_t first_task, int64_t last_task);
  uint32_t in_place;  // bit i: output 0 may be input i
  // Bit i: of operand i, outputs first, each task touches its share of the rows alone, which are dims[0].
  uint32_t own_rows = 0;
};
// As `in_place`: each output may be the input that it updates, which the instruction says.
constexpr uint32_t kUpdatesInPlace = 0x80000000u;

struct KernelTable {
  const char* isa;
  const Kernel* kernels;
  int32_t kernel_count;
  const MapOp* map_ops;
  int32_t map_count;
};

}  // namespace chainrule
