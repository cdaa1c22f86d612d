// Times as types: what is steady and what is wall-clock time cannot be confused.
#pragma once

#include <algorithm>
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

// Rounded up, so that whoever waits for as long does not wake up too early; 0: it is past.
inline milliseconds time_left(SteadyTime until, SteadyTime now) {
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - now));
}

// "250ms", "5s", "10m", "2h", "1d"; a bare number is seconds. No sign, no fraction, no blank; at most 10 years.
std::optional<milliseconds> parse_duration(std::string_view text);

// The shortest of the forms above that says the same: 90000ms is "90s", 120000ms is "2m".
std::string format_duration(milliseconds duration);

}  // namespace policymux
