// `policymux bench`: load and floor as a command. The command line fills the options, this room does the rest.
#pragma once

#include <string>

#include "bench/floor.h"
#include "bench/load.h"

namespace policymux {

struct BenchOptions {
  bool floor = false;  // be the floor server instead of the load
  bool json = false;   // one line of JSON instead of text
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
