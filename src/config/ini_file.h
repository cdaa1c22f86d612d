// An INI file as sections of `key = value`, with the place of everything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "config/dialect.h"

namespace policymux {

struct IniLine {
  int number = 0;
  std::string text{};
};

struct IniEntry {
  std::string key{}, value{};  // trimmed; continuation lines joined by one blank
  IniLine line{};              // where it begins
  int value_column = 0;
};

struct IniSection {
  std::string name{};          // what stands between the brackets, trimmed
  IniLine line{};              // number 0: apolicy's keys before any section
  std::vector<IniEntry> entries{};
};

// Everything that can be read, in the order of the file, repeated sections and keys included. Appends an error
// for each line that is neither section, setting, continuation nor comment, and for each that inih would cut.
std::vector<IniSection> read_ini(std::string_view text, const std::string& path, ConfigDialect dialect,
                                 Diagnostics& diagnostics);

}  // namespace policymux
