// What `check` doubts about access lines: the parts of lint() that look at many of them together.
#pragma once

#include <vector>

#include "rule/policy.h"
#include "rule/report.h"
#include "rule/table.h"

namespace policymux {

struct Doubt {
  Place at;
  Flaw flaw;
};
using Doubts = std::vector<Doubt>;

// Lines that wait for what does not exist at any protocol state at which they are looked at: a sender at CONNECT.
//   Cost: states x lines.
Doubts doubt_unknowable(const Policy& policy);

// Lines that never match since their tests never hold together, or since an earlier one of their chain, which ends the
// request or leaves the chain, matches whenever they would: its tests follow from theirs, by any, all and none and by
// lists of values that hold theirs.
//   REQUIRES  `table` was compiled from `policy`.
//   Cost      about linear; of policies in which lines share nearly all of their tests only the first part is searched.
Doubts doubt_shadowed(const Policy& policy, const Table& table);

}  // namespace policymux
