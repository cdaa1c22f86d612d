// `policymux bench`: load, floor and generated policies as a command. The command line fills the options, this room
// does the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "bench/floor.h"
#include "bench/load.h"

namespace policymux {

// What there is to generate, and what it is called on the command line: see scale_policy.h.
enum class Product : std::uint8_t { policy, postfwd, worst, hits, scattered, misses };
inline constexpr std::pair<const char*, Product> products[] = {{"policy", Product::policy},
                                                               {"postfwd", Product::postfwd},
                                                               {"worst", Product::worst},
                                                               {"hits", Product::hits},
                                                               {"scattered", Product::scattered},
                                                               {"misses", Product::misses}};

struct BenchOptions {
  bool floor = false;  // be the floor server instead of the load
  bool json = false;   // one line of JSON instead of text
  std::optional<Product> generate{};  // write this to stdout instead
  std::size_t lines = 100;            // access lines of what is generated
  TrafficOptions load{};
  FloorOptions floor_options{};
};

// For people, several lines; or one line of JSON: times in microseconds, rates per second.
std::string format_report(const LoadReport& report);
std::string format_json(const LoadReport& report);

// Runs, prints to stdout, says what went wrong on stderr. Returns the exit status: 0, or 1 where nothing could
// be measured, or not everything was answered.
int bench_main(const BenchOptions& options);

}  // namespace policymux
