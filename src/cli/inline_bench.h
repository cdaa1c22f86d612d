// `policymux bench --inline`: what parsing and deciding cost, without sockets.
#pragma once

#include <cstdint>
#include <string>

#include "app/ruleset.h"

namespace policymux {

struct InlineBenchOptions {
  Origins origins{};
  std::string requests{};  // a file; empty: made up
  std::uint64_t seed = 1;
  std::uint64_t count = 0;  // decide only the first so many of them; 0: all
  bool json = false;
};

// Prints nanoseconds per request, for parsing and for deciding (the best of several passes). Returns the exit status.
int inline_bench(const InlineBenchOptions& options);

}  // namespace policymux
