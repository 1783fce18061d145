// Rows brought to mean 0 and variance 1, with a factor and an offset for each column, and the gradients of
// that. Twin of lib/ops/normalize.ts. Sums along a row are in the order of reduce.h; those of the gradients
// of factor and offset go down the rows of a part, a chain in each chunk of 256.
#pragma once

#include "statistics.h"

namespace chainrule {
namespace {

const char* check_layer_norm(const Args& args) {
  const Tensor& x = args.inputs[0];
  if (x.rank < 1 || !same_dims(x, args.outputs[0])) return "the result must have the dims of the operand";
  const int64_t columns = x.dims[x.rank - 1];
  const bool fits = is_vector(args.inputs[1], columns) && is_vector(args.inputs[2], columns);
  return fits ? nullptr : "factor and offset must have one number for each column";
}

int64_t layer_norm_tasks(const Args& args) {
  const RowView view = row_view(args.inputs[0]);
  return tasks_of(view.rows, view.columns);
}

double layer_norm_cost(const Args& args) {
  const RowView view = row_view(args.inputs[0]);
  return 50.0 + static_cast<double>(view.rows) * (20.0 + 0.2 * static_cast<double>(view.columns));
}

// Rows that take each of their passes side by side: chains of sums and divisions of one alone would leave the
// processor idle.
constexpr int64_t kRowsAbreast = 8;

struct RowMoments {
  float mean, scale;  // scale: 1 / sqrt(variance + epsilon)
};

VEC_INLINE RowMoments row_moments(const float* x, int64_t n, float epsilon) {
  float mean, variance;
  moments_of_row(&mean, &variance, x, n);
  return {mean, first_lane(splat(1.0f) / sqrt(splat(variance + epsilon)))};
}

void run_layer_norm(const Args& args, int64_t first_task, int64_t last_task) {
  const RowView view = row_view(args.inputs[0]);
  const float *x = input<float>(args, 0), *gamma = input<float>(args, 1), *beta = input<float>(args, 2);
  float* y = output<float>(args, 0);
  const float epsilon = float_attribute(args, 0);
  const int64_t n = view.columns;
  row_range(view, n, &first_task, &last_task);
  RowMoments moments[kRowsAbreast];
  for (int64_t row = first_task, count; row < last_task; row += count) {
    count = min(last_task - row, kRowsAbreast);
    for (int64_t r = 0; r < count; ++r) moments[r] = row_moments(x + (row + r) * n, n, epsilon);
    for (int64_t r = 0; r < count; ++r) {
      const float* own = x + (row + r) * n;
      float* to = y + (row + r) * n;
      const Vec mean = splat(moments[r].mean), scale = splat(moments[r].scale);
      for (int64_t i = 0; i < n; i += kLanes) {
        const Vec normal = (load_upto(own + i, n - i) - mean) * scale;
        store_upto(to + i, normal * load_upto(gamma + i, n - i) + load_upto(beta + i, n - i), n - i);
      }
    }
  }
}

const char* check_layer_norm_gradient(const Args& args) {
  const Tensor &dy = args.inputs[0], &x = args.inputs[1], &gamma = args.inputs[2];
  const Tensor &dx = args.outputs[0], &of_gamma = args.outputs[1], &of_beta = args.outputs[2];
  if (x.rank < 1 || !same_dims(x, dy) || !same_dims(x, dx)) return "the operands differ in their dims";
  const int64_t columns = x.dims[x.rank - 1];
  if (!is_vector(gamma, columns)) return "the factor must have one number for each column";
  const bool fits = of_gamma.rank == 2 && of_gamma.dims[0] >= 1 && of_gamma.dims[1] == columns;
  return fits && same_dims(of_gamma, of_beta) ? nullptr : "the gradients of factor and offset come in parts";
}

int64_t layer_norm_gradient_tasks(const Args& args) { return args.outputs[1].dims[0]; }

double layer_norm_gradient_cost(const Args& args) {
  const RowView view = row_view(args.inputs[0]);
  return 50.0 + static_cast<double>(view.rows) * (40.0 + 0.4 * static_cast<double>(view.columns));
}

// Sums of a part down its rows: those of the chunk under way, and of all before it.
size_t layer_norm_gradient_scratch(const Args& args) {
  const int64_t columns = args.outputs[1].dims[1];
  return static_cast<size_t>(2 * (ceil_div(columns, kLanes) + 1) * kLanes) * sizeof(float);
}

// What the gradient of a row needs: its moments, and the means of g = dy * gamma and of g * x^.
struct RowMeans {
  RowMoments moments;
  float g, along;
};

// The means of a row, and what it adds to the gradients of factor and offset.
VEC_INLINE void layer_norm_means(const float* dy, const float* x, const float* gamma, int64_t n,
                                 RowMeans* means, float* of_gamma, float* of_beta) {
  const Vec mean = splat(means->moments.mean), scale = splat(means->moments.scale);
  Vec sum = zero(), along = zero();
  for (int64_t i = 0; i < n; i += kLanes) {
    const Mask exists = mask_below(min(n - i, kLanes));
    const Vec d = load_upto(dy + i, n - i), normal = (load_upto(x + i, n - i) - mean) * scale;
    const Vec g = d * load_upto(gamma + i, n - i);
    sum = sum + g;
    along = along + select(exists, g * normal, zero());
    store(of_gamma + i, load(of_gamma + i) + select(exists, d * normal, zero()));
    store(of_beta + i, load(of_beta + i) + d);
  }
  const float share = static_cast<float>(n);
  means->g = reduce_add(sum) / share;
  means->along = reduce_add(along) / share;
}

VEC_INLINE void layer_norm_dx(const float* dy, const float* x, const float* gamma, int64_t n,
                              const RowMeans& means, float* dx) {
  const Vec mean = splat(means.moments.mean), scale = splat(means.moments.scale);
  const Vec mean_g = splat(means.g), mean_along = splat(means.along);
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vec normal = (load_upto(x + i, n - i) - mean) * scale;
    const Vec g = load_upto(dy + i, n - i) * load_upto(gamma + i, n - i);
    store_upto(dx + i, (g - mean_g - normal * mean_along) * scale, n - i);
  }
}

// dx of rows, and what they add to the gradients of factor and offset.
void layer_norm_gradient_of_rows(const float* dy, const float* x, const float* gamma, int64_t rows, int64_t n,
                                 float epsilon, float* dx, float* of_gamma, float* of_beta) {
  RowMeans means[kRowsAbreast];
  for (int64_t row = 0, count; row < rows; row += count) {
    count = min(rows - row, kRowsAbreast);
    for (int64_t r = 0; r < count; ++r) means[r].moments = row_moments(x + (row + r) * n, n, epsilon);
    for (int64_t r = 0; r < count; ++r) {
      const int64_t at = (row + r) * n;
      layer_norm_means(dy + at, x + at, gamma, n, means + r, of_gamma, of_beta);
    }
    for (int64_t r = 0; r < count; ++r) {
      const int64_t at = (row + r) * n;
      layer_norm_dx(dy + at, x + at, gamma, n, means[r], dx + at);
    }
  }
}

void run_layer_norm_gradient(const Args& args, int64_t first_task, int64_t last_task) {
  const RowView view = row_view(args.inputs[0]);
  const float *dy = input<float>(args, 0), *x = input<float>(args, 1), *gamma = input<float>(args, 2);
  const int64_t n = args.outputs[1].dims[1], parts = args.outputs[1].dims[0];
  const float epsilon = float_attribute(args, 0);
  float* of_gamma = static_cast<float*>(args.scratch);
  float* of_beta = of_gamma + (ceil_div(n, kLanes) + 1) * kLanes;
  for (int64_t part = first_task; part < last_task; ++part) {
    float *to_gamma = output<float>(args, 1) + part * n, *to_beta = output<float>(args, 2) + part * n;
    const int64_t end = view.rows * (part + 1) / parts;
    int64_t row = view.rows * part / parts;
    for (bool first = true; first || row < end; first = false) {
      for (int64_t i = 0; i < n; i += kLanes) {
        store(of_gamma + i, zero());
        store(of_beta + i, zero());
      }
      const int64_t rows = min(end - row, kRowChunk);
      layer_norm_gradient_of_rows(dy + row * n, x + row * n, gamma, rows, n, epsilon,
                                  output<float>(args, 0) + row * n, of_gamma, of_beta);
      row += rows;
      for (int64_t i = 0; i < n; i += kLanes) {
        const Vec before_gamma = first ? zero() : load_upto(to_gamma + i, n - i);
        const Vec before_beta = first ? zero() : load_upto(to_beta + i, n - i);
        store_upto(to_gamma + i, before_gamma + load(of_gamma + i), n - i);
        store_upto(to_beta + i, before_beta + load(of_beta + i), n - i);
      }
    }
  }
}

constexpr Kernel kLayerNormKernels[] = {
    {"layerNorm(x: f32, gamma: f32, beta: f32) -> y: f32 {epsilon: f32}", check_layer_norm, layer_norm_tasks,
     layer_norm_cost, nullptr, run_layer_norm, 1},
    {"layerNormGradient(dy: f32, x: f32, gamma: f32) -> dx: f32, dGamma: f32, dBeta: f32 {epsilon: f32}",
     check_layer_norm_gradient, layer_norm_gradient_tasks, layer_norm_gradient_cost,
     layer_norm_gradient_scratch, run_layer_norm_gradient, 0},
};

}  // namespace
}  // namespace chainrule
