// The last phase of compiling: under which predicate is each access line filed?
#pragma once

#include "rule/table.h"

namespace policymux {

// Gives each line its guard: the positive, indexed test (or for an `any` the tests) without which it cannot match
// and that holds for the fewest requests; never one with on_error or a score in it. Fills unguarded, guarded,
// guarded_lines, guard_groups, the chains' runs of them, and what lines say about their guards.
// REQUIRES: all else in the table is there.
void file_lines(Table& table);

}  // namespace policymux
