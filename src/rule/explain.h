// Why was it decided so? One request against every access line, in order, for people.
#pragma once

#include <string>

#include "rule/evaluate.h"
#include "rule/policy.h"

namespace policymux {

// Each access line in the order in which it is looked at, each of its tests with TRUE, FALSE or UNKNOWN and the
// reason, what the line did, and the decision. Lines behind the one that decided are shown as not reached, with
// the truth that their tests have. Nothing outside is asked: a test that would have to is UNKNOWN.
//   REQUIRES  evaluator's table was compiled from `policy`.
//   Cost      every line and, for the reason, the values of each acl one by one: for people, not for the daemon.
std::string explain(const Policy& policy, Evaluator& evaluator, const Request& request);

}  // namespace policymux
