// The cells of recurrent nets: all gates, the state and the output of a step in one pass. Twin of
// lib/ops/recurrent.ts.
#pragma once

#include "../simd/math.h"
#include "operands.h"

namespace chainrule {
namespace {

// Sixteen units, or those below n.
template <bool kWhole>
VEC_INLINE Vec units_at(const float* p, int64_t n) {
  return kWhole ? load(p) : load_tail(p, n);
}
template <bool kWhole>
VEC_INLINE void set_units(float* p, Vec x, int64_t n) {
  if (kWhole) {
    store(p, x);
  } else {
    store_tail(p, x, n);
  }
}

// A logistic function or a tanh before its division.
struct Fraction {
  Vec above, below;
};
VEC_INLINE Fraction sigmoid_fraction(Vec x) {
  Vec e = exp_minus_abs(x);
  return {select(less(x, zero()), e, splat(1.0f)), e + splat(1.0f)};
}
VEC_INLINE Fraction tanh_fraction(Vec x) {
  Vec size = at_most(abs(x), splat(9.25f));
  Exponential e = split_exponential(size + size);
  Vec scale = times_power_of_two(splat(1.0f), e.power);
  Vec rise = fma(scale, e.rise, scale - splat(1.0f));
  return {as_float(as_int(rise) | (as_int(x) & splat_int(INT32_MIN))), rise + splat(2.0f)};
}

VEC_INLINE Vec slope_of(Vec y) { return y * (splat(1.0f) - y); }
VEC_INLINE Vec tanh_slope_of(Vec y) { return fnma(y, y, splat(1.0f)); }

// Rows of units: all axes but the last are rows.
struct Cells {
  int64_t rows, units;
};
VEC_INLINE Cells cells_of(const Tensor& state) {
  if (state.count == 0) return {0, 0};
  int64_t units = state.dims[state.rank - 1];
  return {state.count / units, units};
}

bool has_gates(const Tensor& gates, const Tensor& state, int64_t count) {
  if (state.rank < 1 || gates.rank != state.rank) return false;
  for (int32_t i = 0; i + 1 < state.rank; ++i) {
    if (gates.dims[i] != state.dims[i]) return false;
  }
  int64_t units = state.dims[state.rank - 1], wide = gates.dims[state.rank - 1];
  return wide / count == units && wide % count == 0;
}

// Every row of one pass, units in whole vectors first.
template <class Cell>
VEC_INLINE void each_unit(Cell cell, int64_t units) {
  int64_t j = 0;
  for (; j + kLanes <= units; j += kLanes) cell.template run<true>(j, kLanes);
  if (j < units) cell.template run<false>(j, units - j);
}

// Of one row: z is what is added to the gates, and `more` too unless it is nullptr.
struct LstmRow {
  const float *z, *more, *c;
  float *gates, *h, *next;
  int64_t units;

  template <bool kWhole>
  VEC_INLINE Vec sum(int64_t gate, int64_t j, int64_t n) const {
    Vec x = units_at<kWhole>(z + gate * units + j, n);
    return more == nullptr ? x : x + units_at<kWhole>(more + gate * units + j, n);
  }

  // The four divisions of the gates are made as one: of 1 by the product of all that is below.
  template <bool kWhole>
  VEC_INLINE void run(int64_t j, int64_t n) const {
    Fraction i = sigmoid_fraction(sum<kWhole>(0, j, n)), f = sigmoid_fraction(sum<kWhole>(1, j, n));
    Fraction g = tanh_fraction(sum<kWhole>(2, j, n)), o = sigmoid_fraction(sum<kWhole>(3, j, n));
    Vec first = i.below * f.below, second = g.below * o.below;
    Vec whole = splat(1.0f) / (first * second);
    Vec of_first = whole * second, of_second = whole * first;
    Vec in = i.above * (of_first * f.below), forget = f.above * (of_first * i.below);
    Vec candidate = g.above * (of_second * o.below), out = o.above * (of_second * g.below);
    Vec state = fma(forget, units_at<kWhole>(c + j, n), in * candidate);
    set_units<kWhole>(gates + j, in, n);
    set_units<kWhole>(gates + units + j, forget, n);
    set_units<kWhole>(gates + 2 * units + j, candidate, n);
    set_units<kWhole>(gates + 3 * units + j, out, n);
    set_units<kWhole>(next + j, state, n);
    Fraction y = tanh_fraction(state);
    set_units<kWhole>(h + j, out * (y.above / y.below), n);
  }
};

struct LstmGradRow {
  const float *gates, *c, *next, *dh, *dnext;
  float *dc, *dz;
  int64_t units;

