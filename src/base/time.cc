#include "base/time.h"

#include <fmt/core.h>

#include "base/text.h"

namespace policymux {

namespace {

struct Unit {
  std::string_view name;
  milliseconds size;
};
constexpr Unit units[] = {  // "ms" before "s" and "m": the first name that fits the end is meant
    {"ms", milliseconds{1}},         {"s", std::chrono::seconds{1}}, {"m", std::chrono::minutes{1}},
    {"h", std::chrono::hours{1}},    {"d", std::chrono::hours{24}},
};
constexpr Unit bare = {"", std::chrono::seconds{1}};
constexpr milliseconds longest = std::chrono::hours{24} * 3653;  // ten years

const Unit& unit_of(std::string_view text) {
  for (const auto& unit : units) {
    if (text.ends_with(unit.name)) return unit;
  }
  return bare;
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  const auto& unit = unit_of(text);
  text.remove_suffix(unit.name.size());
  const auto number = parse_number(text);
  if (!number || *number > static_cast<std::uint64_t>(longest / unit.size)) return std::nullopt;
  return unit.size * static_cast<milliseconds::rep>(*number);
}

std::string format_duration(milliseconds duration) {
  if (duration == milliseconds::zero()) return "0s";
  const Unit* best = &units[0];
  for (const auto& unit : units) {
    if (duration % unit.size == milliseconds::zero()) best = &unit;
  }
  return fmt::format("{}{}", duration / best->size, best->name);
}

}  // namespace policymux
