// Times as types: what is steady and what is wall-clock time cannot be confused.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace policymux {

using std::chrono::milliseconds;

// Wall-clock time: for rules about days and hours, for log lines.
using WallTime = std::chrono::sys_time<milliseconds>;
// Steady time: for deadlines and rates.
using SteadyTime = std::chrono::steady_clock::time_point;

// "250ms", "5s", "10m", "2h", "1d"; a bare number is seconds. No sign, no fraction, no blank; at most 10 years.
std::optional<milliseconds> parse_duration(std::string_view text);

// The shortest of the forms above that says the same: 90000ms is "90s", 120000ms is "2m".
std::string format_duration(milliseconds duration);

}  // namespace policymux
