// Doubts about a policy that is right: what `check` says beyond mistakes.
#pragma once

#include "base/diagnostic.h"
#include "rule/policy.h"

namespace policymux {

// Warnings, in the order of the policy, of
//   - acls and actions that nobody uses,
//   - regular expressions that beg to be exact (foo@bar.com),
//   - patterns that the backtracking engine must run,
//   - a REJECT default that is reached at states which it was hardly meant for.
// Cost: compiles every pattern that is not plain.
Diagnostics lint(const Policy& policy);

}  // namespace policymux
