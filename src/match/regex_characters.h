// What the readers of regular expressions know of characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/text.h"

namespace policymux {

inline constexpr std::string_view regex_special = "\\^$.|?*+()[]{}";
inline constexpr std::uint32_t last_ascii = 0x7f, last_byte = 0xff, last_unicode = 0x10ffff;

inline bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }

// A character that stands for itself, in every dialect, inside and outside of classes.
inline std::string quoted(std::uint32_t code) {
  if (code > last_ascii || code < 0x20 || code == last_ascii) return fmt::format("\\x{{{:x}}}", code);
  const char c = static_cast<char>(code);
  if (is_word(c)) return {c};
  return {'\\', c};
}

}  // namespace policymux
