// main.conf's settings, as the rooms that work by them want them.
#pragma once

#include "config/config.h"
#include "decide/decider.h"
#include "session/session.h"

namespace policymux {

DecideSettings decide_settings(const Config::Main& settings);
SessionLimits session_limits(const Config::Main& settings);

}  // namespace policymux
