// Which of many boxes that overlap to keep. Twin of lib/ops/detection.ts.
//
// Candidates lie in a heap by their scores. The best one is kept unless it overlaps one that was kept before;
// one that has only lost score goes back, and remembers which boxes it was compared with. Sums and products
// are in double.
#pragma once

#include "../simd/math.h"
#include "operands.h"

namespace chainrule {
namespace {

struct Candidate {
  double score;
  int32_t box;
  int32_t compared;  // boxes that were kept before this one was last looked at
};

// Of equal scores the first box is better.
VEC_INLINE bool is_better(const Candidate& a, const Candidate& b) {
  return a.score > b.score || (a.score == b.score && a.box < b.box);
}

VEC_INLINE void swap_candidates(Candidate& a, Candidate& b) {
  const Candidate own = a;
  a = b;
  b = own;
}

VEC_INLINE void sink(Candidate* heap, int64_t count, int64_t at) {
  for (;;) {
    int64_t best = at;
    for (int64_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; ++child) {
      if (is_better(heap[child], heap[best])) best = child;
    }
    if (best == at) return;
    swap_candidates(heap[at], heap[best]);
    at = best;
  }
}

// The sides of a box, whichever corners it was given by.
struct Sides {
  double top, left, bottom, right;
  double area() const { return (bottom - top) * (right - left); }
};

VEC_INLINE double smaller(double a, double b) { return a < b ? a : b; }
VEC_INLINE double larger(double a, double b) { return a > b ? a : b; }

VEC_INLINE Sides sides_of(const float* box) {
  return {smaller(box[0], box[2]), smaller(box[1], box[3]), larger(box[0], box[2]), larger(box[1], box[3])};
}

// Intersection over union; 0 where one of the boxes has no area.
VEC_INLINE double overlap(const Sides& a, const Sides& b) {
  if (!(a.area() > 0) || !(b.area() > 0)) return 0;
  const double height = smaller(a.bottom, b.bottom) - larger(a.top, b.top);
  const double width = smaller(a.right, b.right) - larger(a.left, b.left);
  const double shared = larger(height, 0) * larger(width, 0);
  return shared / (a.area() + b.area() - shared);
}

// What is left of a score; exp in float32.
VEC_INLINE double decay(double scale, double iou) {
  if (scale == 0) return 1;
  float lanes[kLanes];
  store(lanes, exp(splat(static_cast<float>(scale * iou * iou))));
  return static_cast<double>(lanes[0]);
}

const char* check_suppression(const Args& args) {
  const Tensor &boxes = args.inputs[0], &scores = args.inputs[1];
  if (boxes.rank != 2 || boxes.dims[1] != 4) return "a box has four numbers";
  if (!is_vector(scores, boxes.dims[0]) || boxes.dims[0] > INT32_MAX) return "each box needs a score";
  if (!is_vector(args.inputs[2], 3)) return "a suppression needs three limits";
  const int32_t most = args.attributes[0];
  const bool fits = most >= 0 && is_vector(args.outputs[0], most) && is_vector(args.outputs[1], most) &&
                    args.outputs[2].count == 1;
  return fits ? nullptr : "the dims of the results do not fit";
}

int64_t suppression_tasks(const Args&) { return 1; }

// As many boxes are kept as may be, and each candidate is compared with half of them.
double suppression_cost(const Args& args) {
  const double boxes = static_cast<double>(args.inputs[1].count);
  return 50.0 + boxes * (20.0 + 4.0 * smaller(args.attributes[0], boxes));
}

size_t suppression_scratch(const Args& args) {
  return sizeof(Candidate) * static_cast<size_t>(args.inputs[1].count);
}

struct Limits {
  double iou, score, scale;
};

// Compares a candidate with the boxes that were kept since it was last looked at, the last one first. False
// if it shows what one of them shows.
bool survives(Candidate& own, const float* boxes, const int32_t* kept, int64_t count, const Limits& limits) {
  const Sides sides = sides_of(boxes + 4 * static_cast<int64_t>(own.box));
  for (int64_t i = count - 1; i >= own.compared; --i) {
    const double iou = overlap(sides, sides_of(boxes + 4 * static_cast<int64_t>(kept[i])));
    if (iou >= limits.iou) return false;
    own.score = own.score * decay(limits.scale, iou);
    if (own.score <= limits.score) return true;
  }
  return true;
}

int64_t collect_candidates(const float* scores, int64_t n, double limit, Candidate* heap) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double score = scores[i];
    if (score > limit) heap[count++] = {score, static_cast<int32_t>(i), 0};
  }
  for (int64_t at = count / 2 - 1; at >= 0; --at) sink(heap, count, at);
  return count;
}

void run_suppression(const Args& args, int64_t first_task, int64_t last_task) {
  if (first_task >= last_task) return;
  const float* boxes = input<float>(args, 0);
  const double* given = input<double>(args, 2);
  const Limits limits = {given[0], given[1], given[2] > 0 ? -0.5 / given[2] : 0};
  const int64_t most = args.attributes[0];
  int32_t* indices = output<int32_t>(args, 0);
  float* scores = output<float>(args, 1);
  Candidate* heap = static_cast<Candidate*>(args.scratch);
  int64_t left = collect_candidates(input<float>(args, 1), args.inputs[1].count, limits.score, heap);
  int64_t kept = 0;
  while (kept < most && left > 0) {
    Candidate own = heap[0];
    const double before = own.score;
    const bool is_kept = survives(own, boxes, indices, kept, limits);
    own.compared = static_cast<int32_t>(kept);
    if (is_kept && own.score < before && own.score > limits.score) {
      heap[0] = own;
    } else {
      if (is_kept && own.score == before) {
        indices[kept] = own.box;
        scores[kept++] = static_cast<float>(own.score);
      }
      heap[0] = heap[--left];
    }
    sink(heap, left, 0);
    yield_to_others(args.yield_point);
  }
  *output<int32_t>(args, 2) = static_cast<int32_t>(kept);
  for (int64_t i = kept; i < most; ++i) {
    indices[i] = 0;
    scores[i] = 0;
  }
}

constexpr Kernel kDetectionKernels[] = {
    {"nonMaxSuppression(boxes: f32, scores: f32, limits: f64) -> at: i32, kept: f32, n: i32 {k: i32}",
     check_suppression, suppression_tasks, suppression_cost, suppression_scratch, run_suppression, 0},
};

}  // namespace
}  // namespace chainrule
