// main.conf's settings, as the rooms that work by them want them.
#pragma once

#include <cstddef>

#include "config/config.h"
#include "decide/decider.h"
#include "session/session.h"

namespace policymux {

DecideSettings decide_settings(const Config::Main& settings);
SessionLimits session_limits(const Config::Main& settings);

// How many clients may be connected: max_connections, or fewer where so many `descriptors` may be open: services and
// their workers need some, too, or else clients would be let in for whom nobody can be asked.
std::size_t client_limit(const Config& config, std::size_t descriptors);

}  // namespace policymux
