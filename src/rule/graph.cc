#include "rule/graph.h"

#include <algorithm>

namespace policymux {

GraphWalk walk(const Graph& graph) {
  constexpr std::size_t most_cycles = 100;
  enum class Mark : std::uint8_t { fresh, open, done };
  GraphWalk out{.heights = std::vector<std::uint32_t>(graph.size(), 0)};
  std::vector<Mark> marks(graph.size(), Mark::fresh);
  std::vector<std::size_t> next(graph.size(), 0);  // which successor of a node comes next
  std::vector<std::uint32_t> path;

  const auto enter = [&](std::uint32_t node) {
    marks[node] = Mark::open;
    path.push_back(node);
  };
  const auto leave = [&] {
    const auto node = path.back();
    path.pop_back();
    marks[node] = Mark::done;
    if (!path.empty()) out.heights[path.back()] = std::max(out.heights[path.back()], out.heights[node] + 1);
  };
  const auto meet = [&](std::uint32_t node) {
    if (marks[node] == Mark::fresh) return enter(node);
    if (marks[node] == Mark::done) {
      out.heights[path.back()] = std::max(out.heights[path.back()], out.heights[node] + 1);
    } else if (out.cycles.size() < most_cycles) {
      out.cycles.emplace_back(std::ranges::find(path, node), path.end());
    }
  };

  for (std::uint32_t root = 0; root < graph.size(); ++root) {
    if (marks[root] != Mark::fresh) continue;
    enter(root);
    while (!path.empty()) {
      const auto node = path.back();
      if (next[node] == graph[node].size()) leave();
      else meet(graph[node][next[node]++]);
    }
  }
  return out;
}

std::optional<std::uint32_t> called_by(const Policy& policy, const Access& line) {
  if (!line.action || policy.actions[*line.action].kind != Action::Kind::chain) return std::nullopt;
  return policy.actions[*line.action].chain;
}

Graph calls_of(const Policy& policy) {
  Graph calls(policy.chains.size());
  for (const auto& line : policy.lines) {
    if (const auto called = called_by(policy, line)) calls[line.chain].push_back(*called);
  }
  return calls;
}

bool ends_chain(const Policy& policy, const Access& line) {
  if (!line.action) return true;
  const auto& action = policy.actions[*line.action];
  if (action.kind == Action::Kind::finish) return true;
  return action.kind == Action::Kind::answer && (takes_any_text(action.verb) || action.text.constant());
}

}  // namespace policymux
