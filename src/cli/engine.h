// The policy of an installation as an engine, for commands that decide without the daemon.
#pragma once

#include <policymux/policy.h>

#include "app/ruleset.h"

namespace policymux {

// The error is every mistake of main.conf or of the policy, ready for stderr.
Result<PolicyEngine, std::string> load_engine(const Origins& origins);

}  // namespace policymux
