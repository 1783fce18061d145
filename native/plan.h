// The whole contract between the two languages. Twin of lib/plan.ts.
//
// A plan is one array of 32-bit words and a list of signatures. It is verified once, when it is loaded
// (runtime/verify.cc), and then run for many steps. Layout of the words:
//
//   header       kHeaderWords words, see Header
//   io table     ioCount x kIoWords:      dtype, flags, rank, dims[6], step stride in elements
//   values       valueCount x kValueWords: space, position, dtype, rank, dims[6]
//   guards       guardCount x kGuardWords: value, kind, scope
//   literals     literalWords words, a pool of constants; each constant starts at a multiple of 16 words
//   body         bodyWords words: items, one after another
//
// Items of the body:
//   instruction  kInstruction, length, signature, scope, outputCount, inputCount, attributeCount,
//                then the value numbers of outputs and inputs, then the attribute words
//   loop         kLoop, length, count, strideCount, carryCount,
//                then strideCount x (value, units), then carryCount x (destination value, source value)
//   end          kEnd, 2
//
// The step loop is the outermost one and is not written: its count is given with each run, its strides stand
// in the io table. A value of a loop's stride list moves by `units` (64 bytes each) every iteration; a
// carry is copied at the end of each iteration. Word numbers never depend on the instruction set or the
// thread count.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chainrule {

constexpr int32_t kPlanMagic = 0x314c5243;  // "CRL1"
constexpr int32_t kPlanVersion = 1;
constexpr int kMaxRank = 6;
constexpr int64_t kUnitBytes = 64;  // offsets in state and arena count in these
constexpr int kHeaderWords = 16;
constexpr int kIoWords = 10;
constexpr int kValueWords = 10;
constexpr int kGuardWords = 3;
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
  kHeaderCommitAt,  // first word of the commit phase, counted from the start of the body
};

enum Item : int32_t { kInstruction = 1, kLoop = 2, kEnd = 3 };

// Position of a value: units of 64 bytes in state and arena, slot number in io, first word in literal.
enum class Space : int32_t { state = 0, arena = 1, io = 2, literal = 3 };

enum class Dtype : int32_t { float32 = 0, int32 = 1, uint8 = 2, boolean = 3, float64 = 4 };

enum IoFlags : int32_t {
  kIoOutput = 1,       // the run writes it
  kIoDynamicRows = 2,  // dims[0] is -1 in the plan and follows from the array bound: a whole data set
};

// A guard is an int32 value that a kernel fills with -1 where all is well and with a position where it is
// not. Before the commit the executor looks at all of them, in order; the first that is not -1 ends the
// run.
enum class Guard : int32_t {
  indexOutOfRange = 0,  // a row number outside the data set
  inputNotFinite = 1,   // NaN or infinity in the data
  labelOutOfRange = 2,  // a class number outside the classes
  notFinite = 3,        // a loss or a gradient
  stop = 4,             // nothing is wrong: a condition under which training was to end
};

inline int64_t bytes_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32:
    case Dtype::int32: return 4;
    case Dtype::float64: return 8;
    default: return 1;
  }
}

// One operand as a kernel sees it. Row-major, contiguous, at any alignment its dtype allows.
struct Tensor {
  void* data;
  Dtype dtype;
  int32_t rank;
  int64_t dims[kMaxRank];
  int64_t count;  // product of dims
};

struct MapOp;

// What a kernel that computes for long calls now and then, some tens of us apart: others may be served
// meanwhile.
struct Pause {
  void (*offer)(void* context) = nullptr;
  void* context = nullptr;
};

struct Args {
  const Tensor* outputs;
  const Tensor* inputs;
  const int32_t* attributes;
  int32_t outputCount;
  int32_t inputCount;
  int32_t attributeCount;
  const MapOp* map_ops;  // attribute words of type `op` and `program` number rows of this table
  void* scratch;         // per thread, kUnitBytes aligned, as large as scratch_bytes asked for
  const Pause* pause;    // nullptr, or without `offer`, where nobody waits
};

// One elementwise op: n elements, n at most kTile; a tile of `out` may be a tile of an argument.
// The same row is the opcode of the fused map and, over rows of a tile, the epilogue of a matrix product.
constexpr int64_t kTile = 512;
struct MapOp {
  const char* signature;
  int32_t arity;
  void (*run)(float* out, const float* a, const float* b, const float* c, int64_t n);
  void (*run_rows)(float* out, const float* a, const float* b, int64_t row, int64_t rows, int64_t n);
};

// A map program is an attribute of type `words`: constant count, constants as float bits, tile count, step
// count, then steps x (op, tile, a, b, c). Registers are numbered inputs, constants, tiles; an operand that
// the op does not read is -1. The linker puts row numbers of map_ops for the ops; the kernel checks the rest.
constexpr int kMapStepWords = 5;

// One kernel: serial, no allocation, no threads. `tasks`, `check` and `cost` look at shapes, never at data.
struct Kernel {
  const char* signature;
  const char* (*check)(const Args&);  // nullptr, or why these operands do not fit
  int64_t (*tasks)(const Args&);      // independent pieces of work, by shape alone
  double (*cost_ns)(const Args&);     // rough time on one thread: shared among threads only above a threshold
  size_t (*scratch_bytes)(const Args&);  // per thread; nullptr means none
  void (*run)(const Args&, int64_t first_task, int64_t last_task);
  uint32_t
      in_place;  // bit i: output 0 may be input i. kSegmentsInPlace: each output may be the input it updates
};
constexpr uint32_t kSegmentsInPlace = 0x80000000u;

struct KernelTable {
  const char* isa;
  const Kernel* kernels;
  int32_t kernel_count;
  const MapOp* map_ops;
  int32_t map_count;
};

}  // namespace chainrule
