// The two ways to read a main.conf.
#pragma once

#include <cstdint>

namespace policymux {

enum class ConfigDialect : std::uint8_t {
  // `key = value`; comments at the start of a line only; what is not known or said twice is an error.
  policymux,
  // An apolicy installation's file, by the rules of Python 2's ConfigParser: `key: value` too, " ;" begins a
  // comment, `rem` a comment line, keys in any case, the last of repeated keys counts. Keys before any section
  // belong to [main]; what is not known is a warning.
  apolicy,
};

}  // namespace policymux
