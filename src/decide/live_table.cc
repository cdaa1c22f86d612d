#include "decide/live_table.h"

#include <string_view>
#include <unordered_map>

namespace policymux {

void LiveTable::inherit(const LiveTable& before) {
  std::unordered_multimap<std::string_view, std::size_t> mine;
  const auto& lines = evaluator.table().lines;
  for (std::size_t i = lines.size(); i-- > 0;) mine.emplace(lines[i].text, i);
  const auto& old_lines = before.evaluator.table().lines;
  for (std::size_t i = 0; i < old_lines.size(); ++i) {
    const auto [first, last] = mine.equal_range(old_lines[i].text);
    if (first == last) continue;
    auto taken = first;
    for (auto at = first; at != last; ++at) {
      if (at->second < taken->second) taken = at;
    }
    matches[taken->second] = before.matches[i];
    mine.erase(taken);
  }
  defaults = before.defaults;
}

}  // namespace policymux
