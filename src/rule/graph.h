// Who leads to whom: cycles and depths of chains and of combined acls, however deep.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rule/policy.h"

namespace policymux {

using Graph = std::vector<std::vector<std::uint32_t>>;  // successors of each node

struct GraphWalk {
  // Each begins with the node that was met again; at most 100 are told.
  std::vector<std::vector<std::uint32_t>> cycles{};
  // How many steps lead away from each node at most, steps that close a cycle left out.
  std::vector<std::uint32_t> heights{};
};

// Cost: O(nodes + edges), no recursion.
GraphWalk walk(const Graph& graph);

// The chain that the line calls, and whom each chain calls, once for each call.
std::optional<std::uint32_t> called_by(const Policy& policy, const Access& line);
Graph calls_of(const Policy& policy);

// When the line matches: is no line behind it in its chain looked at, whatever the request?
bool ends_chain(const Policy& policy, const Access& line);

}  // namespace policymux
