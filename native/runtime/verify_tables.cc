#include <algorithm>

#include "runtime/verify_parts.h"

namespace chainrule {
namespace {

// Fills rank, dims and count; returns the bytes. If rows are dynamic, the leading size is -1: then these are
// the bytes of one row, and the count is 0.
int64_t read_dims(const int32_t* words, Dtype dtype, bool dynamic, Tensor* tensor) {
  const int32_t rank = words[0];
  need(rank >= 0 && rank <= kMaxRank, "a rank is out of range");
  tensor->rank = rank;
  tensor->dtype = dtype;
  tensor->data = nullptr;
  // `extent` skips sizes of 0, because kernels multiply some of the sizes and not others.
  int64_t count = 1, extent = 1;
  for (int axis = 0; axis < kMaxRank; ++axis) {
    const int64_t size = axis < rank ? words[1 + axis] : 1;
    tensor->dims[axis] = size;
    if (dynamic && axis == 0) {
      need(rank > 0 && size == -1, "dynamic rows need a leading size of -1");
      continue;
    }
    need(size >= 0, "a size is negative");
    need(extent <= kMaxBytes / 8 / std::max<int64_t>(size, 1), "a shape is too large");
    extent *= std::max<int64_t>(size, 1);
    count *= size;
  }
  tensor->count = dynamic ? 0 : count;
  return count * bytes_of(dtype);
}

Dtype read_dtype(int32_t word) {
  need(word >= 0 && word < kDtypeCount, "no such dtype");
  return static_cast<Dtype>(word);
}

// A value of an io slot, or a window of it: both must agree on what it is. Of a data set whose rows are not
// known there are no windows.
void read_io_value(const Program& program, const int32_t* words, Value* value) {
  need(value->position < static_cast<int64_t>(program.io.size()), "no such io slot");
  const IoSlot& io = program.io[static_cast<size_t>(value->position)];
  value->bytes = read_dims(words + 3, read_dtype(words[2]), io.dynamic_rows(), &value->tensor);
  need(value->tensor.dtype == io.dtype, "a value is not what its io slot holds");
  if (io.dynamic_rows()) {
    need(value->bytes == io.bytes && value->offset == 0, "a value is not what its io slot holds");
  } else {
    need(value->offset + value->bytes <= io.bytes, "a value is not what its io slot holds");
  }
}

void read_placed_value(const Program& program, const int32_t* words, Value* value) {
  value->bytes = read_dims(words + 3, read_dtype(words[2]), false, &value->tensor);
  const bool literal = value->space == Space::literal;
  need(!literal || value->position % 16 == 0, "a literal is not aligned");
  value->position *= literal ? 4 : kUnitBytes;
  need(value->first() + value->bytes <= room_of(program, *value),
       "a value lies outside its space");
}

}  // namespace

int64_t room_of(const Program& program, const Value& value) {
  switch (value.space) {
    case Space::state: return program.state_bytes;
    case Space::arena: return program.arena_bytes;
    case Space::io: return program.io[static_cast<size_t>(value.position)].bytes;
    default: return program.literal_bytes;
  }
}

void read_io(Program* program, const Layout& layout) {
  for (int64_t slot = 0; slot < program->words[kHeaderIoCount]; ++slot) {
    const int32_t* words = &program->words[static_cast<size_t>(layout.io_at + slot * kIoWords)];
    IoSlot io{};
    io.dtype = read_dtype(words[0]);
    io.flags = words[1];
    need((io.flags & ~(kIoOutput | kIoDynamicRows)) == 0, "unknown io flags");
    need(!(io.output() && io.dynamic_rows()), "an output with dynamic rows");
    Tensor shape;
    io.bytes = read_dims(words + 2, io.dtype, io.dynamic_rows(), &shape);
    io.rank = shape.rank;
    std::copy(shape.dims, shape.dims + kMaxRank, io.dims);
    const int32_t stride = words[9];
    need(stride >= 0 && !(io.dynamic_rows() && stride != 0), "an io stride is out of range");
    io.step_stride_bytes = stride * bytes_of(io.dtype);
    program->io.push_back(io);
  }
}

void read_values(Program* program, const Layout& layout) {
  for (int64_t number = 0; number < program->words[kHeaderValueCount]; ++number) {
    const int32_t* words = &program->words[static_cast<size_t>(layout.values_at + number * kValueWords)];
    need(words[0] >= 0 && words[0] <= static_cast<int32_t>(Space::literal), "no such space");
    need(words[1] >= 0, "a position is negative");
    Value value{};
    value.space = static_cast<Space>(words[0]);
    value.position = words[1];
    need(words[10] >= 0, "an offset is negative");
    value.offset = words[10] * bytes_of(read_dtype(words[2]));
    const auto read = value.space == Space::io ? read_io_value : read_placed_value;
    read(*program, words, &value);
    program->values.push_back(value);
  }
}

}  // namespace chainrule
