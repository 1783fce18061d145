// A run that lib/runtime/dump.ts has written to a file: everything that is needed to replay it.
//
// 32-bit little-endian words: magic, version, steps, word count, words; signature count, then for each
// signature its length in bytes and the bytes, padded to a multiple of 4; length and bytes of the state; io
// count, then for each slot its length in bytes and the bytes, padded to a multiple of 8.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace chainrule {

constexpr int32_t kDumpMagic = 0x504c5243;  // "CRLP"

struct Dump {
  int32_t steps = 0;
  std::vector<int32_t> words;
  std::vector<std::string> signatures;
  std::vector<char> state;
  std::vector<std::vector<char>> io;
};

// False if the bytes are not a dump.
inline bool read_dump(const std::vector<char>& bytes, Dump* dump) {
  size_t at = 0;
  const auto word = [&](int32_t* value) {
    if (at + 4 > bytes.size()) return false;
    std::memcpy(value, &bytes[at], 4);
    at += 4;
    return true;
  };
  const auto block = [&](std::vector<char>* out, size_t padding) {
    int32_t length;
    if (!word(&length) || length < 0 || static_cast<size_t>(length) > bytes.size() - at) return false;
    out->assign(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                bytes.begin() + static_cast<std::ptrdiff_t>(at + static_cast<size_t>(length)));
    at += (static_cast<size_t>(length) + padding - 1) / padding * padding;
    return at <= bytes.size();
  };
  int32_t magic, version, count;
  if (!word(&magic) || magic != kDumpMagic || !word(&version) || version != 1 || !word(&dump->steps))
    return false;
  std::vector<char> raw;
  if (!word(&count) || count < 0 || static_cast<size_t>(count) > (bytes.size() - at) / 4) return false;
  dump->words.resize(static_cast<size_t>(count));
  std::memcpy(dump->words.data(), bytes.data() + at, static_cast<size_t>(count) * 4);
  at += static_cast<size_t>(count) * 4;
  if (!word(&count)) return false;
  for (int32_t i = 0; i < count; ++i) {
    if (!block(&raw, 4)) return false;
    dump->signatures.emplace_back(raw.begin(), raw.end());
  }
  if (!block(&dump->state, 4) || !word(&count)) return false;
  for (int32_t i = 0; i < count; ++i) {
    if (!block(&raw, 8)) return false;
    dump->io.push_back(raw);
  }
  return true;
}

inline bool read_file(const char* path, std::vector<char>* bytes) {
  FILE* file = std::fopen(path, "rb");
  if (!file) return false;
  char buffer[1 << 16];
  for (size_t got; (got = std::fread(buffer, 1, sizeof buffer, file)) > 0;) {
    bytes->insert(bytes->end(), buffer, buffer + got);
  }
  std::fclose(file);
  return true;
}

}  // namespace chainrule