  template <bool kWhole>
  VEC_INLINE void run(int64_t j, int64_t n) const {
    const float* g = gates + j;
    Vec in = units_at<kWhole>(g, n), forget = units_at<kWhole>(g + units, n);
    Vec candidate = units_at<kWhole>(g + 2 * units, n), out = units_at<kWhole>(g + 3 * units, n);
    Fraction fraction = tanh_fraction(units_at<kWhole>(next + j, n));
    Vec y = fraction.above / fraction.below, d = units_at<kWhole>(dh + j, n);
    Vec state = fma(d * out, tanh_slope_of(y), units_at<kWhole>(dnext + j, n));
    float* to = dz + j;
    set_units<kWhole>(to, state * candidate * slope_of(in), n);
    set_units<kWhole>(to + units, state * units_at<kWhole>(c + j, n) * slope_of(forget), n);
    set_units<kWhole>(to + 2 * units, state * in * tanh_slope_of(candidate), n);
    set_units<kWhole>(to + 3 * units, d * y * slope_of(out), n);
    set_units<kWhole>(dc + j, state * forget, n);
  }
};

// x is what the inputs add to the gates, z what the state adds. Of the candidate, that is kept as fourth
// gate.
struct GruRow {
  const float *x, *z, *h;
  float *gates, *next;
  int64_t units;

  template <bool kWhole>
  VEC_INLINE void run(int64_t j, int64_t n) const {
    Fraction u = sigmoid_fraction(units_at<kWhole>(x + j, n) + units_at<kWhole>(z + j, n));
    Fraction r = sigmoid_fraction(units_at<kWhole>(x + units + j, n) + units_at<kWhole>(z + units + j, n));
    Vec whole = splat(1.0f) / (u.below * r.below);
    Vec update = u.above * (whole * r.below), reset = r.above * (whole * u.below);
    Vec recurrent = units_at<kWhole>(z + 2 * units + j, n);
    Fraction g = tanh_fraction(fma(reset, recurrent, units_at<kWhole>(x + 2 * units + j, n)));
    Vec candidate = g.above / g.below;
    set_units<kWhole>(gates + j, update, n);
    set_units<kWhole>(gates + units + j, reset, n);
    set_units<kWhole>(gates + 2 * units + j, candidate, n);
    set_units<kWhole>(gates + 3 * units + j, recurrent, n);
    set_units<kWhole>(next + j, fma(update, units_at<kWhole>(h + j, n) - candidate, candidate), n);
  }
};

struct GruGradRow {
  const float *gates, *h, *dnext;
  float *dh, *dx, *dz;
  int64_t units;

