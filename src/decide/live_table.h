// A table in use: the evaluator that walks it, and how often each line has matched.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/large_pages.h"
#include "rule/evaluate.h"

namespace policymux {

// Pinned by every request that waits; the last one to go takes it away.
struct LiveTable {
  explicit LiveTable(std::shared_ptr<const Table> table)
      : evaluator{std::move(table)}, matches(evaluator.table().lines.size()) {}

  Evaluator evaluator;
  LargeVector<std::uint64_t> matches;  // by line
  std::uint64_t defaults = 0;          // nothing matched
};

// A table that is ready to be used instead of another one: all that takes time is done, on any thread.
struct Succession {
  // Counters survive by the line's text; of equal lines the first inherits from the first, and so on.
  Succession(std::shared_ptr<const Table> fresh, const Table& before);

  std::shared_ptr<LiveTable> live;
  std::vector<LineId> heirs;  // by line of the table before: who inherits its counter; Table::no_line: nobody
};

}  // namespace policymux
