// `policymux serve`: everything wired together, from start to stop.
#pragma once

#include <string>

#include "app/ruleset.h"

namespace policymux {

struct ServeOptions {
  Origins origins{};
  bool background = false;  // --daemon
  std::string pid_file{};   // empty: none
};

// Serves until SIGTERM or SIGINT, which answer what was received and end; a second one ends at once. SIGHUP
// reloads. Mistakes at the start are told on stderr. Returns the exit status: 0, or 1 where it could not start.
int serve(const ServeOptions& options);

}  // namespace policymux
