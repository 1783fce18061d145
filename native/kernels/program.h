// The fused map: a program of elementwise ops over tiles that stay in the L1 cache. Twin of
// lib/ops/program.ts; plan.h describes the words.
#pragma once

#include "broadcast.h"
#include "map_chain.h"

namespace chainrule {
namespace {

// Twin of mapLimits in lib/compile/map-program.ts.
constexpr int32_t kMapInputs = 12, kMapConstants = 16, kMapTiles = 8, kMapSteps = 64;
constexpr int32_t kMapRegisters = kMapInputs + kMapConstants + kMapTiles;
constexpr int64_t kMapTaskElements = 8 * kTile;
// Floats from one tile's buffer to the next: there is room for a whole vector at the end, and tiles do not
// share cache sets.
constexpr int64_t kTileStride = kTile + kLanes;

struct MapProgram {
  int32_t constant_count, tile_count, step_count;
  uint32_t integers;  // inputs and constants whose registers hold int32
  const int32_t* constants;
  const int32_t* steps;
};

// Reads the counts; constant_count is -1 if the words are not as many as these say.
MapProgram read_program(const int32_t* words, int32_t count) {
  MapProgram broken = {-1, 0, 0, 0, nullptr, nullptr};
  if (count < 1 || words[0] < 0 || words[0] > kMapConstants || count < words[0] + 4) return broken;
  const int32_t* rest = words + 1 + words[0];
  if (rest[1] < 1 || rest[1] > kMapTiles || rest[2] < 1 || rest[2] > kMapSteps) return broken;
  if (count != words[0] + 4 + rest[2] * kMapStepWords) return broken;
  return {words[0], rest[1], rest[2], static_cast<uint32_t>(rest[0]), words + 1, rest + 3};
}

VEC_INLINE bool is_integer(const MapProgram& program, int32_t reg) { return program.integers >> reg & 1; }

// Each step must read registers that have been written, of the types that its op takes.
const char* check_steps(const MapProgram& program, int32_t input_count) {
  int32_t first_tile = input_count + program.constant_count;
  uint32_t written = 0;
  uint64_t integers = program.integers;
  if (program.integers >> first_tile != 0) return "there are no registers of some that hold int32";
  for (int32_t i = 0; i < program.step_count; ++i) {
    const int32_t* step = program.steps + i * kMapStepWords;
    if (step[0] < 0 || step[0] >= kMapOpCount) return "a step of the program has no op";
    const MapOp& op = kMapOps[step[0]];
    for (int32_t k = 0; k < 3; ++k) {
      int32_t source = step[2 + k];
      if (k >= op.arity) {
        if (source != -1) return "a step of the program has more operands than its op";
        continue;
      }
      if (source < 0 || source >= first_tile + program.tile_count) return "a step reads no register";
      bool empty = source >= first_tile && !(written >> (source - first_tile) & 1);
      if (empty) return "a step reads an empty tile";
      if ((integers >> source & 1) != (op.integers >> k & 1)) return "a step reads another type";
    }
    if (step[1] < 0 || step[1] >= program.tile_count) return "a step writes no tile";
    written |= 1u << step[1];
    uint64_t bit = uint64_t{1} << (first_tile + step[1]);
    integers = op.integers & kOfResult ? integers | bit : integers & ~bit;
  }
  return nullptr;
}

const char* check_map(const Args& args) {
  if (args.inputCount > kMapInputs) return "a map has at most 12 inputs";
  MapProgram program = read_program(args.attributes, args.attributeCount);
  if (program.constant_count < 0) return "the program's counts do not fit its words";
  const Tensor& y = args.outputs[0];
  for (int32_t i = 0; i < y.rank; ++i) {
    if (y.dims[i] < 0) return "a map needs the size of its result";
  }
  for (int32_t i = 0; i < args.inputCount; ++i) {
    const Tensor& x = args.inputs[i];
    if (!broadcasts(x, y)) return "an input does not broadcast to the result";
    bool is_real = x.dtype == Dtype::float32 || x.dtype == Dtype::float16 || x.dtype == Dtype::bfloat16;
    if (is_real && is_integer(program, i)) return "an input that is no integer is read as int32";
  }
  return check_steps(program, args.inputCount);
}

int64_t map_tasks(const Args& args) { return max(ceil_div(args.outputs[0].count, kMapTaskElements), 1); }

double map_cost(const Args& args) {
  MapProgram program = read_program(args.attributes, args.attributeCount);
  double per_vector = 0.5 * args.inputCount + 0.5;
  for (int32_t i = 0; i < program.step_count; ++i) {
    int32_t op = program.steps[i * kMapStepWords];
    if (op >= 0 && op < kMapOpCount) per_vector += kMapCostsNs[op];
  }
  return 40.0 + per_vector / kLanes * static_cast<double>(args.outputs[0].count);
}

size_t map_scratch(const Args& args) {
  MapProgram program = read_program(args.attributes, args.attributeCount);
  int64_t buffers = args.inputCount + program.constant_count + program.tile_count;
  return static_cast<size_t>(buffers * kTileStride) * sizeof(float);
}

// How an input reaches its register: read where it lies, the same for all tiles, or expanded for each tile.
enum class Reading { inPlace, once, expanded };

struct MapRun {
  int64_t tile;      // elements computed at a time
  uint64_t uniform;  // registers whose elements are all the same, by their bits
  Reading readings[kMapInputs];
  View views[kMapInputs];
  float* registers[kMapRegisters];  // that of an input read in place is never written
  bool integer_result;              // of the last step
  bool is_stored_directly;          // by the last step, because the result has the type of its register
};

void fill(float* tile, int32_t bits, int64_t n) {
  Vec all = as_float(splat_int(bits));
  for (int64_t i = 0; i < n; i += kLanes) store(tile + i, all);
}

// A map of one step whose operands lie in memory as its op takes them, element by element or one for all:
// they go from there to the result without a register of the program, and what is a byte stays one.
struct DirectMap {
  const MapOp* op;
  const char* operands[3];
  int64_t bytes[3];  // from element to element; 0 where one serves all
  int64_t most;      // elements at a time
  bool between;      // by run_between
};

constexpr Dtype dtype_at(const MapOp& op, uint32_t place) {
  if (op.bools & place) return Dtype::boolean;
  return op.integers & place ? Dtype::int32 : Dtype::float32;
}

// Whether the map is one. Up to `longest` copies of what serves all elements are made in scratch memory.
bool read_directly(const Args& args, const MapProgram& program, int64_t longest, DirectMap* map) {
  const int32_t* step = program.steps;
  const MapOp& op = kMapOps[step[0]];
  const Tensor& y = args.outputs[0];
  if (program.step_count > 1 || y.dtype != dtype_at(op, kOfResult)) return false;
  *map = {&op, {}, {}, longest, false};
  for (int32_t k = 0; k < op.arity; ++k) {
    const int32_t source = step[2 + k];
    const Dtype dtype = dtype_at(op, 1u << k);
    const Tensor* x = source < args.inputCount ? &args.inputs[source] : nullptr;
    if (x != nullptr && x->dtype == dtype && x->count == y.count) {
      map->operands[k] = static_cast<const char*>(x->data);
      map->bytes[k] = bytes_of(dtype);
      continue;
    }
    if ((x != nullptr && x->count != 1) || dtype == Dtype::boolean) return false;
    float* tile = static_cast<float*>(args.scratch) + source * kTileStride;
    map->most = min(longest, kTile);
    fill(tile, x != nullptr ? load_one(is_integer(program, source), x->dtype, x->data, 0)
                            : program.constants[source - args.inputCount], map->most);
    map->operands[k] = reinterpret_cast<const char*>(tile);
  }
  map->between = op.run_between != nullptr && map->bytes[0] > 0 && map->bytes[1] + map->bytes[2] == 0;
  if (map->between) map->most = longest;
  return true;
}

void run_direct(const DirectMap& map, const Tensor& y, int64_t start, int64_t end) {
  for (int64_t n; start < end; start += n) {
    n = min(end - start, map.most);
    const char* x[3];
    for (int k = 0; k < 3; ++k) x[k] = map.operands[k] + start * map.bytes[k];
    char* to = static_cast<char*>(y.data) + start * bytes_of(y.dtype);
    if (map.op->run_stored != nullptr) {
      map.op->run_stored(to, x[0], x[1], x[2], n);
    } else {
      const auto floats = [&](int k) { return reinterpret_cast<const float*>(x[k]); };
      const auto run = map.between ? map.op->run_between : map.op->run;
      run(reinterpret_cast<float*>(to), floats(0), floats(1), floats(2), n);
    }
  }
}

// Elements after which an operand repeats itself, as a row does that is broadcast to all rows; 0 if none.
VEC_INLINE int64_t period_of(const View& view) {
  return view.rank == 2 && view.strides[1] == 0 && view.dims[0] <= kTile ? view.dims[0] : 0;
}

// Expands operands once that look the same in every tile, because each tile is a multiple of their period.
void expand_periodic(const Args& args, const MapProgram& program, int64_t start, int64_t end, MapRun* run) {
  int64_t common = 1;
  for (int32_t i = 0; i < args.inputCount; ++i) {
    const int64_t period = run->readings[i] == Reading::expanded ? period_of(run->views[i]) : 0;
    if (period == 0 || (common > 1 && common % period != 0)) continue;
    if (common == 1) {
      common = period;
      run->tile = kTile / period * period;
    }
    expand(run->registers[i], is_integer(program, i), args.inputs[i], run->views[i], start,
           min(end - start, run->tile));
    run->readings[i] = Reading::once;
  }
}

VEC_INLINE bool is_uniform(const MapRun& run, int32_t reg) { return run.uniform >> reg & 1; }

// Whether a chain's first step goes on with its second operand, because the first is the same for all.
VEC_INLINE bool starts_swapped(const MapRun& run, const int32_t* step) {
  return is_uniform(run, step[2]) && step[3] >= 0 && !is_uniform(run, step[3]);
}

// Where all steps are one chain over operands that need no expansion: how many of n elements pass through it
// at once. 0 elsewhere.
int64_t whole_chain(const Args& args, const MapProgram& program, const MapRun& run, int64_t n) {
  if (program.step_count == 1 || !run.is_stored_directly) return 0;
  for (int32_t i = 0; i < args.inputCount; ++i) {
    if (run.readings[i] != Reading::inPlace && !is_uniform(run, i)) return 0;
  }
  const int32_t first_tile = args.inputCount + program.constant_count;
  const bool is_chain = chain_length(program.steps, program.step_count, first_tile) == program.step_count;
  const bool moves = !is_uniform(run, program.steps[2]) || starts_swapped(run, program.steps);
  return is_chain && moves ? n / kChainElements * kChainElements : 0;
}

// Gives every register a buffer, and writes once what stays the same in every tile of [start, end).
void prepare(const Args& args, const MapProgram& program, int64_t start, int64_t end, MapRun* run) {
  const int64_t longest = min(end - start, kTile);
  run->tile = kTile;
  float* buffer = static_cast<float*>(args.scratch);
  int32_t count = args.inputCount + program.constant_count + program.tile_count;
  for (int32_t i = 0; i < count; ++i) run->registers[i] = buffer + i * kTileStride;
  run->uniform = ((uint64_t{1} << program.constant_count) - 1) << args.inputCount;
  const Tensor& y = args.outputs[0];
  for (int32_t i = 0; i < args.inputCount; ++i) {
    const Tensor& x = args.inputs[i];
    if (x.count == 1) {
      run->readings[i] = Reading::once;
      run->uniform |= uint64_t{1} << i;
      fill(run->registers[i], load_one(is_integer(program, i), x.dtype, x.data, 0), longest);
    } else if (x.count == y.count &&
               (x.dtype == Dtype::float32 || (x.dtype == Dtype::int32 && is_integer(program, i)))) {
      run->readings[i] = Reading::inPlace;
    } else {
      run->readings[i] = Reading::expanded;
      run->views[i] = view_through(x, y);
    }
  }
  for (int32_t i = 0; i < program.constant_count; ++i) {
    fill(run->registers[args.inputCount + i], program.constants[i], longest);
  }
  const int32_t* last = program.steps + (program.step_count - 1) * kMapStepWords;
  run->integer_result = (kMapOps[last[0]].integers & kOfResult) != 0;
  run->is_stored_directly = y.dtype == (run->integer_result ? Dtype::int32 : Dtype::float32);
  expand_periodic(args, program, start, end, run);
  run->tile = max(run->tile, whole_chain(args, program, *run, end - start));
}

// Elements [done, n) of one step.
VEC_INLINE void run_step(const MapRun& run, const int32_t* step, float* result, int64_t done, int64_t n) {
  const float* a = run.registers[step[2]] + done;
  const float* b = step[3] < 0 ? nullptr : run.registers[step[3]] + done;
  const float* c = step[4] < 0 ? nullptr : run.registers[step[4]] + done;
  kMapOps[step[0]].run(result + done, a, b, c, n - done);
}

// As many of n elements as pass through the steps of a chain together; tells how many.
int64_t run_steps_as_chain(const MapRun& run, const int32_t* step, int32_t count, int32_t tile,
                           float* result, int64_t n) {
  ChainStep steps[kMapSteps];
  const float* own = run.registers[step[starts_swapped(run, step) ? 3 : 2]];
  for (int32_t i = 0; i < count; ++i, step += kMapStepWords) {
    const bool swapped = i > 0 ? step[3] == tile : starts_swapped(run, step);
    const int32_t other = step[swapped ? 2 : 3];
    const bool moves = other < 0 || !is_uniform(run, other);
    steps[i] = chain_step(step[0], other < 0 ? own : run.registers[other], moves, swapped);
  }
  const int64_t whole = n / kChainElements * kChainElements;
  run_chain(result, own, steps, count, whole);
  return whole;
}

// One tile: load the inputs, then run the steps. The last one writes into the result itself where it can.
void run_tile(const Args& args, const MapProgram& program, MapRun* run, int64_t start, int64_t n) {
  const Tensor& y = args.outputs[0];
  for (int32_t i = 0; i < args.inputCount; ++i) {
    if (run->readings[i] == Reading::inPlace) {
      run->registers[i] = static_cast<float*>(args.inputs[i].data) + start;
    } else if (run->readings[i] == Reading::expanded) {
      expand(run->registers[i], is_integer(program, i), args.inputs[i], run->views[i], start, n);
    }
  }
  const int32_t first_tile = args.inputCount + program.constant_count;
  float* result = nullptr;
  for (int32_t i = 0, count; i < program.step_count; i += count) {
    const int32_t* step = program.steps + i * kMapStepWords;
    count = n < kChainElements ? 1 : chain_length(step, program.step_count - i, first_tile);
    const int32_t tile = first_tile + step[1];
    const bool last = i + count == program.step_count && run->is_stored_directly;
    result = last ? static_cast<float*>(y.data) + start : run->registers[tile];
    const int64_t done = count > 1 ? run_steps_as_chain(*run, step, count, tile, result, n) : 0;
    for (int32_t own = 0; own < count && done < n; ++own) {
      float* to = own + 1 < count ? run->registers[tile] : result;
      run_step(*run, step + own * kMapStepWords, to, done, n);
    }
  }
  if (!run->is_stored_directly) store_register(result, run->integer_result, y.dtype, y.data, start, n);
}

void run_map(const Args& args, int64_t first_task, int64_t last_task) {
  int64_t start = first_task * kMapTaskElements;
  int64_t end = min(last_task * kMapTaskElements, args.outputs[0].count);
  if (start >= end) return;
  MapProgram program = read_program(args.attributes, args.attributeCount);
  DirectMap direct;
  if (read_directly(args, program, end - start, &direct)) {
    run_direct(direct, args.outputs[0], start, end);
    return;
  }
  MapRun run;
  prepare(args, program, start, end, &run);
  for (; start < end; start += run.tile) run_tile(args, program, &run, start, min(end - start, run.tile));
}

constexpr Kernel kProgramKernels[] = {
    {"map(...inputs: any) -> y: any {program: words}", check_map, map_tasks, map_cost, map_scratch, run_map,
     (1u << kMapInputs) - 1},
};

}  // namespace
}  // namespace chainrule
