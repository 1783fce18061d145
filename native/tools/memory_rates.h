// How fast arrays of a given size can be read, and how fast a triad a = b + s·c is, where b may be a.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace chainrule {

// One level of this machine's memory hierarchy.
struct Level {
  std::string name;
  int64_t bytes;    // of the cache; 0 for main memory
  int64_t working;  // bytes that each thread uses to stay within this level
};

inline std::string first_word(const std::string& path) {
  char text[32] = "";
  if (FILE* file = std::fopen(path.c_str(), "r")) {
    if (std::fscanf(file, "%31s", text) != 1) text[0] = 0;
    std::fclose(file);
  }
  return text;
}

// From `48K` or `32M`, as Linux writes the size of a cache.
inline int64_t bytes_of_size(const std::string& text) {
  const int64_t number = std::atoll(text.c_str());
  return number * (text.back() == 'M' ? int64_t{1} << 20 : 1024);
}

// The data caches of the first processor, as far as the system lists them, and main memory.
inline std::vector<Level> memory_levels(int threads) {
  std::vector<Level> levels;
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const std::string type = first_word(folder + "type"), size = first_word(folder + "size");
    if (size.empty() || type == "Instruction") continue;
    levels.push_back({"L" + first_word(folder + "level"), bytes_of_size(size), 0});
  }
  int64_t inner = 0;
  for (Level& level : levels) {
    // The last level is shared: use more than the level before holds, but only a part of it. Fill half of
    // others.
    const bool shared = &level == &levels.back() && levels.size() > 2;
    level.working = shared ? 3 * inner : level.bytes / 2;
    if (shared && level.working * threads > level.bytes / 2) level.working = level.bytes / 2 / threads;
    inner = level.bytes;
  }
  // Four times the last cache, for all threads together.
  levels.push_back({"memory", 0, (4 * inner + (int64_t{128} << 20)) / threads});
  return levels;
}

// Sixteen numbers; the compiler uses as many registers as this CPU needs for them.
typedef float Lanes __attribute__((vector_size(64)));
typedef int64_t Words __attribute__((vector_size(64)));

__attribute__((always_inline)) inline void triad_lanes(float* out, const float* x, const float* y,
                                                       int64_t floats) {
  const Lanes scale = Lanes{} + 1.5f;
  for (int64_t i = 0; i < floats; i += 16) {
    Lanes a, b;
    std::memcpy(&a, x + i, sizeof a);
    std::memcpy(&b, y + i, sizeof b);
    a = a + scale * b;
    std::memcpy(out + i, &a, sizeof a);
  }
}

__attribute__((always_inline)) inline int64_t read_lanes(const float* x, int64_t floats) {
  Words found[4] = {};
  for (int64_t i = 0; i + 64 <= floats; i += 64) {
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
      Words words;
      std::memcpy(&words, x + i + part * 16, sizeof words);
      found[part] |= words;
    }
  }
  const Words all = (found[0] | found[1]) | (found[2] | found[3]);
  return all[0] | all[1] | all[2] | all[3] | all[4] | all[5] | all[6] | all[7];
}

#if defined(__x86_64__)
__attribute__((target("avx512f,prefer-vector-width=512"))) inline void triad_avx512(float* out,
                                                                                    const float* x,
                                                                                    const float* y,
                                                                                    int64_t floats) {
  triad_lanes(out, x, y, floats);
}
__attribute__((target("avx512f,prefer-vector-width=512"))) inline int64_t read_avx512(const float* x,
                                                                                      int64_t floats) {
  return read_lanes(x, floats);
}
__attribute__((target("avx2"))) inline void triad_avx2(float* out, const float* x, const float* y,
                                                       int64_t floats) {
  triad_lanes(out, x, y, floats);
}
__attribute__((target("avx2"))) inline int64_t read_avx2(const float* x, int64_t floats) {
  return read_lanes(x, floats);
}
inline bool has_avx512() {
  static const bool has = __builtin_cpu_supports("avx512f");
  return has;
}
#endif

// out = x + 1.5 y; `floats` is a multiple of 64.
inline void triad(float* out, const float* x, const float* y, int64_t floats) {
#if defined(__x86_64__)
  (has_avx512() ? triad_avx512 : triad_avx2)(out, x, y, floats);
#else
  triad_lanes(out, x, y, floats);
#endif
}

inline int64_t read_all(const float* x, int64_t floats) {
#if defined(__x86_64__)
  return (has_avx512() ? read_avx512 : read_avx2)(x, floats);
#else
  return read_lanes(x, floats);
#endif
}

}  // namespace chainrule
