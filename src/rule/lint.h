// Doubts about a policy that is right: what `check` says beyond mistakes.
#pragma once

#include "base/diagnostic.h"
#include "rule/policy.h"
#include "rule/table.h"

namespace policymux {

// Warnings, in the order of the policy, of
//   - acls and actions that nobody uses,
//   - regular expressions that beg to be exact (foo@bar.com),
//   - patterns that the backtracking engine must run,
//   - access lines that can never match: an earlier one always does when they do, their tests never hold together, or
//     one of them is never known where they are looked at,
//   - a REJECT default that is reached at states which it was hardly meant for.
//   REQUIRES  `table` was compiled from `policy`.
//   Cost      compiles every pattern that is not plain; 100,000 lines take well under a second.
Diagnostics lint(const Policy& policy, const Table& table);

}  // namespace policymux
