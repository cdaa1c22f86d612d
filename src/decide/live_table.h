// A table in use: the evaluator that walks it, and how often each line has matched.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "rule/evaluate.h"

namespace policymux {

// Pinned by every request that waits; the last one to go takes it away.
struct LiveTable {
  explicit LiveTable(std::shared_ptr<const Table> table) : evaluator{std::move(table)}, matches(evaluator.table().lines.size()) {}

  // Counters survive a reload by the line's text; of equal lines the first takes the first's, and so on.
  void inherit(const LiveTable& before);

  Evaluator evaluator;
  std::vector<std::uint64_t> matches;  // by line
  std::uint64_t defaults = 0;          // nothing matched
};

}  // namespace policymux