  template <bool kWhole>
  VEC_INLINE void run(int64_t j, int64_t n) const {
    const float* g = gates + j;
    Vec update = units_at<kWhole>(g, n), reset = units_at<kWhole>(g + units, n);
    Vec candidate = units_at<kWhole>(g + 2 * units, n), recurrent = units_at<kWhole>(g + 3 * units, n);
    Vec d = units_at<kWhole>(dnext + j, n);
    Vec of_update = d * (units_at<kWhole>(h + j, n) - candidate) * slope_of(update);
    Vec of_candidate = d * (splat(1.0f) - update) * tanh_slope_of(candidate);
    Vec of_reset = of_candidate * recurrent * slope_of(reset);
    set_units<kWhole>(dx + j, of_update, n);
    set_units<kWhole>(dx + units + j, of_reset, n);
    set_units<kWhole>(dx + 2 * units + j, of_candidate, n);
    set_units<kWhole>(dz + j, of_update, n);
    set_units<kWhole>(dz + units + j, of_reset, n);
    set_units<kWhole>(dz + 2 * units + j, of_candidate * reset, n);
    if (dh != nullptr) set_units<kWhole>(dh + j, d * update, n);
  }
};

// The operands of a row, by its number.
LstmRow lstm_row(const Args& args, const float* z, const float* more, const float* c, int64_t units,
                 int64_t row) {
  LstmRow cell;
  cell.z = z + row * 4 * units;
  cell.more = more == nullptr ? nullptr : more + row * 4 * units;
  cell.c = c + row * units;
  cell.gates = output<float>(args, 0) + row * 4 * units;
  cell.h = output<float>(args, 1) + row * units;
  cell.next = output<float>(args, 2) + row * units;
  cell.units = units;
  return cell;
}

LstmGradRow lstm_grad_row(const Args& args, int64_t units, int64_t row) {
  LstmGradRow cell;
  cell.gates = input<float>(args, 0) + row * 4 * units;
  cell.c = input<float>(args, 1) + row * units;
  cell.next = input<float>(args, 2) + row * units;
  cell.dh = input<float>(args, 3) + row * units;
  cell.dnext = input<float>(args, 4) + row * units;
  cell.dc = output<float>(args, 0) + row * units;
  cell.dz = output<float>(args, 1) + row * 4 * units;
  cell.units = units;
  return cell;
}

GruRow gru_row(const Args& args, const float* z, const float* h, int64_t units, int64_t row) {
  GruRow cell;
  cell.x = input<float>(args, 0) + row * 3 * units;
  cell.z = z;
  cell.h = h + row * units;
  cell.gates = output<float>(args, 0) + row * 4 * units;
  cell.next = output<float>(args, 1) + row * units;
  cell.units = units;
  return cell;
}

GruGradRow gru_grad_row(const Args& args, float* dh, int64_t units, int64_t row) {
  GruGradRow cell;
  cell.gates = input<float>(args, 0) + row * 4 * units;
  cell.h = input<float>(args, 1) + row * units;
  cell.dnext = input<float>(args, 2) + row * units;
  cell.dh = dh == nullptr ? nullptr : dh + row * units;
  cell.dx = output<float>(args, 1) + row * 3 * units;
  cell.dz = output<float>(args, 2) + row * 3 * units;
  cell.units = units;
  return cell;
}

constexpr const char* kGatesDiffer = "the gates are not so many times as wide as the state";
constexpr const char* kStatesDiffer = "states and their gradients must have one shape";

const char* check_lstm_cell(const Args& args) {
  const Tensor &z = args.inputs[0], &c = args.inputs[1];
  if (!has_gates(z, c, 4)) return kGatesDiffer;
  bool fits = same_dims(args.outputs[0], z) && same_dims(args.outputs[1], c) && same_dims(args.outputs[2], c);
  return fits ? nullptr : kStatesDiffer;
}

const char* check_lstm_grad(const Args& args) {
  const Tensor &gates = args.inputs[0], &c = args.inputs[1];
  if (!has_gates(gates, c, 4)) return kGatesDiffer;
  bool fits = same_dims(args.outputs[0], c) && same_dims(args.outputs[1], gates);
  for (int32_t i = 2; i < 5; ++i) fits = fits && same_dims(args.inputs[i], c);
  return fits ? nullptr : kStatesDiffer;
}

const char* check_gru_cell(const Args& args) {
  const Tensor &x = args.inputs[0], &z = args.inputs[1], &h = args.inputs[2];
  if (!has_gates(x, h, 3) || !same_dims(x, z) || !has_gates(args.outputs[0], h, 4)) return kGatesDiffer;
  return same_dims(args.outputs[1], h) ? nullptr : kStatesDiffer;
}

const char* check_gru_grad(const Args& args) {
  const Tensor &gates = args.inputs[0], &h = args.inputs[1];
  bool fits = has_gates(gates, h, 4) && has_gates(args.outputs[1], h, 3) && has_gates(args.outputs[2], h, 3);
  if (!fits) return kGatesDiffer;
  return same_dims(args.inputs[2], h) && same_dims(args.outputs[0], h) ? nullptr : kStatesDiffer;
}

// A unit takes about as long as so many additions.
constexpr int64_t kCellElements = 24;

// The first result or the second has the shape of the state: the narrower one.
VEC_INLINE Cells state_of(const Args& args) {
  const Tensor &a = args.outputs[0], &b = args.outputs[1];
  return cells_of(a.count < b.count ? a : b);
}

int64_t cell_tasks(const Args& args) {
  Cells cells = state_of(args);
  return tasks_of(cells.rows, kCellElements * cells.units);
}

double cell_cost(const Args& args) {
  Cells cells = state_of(args);
  return 40.0 + 1.5 * static_cast<double>(cells.rows * cells.units);
}

// Rows [first, last) of the tasks.
VEC_INLINE void cell_range(const Cells& cells, int64_t* first, int64_t* last) {
  int64_t per_task = items_per_task(kCellElements * cells.units);
  *first *= per_task;
  *last = min(*last * per_task, cells.rows);
}

void run_lstm_cell(const Args& args, int64_t first, int64_t last) {
  Cells cells = state_of(args);
  cell_range(cells, &first, &last);
  for (int64_t row = first; row < last; ++row) {
    each_unit(lstm_row(args, input<float>(args, 0), nullptr, input<float>(args, 1), cells.units, row),
              cells.units);
  }
}

void run_lstm_grad(const Args& args, int64_t first, int64_t last) {
  Cells cells = state_of(args);
  cell_range(cells, &first, &last);
  for (int64_t row = first; row < last; ++row) each_unit(lstm_grad_row(args, cells.units, row), cells.units);
}

void run_gru_cell(const Args& args, int64_t first, int64_t last) {
  Cells cells = state_of(args);
  cell_range(cells, &first, &last);
  for (int64_t row = first; row < last; ++row) {
    const float* z = input<float>(args, 1) + row * 3 * cells.units;
    each_unit(gru_row(args, z, input<float>(args, 2), cells.units, row), cells.units);
  }
}

void run_gru_grad(const Args& args, int64_t first, int64_t last) {
  Cells cells = state_of(args);
  cell_range(cells, &first, &last);
  for (int64_t row = first; row < last; ++row) {
    each_unit(gru_grad_row(args, output<float>(args, 0), cells.units, row), cells.units);
  }
}

constexpr Kernel kRecurrentKernels[] = {
    {"lstmCell(z: f32, c: f32) -> gates: f32, h: f32, next: f32", check_lstm_cell, cell_tasks, cell_cost,
     nullptr, run_lstm_cell, 1 << 0},
    {"lstmCellGrad(gates: f32, c: f32, next: f32, dh: f32, dNext: f32) -> dc: f32, dz: f32", check_lstm_grad,
     cell_tasks, cell_cost, nullptr, run_lstm_grad, 1 << 4},
    {"gruCell(x: f32, z: f32, h: f32) -> gates: f32, next: f32", check_gru_cell, cell_tasks, cell_cost,
     nullptr, run_gru_cell, 0},
    {"gruCellGrad(gates: f32, h: f32, dNext: f32) -> dh: f32, dx: f32, dz: f32", check_gru_grad, cell_tasks,
     cell_cost, nullptr, run_gru_grad, 1 << 2},
};

}  // namespace
}  // namespace chainrule
