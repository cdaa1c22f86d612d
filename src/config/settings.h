// The one table of all settings: parser, dump, sample file and manual are made from it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <policymux/result.h>

#include "config/config.h"

namespace policymux {

// A kind of section. Sections that have names ("[service NAME]") may be many.
struct SectionType {
  std::string_view name;  // "main", "service"
  bool named;
  bool built_in;          // false: parsed and checked, with a warning that nothing comes of it yet
  bool open_ended;        // takes keys that the table does not know, as text
  std::string_view help;
  std::size_t (*count)(const Config&);                          // how many there are
  std::size_t (*open)(Config&, std::string_view name);          // index of a new one; 0 for the one that is there
  std::string_view (*name_of)(const Config&, std::size_t index);  // "" where sections have no names
};

enum class OnReload : unsigned char {
  applies,  // a changed value takes effect on reload
  sealed,   // only at a restart; sections without names only
};

struct Setting {
  std::string_view section, name;
  OnReload on_reload;
  bool built_in;
  bool required;            // in each section of its kind
  std::string_view sample;  // the default, or where there is none an example: fit for a file
  std::string_view help;    // for an administrator: whole sentences
  std::string (*type)();    // what the manual calls its values: "time", "number from 1 to 65535", "yes or no"
  // Sets it in the index-th section of its kind. The error quotes the text and says what was wanted; then
  // nothing was changed.
  Result<Ok, std::string> (*set)(Config&, std::size_t index, std::string_view text);
  // A text that set() reads back to the same value.
  std::string (*show)(const Config&, std::size_t index);
};

std::span<const SectionType> section_types();
std::span<const Setting> settings();  // in the order of section_types()

// The row, or nullptr.
const SectionType* find_section(std::string_view name);
const Setting* find_setting(std::string_view section, std::string_view name);

// A main.conf that loads back to an equal Config: every setting of every section.
std::string dump(const Config& config);

// A main.conf in which every setting stands with its help and its default, commented out.
std::string sample();

}  // namespace policymux
