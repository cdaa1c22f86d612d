// What all services and connections of the room share; outlives them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/once_per_host.h"
#include "log/logger.h"
#include "loop/loop.h"
#include "upstream/process.h"
#include "upstream/try_report.h"

namespace policymux {

struct Exchange {
  Loop& loop;
  Logger& logger;
  std::function<double()> random;                           // 0 to 1
  std::function<void(const TryReport&)> on_try;             // may be empty
  milliseconds first_back_off;                              // of a service that failed
  std::vector<std::string> restriction_classes{};           // of the site
  std::uint64_t last_id = 0;                                // of services and connections: no two are alike
  OncePerHost unknown_words{};                              // warnings about them, by service
  std::vector<char> buffer = std::vector<char>(16 * 1024);  // what one recv() may bring

  Processes processes{loop};

  std::uint64_t next_id() { return ++last_id; }
};

}  // namespace policymux
